"""One pass over a history: its figures over time, its requests, its findings, in memory that does not grow with it.

What is kept of a long history is thinned, and how much was left out is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Final, Self

from domain.aggregates import HistoryError
from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import UtcTime, split_stream
from domain.observed.events import ImportBegun, ImportRecorded
from nilometer.audit.result import Audit
from nilometer.report.thinning import Sizes, ThinnedPoints
from nilometer.textio.streaming import in_batches, reduced_garbage_collection
from projections.fleet import Fleet
from projections.requests import RequestCourse, RequestCourses, is_short
from projections.series import FleetSeries, HostPoint, VmPoint, host_point, vm_point
from projections.unknowns import UnknownFigure, unknown_figures
from projections.watching import WatchedHost
from rules.judging.completeness import PlacedEvent
from rules.judging.findings import Finding, Verdict
from rules.judging.judge import Judge

MOST_POINTS: Final = 96
"""Stretches of a line of which the extremes are kept, of one VM or host."""
MOST_POINTS_TOGETHER: Final = 1200
"""The same for all VMs and hosts together: where there are many, each has fewer."""
FEWEST_POINTS: Final = 4
MOST_ROWS: Final = 500
"""Of each VM and host so many of the newest events are listed, and all that something leads to."""
MOST_ROWS_TOGETHER: Final = 2000
FEWEST_ROWS: Final = 10
MOST_REQUESTS: Final = 60
"""Requests of a VM that are drawn: the newest of all, and the newest that fell short."""
MOST_REQUESTS_TOGETHER: Final = 1000
FEWEST_REQUESTS: Final = 5
MOST_FINDINGS_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class VmMoment:
    """The figures of a VM after an event, why some are not known, and how old one is."""

    point: VmPoint
    in_use_as_of: UtcTime | None
    unknown: Mapping[str, UnknownFigure]


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event that is listed, with what its VM or host had after it."""

    envelope: Envelope[Event]
    moment: VmMoment | HostPoint | None


@dataclass(slots=True)
class SubjectHistory:
    """What is kept of one VM or host."""

    id: str
    first: UtcTime
    last: UtcTime
    events: int = 0
    rows: deque[ListedEvent] = field(default_factory=deque[ListedEvent])
    """The newest events."""
    linked: dict[int, ListedEvent] = field(default_factory=dict[int, ListedEvent])
    """Older events that something leads to, by position."""

    def take(self, listed: ListedEvent, *, is_linked: bool) -> None:
        """Takes the next event of the VM or host."""
        happened = listed.envelope.metadata.happened
        self.first, self.last = min(self.first, happened), max(self.last, happened)
        self.events += 1
        self.rows.append(listed)
        if is_linked:
            self.linked[listed.envelope.position] = listed
            while len(self.linked) > (self.rows.maxlen or MOST_ROWS):
                del self.linked[next(iter(self.linked))]

    def link(self, position: int) -> None:
        """Keeps an event that something leads to, if it is still among the newest."""
        for listed in reversed(self.rows):
            if listed.envelope.position == position and len(self.linked) < MOST_ROWS:
                self.linked[position] = listed
            if listed.envelope.position <= position:
                return

    def listed(self) -> list[ListedEvent]:
        """The events to list, in order."""
        known = {listed.envelope.position: listed for listed in self.rows} | self.linked
        return [known[position] for position in sorted(known)]


@dataclass(frozen=True, slots=True)
class ShortSettlement:
    """That a request was settled with less than was asked for, or refused."""

    settled: Envelope[Event]
    course: RequestCourse
    assigned: int | None
    """What the VM had then."""
    host: str | None


@dataclass(slots=True)
class VmHistory(SubjectHistory):
    """What is kept of a VM."""

    points: ThinnedPoints[VmMoment] = field(default_factory=lambda: ThinnedPoints(sizes_of_vm, MOST_POINTS))
    requests: deque[RequestCourse] = field(default_factory=lambda: deque[RequestCourse](maxlen=MOST_REQUESTS))
    short: deque[ShortSettlement] = field(default_factory=lambda: deque[ShortSettlement](maxlen=MOST_REQUESTS))
    """The newest settlements that were short."""
    asked: int = 0
    """How many requests there were."""
    fell_short: int = 0
    """How often one was settled short."""


@dataclass(slots=True)
class HostHistory(SubjectHistory):
    """What is kept of a host."""

    points: ThinnedPoints[HostPoint] = field(default_factory=lambda: ThinnedPoints(sizes_of_host, MOST_POINTS))
    watched: WatchedHost = field(init=False)

    def __post_init__(self) -> None:
        self.watched = WatchedHost(self.id)

    @property
    def gaps(self) -> list[tuple[UtcTime, UtcTime]]:
        """Times in which nobody watched it."""
        return [(gap.since, gap.until) for gap in self.watched.gaps_between()]

    @property
    def watched_until(self) -> UtcTime | None:
        """The last poll that is known."""
        return self.watched.until


@dataclass(slots=True)
class Collected:
    """What one pass over a history gives."""

    source: str
    fleet: Fleet
    audit: Audit
    judged: bool
    vms: dict[str, VmHistory] = field(default_factory=dict[str, VmHistory])
    hosts: dict[str, HostHistory] = field(default_factory=dict[str, HostHistory])
    requests: deque[RequestCourse] = field(default_factory=lambda: deque[RequestCourse](maxlen=MOST_ROWS))
    """The newest requests of all."""
    imports: list[Envelope[Event]] = field(default_factory=list[Envelope[Event]])
    events: int = 0
    first: UtcTime | None = None
    last: UtcTime | None = None
    broken: list[HistoryError] = field(default_factory=list[HistoryError])


def collect(
    events: Iterable[PlacedEvent],
    source: str,
    judge: Judge | None,
    *,
    until: UtcTime | None = None,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Collected:
    """Reads a history once, and takes what happened until a time. With a ``judge`` it is judged on the way."""
    read = 0
    collector = Collector(source, judge)
    with reduced_garbage_collection():
        for batch in in_batches(events):
            collector.take_batch(batch, until)
            read += len(batch)
            on_progress(read)
    return collector.finish()


def _link_nothing(finding: Finding) -> None:
    pass


class _LinkingAudit(Audit):
    """An audit that keeps the events that its findings are about."""

    def __init__(self) -> None:
        super().__init__(minor=True, most=MOST_FINDINGS_SHOWN)
        self.link: Callable[[Finding], None] = _link_nothing

    def add(self, finding: Finding, source: str) -> None:
        super().add(finding, source)
        self.link(finding)


class Collector:
    """Takes the events of one history, in order: also of one that goes on."""

    def __init__(self, source: str, judge: Judge | None) -> None:
        self._series = FleetSeries()
        self._courses = RequestCourses()
        self._judge = judge
        self._audit = _LinkingAudit()
        self._audit.link = self.link
        self._ended: Audit | None = None
        self._judged = 0
        """Of so many events ``_ended`` is."""
        self.collected = Collected(source=source, fleet=self._series.fleet, audit=self._audit, judged=judge is not None)
        """What they gave so far."""

    @classmethod
    def going_on(cls, collected: Collected) -> Self:
        """Goes on after what was collected in another way, of a history in which every event is decided; unjudged."""
        collector = cls(collected.source, None)
        collector._series = FleetSeries(collected.fleet)
        collector.collected = collected
        collected.requests = deque(collected.requests, maxlen=MOST_ROWS)
        collector._limit([*collected.vms.values(), *collected.hosts.values()])
        return collector

    @classmethod
    def going_on_from(cls, source: str, fleet: Fleet) -> Self:
        """Goes on after a fleet as it is stored: of what was before, its figures alone are known; unjudged."""
        collector = cls(source, None)
        collector._series = FleetSeries(fleet)
        collector.collected.fleet = fleet
        for id, tracked_host in fleet.hosts.items():
            collector._host(id, tracked_host.as_of).points.add(
                host_point(fleet, id, fleet.position, tracked_host.as_of)
            )
        for id, tracked in fleet.vms.items():
            collector._add_vm_point(vm_point(id, tracked, fleet.position))
        return collector

    def take_batch(self, batch: Sequence[PlacedEvent], until: UtcTime | None = None) -> None:
        """Takes the next events, of which it shows what happened until a time, and has all of them judged."""
        for placed in batch:
            if until is None or placed.envelope.metadata.happened <= until:
                self.take(placed.envelope)
        if self._judge is not None and batch:
            self.collected.audit.judge(batch, self._judge, self.collected.source)

    def so_far(self) -> Collected:
        """What a history gave that goes on: judged as if it ended here, by copies that end in its stead."""
        if self._judge is None:
            return self.collected
        if self._judged != self._judge.coverage.events or self._ended is None:
            audit, link = self._audit, self._audit.link
            audit.link = _link_nothing  # else all that was collected is copied with it
            try:
                judge, audit = deepcopy((self._judge, audit))
            finally:
                self._audit.link = link
            audit.finish(judge, self.collected.source)
            self._ended, self._judged = audit, self._judge.coverage.events
        return replace(self.collected, audit=self._ended)

    def finish(self) -> Collected:
        """Ends the history: what is found at its end counts as well."""
        if self._judge is not None:
            self.collected.audit.finish(self._judge, self.collected.source)
        return self.collected

    def take(self, envelope: Envelope[Event]) -> None:
        """Takes the next event, without having it judged."""
        collected = self.collected
        collected.events += 1
        kind, id = split_stream(envelope.stream)
        if kind not in ("vm", "host"):
            if isinstance(envelope.event, ImportRecorded | ImportBegun):
                collected.imports.append(envelope)
            return
        happened = envelope.metadata.happened
        collected.first = min(collected.first or happened, happened)
        collected.last = max(collected.last or happened, happened)
        try:
            points = self._series.take(envelope)
        except HistoryError as error:
            self._series.fleet.end(envelope.stream, envelope.position, error)
            collected.broken.append(error)
            points = []
        short = is_short(envelope.event)
        moment: VmMoment | HostPoint | None = None
        for point in points:
            if isinstance(point, VmPoint):
                moment = self._add_vm_point(point)
            else:
                self._host(point.host, point.at).points.add(point)
                moment = moment or point
        subject = self._vm(id, happened) if kind == "vm" else self._host(id, happened)
        subject.take(ListedEvent(envelope, moment), is_linked=short)
        if isinstance(subject, VmHistory):
            self._take_request(subject, envelope, moment if isinstance(moment, VmMoment) else None, short=short)
        else:
            subject.watched.take(envelope)

    def _add_vm_point(self, point: VmPoint) -> VmMoment:
        tracked = self._series.fleet.vms.get(point.vm)
        unknown = {} if tracked is None else unknown_figures(tracked)
        in_use_as_of = None if tracked is None else tracked.in_use_as_of
        if point.host is not None:
            self._host(point.host, point.at)
        moment = VmMoment(point=point, in_use_as_of=in_use_as_of, unknown=unknown)
        self._vm(point.vm, point.at).points.add(moment)
        return moment

    def _take_request(self, vm: VmHistory, envelope: Envelope[Event], moment: VmMoment | None, *, short: bool) -> None:
        course = self._courses.take(envelope)
        if course is None:
            return
        if course.asked is envelope:
            vm.asked += 1
            vm.requests.append(course)
            self.collected.requests.append(course)
        if short:
            vm.fell_short += 1
            settlement = ShortSettlement(
                settled=envelope,
                course=course,
                assigned=None if moment is None else moment.point.assigned,
                host=None if moment is None else moment.point.host,
            )
            vm.short.append(settlement)

    def link(self, finding: Finding) -> None:
        """Keeps the event that a finding is about, if it is still known."""
        at = finding.at
        if at.position is None or finding.verdict is Verdict.REMARK:
            return
        kind, id = split_stream(at.stream)
        subjects: Mapping[str, SubjectHistory] = self.collected.vms if kind == "vm" else self.collected.hosts
        if id in subjects:
            subjects[id].link(at.position)

    def _vm(self, id: str, at: UtcTime) -> VmHistory:
        found = self.collected.vms.get(id)
        if found is None:
            found = self.collected.vms[id] = VmHistory(id=id, first=at, last=at)
            self._limit_added(found)
        return found

    def _host(self, id: str, at: UtcTime) -> HostHistory:
        found = self.collected.hosts.get(id)
        if found is None:
            found = self.collected.hosts[id] = HostHistory(id=id, first=at, last=at)
            self._limit_added(found)
        return found

    def _limit_added(self, added: VmHistory | HostHistory) -> None:
        """The more VMs and hosts there are, the less is kept of each. Looked at whenever their number has doubled."""
        collected = self.collected
        count = len(collected.vms) + len(collected.hosts)
        has_doubled = count & (count - 1) == 0
        self._limit([*collected.vms.values(), *collected.hosts.values()] if has_doubled else [added])

    def _limit(self, subjects: Iterable[VmHistory | HostHistory]) -> None:
        count = max(1, len(self.collected.vms) + len(self.collected.hosts))
        rows = max(FEWEST_ROWS, min(MOST_ROWS, MOST_ROWS_TOGETHER // count))
        points = max(FEWEST_POINTS, min(MOST_POINTS, MOST_POINTS_TOGETHER // count))
        requests = max(FEWEST_REQUESTS, min(MOST_REQUESTS, MOST_REQUESTS_TOGETHER // count))
        for subject in subjects:
            subject.rows = deque(subject.rows, maxlen=rows)
            subject.points.limit(points)
            if isinstance(subject, VmHistory):
                subject.requests = deque(subject.requests, maxlen=requests)
                subject.short = deque(subject.short, maxlen=requests)


def sizes_of_vm(moment: VmMoment) -> Sizes:
    """The figures of a VM whose extremes stay."""
    point = moment.point
    return point.assigned, point.visible, point.high_watermark, point.in_use, point.held


def sizes_of_host(point: HostPoint) -> Sizes:
    """The figures of a host whose extremes stay."""
    return point.total, point.reserve, point.held, point.free
