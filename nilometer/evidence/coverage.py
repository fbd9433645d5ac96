"""What evidence says of the events of its range beside what they are: what was watched, what came late, what lacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import VmId, seconds_between, vm_id
from domain.observed.events import HostNotWatched, HostWatched, VmAnnotated
from domain.observed.words import UNKNOWN_ACTOR
from domain.policy_events import PolicyAdopted, PolicyRetired
from nilometer.errors import UnreadableEvent
from nilometer.ledger.ledger import Ledger
from projections.timeline import subject
from projections.watching import Watching

LATE_SECONDS: Final = 3600
"""What is recorded so long after it happened is named."""


@dataclass(slots=True)
class WatchCoverage:
    """What was watched, what was recorded late, and which requests lack a name or a reason."""

    watching: Watching = field(default_factory=Watching)
    late: list[int] = field(default_factory=list[int])
    without_actor: list[int] = field(default_factory=list[int])
    without_reason: dict[int, None] = field(default_factory=dict[int, None])
    """Those for which nobody added a reason or a ticket later."""
    unreadable: list[int] = field(default_factory=list[int])
    changes: list[int] = field(default_factory=list[int])
    """The positions of all requests in the range."""
    _bare: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    """The positions of those without a reason, by stream and version: what is added later names them so."""

    def take(self, envelope: Envelope[Event]) -> None:
        """Takes in one event."""
        metadata, position = envelope.metadata, envelope.position
        self.watching.take(envelope)
        if seconds_between(metadata.happened, metadata.recorded) > LATE_SECONDS:
            self.late.append(position)
        # Which policies are kept decides what is granted: who changes that asks for a change, too.
        if subject(envelope).asked or isinstance(envelope.event, PolicyAdopted | PolicyRetired):
            self.changes.append(position)
            if metadata.actor == UNKNOWN_ACTOR:
                self.without_actor.append(position)
            if metadata.reason is None:
                self.without_reason[position] = None
                self._bare[envelope.stream, envelope.version] = position
        elif isinstance(envelope.event, VmAnnotated) and (envelope.event.reason or envelope.event.ticket):
            self.without_reason.pop(self._bare.get((envelope.stream, envelope.event.about), 0), None)

    def to_document(self) -> dict[str, object]:
        """The coverage as JSON."""
        return {
            "watched": [
                {"host": host.host, "since": host.since, "until": host.until}
                for host in self.watching
                if host.since is not None
            ],
            "gaps": [
                {"host": host.host, "after": gap.since, "until": gap.until}
                for host in self.watching
                for gap in host.gaps_between()
            ],
            "recorded_late": self.late,
            "unreadable": self.unreadable,
        }


def read_coverage(ledger: Ledger, first: int, last: int, vm: VmId | None) -> WatchCoverage:
    """Reads the events from one position to another; with a VM those of others count only as watching."""
    coverage = WatchCoverage()
    for event in ledger.read_all(max(0, first - 1), last):
        if isinstance(event, UnreadableEvent):
            coverage.unreadable.append(event.position)
        elif vm in (None, vm_id(event.stream)) or isinstance(event.event, HostWatched | HostNotWatched):
            coverage.take(event)
    return coverage
