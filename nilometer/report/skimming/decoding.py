"""What was kept of a skimmed ledger, decoded: as the collector has it that reads every event."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Final, cast

from domain.identifiers import UtcTime
from domain.state import Power
from nilometer.report.collected import (
    MOST_ROWS,
    Collected,
    HostHistory,
    ListedEvent,
    ShortSettlement,
    VmHistory,
    VmMoment,
    sizes_of_host,
    sizes_of_vm,
)
from nilometer.report.skimming.kept import HostSample, Listed, Skimmed, VmSample, envelope_of
from projections.requests import RequestCourse
from projections.series import HostPoint, VmPoint
from projections.unknowns import in_use_not_reported

_ON: Final = (b"running", b"paused")
HOST_FIGURES: Final = 6
"""How long the sample of a host is."""


def add_decided(collected: Collected, skimmed: Skimmed) -> None:
    """Adds what is decided. Raises ``UnreadableEvent``."""
    courses: dict[int, RequestCourse] = {}

    def course_of(listed: Listed) -> RequestCourse:
        position = listed[0][0]
        if position not in courses:
            courses[position] = RequestCourse(asked=envelope_of(listed[0]))
        return courses[position]

    for vm in skimmed.vms.values():
        id = vm.id
        history = VmHistory(id=id, named=UtcTime(vm.first), latest=UtcTime(vm.last), events=vm.points.count)
        history.points = vm.points.converted(partial(_vm_moment, id), sizes_of_vm)
        history.rows = deque((_listed(id, listed) for listed in vm.rows), maxlen=vm.rows.maxlen)
        history.linked = {listed[0][0]: _listed(id, listed) for listed in vm.short}
        history.requests = deque(map(course_of, vm.requests), maxlen=vm.requests.maxlen)
        history.short = deque((_short(listed, course_of(listed)) for listed in vm.short), maxlen=vm.short.maxlen)
        history.asked, history.fell_short = vm.asked, vm.fell_short
        collected.vms[id] = history
    for host in skimmed.hosts.values():
        id = host.id
        events = host.points.count + host.removals
        of_host = HostHistory(id=id, named=UtcTime(host.first), latest=UtcTime(host.last), events=events)
        of_host.points = host.points.converted(partial(_host_point, id), sizes_of_host)
        of_host.rows = deque((_listed(id, listed) for listed in host.rows), maxlen=host.rows.maxlen)
        collected.hosts[id] = of_host
    requests = [*collected.requests, *map(course_of, skimmed.requests)]
    requests.sort(key=lambda course: course.asked.position)
    collected.requests = deque(requests, maxlen=MOST_ROWS)
    if skimmed.events:
        collected.count(skimmed.events, UtcTime(skimmed.first), UtcTime(skimmed.last))


def _listed(id: str, listed: Listed) -> ListedEvent:
    row, sample = listed
    if sample is None:
        return ListedEvent(envelope_of(row), None)
    if len(sample) == HOST_FIGURES:
        return ListedEvent(envelope_of(row), _host_point(id, sample))
    return ListedEvent(envelope_of(row), _vm_moment(id, sample))


def _short(listed: Listed, course: RequestCourse) -> ShortSettlement:
    sample = cast("VmSample", listed[1])
    return ShortSettlement(settled=course.asked, course=course, assigned=sample[2], host=sample[9])


def _vm_moment(id: str, sample: VmSample) -> VmMoment:
    position, at, assigned, visible, watermark, in_use, ballooned, power, session, host, in_use_as_of = sample
    point = VmPoint(
        position=position,
        at=UtcTime(at),
        vm=id,
        host=host,
        power=Power(power.decode()),
        session=session,
        assigned=assigned,
        held=None if session is None else assigned if power in _ON else 0,
        visible=visible,
        high_watermark=watermark,
        in_use=in_use,
        ballooned=ballooned,
    )
    unknown = {} if in_use is not None or session is None else {"in_use": in_use_not_reported()}
    return VmMoment(point=point, in_use_as_of=None if in_use_as_of is None else UtcTime(in_use_as_of), unknown=unknown)


def _host_point(id: str, sample: HostSample) -> HostPoint:
    position, at, total, reserve, held, free = sample
    return HostPoint(position=position, at=UtcTime(at), host=id, total=total, reserve=reserve, held=held, free=free)
