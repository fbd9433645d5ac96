"""Which events ``nilo log`` shows, beyond what the index of the audit trail knows, and in which order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from heapq import nlargest
from typing import Final

from domain.identifiers import host_stream, vm_stream
from nilometer.errors import UnreadableEvent
from nilometer.ledger.reader import LedgerReader
from nilometer.messages.annotations import has_ticket, read_annotation
from nilometer.storage.reader import ReadEvent
from nilometer.views.log import Filter


@dataclass(frozen=True, slots=True)
class LogSelection:
    """What is wanted of the audit trail. An event that cannot be read is shown wherever it may be wanted."""

    wanted: Filter
    reason: str | None = None
    """Part of the reason, in any case."""
    streams: frozenset[str] | None = None
    """The streams of the VMs and hosts that are wanted; ``None`` for all."""
    by_time: bool = False
    """Sorted by when it happened, not by when it was recorded."""

    without_ticket: bool = False
    """Only requests without a ticket."""

    def find(self, ledger: LedgerReader, limit: int | None) -> Iterator[ReadEvent]:
        """Finds the events, newest last; with ``limit`` so many of the newest."""
        if self.reason is None and self.streams is None and not self.by_time and not self.without_ticket:
            return ledger.views.log(self.wanted, limit)
        found = filter(partial(self._accepts, ledger), ledger.views.log(self.wanted))
        if self.by_time:
            return iter(sorted(found if limit is None else nlargest(limit, found, key=_when), key=_when))
        return found if limit is None else iter(deque(found, maxlen=limit))

    def find_after(self, ledger: LedgerReader, position: int) -> Iterator[ReadEvent]:
        """Finds the events that were recorded after a position."""
        return filter(partial(self._accepts, ledger), ledger.views.log(replace(self.wanted, after=position)))

    def _accepts(self, ledger: LedgerReader, event: ReadEvent) -> bool:
        if self.streams is not None and event.stream not in self.streams:
            return False
        if isinstance(event, UnreadableEvent):
            return True
        if self.without_ticket and has_ticket(event, read_annotation(ledger, event)):
            return False
        return self.reason is None or self.reason.casefold() in (event.metadata.reason or "").casefold()


ALL: Final = LogSelection(Filter())
"""The whole audit trail."""


def _when(event: ReadEvent) -> tuple[str, int]:
    return ("" if isinstance(event, UnreadableEvent) else event.metadata.happened), event.position


def find_streams(ledger: LedgerReader, part: str) -> frozenset[str]:
    """Finds the streams of the VMs and hosts with a text in their id or name, in any case; also of removed ones."""
    wanted = part.casefold()
    found: set[str] = set()
    fleet = ledger.views.fleet()
    for id, tracked in fleet.vms.items():
        if wanted in id.casefold() or wanted in tracked.subject.name.casefold():
            found.add(vm_stream(id))
    found |= {host_stream(id) for id in fleet.hosts if wanted in id.casefold()}
    return frozenset(
        found | {stream for stream in ledger.views.streams() if wanted in stream.partition("/")[2].casefold()}
    )
