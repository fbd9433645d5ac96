"""How a long ledger is opened: its newest events are shown at once, and all of it is read meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from domain.errors import NilometerError
from nilometer.audit.reading import OnError, read_ledger
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.reader import LedgerReader
from nilometer.report.collecting import MOST_JUDGED, Collector
from nilometer.report.skimming.stretches import skim
from nilometer.textio.streaming import in_batches, reduced_garbage_collection
from projections.fleet import Fleet
from rules.judging.judge import Judge

FEWEST_NEWEST: Final = 2_000
"""At least so many of the newest events are shown at once."""
NEWEST: Final = 10_000
"""The stored views keep the whole fleet as often; where less than two such stretches are there, all is read at once."""
SKIMMED: Final = 10_000
"""A ledger that is longer, and is not judged, is skimmed: that takes a third of the time."""

OnRead = Callable[[int], None]
"""Is given how many events were read."""


def begin(ledger: LedgerReader) -> Fleet | None:
    """The fleet after which the newest events of a long ledger begin; ``None`` where all has to be read first."""
    last = ledger.position
    start = (last - FEWEST_NEWEST) // NEWEST * NEWEST
    if start < NEWEST or ledger.views.taken_up < start:
        return None
    fleet = ledger.views.fleet(start)
    return fleet if not fleet.ended else None


def read_whole(
    ledger: LedgerReader, *, judged: bool | None, on_read: OnRead, on_error: OnError
) -> tuple[Collector, int]:
    """Reads a ledger from its beginning. Gives what it holds, and up to which position it was read."""
    last = ledger.position
    is_judged = last <= MOST_JUDGED if judged is None else judged
    if not is_judged and last >= SKIMMED:
        skimmed = skim(ledger, on_progress=on_read)
        if skimmed is not None:
            return skimmed, skimmed.collected.fleet.position
    collector = Collector(source_uri(ledger.id), Judge() if is_judged else None)
    read = 0
    with reduced_garbage_collection():
        for batch in in_batches(read_ledger(ledger, 0, last, on_error)):
            collector.take_batch(batch)
            read += len(batch)
            on_read(read)
    return collector, last


class Ended(NilometerError):
    """Nobody wants to know any more."""
