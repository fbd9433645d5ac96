"""Checks that a host's events form a chain: each starts from the figures that the previous one left."""

from __future__ import annotations

from domain.changes import HOST_CHANGES, host_figures
from domain.events import HostEvent, HostMemoryGranted, HostMemoryReturned
from rules.judging.collector import EventRef
from rules.judging.comparing import difference_of, figures_of, has_host_figures
from rules.judging.decided.records import BookEvent, Records
from rules.judging.decided.tracks import DecidedHostState, host_with
from rules.judging.descriptions import EVENT_TELLS_ALL


def _apply_if_consistent(host: DecidedHostState, event: BookEvent) -> bool:
    """Applies a book event whose figures before and after are the host's, as nearly all are; returns whether it is."""
    if host.alternative is not None or event.before != host.figures:
        return False
    after = HOST_CHANGES[type(event)].rule(host.state, event.bytes)
    if not has_host_figures(after, event.after):
        return False
    host.cause = None
    host.update(after, event.after)
    return True


def apply_to_host(
    records: Records, ref: EventRef, event: HostEvent, host: DecidedHostState, *, consistent: bool
) -> bool:
    """Applies an event to its host and checks its figures before and after.

    ``consistent`` says whether nothing else was found about the event; returns whether that is still so.
    """
    if consistent and isinstance(event, HostMemoryGranted | HostMemoryReturned) and _apply_if_consistent(host, event):
        host.advance(ref.envelope.version)
        records.apply_to_book(host, type(event), event.vm, event.bytes)
        records.check_time(ref, host)
        return True
    collector, position = records.collector, ref.envelope.position
    before, alternative, follows = event.before, host.alternative, host.cause
    host.alternative, host.cause = None, None if consistent else position
    change = HOST_CHANGES[type(event)]
    base = host.state
    if before != host.figures:
        if alternative is not None and before == host_figures(alternative):
            base = alternative
        else:
            why = "the host's state before the event is not the one that the event records"
            difference = difference_of(host.figures, before, "before.")
            collector.report_violation(EVENT_TELLS_ALL, ref, why, difference, follows=follows)
            host.cause, consistent = position, False
            if before is not None and not has_host_figures(change.apply(base, event), event.after):
                base = host_with(base.version, before)
    after = change.apply(base, event)
    if not has_host_figures(after, event.after):
        figures = host_figures(after)
        difference = difference_of(figures, event.after, "after.")
        let = figures_of(before, *[name.removeprefix("after.") for name in difference[0]])
        why = "the change does not lead to the figures that the event records after it"
        follows = None if consistent else position
        collector.report_violation(EVENT_TELLS_ALL, ref, why, difference, let=let, follows=follows)
        host.alternative, after = after, host_with(after.version, event.after)
        host.cause, consistent = position, False
        host.update(after)
    else:
        host.update(after, event.after)
    host.advance(ref.envelope.version)
    if isinstance(event, HostMemoryGranted | HostMemoryReturned):
        records.apply_to_book(host, type(event), event.vm, event.bytes)
    records.check_time(ref, host)
    return consistent
