"""The first page: all hosts and VMs at one moment, who is short, who changed what, and what cannot be said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from domain.decision import Outcome
from domain.events import VmCommandRefused, VmMemoryAdded, VmMemoryRemoved
from domain.identifiers import UtcTime
from domain.observed.words import UNKNOWN_ACTOR
from domain.state import Power
from nilometer.messages.annotations import has_ticket
from nilometer.messages.sizes import plural
from nilometer.report.building.context import Context, counted, shown, shown_together, signed
from nilometer.report.building.host_chart import strip
from nilometer.report.building.hosts import is_silent
from nilometer.report.building.requests import describe_asker, describe_course, state_of
from nilometer.report.clocks import hours_before
from nilometer.report.collected import Collected, VmHistory
from nilometer.report.data import AskedItem, FleetHost, FleetItem, FleetNumber, FleetPage, Reference
from projections.requests import RequestCourse
from projections.short import Shortages, ShortGrant, WhyShort, find_shortages
from projections.unknowns import UnknownFigure
from projections.view import HostRow, View, VmRow

MOST_ASKED: Final = 20
MOST_ITEMS: Final = 6
MOST_HOSTS: Final = 200
DAY: Final = 24
_ON: Final = (Power.RUNNING, Power.PAUSED)
_WHY_SHORT: Final = {
    WhyShort.PRESSURE: "needs more than its maximum",
    WhyShort.AVAILABLE: "has little available",
    WhyShort.SHORT_GRANT: "waits",
}
_FIGURES: Final = {"in_use": "in use", "visible": "guest visible", "memory": "memory setting", "assigned": "assigned"}


_HOST_FIGURES: Final = {"total": "capacity", "reserve": "reserve"}


def fleet_page(context: Context, now: View) -> FleetPage:
    """The fleet at the moment of the report."""
    collected = context.collected
    shortages = find_shortages(collected.fleet, context.at, _short_grants(collected.vms.values()))
    hosts = sorted(now.hosts, key=_by_shortage)
    day = context.clock.date(context.at)
    begin = context.clock.begin_of_day(context.at)
    today = [course for course in collected.requests if begin <= course.asked.metadata.happened <= context.at]
    return FleetPage(
        facts=f"{plural(len(now.hosts), 'host')} · {plural(len(now.vms), 'VM')}",
        at=context.clock.full(context.at),
        numbers=tuple(_numbers(context, now, shortages)),
        strips=_strips(context),
        hosts=tuple(_host(context, row, now) for row in hosts[:MOST_HOSTS]),
        short=tuple(_short(context, shortages))[:MOST_ITEMS],
        over=tuple(_over(context, now))[:MOST_ITEMS],
        changed=tuple(_changed(context, now))[:MOST_ITEMS],
        unmeasured=tuple(_unmeasured(context, now)),
        asked_title=f"Who changed what on {day}",
        asked=tuple(asked_item(context, course) for course in reversed(today[-MOST_ASKED:])),
        asked_count=len(today),
        asked_are_all=not lacks_older(collected, begin),
    )


def lacks_older(collected: Collected, since: UtcTime) -> bool:
    """Whether requests that were made since a time are not kept any more: only the newest of a history are."""
    kept = collected.requests
    asked = sum(vm.asked for vm in collected.vms.values())
    return bool(kept) and asked > len(kept) and kept[0].asked.metadata.happened >= since


def _strips(context: Context) -> str:
    first = context.collected.first
    if first is None or first < hours_before(context.at, DAY):
        return f"Held by VMs in {DAY} hours"
    return f"Held by VMs since {context.clock.clock(first, exact=False)}"


def _by_shortage(row: HostRow) -> tuple[int, float, str]:
    """Hosts that are short come first, then those with the least free; those of which nothing is known last."""
    if row.unmet:
        return 0, -float(row.unmet), row.host
    if row.total and row.free is not None:
        return 1, row.free / row.total, row.host
    return 2, 0.0, row.host


# Five numbers


def _numbers(context: Context, now: View, shortages: Shortages) -> Iterator[FleetNumber]:
    silent = [f"{row.host}{_since(context, row)}" for row in now.hosts if is_silent(context, row)]
    heard = len(now.hosts) - len(silent)
    yield FleetNumber(
        value=f"{heard} of {len(now.hosts)}",
        label="hosts heard of in the last hour",
        detail="" if not silent else f"silent: {_some(silent)}",
        state="fine" if not silent else "warn",
    )
    missing = sum(short.missing or 0 for short in shortages.short)
    yield FleetNumber(
        value=str(len(shortages.short)),
        label="VMs short of memory",
        detail=f"{shown(missing)} missing" if missing else "",
        state="warn" if shortages.short else "fine",
    )
    since = hours_before(context.at, DAY)
    recent = [course for course in context.collected.requests if since <= course.asked.metadata.happened <= context.at]
    partly = [course for course in recent if course.outcome is not Outcome.COMPLETED]
    still_open = [course for course in partly if course.is_open]
    oldest = min((course.asked.metadata.happened for course in still_open), default=None)
    is_cut = lacks_older(context.collected, since)
    at_least = "\N{GREATER-THAN OR EQUAL TO}\N{NARROW NO-BREAK SPACE}" if is_cut else ""
    newest = f"among the newest {counted(len(recent))}" if is_cut else ""
    opened = "" if oldest is None else f"the oldest open one since {context.clock.clock(oldest, exact=False)}"
    yield FleetNumber(
        value=f"{at_least}{len(partly)}",
        label="requests of 24 h not granted in full",
        detail="; ".join(filter(None, (opened, newest))),
        state="warn" if partly else "unknown" if is_cut else "fine",
    )
    nobody = [course for course in recent if course.asked.metadata.actor == UNKNOWN_ACTOR]
    unticketed = [course for course in recent if not has_ticket(course.asked, course.annotation)]
    yield FleetNumber(
        value=f"{at_least}{len(nobody)}",
        label="changes of 24 h that nobody is named for",
        detail=f"{counted(len(unticketed))} of {'the newest ' if is_cut else ''}{counted(len(recent))} without a ticket"
        if recent
        else "",
        state="warn" if nobody else "unknown" if is_cut else "fine",
    )
    yield _tightest(context, now)


def _tightest(context: Context, now: View) -> FleetNumber:
    known = [row for row in now.hosts if row.free is not None]
    if not known:
        return FleetNumber(
            value="unknown",
            label="free on the tightest host",
            detail="the free memory of no host is known",
            state="unknown",
        )
    row = min(known, key=lambda row: row.free or 0)
    history = context.collected.hosts.get(row.host)
    since = hours_before(context.at, DAY)
    recent = [] if history is None else [point.free for point in history.points if point.at >= since]
    least = min((free for free in recent if free is not None), default=row.free)
    free, least_free = shown_together(row.free, least)
    return FleetNumber(
        value=free,
        label=f"free on {row.host}, the tightest host",
        detail="" if least == row.free else f"least of 24 h: {least_free}",
        state="warn" if not row.free else "fine",
    )


def _since(context: Context, row: HostRow) -> str:
    seen = max(row.as_of or "", row.watched_until or "")
    return f" since {context.clock.clock(UtcTime(seen), exact=False)}" if seen else ", never heard of"


def _some(names: list[str], most: int = 3) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


# Hosts


def _host(context: Context, row: HostRow, now: View) -> FleetHost:
    history = context.collected.hosts.get(row.host)
    drawn = None if history is None else strip(context, history)
    state, state_is = _state(row, now)
    free, total = shown_together(row.free, row.total)
    if row.free is not None and row.total is not None:
        free = f"{free} of {total}"
    seen = max(row.as_of or "", row.watched_until or "")
    return FleetHost(
        host=context.host(row.host),
        strip=drawn,
        empty="" if drawn is not None else "capacity never measured",
        free=free,
        state=state,
        state_is=state_is,
        vms=sum(vm.host == row.host for vm in now.vms),
        updated=context.clock.clock(UtcTime(seen), exact=False) if seen else "never",
    )


def _state(row: HostRow, now: View) -> tuple[str, Literal["short", "full", "unknown", "fine"]]:
    waiting = [
        request
        for vm in now.vms
        if vm.host == row.host
        for request in vm.open_requests
        if request.gives and request.remaining
    ]
    if row.unmet and waiting:
        verb = "waits" if len(waiting) == 1 else "wait"
        return f"short: {plural(len(waiting), 'request')} {verb} for {shown(row.unmet)}", "short"
    if row.total is None:
        return "not measurable: its capacity was never recorded", "unknown"
    if row.reserve is None:
        return "not measurable: the reserve was never recorded", "unknown"
    if row.free is not None and row.free <= 0:
        return "full", "full"
    return "", "fine"


# Lists of VMs


def _short(context: Context, shortages: Shortages) -> Iterator[FleetItem]:
    for short in shortages.short:
        if short.missing:
            missing, assigned = shown_together(short.missing, short.assigned)
            text = f"{_WHY_SHORT[short.why]} for {missing}, has {assigned}"
        else:
            assigned, available = shown_together(short.assigned, short.available)
            text = f"{_WHY_SHORT[short.why]}: has {assigned}, {available} of it available"
        since = context.clock.clock(UtcTime(short.since), exact=False)
        yield FleetItem(vms=(context.vm(short.vm),), text=text, muted=f"since {since}")


def _over(context: Context, now: View) -> Iterator[FleetItem]:
    running = [row for row in now.vms if row.power in _ON and row.assigned and row.in_use is not None]
    wasteful = [row for row in running if (row.in_use or 0) * 2 < (row.assigned or 0)]
    for row in sorted(wasteful, key=lambda row: (row.in_use or 0) / (row.assigned or 1)):
        when = "" if row.in_use_as_of is None else context.clock.clock(UtcTime(row.in_use_as_of), exact=False)
        in_use, assigned = shown_together(row.in_use, row.assigned)
        yield FleetItem(
            vms=(context.vm(row.vm),),
            text=f"{in_use} in use of {assigned}",
            muted=f"measured {when}" if when else "",
        )


def _changed(context: Context, now: View) -> Iterator[FleetItem]:
    changed = [row for row in now.vms if row.last_change is not None]
    for row in sorted(changed, key=_changed_at, reverse=True):
        change = row.last_change
        if change is None:
            continue
        before, after = shown_together(change.before, change.after)
        yield FleetItem(
            vms=(context.vm(row.vm),),
            text=f"assigned {before} → {after}",
            muted=context.clock.clock(UtcTime(change.at), exact=False),
            event=context.event(change.position),
        )


def _changed_at(row: VmRow) -> str:
    return "" if row.last_change is None else row.last_change.at


def _unmeasured(context: Context, now: View) -> Iterator[FleetItem]:
    """What cannot be said, and what to do: hosts and VMs of the same kind together."""
    grouped: dict[tuple[str, str, str], list[Reference]] = {}
    for host in now.hosts:
        for figure, words in _HOST_FIGURES.items():
            unknown = host.unknown.get(figure)
            if unknown is not None:
                grouped.setdefault((words, _why(unknown), unknown.collect), []).append(context.host(host.host))
    for row in now.vms:
        if row.power not in _ON and row.origin == "decided":
            continue
        for figure, words in _FIGURES.items():
            unknown = row.unknown.get(figure)
            if unknown is not None:
                grouped.setdefault((words, _why(unknown), unknown.collect), []).append(context.vm(row.vm))
    for (words, why, collect), subjects in sorted(grouped.items(), key=lambda entry: -len(entry[1])):
        more = len(subjects) - MOST_ITEMS
        named = subjects[:MOST_ITEMS] + ([Reference(f"{counted(more)} more")] if more > 0 else [])
        yield FleetItem(vms=tuple(named), text=f"{words} {why}.", muted=collect)


def _why(unknown: UnknownFigure) -> str:
    return {
        "before-the-last-move": "measured before the last move",
        "not-reported": "not reported in this session",
        "not-measured": "never recorded",
    }[unknown.why]


# Requests


def asked_item(context: Context, course: RequestCourse) -> AskedItem:
    """A request as a row."""
    asked = course.asked
    return AskedItem(
        time=context.clock.clock(asked.metadata.happened, exact=False),
        vm=context.vm(course.vm),
        amount=signed(course.amount),
        state=state_of(course),
        says=describe_course(course),
        who=describe_asker(course),
        event=context.event(asked.position),
    )


def _short_grants(vms: Iterable[VmHistory]) -> dict[str, ShortGrant]:
    """Of decided VMs the last request for more that fell short, if nobody asked to give back since."""
    found: dict[str, ShortGrant] = {}
    for vm in vms:
        for course in vm.requests:
            event = course.asked.event
            if isinstance(event, VmMemoryRemoved):
                found.pop(vm.id, None)
            elif isinstance(event, VmMemoryAdded | VmCommandRefused) and (course.amount or 0) > 0:
                before = event.before or event.after
                if event.outcome in (Outcome.PARTIALLY_COMPLETED, Outcome.FAILED) and event.requested is not None:
                    found[vm.id] = ShortGrant(event.requested, before.assigned, course.asked.metadata.happened)
    return found
