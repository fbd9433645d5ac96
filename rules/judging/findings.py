"""What the judge says: a verdict on a rule and an event, as data first; words are made of it when it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

Figure = int | str | bool | None
"""A figure of an event: bytes, a count, a word; ``None`` where it is unknown or not there."""
Figures = Mapping[str, Figure]
"""Figures by their paths, as ``assigned`` or ``host.free``."""

NOTHING: Final[Figures] = {}


class Verdict(StrEnum):
    """What the judge says of a rule and an event."""

    HOLDS = "holds"
    VIOLATED = "violated"
    """Whatever the figures that nobody measured were, the rule is broken."""
    UNKNOWN = "unknown"
    """It hangs on figures that nobody measured."""
    REMARK = "remark"
    """Worth an auditor's eye, and no violation."""


@dataclass(frozen=True, slots=True)
class At:
    """Where a finding points to."""

    stream: str
    """As ``vm/web01``."""
    position: int | None
    """In its ledger."""
    happened: str | None
    place: str = ""
    """``file:line`` of the line that was judged; empty where a ledger was."""
    record: str | None = None
    """Of an observed event, the record of its source that told it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an auditor should see. Sizes are bytes."""

    rule: str
    """The invariant or property, or the name of what a history must be, as ``history_is_whole``."""
    verdict: Verdict
    """``VIOLATED``, ``UNKNOWN`` or ``REMARK``; what holds is only counted."""
    at: At
    why: str
    """What is wrong, in a clause without figures: ``more was granted than the host had free``."""
    expected: Figures = field(default_factory=dict[str, Figure])
    """The figures that the rule asks for."""
    found: Figures = field(default_factory=dict[str, Figure])
    """The same figures, as the history has them."""
    let: Figures = field(default_factory=dict[str, Figure])
    """What was known before: the figures that the rule starts from."""
    then: str = ""
    """What happened, in one clause: ``add-memory of 64 GiB was partially-completed``."""
    follows: int | None = None
    """The position of the first cause, where this only follows from it."""
    count: int = 1
    """How many events it stands for: what is unknown for one reason is told once."""


@dataclass(slots=True)
class Coverage:
    """How often a rule was asked, and with what verdict."""

    holds: int = 0
    violated: int = 0
    unknown: int = 0
    remarks: int = 0
    """Not asked of observed events, but worth a look."""

    @property
    def asked(self) -> int:
        """How many events the rule speaks of."""
        return self.holds + self.violated + self.unknown


@dataclass(slots=True)
class Account:
    """What was judged, and how often each rule was asked."""

    events: int = 0
    """Events that were judged: those that are asked about."""
    rules: dict[str, Coverage] = field(default_factory=dict[str, Coverage])

    def count(self, rule: str, verdict: Verdict, times: int = 1) -> None:
        """Counts a verdict."""
        coverage = self.rules.get(rule)
        if coverage is None:
            coverage = self.rules[rule] = Coverage()
        match verdict:
            case Verdict.HOLDS:
                coverage.holds += times
            case Verdict.VIOLATED:
                coverage.violated += times
            case Verdict.UNKNOWN:
                coverage.unknown += times
            case Verdict.REMARK:
                coverage.remarks += times
