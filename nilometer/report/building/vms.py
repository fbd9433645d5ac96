"""The page of a VM: its chart with the equation of each moment, its requests, its events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from domain.aggregates import VmAggregate
from domain.decision import Outcome
from domain.events import Event
from domain.identifiers import UtcTime
from domain.observed.vm import ObservedVm
from domain.settings import MemorySetting
from domain.state import Power
from nilometer.messages.settings import describe_setting
from nilometer.messages.sizes import UNKNOWN, Unit
from nilometer.report.building.context import Context, counted, counted_events, shown, unit_name, unit_of, vm_anchor
from nilometer.report.building.lines import Gap, Sample, idle_spans, line, unwatched_spans
from nilometer.report.building.requests import request_span
from nilometer.report.building.tables import VM_COLUMNS, event_table, sentence
from nilometer.report.collected import Collected, ListedEvent, VmHistory, VmMoment
from nilometer.report.data import FindingItem, Notice, Reference, VmPage
from nilometer.report.series import Chart, ChartMark, ChartMoment, Line, LineName, TimeSpan
from projections.requests import RequestCourse
from projections.series import VmPoint
from projections.unknowns import UnknownFigure, WhyUnknown, how_to_know

_LINES: Final[tuple[LineName, ...]] = ("assigned", "visible", "high_watermark", "in_use")
_WORDS: Final = {"visible": "Guest visible memory", "ballooned": "What is ballooned", "in_use": "In use"}
MOST_MARKS: Final = 30


def vm_page(context: Context, vm: VmHistory, findings: Sequence[FindingItem]) -> VmPage:
    """The page of one VM. ``findings`` are all of the report."""
    moments = list(vm.points)
    unit = unit_of(
        size
        for moment in moments
        for size in (moment.point.assigned, moment.point.visible, moment.point.high_watermark)
    )
    name = context.name_of(vm.id)
    own = [finding for finding in findings if finding.subject.href == f"#{vm_anchor(vm.id)}"]
    listed = vm.listed()
    chart = vm_chart(context, vm, moments, listed, unit, own) if any(_is_on(moments)) else None
    drawn = {course.asked.position for course in courses_of(vm)}
    left_out = vm.points.left_out
    return VmPage(
        anchor=vm_anchor(vm.id),
        name=name,
        heading=_heading(context, vm, name),
        facts=tuple(_facts(context, vm)),
        chart=chart,
        empty="" if chart is not None else "The VM never had memory, as far as is known: there is nothing to draw.",
        requests_left_out=vm.asked - len(drawn),
        notices=tuple(_notices(own)),
        table=event_table(context, listed, vm.events, unit, VM_COLUMNS, vm_anchor(vm.id)),
        thinned=""
        if not left_out
        else f"Drawn from {counted(len(vm.points))} of {counted(vm.points.count)} measures: in each stretch the first, "
        f"the last, the least and the most of every line.{_left_out_short(vm)}",
    )


def _left_out_short(vm: VmHistory) -> str:
    """How many of the requests that fell short are not drawn."""
    drawn = min(len(vm.short), MOST_MARKS)
    if vm.fell_short <= drawn:
        return " Every request that fell short is marked."
    return f" Of {counted(vm.fell_short)} requests that fell short the newest {drawn} are marked."


def _heading(context: Context, vm: VmHistory, name: str) -> str:
    """The name of a VM, with its host where another VM has the same name."""
    others = sum(context.name_of(other) == name for other in context.collected.vms)
    host = next((moment.point.host for moment in reversed(list(vm.points)) if moment.point.host), None)
    return f"{name} on {host}" if others > 1 and host is not None else name


def vm_chart(
    context: Context,
    vm: VmHistory,
    moments: Sequence[VmMoment],
    listed: Sequence[ListedEvent],
    unit: Unit,
    findings: Sequence[FindingItem],
) -> Chart:
    """The chart of a VM."""
    gaps = gaps_of(context.collected, moments)
    until = max(vm.last, *_watched(context.collected, moments), moments[-1].point.at)
    times = list(dict.fromkeys(moment.point.at for moment in moments))
    instants = _instants(context, moments, listed, unit)
    on = [index for index, moment in enumerate(moments) if moment.point.is_on]
    last_on = moments[on[-1]].point.at
    chosen = max(index for index, instant in enumerate(instants) if instant.time <= last_on)
    name = context.name_of(vm.id)

    return Chart(
        name=vm_anchor(vm.id),
        kind="lines",
        title=f"Memory of {name}",
        description=f"{name}: assigned, guest visible, high watermark and in use memory, "
        f"{context.clock.span(vm.first, vm.last)}. The table below has every figure.",
        since=moments[0].point.at,
        until=until,
        unit=unit_name(unit),
        lines=tuple(vm_line(figure, moments, gaps) for figure in _LINES),
        times=tuple(times),
        marks=tuple(_marks(context, vm, moments, findings)),
        requests=tuple(request_span(course, context.clock) for course in courses_of(vm)),
        unwatched=unwatched_spans(gaps, moments[0].point.at, until),
        unmeasured=tuple(_unmeasured(context, vm, moments, until)),
        idle=idle_spans(times),
        moments=tuple(instants),
        chosen=chosen,
    )


def courses_of(vm: VmHistory) -> list[RequestCourse]:
    """The requests of a VM that are drawn, in order."""
    courses = {course.asked.position: course for course in vm.requests}
    courses |= {short.course.asked.position: short.course for short in vm.short}
    return [courses[position] for position in sorted(courses)]


def vm_line(figure: LineName, moments: Iterable[VmMoment], gaps: Sequence[Gap] = ()) -> Line:
    """One figure of a VM over time; while it is off there is none."""
    return line(figure, (_sample(moment.point, figure) for moment in moments), gaps)


def _sample(point: VmPoint, figure: LineName) -> Sample:
    size: int | None = getattr(point, figure) if point.is_on else None
    return point.at, size, point.position


def gaps_of(collected: Collected, moments: Iterable[VmMoment]) -> list[Gap]:
    """The times in which nobody watched the hosts that a VM was on."""
    hosts = dict.fromkeys(moment.point.host for moment in moments)
    return sorted(gap for host in hosts if host in collected.hosts for gap in collected.hosts[host].gaps)


def _watched(collected: Collected, moments: Sequence[VmMoment]) -> Iterator[UtcTime]:
    """Until when the last host of a VM was watched: until then nothing else was seen."""
    last = moments[-1].point
    host = collected.hosts.get(last.host or "")
    if host is not None and host.watched_until is not None and last.is_on:
        yield host.watched_until


def _is_on(moments: Iterable[VmMoment]) -> Iterator[bool]:
    return (moment.point.is_on for moment in moments)


# Facts


def _facts(context: Context, vm: VmHistory) -> Iterator[Reference]:
    tracked = context.collected.fleet.vms.get(vm.id)
    if tracked is None:
        yield Reference("removed")
    else:
        subject = tracked.subject
        if subject.host is not None:
            yield context.host(subject.host)
        yield Reference("decided" if isinstance(subject, VmAggregate) else "observed")
        guest, generation, memory = _known(subject)
        yield Reference("guest not recorded" if guest is None else f"guest {guest}")
        yield Reference("generation not recorded" if generation is None else f"generation {generation}")
        yield Reference("memory setting not recorded" if memory is None else describe_setting(memory))
    yield Reference(f"{counted_events(vm.events)}, {context.clock.span(vm.first, vm.last)}")


def _known(subject: VmAggregate | ObservedVm) -> tuple[str | None, int | None, MemorySetting | None]:
    if isinstance(subject, VmAggregate):
        state = subject.state
        return state.guest, state.generation, state.memory
    return subject.guest, subject.generation, subject.memory


def _notices(findings: Iterable[FindingItem]) -> Iterator[Notice]:
    for finding in findings:
        if finding.verdict == "unknown":
            collect = f" To decide it, collect {finding.collect}." if finding.collect else ""
            yield Notice(
                rule=finding.rule,
                message=f"{finding.message[:1].upper()}{finding.message[1:]}.{collect}",
                finding=Reference(f"Finding {finding.anchor[1:]}", f"#{finding.anchor}"),
            )


# Moments


def _instants(
    context: Context, moments: Sequence[VmMoment], listed: Sequence[ListedEvent], unit: Unit
) -> list[ChartMoment]:
    events = {row.envelope.position: row.envelope for row in listed}
    found: list[ChartMoment] = []
    for time, group in groupby(moments, key=lambda moment: moment.point.at):
        together = list(group)
        last = together[-1]
        here = [events[moment.point.position] for moment in together if moment.point.position in events]
        found.append(moment_of(context, last, time, unit, "; ".join(sentence(envelope, unit) for envelope in here)))
    return found


def moment_of(context: Context, moment: VmMoment, time: UtcTime, unit: Unit, says: str) -> ChartMoment:
    """The texts of one moment: the terms of its equation, and how old they are."""
    point = moment.point
    if not point.is_on:
        is_off = point.power in (Power.OFF, Power.SAVED)
        word = "none" if is_off else UNKNOWN
        note = "The VM is off: it has no memory." if is_off else "What the VM was assigned is not known."
        terms = dict.fromkeys(("visible", "assigned", "ballooned", "in_use", "high_watermark"), word)
    else:
        terms = {
            name: shown(getattr(point, name), unit)
            for name in ("visible", "assigned", "ballooned", "in_use", "high_watermark")
        }
        note = " ".join(_notes(context, moment, unit))
    return ChartMoment(
        time=time,
        position=point.position,
        clock=context.clock.clock(time),
        visible=terms["visible"],
        assigned=terms["assigned"],
        ballooned=terms["ballooned"],
        in_use=terms["in_use"],
        high_watermark=terms["high_watermark"],
        note=note,
        says=says,
    )


def _notes(context: Context, moment: VmMoment, unit: Unit) -> Iterator[str]:
    for figure, words in _WORDS.items():
        unknown = moment.unknown.get(figure)
        if unknown is not None:
            yield describe_unknown(context, words, unknown, moment.point.vm, unit)
        elif figure == "in_use" and moment.in_use_as_of is not None:
            yield f"In use was measured at {context.clock.clock(moment.in_use_as_of)}."


def describe_unknown(context: Context, words: str, unknown: UnknownFigure, vm: str, unit: Unit | None = None) -> str:
    """Why a figure is not known, and what would tell it."""
    if unknown.why is WhyUnknown.NOT_REPORTED:
        return f"{words} was not reported in this session. {how_to_know(unknown, vm)}"
    if unknown.why is WhyUnknown.NOT_MEASURED or unknown.measured is None:
        return f"{words} was never measured. {unknown.collect}"
    last = "" if unknown.last is None else f" ({shown(unknown.last, unit)})"
    when = context.clock.clock(unknown.measured)
    return f"{words} was last measured at {when}{last}, before the last move: unknown until it is measured again."


# Marks and stretches


def _marks(
    context: Context, vm: VmHistory, moments: Sequence[VmMoment], findings: Sequence[FindingItem]
) -> Iterator[ChartMark]:
    assigned = {moment.point.position: moment.point.assigned for moment in moments}
    at = {moment.point.position: moment.point.at for moment in moments}
    for short in list(vm.short)[-MOST_MARKS:]:
        envelope, position = short.settled, short.settled.position
        yield ChartMark(
            kind="short",
            time=envelope.metadata.happened,
            size=short.assigned,
            label=f"#{position} {_short_word(envelope.event)}",
            title=f"#{position} {sentence(envelope)}",
            href=f"#e{position}",
        )
    for finding in findings[:MOST_MARKS]:
        position = int(finding.event.words[1:]) if finding.event is not None else 0
        if finding.verdict == "violated" and position in at:
            yield ChartMark(
                kind="violated",
                time=at[position],
                size=assigned[position],
                label=f"#{position} {finding.rule.words}",
                title=f"#{position} {finding.rule.words}: {finding.message}",
                href=f"#{finding.anchor}",
            )


def _short_word(event: Event) -> str:
    """What a request came to that was not granted in full."""
    return "rejected" if getattr(event, "outcome", None) is Outcome.REJECTED else "short"


def _unmeasured(context: Context, vm: VmHistory, moments: Sequence[VmMoment], until: UtcTime) -> Iterator[TimeSpan]:
    """The stretches in which what is in use is not known."""
    tracked = context.collected.fleet.vms.get(vm.id)
    word = "not reported" if tracked is not None and isinstance(tracked.subject, VmAggregate) else "not measured"
    last_of = {moment.point.at: moment for moment in moments}
    ordered = [last_of[time] for time in sorted(last_of)]
    ends = [moment.point.at for moment in ordered[1:]] + [until]
    begin: UtcTime | None = None
    both = True
    for moment, end in zip(ordered, ends, strict=True):
        point = moment.point
        if point.is_on and point.in_use is None:
            begin = begin or point.at
            both = both and point.visible is None
            if end != until:
                continue
            stop = end
        else:
            stop = point.at
        if begin is not None and stop > begin:
            yield TimeSpan(begin, stop, f"guest visible and in use {word}" if both else f"in use {word}")
        begin, both = None, True
