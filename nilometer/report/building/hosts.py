"""The page of a host: what its VMs hold of it over time, and its book at the chosen moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from domain.identifiers import UtcTime, host_stream, seconds_between
from nilometer.messages.events import describe
from nilometer.messages.sizes import UNKNOWN, Unit
from nilometer.report.building.context import (
    Context,
    bare,
    counted,
    counted_events,
    host_anchor,
    shown,
    unit_name,
    unit_of,
)
from nilometer.report.building.host_chart import MOST_LAYERS, host_chart, short_for_lack
from nilometer.report.building.requests import describe_course
from nilometer.report.building.tables import HOST_COLUMNS, event_table, sentence
from nilometer.report.collected import HostHistory, VmHistory
from nilometer.report.data import BookRow, BookStep, HostPage, Reference
from nilometer.report.series import HostMoment
from projections.series import HostPoint, VmPoint
from projections.view import HostRow, View, VmRow


def host_page(context: Context, host: HostHistory, shown_view: View) -> HostPage:
    """The page of one host."""
    row = next((row for row in shown_view.hosts if row.host == host.id), None)
    vms = [vm for vm in shown_view.vms if vm.host == host.id]
    points = list(host.points)
    guests = guests_of(context, host.id)
    sizes = [size for point in points for size in (point.total, point.reserve, point.held)]
    unit = unit_of([*sizes, *(moment.point.held for guest in guests for moment in guest.points)])
    chart = host_chart(context, host, points, guests, unit)
    now = _moment_now(context, host, row, vms, unit)
    moments = () if chart is None else (*earlier_moments(context, host, guests, unit), now)
    if chart is not None and len(moments) > 1:
        last = replace(now, time=min(now.time, chart.until))
        chart = replace(chart, moments=(*moments[:-1], last), chosen=len(moments) - 1)
    is_whole = len(moments) > 1 and not any(guest.points.left_out for guest in guests)
    book = dict(_book(context, vms, unit))
    return HostPage(
        anchor=host_anchor(host.id),
        name=host.id,
        facts=tuple(_facts(context, host, row, len(vms))),
        chart=chart,
        empty="" if chart is not None else "Neither its capacity nor what its VMs hold is known: nothing can be drawn.",
        at=now.clock,
        sentence=now.sentence,
        note=now.note,
        event=context.event(now.position),
        short=tuple(_short(context, guests, host.id)),
        book=tuple(book_over_time(context, host.id, guests, book, moments, unit) if is_whole else book.values()),
        together=(now.together, now.rest),
        unit=unit_name(unit),
        table=event_table(context, host.listed(), host.events, unit, HOST_COLUMNS, host_anchor(host.id)),
        thinned=" ".join(_thinned(host, guests)),
    )


def _thinned(host: HostHistory, guests: Sequence[VmHistory]) -> Iterator[str]:
    if host.points.left_out:
        yield (
            f"Drawn from {counted(len(host.points))} of {counted(host.points.count)} points: in each stretch the "
            "first, the last, the least and the most of every line."
        )
    if any(guest.points.left_out for guest in guests):
        yield (
            "The lines of its VMs are thinned: what they hold together is drawn, "
            "and its book is of the last moment alone."
        )
    elif len(guests) > MOST_LAYERS:
        others = counted(len(guests) - MOST_LAYERS)
        yield f"The {MOST_LAYERS} VMs that held most are drawn; the other {others} are one layer."


def guests_of(context: Context, host: str) -> list[VmHistory]:
    """The VMs that were ever on a host, as far as is kept."""
    return [
        vm for _, vm in sorted(context.collected.vms.items()) if any(moment.point.host == host for moment in vm.points)
    ]


# Facts and sentences


def _facts(context: Context, host: HostHistory, row: HostRow | None, vms: int) -> Iterator[Reference]:
    if row is None:
        yield Reference("removed")
    else:
        yield Reference(row.origin)
        yield Reference("release not recorded" if row.version is None else f"release {row.version}")
    yield Reference(f"{vms} VM{'' if vms == 1 else 's'}")
    if host.events:
        yield Reference(f"{counted_events(host.events)}, {context.clock.span(host.first, host.last)}")
    else:
        yield Reference("no event is about it: only its VMs name it")


def _equation(
    total: int | None, reserve: int | None, assigned: int | None, free: int | None, held: int | None, unit: Unit
) -> str:
    """``held`` is the sum of what its VMs hold, as far as each is known, ``assigned`` what its own book says."""
    if total is None:
        reported = "" if free is None else f", and {shown(free, unit)} are reported free"
        return f"Its capacity was never measured; its VMs hold {shown(held, unit)}{reported}."
    kept = f"reserve {UNKNOWN}" if reserve is None else f"{shown(reserve, unit)} reserve"
    part = "an unknown part" if assigned is None else shown(assigned, unit)
    if reserve is None and free is not None:
        rest = f"{shown(free, unit)} reported free"
    else:
        rest = f"{shown(free, unit)} free" if free is not None else "an unknown part free"
    return f"{shown(total, unit)} = {kept} + {part} held by VMs + {rest}"


_FIGURES: Final = {"total": "Its capacity", "reserve": "Its reserve", "free": "What is free"}


def _notes(row: HostRow | None) -> Iterator[str]:
    if row is None:
        return
    for name, unknown in row.unknown.items():
        yield f"{_FIGURES[name]} was never recorded. {unknown.collect}"


# Moments


def _moment_now(
    context: Context, host: HostHistory, row: HostRow | None, vms: Sequence[VmRow], unit: Unit
) -> HostMoment:
    """The last moment, which is that of the report."""
    held = _sum(vm.held for vm in vms)
    positions = [point.position for point in host.points]
    if row is None:
        words, rest = "The host is not there any more.", ""
    else:
        words = _equation(row.total, row.reserve, row.assigned, row.free, held, unit)
        rest = _rest(row.total, row.free, unit)
    return HostMoment(
        time=context.at,
        position=max(positions, default=0),
        clock=context.clock.clock(context.at),
        sentence=words,
        note=" ".join(_notes(row)),
        says="as it was last known",
        together=bare(held, unit),
        rest=rest,
    )


def _rest(total: int | None, free: int | None, unit: Unit) -> str:
    return "" if total is None else f"of {shown(total, unit)}; {shown(free, unit)} free"


def earlier_moments(
    context: Context, host: HostHistory, guests: Sequence[VmHistory], unit: Unit
) -> Iterator[HostMoment]:
    """The moments at which a figure of the host changed, before that of the report."""
    listed = [row for history in (host, *guests) for row in history.listed()]
    says = {
        row.envelope.position: describe(row.envelope, unit)
        if row.envelope.stream != host_stream(host.id)
        else sentence(row.envelope, unit)
        for row in listed
    }
    at: dict[UtcTime, list[HostPoint]] = {}
    for point in host.points:
        at.setdefault(point.at, []).append(point)
    for time in sorted(time for time in at if time < context.at):
        point = at[time][-1]
        unknown = [words for name, words in _FIGURES.items() if getattr(point, name) is None]
        yield HostMoment(
            time=time,
            position=point.position,
            clock=context.clock.clock(time),
            sentence=_equation(point.total, point.reserve, point.held, point.free, point.held, unit),
            note=" ".join(f"{words} was not known then." for words in unknown),
            says="; ".join(says[change.position] for change in at[time] if change.position in says),
            together=bare(point.held, unit),
            rest=_rest(point.total, point.free, unit),
        )


def book_over_time(
    context: Context,
    host: str,
    guests: Sequence[VmHistory],
    now: Mapping[str, BookRow],
    moments: Sequence[HostMoment],
    unit: Unit,
) -> Iterator[BookRow]:
    """The rows of a book with their cells at each moment; then the VMs that were on the host before."""
    last = len(moments) - 1
    earlier = {guest.id: guest for guest in guests}
    for vm in (*now, *(vm for vm in earlier if vm not in now)):
        row = now.get(vm)
        steps: list[BookStep] = []
        points = [moment.point for moment in earlier[vm].points] if vm in earlier else []
        for index, moment in enumerate(moments[:-1]):
            before = [point for point in points if point.at <= moment.time]
            cells = _cells(context, before[-1], unit) if before and before[-1].host == host else ()
            if not steps or steps[-1].cells != cells:
                steps.append(BookStep(index, cells))
        steps.append(BookStep(last, () if row is None else row.cells))
        power, held, visible, in_use, updated = ("",) * 5 if row is None else row.cells
        yield BookRow(
            vm=context.vm(vm),
            power=power,
            held=held,
            visible=visible,
            in_use=in_use,
            updated=updated,
            is_here=row is not None,
            steps=tuple(steps),
        )


def _cells(context: Context, point: VmPoint, unit: Unit) -> tuple[str, ...]:
    is_on = point.held != 0
    return (
        UNKNOWN if point.power is None else str(point.power),
        bare(point.held, unit),
        bare(point.visible, unit) if is_on else "",
        bare(point.in_use, unit) if is_on else "",
        context.clock.clock(point.at),
    )


# The book


def _sum(sizes: Iterable[int | None]) -> int | None:
    known = list(sizes)
    return None if None in known else sum(size or 0 for size in known)


def _book(context: Context, vms: Sequence[VmRow], unit: Unit) -> Iterator[tuple[str, BookRow]]:
    """The rows as they are now, by the ids of VMs."""
    for row in sorted(vms, key=lambda row: (-(row.held or 0), row.vm)):
        is_on = row.held != 0
        yield (
            row.vm,
            BookRow(
                vm=context.vm(row.vm),
                power=power_of(row),
                held=bare(row.held, unit),
                visible=bare(row.visible, unit) if is_on else "",
                in_use=bare(row.in_use, unit) if is_on else "",
                updated=context.clock.clock(UtcTime(max(row.as_of, row.watched_until or row.as_of))),
            ),
        )


def power_of(row: VmRow) -> str:
    """A VM's power state, or that it is not listed any more."""
    if row.not_listed_since is not None:
        return "not listed any more"
    return UNKNOWN if row.power is None else str(row.power)


def _short(context: Context, guests: Sequence[VmHistory], host: str) -> Iterator[tuple[Reference, str]]:
    for guest, short in short_for_lack(guests, host):
        settled = short.settled
        when = context.clock.clock(settled.metadata.happened)
        yield context.event(settled.position), f"{when} {context.name_of(guest.id)}: {describe_course(short.course)}"


def is_silent(context: Context, row: HostRow, hours: float = 1) -> bool:
    """Whether nothing was heard of a host for an hour before the moment of the report."""
    seen = max(row.as_of or "", row.watched_until or "")
    return not seen or seconds_between(UtcTime(seen), context.at) > hours * 3600
