"""A long ledger, skimmed: figures are read out of the stored bytes, and only the events that are listed are decoded.

It gives what ``collect`` gives without a judge, for a ledger in which all is decided and no event is of an older shape;
of any other it gives ``None``. The figures are those that each event carries: whether they are true, an audit says.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Final, cast

from domain.envelope import Envelope
from domain.events import Event, VmDefined, VmMoved
from domain.identifiers import UtcTime, split_stream
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
from nilometer.report.figure_texts import BEGIN, Figures, read_host, read_vm
from nilometer.report.thinning import ThinnedPoints
from nilometer.storage.bodies import decode
from nilometer.storage.reader import Columns
from nilometer.textio.streaming import reduced_garbage_collection
from projections.fleet import Fleet
from projections.requests import RequestCourse
from projections.series import HostPoint, VmPoint
from projections.unknowns import in_use_not_reported

_HAPPENED: Final = b',"earliest":null,"happened":"'
_REASON: Final = b'","reason":'
_TIME: Final = len(_HAPPENED)
_AFTER_TIME: Final = _TIME + len("2026-11-23T09:00:00.000000Z")
_AFTER_REASON: Final = _AFTER_TIME + len(_REASON)
_DECIDED: Final = b'"origin":"decided"'
_COMPLETED: Final = b'"outcome":"completed"'
_RESIZE: Final = re.compile(rb'"command":"(?:add-memory|remove-memory|set-memory|grow|reclaim)"')
_REPORTS: Final = "vm.in-use-reported/1"
_FORGETS: Final = frozenset({"vm.started/1", "vm.rebooted/1", "vm.stopped/1", "vm.defined/2", "vm.removed/1"})
_PLACES: Final = frozenset({"vm.defined/2", "vm.moved/1"})
_CHANGES: Final = _FORGETS | _PLACES | {_REPORTS}
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
    id: str
    points: ThinnedPoints[VmSample]
    rows: deque[Listed]
    requests: deque[Listed]
    short: deque[Listed]
    waiting: list[VmSample] = field(default_factory=list[VmSample])
    """Points that are thinned together."""
    host: str | None = None
    in_use_as_of: str | None = None
    first: str = ""
    last: str = ""
    asked: int = 0
    fell_short: int = 0


@dataclass(slots=True)
class _Host:
    id: str
    points: ThinnedPoints[HostSample]
    rows: deque[Listed]
    waiting: list[HostSample] = field(default_factory=list[HostSample])
    first: str = ""
    last: str = ""


@dataclass(slots=True)
class _Skimmed:
    vms: dict[str, _Vm] = field(default_factory=dict[str, _Vm])
    """By their streams, like ``hosts``."""
    hosts: dict[str, _Host] = field(default_factory=dict[str, _Host])
    requests: deque[Listed] = field(default_factory=lambda: deque[Listed](maxlen=MOST_ROWS))
    events: int = 0
    first: str = ""
    last: str = ""


MOST_WAITING: Final = 16_384
"""So many points of all VMs and hosts wait to be thinned."""
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
    with reduced_garbage_collection():
        if not _take_all(
            skimmed, ledger.columns(upto=fleet.position if until is None else None), limits, until, on_progress
        ):
            return None
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

        self.waiting = max(4, min(256, MOST_WAITING // count))

    def new_vm(self, id: str) -> _Vm:
        """A VM of which nothing is known yet."""
        return _Vm(
            id=id,
            points=ThinnedPoints(_BY_VM, self.points),
            rows=deque(maxlen=self.rows),
            requests=deque(maxlen=self.requests),
            short=deque(maxlen=self.requests),
        )

    def new_host(self, id: str) -> _Host:
        """The same of a host."""
        return _Host(id=id, points=ThinnedPoints(_BY_HOST, self.points), rows=deque(maxlen=self.rows))


def _take_all(
    skimmed: _Skimmed,
    rows: Iterable[Columns],
    limits: _Limits,
    until: str | None,
    on_progress: Callable[[int], None],
) -> bool:
    """Takes stored events in order; returns whether all could be skimmed.

    This runs for each event of a long ledger: what it costs, a report costs. A byte string is searched from its end,
    which is quicker, and figures that were read once are not read again.
    """
    vms, hosts = skimmed.vms, skimmed.hosts
    vm_figures, host_figures = Figures(read_vm), Figures(read_host)
    first, last, events = "", "", 0
    for row in rows:
        position, stream, _, topic, body = row
        if type(body) is not bytes or body.rfind(_DECIDED) < 0:  # somebody changed it, or saw it happen
            return False
        mark = body.rfind(_HAPPENED)
        if mark < 0 or body[mark + _AFTER_TIME : mark + _AFTER_REASON] != _REASON:
            return False
        happened = body[mark + _TIME : mark + _AFTER_TIME].decode()
        if until is not None and happened > until:
            continue
        if happened > last:
            last = happened
        if not first or happened < first:
            first = happened
        events += 1
        if not events % 10_000:
            on_progress(events)
        begin = body.find(BEGIN) + len(BEGIN)
        text = body[begin : body.find(b"}", begin)]
        vm = vms.get(stream)
        host = None if vm is not None else hosts.get(stream)
        if vm is None and host is None:
            kind, id = split_stream(stream)
            if kind == "vm":
                vm = vms[stream] = limits.new_vm(id)
            else:
                host = hosts[stream] = limits.new_host(id)
        if vm is not None:
            if (of_vm := vm_figures[text]) is None:
                return False
            if topic in _CHANGES:
                _change(vm, row, happened)
            assigned, visible, watermark, used, ballooned, power, session = of_vm
            in_use = used if vm.in_use_as_of is not None or power == b"off" else None
            sample = (
                position, happened, assigned, visible, watermark, in_use, ballooned, power, session,
                vm.host, vm.in_use_as_of,
            )  # fmt: skip
            listed = (row, sample)
            vm.rows.append(listed)
            vm.first = vm.first or happened
            if happened > vm.last:
                vm.last = happened
            vm.waiting.append(sample)
            if len(vm.waiting) >= limits.waiting:
                vm.points.extend(vm.waiting)
                vm.waiting.clear()
            if topic in _RESIZES or topic in _REFUSALS:
                _take_request(skimmed, vm, listed)
        elif host is not None:
            if (of_host := host_figures[text]) is None:
                return False
            host_sample = (position, happened, *of_host)
            host.rows.append((row, host_sample))
            host.first = host.first or happened
            if happened > host.last:
                host.last = happened
            host.waiting.append(host_sample)
            if len(host.waiting) >= limits.waiting:
                host.points.extend(host.waiting)
                host.waiting.clear()
    skimmed.first, skimmed.last, skimmed.events = first, last, events
    return True


def _change(vm: _Vm, row: Columns, happened: str) -> None:
    """What an event says of a VM beside its figures."""
    topic = row[3]
    if topic == _REPORTS:
        vm.in_use_as_of = happened
    elif topic in _FORGETS:
        vm.in_use_as_of = None
    if topic in _PLACES:
        vm.host = _host_of(row) or vm.host


def _take_request(skimmed: _Skimmed, vm: _Vm, listed: Listed) -> None:
    _, _, _, topic, body = listed[0]
    is_refused = topic in _REFUSALS
    if is_refused and _RESIZE.search(body) is None:
        return
    vm.asked += 1
    vm.requests.append(listed)
    skimmed.requests.append(listed)
    if is_refused or body.rfind(_COMPLETED) < 0:
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

    for vm in skimmed.vms.values():
        id = vm.id
        vm.points.extend(vm.waiting)
        history = VmHistory(id=id, first=UtcTime(vm.first), last=UtcTime(vm.last), events=vm.points.count)
        history.points = vm.points.converted(partial(_vm_moment, id), sizes_of_vm)
        history.rows = deque(_listed(id, listed) for listed in vm.rows)
        history.linked = {listed[0][0]: _listed(id, listed) for listed in vm.short}
        history.requests = deque(map(course_of, vm.requests))
        history.short = deque(_short(listed, course_of(listed)) for listed in vm.short)
        history.asked, history.fell_short = vm.asked, vm.fell_short
        collected.vms[id] = history
    for host in skimmed.hosts.values():
        id = host.id
        host.points.extend(host.waiting)
        of_host = HostHistory(id=id, first=UtcTime(host.first), last=UtcTime(host.last), events=host.points.count)
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
