"""Whether the account of a host follows: each event's figures before it are those of the last, and lead to its own."""

from __future__ import annotations

from domain.changes import HOST_CHANGES, host_figures
from domain.events import HostEvent, HostMemoryGranted, HostMemoryReturned
from rules.judging.collector import Where
from rules.judging.comparing import account_is, differing, told
from rules.judging.decided.records import Records
from rules.judging.decided.tracks import HostTrack, host_with
from rules.judging.descriptions import EVENT_TELLS_ALL


def _follows(host: HostTrack, event: HostMemoryGranted | HostMemoryReturned) -> bool:
    """Lets a half happen to the account if its figures are the host's and lead to those after it, as nearly all do."""
    if host.other is not None or event.before != host.figures:
        return False
    after = HOST_CHANGES[type(event)].rule(host.state, event.bytes)
    if not account_is(after, event.after):
        return False
    host.cause = None
    host.become(after, event.after)
    return True


def accounted(records: Records, where: Where, event: HostEvent, host: HostTrack, *, fine: bool) -> bool:
    """Lets a host's event happen to its account, and says whether it follows; ``fine`` if nothing else was found."""
    if fine and isinstance(event, HostMemoryGranted | HostMemoryReturned) and _follows(host, event):
        host.advance(where[0].version)
        records.write_in_book(host, type(event), event.vm, event.bytes)
        records.time(where, host)
        return True
    docket, position = records.docket, where[0].position
    before, other, follows = event.before, host.other, host.cause
    host.other, host.cause = None, None if fine else position
    change = HOST_CHANGES[type(event)]
    base = host.state
    if before != host.figures:
        if other is not None and before == host_figures(other):
            base = other
        else:
            why = "the host was not as the event says that it was before it"
            differ = differing(host.figures, before, "before.")
            docket.violated(EVENT_TELLS_ALL, where, why, differ, follows=follows)
            host.cause, fine = position, False
            if before is not None and not account_is(change.apply(base, event), event.after):
                base = host_with(base.version, before)
    after = change.apply(base, event)
    if not account_is(after, event.after):
        figures = host_figures(after)
        differ = differing(figures, event.after, "after.")
        let = told(before, *[name.removeprefix("after.") for name in differ[0]])
        why = "the change does not lead to the figures that the event carries"
        docket.violated(EVENT_TELLS_ALL, where, why, differ, let=let, follows=None if fine else position)
        host.other, after = after, host_with(after.version, event.after)
        host.cause, fine = position, False
        host.become(after)
    else:
        host.become(after, event.after)
    host.advance(where[0].version)
    if isinstance(event, HostMemoryGranted | HostMemoryReturned):
        records.write_in_book(host, type(event), event.vm, event.bytes)
    records.time(where, host)
    return fine
