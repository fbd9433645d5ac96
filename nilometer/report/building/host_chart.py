"""The picture of a host: what its VMs hold of it, one on another, and its day as a strip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from domain.decision import Code
from domain.identifiers import UtcTime
from nilometer.messages.sizes import Unit
from nilometer.report.building.context import (
    Context,
    counted,
    host_anchor,
    shown_together,
    unit_name,
    unit_of,
    vm_anchor,
)
from nilometer.report.building.lines import Gap, Sample, idle_spans, line, unwatched_spans
from nilometer.report.building.requests import describe_course
from nilometer.report.clocks import hours_before
from nilometer.report.collected import HostHistory, ShortSettlement, VmHistory
from nilometer.report.series import Chart, ChartMark, Line, LineName
from projections.series import HostPoint

MOST_LAYERS: Final = 24
"""VMs that have a layer of their own in the picture of their host."""
MOST_LISTED: Final = 30
_HOST_LINES: Final[tuple[LineName, ...]] = ("total", "reserve")


def host_chart(
    context: Context, host: HostHistory, points: Sequence[HostPoint], guests: Sequence[VmHistory], unit: Unit
) -> Chart | None:
    """What the VMs of a host hold, one on another under its capacity."""
    if any(guest.points.left_out for guest in guests):
        # Of thinned lines the sum at a moment is not what was held then: the host's own figure is.
        held = [host_line("held", points, host.gaps, label="VMs together")]
    else:
        drawn_alone, others = _by_held(guests, host.id)
        held = [line for line in (_held(context, guest, host) for guest in drawn_alone) if line.steps]
        held += [_together(others, host)] if others else []
    lines = [host_line(figure, points) for figure in _HOST_LINES]
    drawn = [line for line in (*lines, *held) if line.steps]
    times = sorted({step.time for line in drawn for step in line.steps})
    if not times:
        return None
    until = max(times[-1], host.last, host.watched_until or times[-1])
    marks = tuple(_marks(guests, host.id, points))
    return Chart(
        name=host_anchor(host.id),
        kind="stack",
        title=f"What the VMs of {host.id} hold",
        description=f"Host {host.id}: its capacity, its reserve and what its VMs hold of it, stacked, "
        f"{context.clock.span(times[0], until)}. The tables below have every figure.",
        since=times[0],
        until=until,
        unit=unit_name(unit),
        lines=tuple(drawn),
        times=tuple(times),
        marks=marks,
        unwatched=unwatched_spans(host.gaps, times[0], until),
        idle=idle_spans(sorted({*times, *(mark.time for mark in marks if times[0] <= mark.time <= until)})),
    )


def host_line(
    figure: LineName, points: Iterable[HostPoint], gaps: Sequence[Gap] = (), *, label: str | None = None
) -> Line:
    """One figure of a host over time."""
    return line(figure, ((point.at, getattr(point, figure), point.position) for point in points), gaps, label=label)


def _held(context: Context, guest: VmHistory, host: HostHistory) -> Line:
    """What a VM holds of a host; nothing while it is on another, or is off."""

    def samples() -> Iterator[Sample]:
        for moment in guest.points:
            point = moment.point
            is_here = point.host == host.id and point.held != 0
            yield point.at, point.held if is_here else None, point.position

    name = context.name_of(guest.id)
    href = f"#{vm_anchor(guest.id)}" if guest.id in context.paged_vms else None
    return line("held", samples(), host.gaps, label=name, href=href)


def _by_held(guests: Sequence[VmHistory], host: str) -> tuple[list[VmHistory], list[VmHistory]]:
    """The VMs that have a layer of their own, those that ever held most, and the others; each in the order given."""

    def most(guest: VmHistory) -> int:
        return max((moment.point.held or 0 for moment in guest.points if moment.point.host == host), default=0)

    chosen = {guest.id for guest in sorted(guests, key=most, reverse=True)[:MOST_LAYERS]}
    return [guest for guest in guests if guest.id in chosen], [guest for guest in guests if guest.id not in chosen]


def _together(guests: Sequence[VmHistory], host: HostHistory) -> Line:
    """What some VMs hold of a host together; unknown while it is of one."""
    points = sorted((moment.point for guest in guests for moment in guest.points), key=lambda point: point.position)
    now: dict[str, int | None] = {}

    def samples() -> Iterator[Sample]:
        for point in sorted(points, key=lambda point: point.at):
            now[point.vm] = point.held if point.host == host.id else 0
            yield (
                point.at,
                (None if None in now.values() else sum(size or 0 for size in now.values())) or None,
                point.position,
            )

    return line("held", samples(), host.gaps, label=f"{counted(len(guests))} together")


def _marks(guests: Sequence[VmHistory], host: str, points: Sequence[HostPoint]) -> Iterator[ChartMark]:
    for guest, short in short_for_lack(guests, host):
        position, time = short.settled.position, short.settled.metadata.happened
        held = [point.total for point in points if point.at <= time and point.total is not None]
        yield ChartMark(
            kind="short",
            time=time,
            size=held[-1] if held else None,
            label=f"#{position}",
            title=f"#{position} {guest.id}: {describe_course(short.course)}",
            href=f"#e{position}",
        )


def short_for_lack(guests: Iterable[VmHistory], host: str) -> list[tuple[VmHistory, ShortSettlement]]:
    """The newest requests that fell short because a host had no more, in order."""
    found = [
        (guest, short)
        for guest in guests
        for short in guest.short
        if short.host == host and getattr(short.settled.event, "code", None) is Code.INSUFFICIENT_HOST_MEMORY
    ]
    return sorted(found, key=lambda entry: entry[1].settled.position)[-MOST_LISTED:]


def strip(context: Context, host: HostHistory, hours: int = 24) -> Chart | None:
    """A host over the last day: what is held, free, not explained, and not watched."""
    points = list(host.points)
    since = max(hours_before(context.at, hours), context.collected.first or context.at)
    names: tuple[LineName, ...] = ("total", "reserve", "held", "free")
    lines = [_within(host_line(figure, points, host.gaps), since, context.at) for figure in names]
    if not lines[0].steps:
        return None
    unit = unit_of(step.size for line in lines for step in line.steps)
    last = points[-1]
    held, total, free = shown_together(last.held, last.total, last.free)
    return Chart(
        name=f"strip-{host_anchor(host.id)}",
        kind="lines",
        title=f"{host.id} over {hours} h",
        description=f"{held} held of {total}, {free} free",
        since=since,
        until=context.at,
        unit=unit_name(unit),
        lines=tuple(lines),
        times=tuple(sorted({step.time for line in lines for step in line.steps})),
        unwatched=unwatched_spans(host.gaps, since, context.at),
    )


def _within(whole: Line, since: UtcTime, until: UtcTime) -> Line:
    """The part of a line in a stretch of time: it begins with what was so before."""
    before = [step for step in whole.steps if step.time <= since]
    rest = [step for step in whole.steps if since < step.time <= until]
    first = [] if not before else [type(before[-1])(since, before[-1].size, before[-1].position)]
    return Line(name=whole.name, label=whole.label, steps=(*first, *rest), href=whole.href)
