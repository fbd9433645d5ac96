"""A long ledger, skimmed: figures are read out of the stored bytes, and only the events that are listed are decoded.

It gives what ``collect`` gives without a judge, for a ledger in which all is decided and no event is of an older shape;
of any other it gives ``None``. The figures are those that each event carries: whether they are true, an audit says.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Final, cast

from domain.envelope import Envelope
from domain.events import Event, VmDefined, VmMoved
from domain.identifiers import UtcTime
from domain.state import Power
from nilometer.audit.result import Audit
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.reader import LedgerReader
from nilometer.report.collecting import (
    FEWEST_POINTS,
    FEWEST_REQUESTS,
    FEWEST_ROWS,
    MOST_POINTS,
    MOST_POINTS_TOGETHER,
    MOST_REQUESTS,
    MOST_REQUESTS_TOGETHER,
    MOST_ROWS,
    MOST_ROWS_TOGETHER,
    Collected,
    HostHistory,
    ListedEvent,
    ShortSettlement,
    VmHistory,
    VmMoment,
    sizes_of_host,
    sizes_of_vm,
)
from nilometer.report.thinning import ThinnedPoints
from nilometer.storage.bodies import decode
from nilometer.storage.reader import Columns
from projections.fleet import Fleet
from projections.requests import RequestCourse
from projections.series import HostPoint, VmPoint
from projections.unknowns import in_use_not_reported

_VM: Final = re.compile(
    rb'"data":\{"after":\{"assigned":(\d+),"ballooned":(\d+),"high_watermark":(\d+),"hot_pluggable":\d+,"in_use":(\d+),'
    rb'"paged_out":\d+,"power":"([a-z]+)","session":(\d+),"startup":\d+,"visible":(\d+)\}'
)
_HOST: Final = re.compile(rb'"data":\{"after":\{"free":(-?\d+),"held":(\d+),"reserve":(\d+),"total":(\d+)\}')
_HAPPENED: Final = re.compile(rb'"earliest":null,"happened":"([^"]{27})","reason":')
_DECIDED: Final = b'"origin":"decided"'
_COMPLETED: Final = b'"outcome":"completed"'
_RESIZE: Final = re.compile(rb'"command":"(?:add-memory|remove-memory|set-memory|grow|reclaim)"')
_REPORTS: Final = "vm.in-use-reported/1"
_FORGETS: Final = ("vm.started/1", "vm.rebooted/1", "vm.stopped/1", "vm.defined/2", "vm.removed/1")
_PLACES: Final = ("vm.defined/2", "vm.moved/1")
_RESIZES: Final = ("vm.memory-added/2", "vm.memory-removed/2")
_REFUSALS: Final = ("vm.command-refused/2",)
_ON: Final = (b"running", b"paused")

VmSample = tuple[int, str, int, int, int, int | None, int, bytes, int, str | None, str | None]
"""Position, time, assigned, visible, watermark, in use, ballooned, power, session, host, time of the in use."""
HostSample = tuple[int, str, int, int, int, int]
"""Position, time, total, reserve, held, free."""
Listed = tuple[Columns, VmSample | HostSample]


@dataclass(slots=True)
class _Vm:
    points: ThinnedPoints[VmSample]
    rows: deque[Listed]
    requests: deque[Listed]
    short: deque[Listed]
    host: str | None = None
    in_use_as_of: str | None = None
    first: str = ""
    last: str = ""
    events: int = 0
    asked: int = 0
    fell_short: int = 0


@dataclass(slots=True)
class _Host:
    points: ThinnedPoints[HostSample]
    rows: deque[Listed]
    first: str = ""
    last: str = ""
    events: int = 0


@dataclass(slots=True)
class _Skimmed:
    vms: dict[str, _Vm] = field(default_factory=dict[str, _Vm])
    hosts: dict[str, _Host] = field(default_factory=dict[str, _Host])
    requests: deque[Listed] = field(default_factory=lambda: deque[Listed](maxlen=MOST_ROWS))
    events: int = 0
    first: str = ""
    last: str = ""


HOST_FIGURES: Final = 6
"""How long the sample of a host is."""
_BY_VM: Final = cast("Callable[[VmSample], tuple[int | None, ...]]", itemgetter(2, 3, 4, 5))
_BY_HOST: Final = cast("Callable[[HostSample], tuple[int | None, ...]]", itemgetter(2, 3, 4, 5))


def skim(
    ledger: LedgerReader, *, until: UtcTime | None = None, on_progress: Callable[[int], None] = lambda count: None
) -> Collected | None:
    """Reads a ledger once, without decoding what is not listed; ``None`` if it has to be decoded."""
    try:
        return _skim(ledger, until, on_progress)
    except UnreadableEvent:
        return None


def _skim(ledger: LedgerReader, until: UtcTime | None, on_progress: Callable[[int], None]) -> Collected | None:
    fleet = ledger.views.fleet_of(until)
    limits = _Limits(len(fleet.vms) + len(fleet.hosts))
    skimmed = _Skimmed()
    for row in ledger.columns(upto=fleet.position if until is None else None):
        if not _take(skimmed, row, limits, until):
            return None
        if not skimmed.events % 10_000:
            on_progress(skimmed.events)
    return _collected(_begin(ledger, fleet), skimmed)


def _begin(ledger: LedgerReader, fleet: Fleet) -> Collected:
    return Collected(source=source_uri(ledger.id), fleet=fleet, audit=Audit(), judged=False)


class _Limits:
    """How much is kept of each VM and host, by how many there are."""

    def __init__(self, count: int) -> None:
        count = max(1, count)
        self.points = max(FEWEST_POINTS, min(MOST_POINTS, MOST_POINTS_TOGETHER // count))
        self.rows = max(FEWEST_ROWS, min(MOST_ROWS, MOST_ROWS_TOGETHER // count))
        self.requests = max(FEWEST_REQUESTS, min(MOST_REQUESTS, MOST_REQUESTS_TOGETHER // count))

    def new_vm(self) -> _Vm:
        """A VM of which nothing is known yet."""
        return _Vm(
            points=ThinnedPoints(_BY_VM, self.points),
            rows=deque(maxlen=self.rows),
            requests=deque(maxlen=self.requests),
            short=deque(maxlen=self.requests),
        )

    def new_host(self) -> _Host:
        """The same of a host."""
        return _Host(points=ThinnedPoints(_BY_HOST, self.points), rows=deque(maxlen=self.rows))


def _take(skimmed: _Skimmed, row: Columns, limits: _Limits, until: str | None) -> bool:
    """Takes the next stored event; returns whether it could be skimmed."""
    position, stream, _, _, state = row
    body = cast("object", state)
    if not isinstance(body, bytes):  # somebody changed it
        return False
    moment = _HAPPENED.search(body)
    if moment is None or _DECIDED not in body:
        return False
    happened = moment[1].decode()
    if until is not None and happened > until:
        return True
    if happened > skimmed.last:
        skimmed.last = happened
    if not skimmed.first or happened < skimmed.first:
        skimmed.first = happened
    skimmed.events += 1
    kind, _, id = stream.partition("/")
    if kind == "vm":
        found = _VM.search(body)
        if found is None:
            return False
        vm = skimmed.vms.get(id)
        if vm is None:
            vm = skimmed.vms[id] = limits.new_vm()
        _take_vm(skimmed, vm, row, found, happened)
    else:
        found = _HOST.search(body)
        if found is None:
            return False
        host = skimmed.hosts.get(id)
        if host is None:
            host = skimmed.hosts[id] = limits.new_host()
        free, held, reserve, total = map(int, found.groups())
        sample: HostSample = (position, happened, total, reserve, held, free)
        host.points.add(sample)
        host.rows.append((row, sample))
        host.first = host.first or happened
        if happened > host.last:
            host.last = happened
        host.events += 1
    return True


def _take_vm(skimmed: _Skimmed, vm: _Vm, row: Columns, found: re.Match[bytes], happened: str) -> None:
    assigned, ballooned, watermark, in_use, power, session, visible = found.groups()
    position, _, _, topic, body = row
    if topic == _REPORTS:
        vm.in_use_as_of = happened
    elif topic in _FORGETS:
        vm.in_use_as_of = None
    if topic in _PLACES:
        vm.host = _host_of(row) or vm.host
    is_known = vm.in_use_as_of is not None or power == b"off"
    sample: VmSample = (
        position, happened, int(assigned), int(visible), int(watermark), int(in_use) if is_known else None,
        int(ballooned), power, int(session), vm.host, vm.in_use_as_of,
    )  # fmt: skip
    vm.points.add(sample)
    listed = (row, sample)
    vm.rows.append(listed)
    vm.first = vm.first or happened
    if happened > vm.last:
        vm.last = happened
    vm.events += 1
    if topic in _RESIZES or (topic in _REFUSALS and _RESIZE.search(body) is not None):
        vm.asked += 1
        vm.requests.append(listed)
        skimmed.requests.append(listed)
        if topic in _REFUSALS or _COMPLETED not in body:
            vm.fell_short += 1
            vm.short.append(listed)


def _host_of(row: Columns) -> str | None:
    """The host that an event puts its VM on."""
    event = _envelope(row).event
    if isinstance(event, VmDefined):
        return event.host
    return event.destination if isinstance(event, VmMoved) else None


# What is kept, decoded


def _collected(collected: Collected, skimmed: _Skimmed) -> Collected:
    courses: dict[int, RequestCourse] = {}

    def course_of(listed: Listed) -> RequestCourse:
        position = listed[0][0]
        if position not in courses:
            courses[position] = RequestCourse(asked=_envelope(listed[0]))
        return courses[position]

    for id, vm in skimmed.vms.items():
        history = VmHistory(id=id, first=UtcTime(vm.first), last=UtcTime(vm.last), events=vm.events)
        history.points = vm.points.converted(partial(_vm_moment, id), sizes_of_vm)
        history.rows = deque(_listed(id, listed) for listed in vm.rows)
        history.linked = {listed[0][0]: _listed(id, listed) for listed in vm.short}
        history.requests = deque(map(course_of, vm.requests))
        history.short = deque(_short(listed, course_of(listed)) for listed in vm.short)
        history.asked, history.fell_short = vm.asked, vm.fell_short
        collected.vms[id] = history
    for id, host in skimmed.hosts.items():
        of_host = HostHistory(id=id, first=UtcTime(host.first), last=UtcTime(host.last), events=host.events)
        of_host.points = host.points.converted(partial(_host_point, id), sizes_of_host)
        of_host.rows = deque(_listed(id, listed) for listed in host.rows)
        collected.hosts[id] = of_host
    collected.requests = deque(map(course_of, skimmed.requests))
    collected.events = skimmed.events
    collected.first = UtcTime(skimmed.first) if skimmed.first else None
    collected.last = UtcTime(skimmed.last) if skimmed.last else None
    return collected


def _envelope(row: Columns) -> Envelope[Event]:
    position, stream, version, topic, body = row
    return decode(stream, version, topic, body, position)


def _listed(id: str, listed: Listed) -> ListedEvent:
    row, sample = listed
    if len(sample) == HOST_FIGURES:
        return ListedEvent(_envelope(row), _host_point(id, sample))
    return ListedEvent(_envelope(row), _vm_moment(id, sample))


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
        held=assigned if power in _ON else 0,
        visible=visible,
        high_watermark=watermark,
        in_use=in_use,
        ballooned=ballooned,
    )
    unknown = {} if in_use is not None else {"in_use": in_use_not_reported()}
    return VmMoment(point=point, in_use_as_of=None if in_use_as_of is None else UtcTime(in_use_as_of), unknown=unknown)


def _host_point(id: str, sample: HostSample) -> HostPoint:
    position, at, total, reserve, held, free = sample
    return HostPoint(position=position, at=UtcTime(at), host=id, total=total, reserve=reserve, held=held, free=free)
