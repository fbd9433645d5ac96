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
from domain.identifiers import UtcTime, split_stream, subject_id
from domain.observed.events import ImportBegun, ImportRecorded
from domain.record import fast_init
from nilometer.audit.result import Audit
from nilometer.report.thinning import Sizes, ThinnedPoints
from nilometer.textio.streaming import in_batches, reduced_garbage_collection
from projections.fleet import Fleet
from projections.requests import RequestCourse, RequestCourses, belongs_to_request, is_short
from projections.series import FleetSeries, HostPoint, VmPoint, host_point, vm_point
from projections.unknowns import UnknownFigure, knows_setting, unknown_figures
from projections.watching import WatchedHost
from rules.judging.completeness import PlacedEvent
from rules.judging.findings import Finding, Verdict
from rules.judging.judge import Judge

MOST_JUDGED: Final = 100_000
"""A longer ledger is not judged unless somebody asks for it: it takes a minute for each million events."""
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


class Limits:
    """How much is kept of each VM and host, by how many there are."""

    def __init__(self, count: int) -> None:
        count = max(1, count)
        self.count = count
        self.points = max(FEWEST_POINTS, min(MOST_POINTS, MOST_POINTS_TOGETHER // count))
        self.rows = max(FEWEST_ROWS, min(MOST_ROWS, MOST_ROWS_TOGETHER // count))
        self.requests = max(FEWEST_REQUESTS, min(MOST_REQUESTS, MOST_REQUESTS_TOGETHER // count))


@fast_init
@dataclass(frozen=True, slots=True)
class VmMoment:
    """The figures of a VM after an event, why some are not known, and how old one is."""

    point: VmPoint
    in_use_as_of: UtcTime | None
    unknown: Mapping[str, UnknownFigure]


@fast_init
@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event that is listed, with what its VM or host had after it."""

    envelope: Envelope[Event]
    moment: VmMoment | HostPoint | None


@dataclass(slots=True)
class SubjectHistory:
    """What is kept of one VM or host."""

    id: str
    named: UtcTime
    """When it was named first: a VM names its host before any event of the host."""
    events: int = 0
    earliest: UtcTime | None = None
    """When the first of its events happened."""
    latest: UtcTime | None = None
    rows: deque[ListedEvent] = field(default_factory=deque[ListedEvent])
    """The newest events."""
    linked: dict[int, ListedEvent] = field(default_factory=dict[int, ListedEvent])
    """Older events that something leads to, by position."""

    @property
    def first(self) -> UtcTime:
        """Since when it is known."""
        return self.named if self.earliest is None else min(self.named, self.earliest)

    @property
    def last(self) -> UtcTime:
        """When it was heard of last."""
        return self.named if self.latest is None else max(self.named, self.latest)

    def take(self, listed: ListedEvent, *, is_linked: bool) -> None:
        """Takes the next event of the VM or host."""
        happened = listed.envelope.metadata.happened
        if self.latest is None or happened > self.latest:
            self.latest = happened
        if self.earliest is None or happened < self.earliest:
            self.earliest = happened
        self.events += 1
        self.rows.append(listed)
        if is_linked:
            self.linked[listed.envelope.position] = listed
            self._trim_linked()

    def link(self, position: int) -> None:
        """Keeps an event that something leads to, if it is still among the newest."""
        for listed in reversed(self.rows):
            if listed.envelope.position == position and len(self.linked) < MOST_ROWS:
                self.linked[position] = listed
            if listed.envelope.position <= position:
                return

    def join(self, later: SubjectHistory) -> None:
        """Takes what was kept of the same one in the stretch of the history that follows."""
        self.earliest = min(filter(None, (self.earliest, later.earliest)), default=None)
        self.latest = max(filter(None, (self.latest, later.latest)), default=None)
        self.events += later.events
        self.rows.extend(later.rows)
        self.linked |= later.linked
        self._trim_linked()

    def _trim_linked(self) -> None:
        while len(self.linked) > (self.rows.maxlen or MOST_ROWS):
            del self.linked[next(iter(self.linked))]

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

    def join(self, later: SubjectHistory) -> None:
        """The same of a VM."""
        assert isinstance(later, VmHistory)
        SubjectHistory.join(self, later)  # slots make another class, which super() does not know
        self.points.join(later.points)
        self.requests.extend(later.requests)
        short = sorted((*self.short, *later.short), key=lambda one: one.settled.position)
        self.short = deque(short, maxlen=self.short.maxlen)
        self.asked += later.asked
        self.fell_short += later.fell_short


@dataclass(slots=True)
class HostHistory(SubjectHistory):
    """What is kept of a host."""

    points: ThinnedPoints[HostPoint] = field(default_factory=lambda: ThinnedPoints(sizes_of_host, MOST_POINTS))
    watched: WatchedHost = field(init=False)

    def __post_init__(self) -> None:
        self.watched = WatchedHost(self.id)

    def join(self, later: SubjectHistory) -> None:
        """The same of a host."""
        assert isinstance(later, HostHistory)
        SubjectHistory.join(self, later)  # slots make another class, which super() does not know
        self.points.join(later.points)
        self.watched.add(later.watched)

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

    def count(self, events: int, first: UtcTime | None, last: UtcTime | None) -> None:
        """Counts events that were taken otherwise, and when the first and the last of them happened."""
        self.events += events
        self.first = min(filter(None, (self.first, first)), default=None)
        self.last = max(filter(None, (self.last, last)), default=None)


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """How a request went that was made before the stretch of the history in which this is told."""

    envelope: Envelope[Event]
    moment: VmMoment | None
    short: bool


@dataclass(frozen=True, slots=True)
class CollectedStretch:
    """What was collected of one stretch of a history: it is joined to what was collected of those before."""

    collected: Collected
    courses: RequestCourses
    unclaimed: list[Unclaimed]


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

    def __init__(
        self, source: str, judge: Judge | None, *, fleet: Fleet | None = None, limits: Limits | None = None
    ) -> None:
        self._series = FleetSeries(fleet)
        self._courses = RequestCourses()
        self._limits = limits
        """How much is kept, if that is known from the beginning."""
        self._unclaimed: list[Unclaimed] | None = None
        self._judge = judge
        self._audit = _LinkingAudit()
        self._audit.link = self.link
        self._ended: Audit | None = None
        self._judged = 0
        """Of so many events ``_ended`` is."""
        self.collected = Collected(source=source, fleet=self._series.fleet, audit=self._audit, judged=judge is not None)
        """What they gave so far."""

    @classmethod
    def of_stretch(cls, source: str, fleet: Fleet, limits: Limits) -> Self:
        """Collects one stretch of a history, which begins after a fleet as it was then; unjudged."""
        collector = cls(source, None, fleet=fleet, limits=limits)
        collector._unclaimed = []
        return collector

    def end_stretch(self) -> CollectedStretch:
        """What was collected of the stretch."""
        return CollectedStretch(
            replace(self.collected, fleet=Fleet(), audit=Audit()), self._courses, self._unclaimed or []
        )

    def join(self, later: CollectedStretch) -> None:
        """Takes what was collected of the stretch that follows."""
        mine, its = self.collected, later.collected
        for one in later.unclaimed:
            self._take_request(self._vm(subject_id(one.envelope.stream), one.envelope.metadata.happened), one)
        for id, vm in its.vms.items():
            self._vm(id, vm.named).join(vm)
        for id, host in its.hosts.items():
            self._host(id, host.named).join(host)
        mine.requests.extend(its.requests)
        mine.imports += its.imports
        mine.broken += its.broken
        mine.count(its.events, its.first, its.last)
        self._courses.join(later.courses)

    def go_on_after(self, fleet: Fleet) -> None:
        """Nothing is joined any more: what follows comes after this fleet, and more VMs and hosts may come."""
        self._series = FleetSeries(fleet)
        self.collected.fleet = fleet
        self._limits = None
        self._limit([*self.collected.vms.values(), *self.collected.hosts.values()])

    @classmethod
    def going_on_from(cls, source: str, fleet: Fleet) -> Self:
        """Goes on after a fleet as it is stored: of what was before, its figures alone are known; unjudged."""
        collector = cls(source, None, fleet=fleet)
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
            of_vm = moment if isinstance(moment, VmMoment) else None
            self._take_request(subject, Unclaimed(envelope, of_vm, short))
        else:
            subject.watched.take(envelope)

    def _add_vm_point(self, point: VmPoint) -> VmMoment:
        tracked = self._series.fleet.vms.get(point.vm)
        is_known = tracked is None or (point.is_known and knows_setting(tracked))
        unknown = {} if tracked is None or is_known else unknown_figures(tracked)
        in_use_as_of = None if tracked is None else tracked.in_use_as_of
        if point.host is not None:
            self._host(point.host, point.at)
        moment = VmMoment(point=point, in_use_as_of=in_use_as_of, unknown=unknown)
        self._vm(point.vm, point.at).points.add(moment)
        return moment

    def _take_request(self, vm: VmHistory, taken: Unclaimed) -> None:
        envelope, moment = taken.envelope, taken.moment
        course = self._courses.take(envelope)
        if course is None:
            if self._unclaimed is not None and belongs_to_request(envelope.event):
                self._unclaimed.append(taken)
            return
        if course.asked is envelope:
            vm.asked += 1
            vm.requests.append(course)
            self.collected.requests.append(course)
        if taken.short:
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
            found = self.collected.vms[id] = VmHistory(id=id, named=at)
            self._limit_added(found)
        return found

    def _host(self, id: str, at: UtcTime) -> HostHistory:
        found = self.collected.hosts.get(id)
        if found is None:
            found = self.collected.hosts[id] = HostHistory(id=id, named=at)
            self._limit_added(found)
        return found

    def _limit_added(self, added: VmHistory | HostHistory) -> None:
        """The more VMs and hosts there are, the less is kept of each. Looked at whenever their number has doubled."""
        if self._limits is not None:
            self._limit([added])
            return
        collected = self.collected
        count = len(collected.vms) + len(collected.hosts)
        has_doubled = count & (count - 1) == 0
        self._limit([*collected.vms.values(), *collected.hosts.values()] if has_doubled else [added])

    def _limit(self, subjects: Iterable[VmHistory | HostHistory]) -> None:
        limits = self._limits or Limits(len(self.collected.vms) + len(self.collected.hosts))
        for subject in subjects:
            subject.rows = deque(subject.rows, maxlen=limits.rows)
            subject.points.limit(limits.points)
            if isinstance(subject, VmHistory):
                subject.requests = deque(subject.requests, maxlen=limits.requests)
                subject.short = deque(subject.short, maxlen=limits.requests)


def sizes_of_vm(moment: VmMoment) -> Sizes:
    """The figures of a VM whose extremes stay."""
    point = moment.point
    return point.assigned, point.visible, point.high_watermark, point.in_use, point.held


def sizes_of_host(point: HostPoint) -> Sizes:
    """The figures of a host whose extremes stay."""
    return point.total, point.reserve, point.held, point.free
