"""A long ledger, skimmed: figures of decided events are read out of the stored bytes, what was observed is decoded and
folded, and all is collected in stretches, which can be read in several processes.

It gives what ``collect`` gives without a judge, or ``None`` of a ledger with decided events of an older shape, or with
events that cannot be read. The figures are those that each event carries: whether they are true, an audit says.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from operator import itemgetter
from typing import Final, cast

from domain.aggregates import VmAggregate
from domain.envelope import Envelope
from domain.events import (
    Decided,
    Event,
    HostRemoved,
    VmCommandRefused,
    VmDefined,
    VmInUseReported,
    VmMemoryAdded,
    VmMemoryRemoved,
    VmMoved,
    VmRebooted,
    VmRemoved,
    VmStarted,
    VmStopped,
)
from domain.identifiers import UtcTime, split_stream
from domain.kinds import EVENTS
from domain.policy_events import PolicyEvent
from domain.state import Power
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.reader import LedgerReader
from nilometer.report.collecting import (
    MOST_ROWS,
    Collected,
    CollectedStretch,
    Collector,
    HostHistory,
    Limits,
    ListedEvent,
    ShortSettlement,
    VmHistory,
    VmMoment,
    sizes_of_host,
    sizes_of_vm,
)
from nilometer.report.figure_texts import BEGIN, Figures, read_host, read_vm
from nilometer.report.thinning import ThinnedPoints
from nilometer.storage.bodies import decode, is_decided, topic_of
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
_COMPLETED: Final = b'"outcome":"completed"'
_RESIZE: Final = re.compile(rb'"command":"(?:add-memory|remove-memory|set-memory|grow|reclaim)"')


def _topics_of(*kinds: type[Event]) -> frozenset[str]:
    """The topics of the events of these classes, and of their subclasses, as they are written now."""
    return frozenset(topic_of(event) for event in EVENTS.values() if issubclass(event, kinds))


_DECIDED: Final = _topics_of(Decided)
_REPORTS: Final = _topics_of(VmInUseReported)
_FORGETS: Final = _topics_of(VmStarted, VmRebooted, VmStopped, VmDefined, VmRemoved)
_PLACES: Final = _topics_of(VmDefined, VmMoved)
_CHANGES: Final = _FORGETS | _PLACES | _REPORTS
_VM_REMOVED: Final = _topics_of(VmRemoved)
_HOST_REMOVED: Final = _topics_of(HostRemoved)
_UNSHOWN: Final = _topics_of(PolicyEvent)
"""What a report counts, and shows nothing of."""
_RESIZES: Final = _topics_of(VmMemoryAdded, VmMemoryRemoved)
_REFUSALS: Final = _topics_of(VmCommandRefused)
_ON: Final = (b"running", b"paused")

VmSample = tuple[
    int, str, int | None, int | None, int | None, int | None, int | None, bytes, int | None, str | None, str | None
]
"""Position, time, assigned, visible, watermark, in use, ballooned, power, session, host, time of the in use.

A VM that was removed has none of the figures.
"""
HostSample = tuple[int, str, int, int, int, int]
"""Position, time, total, reserve, held, free."""
Listed = tuple[Columns, VmSample | HostSample | None]
"""An event as it is stored, and the figures after it: none of a host that was removed."""


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

    def join(self, later: _Vm) -> None:
        """Takes what was kept of the same VM in the stretch that follows."""
        self.points.join(later.points)
        self.rows.extend(later.rows)
        self.requests.extend(later.requests)
        self.short.extend(later.short)
        self.first, self.last = min(self.first, later.first), max(self.last, later.last)
        self.asked += later.asked
        self.fell_short += later.fell_short


@dataclass(slots=True)
class _Host:
    id: str
    points: ThinnedPoints[HostSample]
    rows: deque[Listed]
    waiting: list[HostSample] = field(default_factory=list[HostSample])
    first: str = ""
    last: str = ""
    removals: int = 0
    """Events after which it has no figures: one at most."""

    def join(self, later: _Host) -> None:
        """The same of a host."""
        self.points.join(later.points)
        self.rows.extend(later.rows)
        self.first = min(filter(None, (self.first, later.first)), default="")
        self.last = max(self.last, later.last)
        self.removals += later.removals


@dataclass(slots=True)
class _Skimmed:
    """What is decided in a stretch of the ledger."""

    vms: dict[str, _Vm] = field(default_factory=dict[str, _Vm])
    """By their streams, like ``hosts``."""
    hosts: dict[str, _Host] = field(default_factory=dict[str, _Host])
    requests: deque[Listed] = field(default_factory=lambda: deque[Listed](maxlen=MOST_ROWS))
    events: int = 0
    first: str = ""
    last: str = ""

    def join(self, later: _Skimmed) -> None:
        """Takes what is decided in the stretch that follows."""
        for stream, vm in later.vms.items():
            if stream in self.vms:
                self.vms[stream].join(vm)
            else:
                self.vms[stream] = vm
        for stream, host in later.hosts.items():
            if stream in self.hosts:
                self.hosts[stream].join(host)
            else:
                self.hosts[stream] = host
        self.requests.extend(later.requests)
        self.events += later.events
        self.first = min(filter(None, (self.first, later.first)), default="")
        self.last = max(self.last, later.last)


@dataclass(frozen=True, slots=True)
class SkimmedStretch:
    """What one stretch of a ledger gave: what is decided in it, and the rest."""

    decided: _Skimmed
    others: CollectedStretch


MOST_WAITING: Final = 16_384
"""So many points of all VMs and hosts wait to be thinned."""
HOST_FIGURES: Final = 6
"""How long the sample of a host is."""
_BY_VM: Final = cast("Callable[[VmSample], tuple[int | None, ...]]", itemgetter(2, 3, 4, 5))
_BY_HOST: Final = cast("Callable[[HostSample], tuple[int | None, ...]]", itemgetter(2, 3, 4, 5))

Progress = Callable[[int], None]
Skim = Callable[["LedgerReader", Sequence["Span"], int, Progress], "Sequence[SkimmedStretch | None]"]
"""Skims stretches of a ledger that has so many hosts and VMs, and gives what each gave, in their order."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a ledger: the events after a position up to another, as far as they happened until a time."""

    after: int
    upto: int
    until: UtcTime | None = None


STEP: Final = 10_000
"""Progress is told every so many events."""
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
            _add_decided(collector.collected, first.decided)
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
    skimmed = _Skimmed()
    try:
        with reduced_garbage_collection():
            rows = ledger.columns(span.after, span.upto)
            if not _take_all(skimmed, others, rows, _Beginnings(fleet, count), span.until, on_progress):
                return None
    except UnreadableEvent:
        return None
    if others.collected.broken:  # two kinds of events on one stream: only the whole reading says where it ends
        return None
    return SkimmedStretch(skimmed, others.end_stretch())


class _Beginnings:
    """What is known of VMs and hosts when the first event of theirs comes in a stretch."""

    def __init__(self, fleet: Fleet, count: int) -> None:
        self._fleet = fleet
        self._limits = Limits(count)
        self.waiting = max(4, min(256, MOST_WAITING // self._limits.count))

    def new_vm(self, id: str) -> _Vm:
        """A VM as it was when the stretch began."""
        vm = _Vm(
            id=id,
            points=ThinnedPoints(_BY_VM, self._limits.points),
            rows=deque(maxlen=self._limits.rows),
            requests=deque(maxlen=self._limits.requests),
            short=deque(maxlen=self._limits.requests),
        )
        tracked = self._fleet.vms.get(id)
        if tracked is not None and isinstance(tracked.subject, VmAggregate):
            vm.host, vm.in_use_as_of = tracked.subject.host, tracked.in_use_as_of
        return vm

    def new_host(self, id: str) -> _Host:
        """A host, of which each event says all."""
        return _Host(id=id, points=ThinnedPoints(_BY_HOST, self._limits.points), rows=deque(maxlen=self._limits.rows))


def _take_all(
    skimmed: _Skimmed,
    others: Collector,
    rows: Iterable[Columns],
    beginnings: _Beginnings,
    until: str | None,
    on_progress: Callable[[int], None],
) -> bool:
    """Takes stored events in order; returns whether all could be skimmed.

    This runs for each event of a long ledger: what it costs, a report costs. A byte string is searched from its end,
    which is quicker, and figures that were read once are not read again.
    """
    vms, hosts = skimmed.vms, skimmed.hosts
    vm_figures, host_figures = Figures(read_vm), Figures(read_host)
    first, last, events, read = "", "", 0, 0
    for row in rows:
        position, stream, version, topic, body = row
        read += 1
        if not read % STEP:
            on_progress(read)
        if type(body) is not bytes or type(topic) is not str:  # somebody changed it
            return False
        if topic not in _DECIDED:
            if is_decided(topic):  # in an older shape
                return False
            if topic in _UNSHOWN and until is None:
                others.collected.events += 1
                continue
            # somebody saw it happen, or it is about an import
            envelope = decode(stream, version, topic, body, position)
            if until is None or envelope.metadata.happened <= until:
                others.take(envelope)
            continue
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
        begin = body.find(BEGIN) + len(BEGIN)
        text = body[begin : body.find(b"}", begin)]
        vm = vms.get(stream)
        host = None if vm is not None else hosts.get(stream)
        if vm is None and host is None:
            kind, id = split_stream(stream)
            if kind == "vm":
                vm = vms[stream] = beginnings.new_vm(id)
            else:
                host = hosts[stream] = beginnings.new_host(id)
        if vm is not None:
            if (of_vm := vm_figures[text]) is None:
                return False
            if topic in _CHANGES:
                _change(vm, row, happened)
            assigned, visible, watermark, used, ballooned, power, session = of_vm
            in_use = used if vm.in_use_as_of is not None or power == b"off" else None
            sample: VmSample = (
                position, happened, assigned, visible, watermark, in_use, ballooned, power, session,
                vm.host, vm.in_use_as_of,
            )  # fmt: skip
            if topic in _VM_REMOVED:
                sample = (position, happened, None, None, None, None, None, b"off", None, vm.host, None)
            listed = (row, sample)
            vm.rows.append(listed)
            vm.first = vm.first or happened
            if happened > vm.last:
                vm.last = happened
            vm.waiting.append(sample)
            if len(vm.waiting) >= beginnings.waiting:
                vm.points.extend(vm.waiting)
                vm.waiting.clear()
            if topic in _RESIZES or topic in _REFUSALS:
                _take_request(skimmed, vm, listed)
        elif host is not None and topic in _HOST_REMOVED:
            host.rows.append((row, None))
            host.removals += 1
            host.last = max(host.last, happened)
        elif host is not None:
            if (of_host := host_figures[text]) is None:
                return False
            host_sample = (position, happened, *of_host)
            host.rows.append((row, host_sample))
            host.first = host.first or happened
            if happened > host.last:
                host.last = happened
            host.waiting.append(host_sample)
            if len(host.waiting) >= beginnings.waiting:
                host.points.extend(host.waiting)
                host.waiting.clear()
    skimmed.first, skimmed.last, skimmed.events = first, last, events
    for vm in vms.values():
        vm.points.extend(vm.waiting)
        vm.waiting.clear()
    for host in hosts.values():
        host.points.extend(host.waiting)
        host.waiting.clear()
    return True


def _change(vm: _Vm, row: Columns, happened: str) -> None:
    """What an event says of a VM beside its figures."""
    topic = row[3]
    if topic in _REPORTS:
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


def _add_decided(collected: Collected, skimmed: _Skimmed) -> None:
    """Adds what is decided. Raises ``UnreadableEvent``."""
    courses: dict[int, RequestCourse] = {}

    def course_of(listed: Listed) -> RequestCourse:
        position = listed[0][0]
        if position not in courses:
            courses[position] = RequestCourse(asked=_envelope(listed[0]))
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


def _envelope(row: Columns) -> Envelope[Event]:
    position, stream, version, topic, body = row
    return decode(stream, version, topic, body, position)


def _listed(id: str, listed: Listed) -> ListedEvent:
    row, sample = listed
    if sample is None:
        return ListedEvent(_envelope(row), None)
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
