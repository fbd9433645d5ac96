"""What a verification of a seal comes to: a verdict, what was found, and what was not checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from nilometer.seal.comparing import DifferenceKind
from nilometer.seal.tables import SealedHead
from nilometer.tlog.checkpoints import SignedTreeHead


class SealVerdict(StrEnum):
    """What can be said, worst last."""

    HOLDS = "holds"
    UNKNOWN = "unknown"
    VIOLATED = "violated"


@dataclass(frozen=True, slots=True)
class SealFinding:
    """Something that does not hold, or that cannot be said."""

    verdict: SealVerdict
    about: str
    """``event``, ``tile``, ``checkpoint``, ``signature``, ``against``, ``witness`` or ``timestamp``."""
    message: str
    position: int | None = None
    event: str | None = None
    """The stream and version of the event that stands there now."""


@dataclass(frozen=True, slots=True)
class OtherCheckpoint:
    """A checkpoint that was kept somewhere else, under the name by which it is shown."""

    name: str
    checkpoint: SignedTreeHead


@dataclass(frozen=True, slots=True)
class UnsealedTail:
    """The events that no checkpoint covers yet: of them nothing can be said."""

    events: int
    since: str | None
    """When the first of them was recorded, as it says itself."""


@dataclass(frozen=True, slots=True)
class StampedHead:
    """A checkpoint that existed at a time, as an authority says that was named."""

    head: SealedHead
    time: str
    url: str
    """Where the time stamp was asked for."""


@dataclass(slots=True)
class Verification:
    """What was checked, and what it came to."""

    events: int = 0
    sealed: SealedHead | None = None
    checkpoints: int = 0
    """How many kept checkpoints were compared."""
    signatures: SealVerdict = SealVerdict.UNKNOWN
    against: int = 0
    """How many checkpoints of others were compared."""
    witnessed: SealedHead | None = None
    """The newest checkpoint that as many witnesses signed as the policy asks for."""
    stamps: int = 0
    """How many time stamps are stored."""
    stamped: StampedHead | None = None
    """The newest checkpoint with a time stamp by an authority that was named."""
    counts: dict[DifferenceKind, int] = field(default_factory=lambda: dict.fromkeys(DifferenceKind, 0))
    unsealed: UnsealedTail = field(default_factory=lambda: UnsealedTail(0, None))
    findings: list[SealFinding] = field(default_factory=list[SealFinding])

    @property
    def verdict(self) -> SealVerdict:
        """The worst of all that was found. What is not sealed yet does not count in it."""
        order = list(SealVerdict)
        return max((finding.verdict for finding in self.findings), key=order.index, default=SealVerdict.HOLDS)

    def add(self, verdict: SealVerdict, about: str, message: str) -> None:
        """Notes a finding."""
        self.findings.append(SealFinding(verdict=verdict, about=about, message=message))
