"""A long ledger, skimmed: figures of decided events are read out of the stored bytes, what was observed is decoded and
folded, and all is collected in stretches, which can be read in several processes.

It gives what ``collect`` gives without a judge, or ``None`` of a ledger with decided events of an older shape, or with
events that cannot be read. The figures are those that each event carries: whether they are true, an audit says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from domain.identifiers import UtcTime
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.reader import LedgerReader
from nilometer.report.collected import CollectedStretch, Limits
from nilometer.report.collecting import Collector
from nilometer.report.skimming.decoding import add_decided
from nilometer.report.skimming.kept import Beginnings, Skimmed
from nilometer.report.skimming.taking import take_all
from nilometer.textio.streaming import reduced_garbage_collection
from projections.fleet import Fleet


@dataclass(frozen=True, slots=True)
class SkimmedStretch:
    """What one stretch of a ledger gave: what is decided in it, and the rest."""

    decided: Skimmed
    others: CollectedStretch


Progress = Callable[[int], None]
Skim = Callable[["LedgerReader", Sequence["Span"], int, Progress], "Sequence[SkimmedStretch | None]"]
"""Skims stretches of a ledger that has so many hosts and VMs, and gives what each gave, in their order."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a ledger: the events after a position up to another, as far as they happened until a time."""

    after: int
    upto: int
    until: UtcTime | None = None


MOST_STRETCHES: Final = 4
FEWEST_IN_STRETCH: Final = 100_000
"""Events: a shorter stretch takes less time than to start a process for it."""
CHECKPOINT: Final = 10_000
"""The stored views keep the whole fleet every so many events: after these a stretch can begin."""


def spans_of(ledger: LedgerReader, last: int) -> list[Span]:
    """The stretches in which a ledger up to a position is read: they depend on its length alone, not on the machine."""
    count = min(MOST_STRETCHES, last // FEWEST_IN_STRETCH)
    if count < 2 or ledger.views.taken_up < last * (count - 1) // count:
        return [Span(0, last)]
    bounds = [last * number // count // CHECKPOINT * CHECKPOINT for number in range(1, count)]
    bounds = [0, *map(ledger.views.complete_position, bounds), last]
    return [Span(after, upto) for after, upto in pairwise(bounds)]


def skim(
    ledger: LedgerReader,
    *,
    until: UtcTime | None = None,
    on_progress: Progress = lambda count: None,
    spans: Sequence[Span] | None = None,
    skim_spans: Skim | None = None,
) -> Collector | None:
    """Reads a ledger once, and decodes of what is decided only what is listed; ``None`` if it has to be decoded.

    ``spans`` are the stretches of it, by default those that ``spans_of`` gives; ``skim_spans`` skims them, by default
    in this process, one after another.
    """
    fleet = ledger.views.fleet_of(until)
    if fleet.ended:
        return None
    last = fleet.position if until is None else ledger.position
    chosen = [Span(0, last, until)] if until is not None else spans or spans_of(ledger, last)
    count = len(fleet.vms) + len(fleet.hosts)
    found = (skim_spans or skim_one_by_one)(ledger, chosen, count, on_progress)
    if None in found:
        return None
    first, *later = (stretch for stretch in found if stretch is not None)
    collector = Collector.of_stretch(source_uri(ledger.id), Fleet(), Limits(count))
    collector.join(first.others)
    for stretch in later:
        first.decided.join(stretch.decided)
        collector.join(stretch.others)
    try:
        with reduced_garbage_collection():
            add_decided(collector.collected, first.decided)
    except UnreadableEvent:
        return None
    collector.go_on_after(fleet)
    return collector


def skim_one_by_one(
    ledger: LedgerReader, spans: Sequence[Span], count: int, on_progress: Progress
) -> list[SkimmedStretch | None]:
    """Skims stretches one after another, until one cannot be."""
    found: list[SkimmedStretch | None] = []
    for span in spans:
        found.append(skim_span(ledger, span, count, _counted_from(span.after, on_progress)))
        if found[-1] is None:
            break
    return found


def _counted_from(before: int, on_progress: Progress) -> Progress:
    return lambda read: on_progress(before + read)


def skim_span(ledger: LedgerReader, span: Span, count: int, on_progress: Progress) -> SkimmedStretch | None:
    """Skims one stretch; ``None`` if it cannot be."""
    fleet = ledger.views.fleet(span.after) if span.after else Fleet()
    others = Collector.of_stretch(source_uri(ledger.id), fleet, Limits(count))
    skimmed = Skimmed()
    try:
        with reduced_garbage_collection():
            rows = ledger.columns(span.after, span.upto)
            if not take_all(skimmed, others, rows, Beginnings(fleet, count), span.until, on_progress):
                return None
    except UnreadableEvent:
        return None
    if others.collected.broken:  # two kinds of events on one stream: only the whole reading says where it ends
        return None
    return SkimmedStretch(skimmed, others.end_stretch())
