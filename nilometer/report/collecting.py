"""One pass over a history: its figures over time, its requests, its findings, in memory that does not grow with it.

What is kept of a long history is thinned, and how much was left out is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Final, Self

from domain.aggregates import HistoryError
from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import UtcTime, split_stream, subject_id
from domain.observed.imports import ImportBegun, ImportRecorded
from nilometer.audit.result import Audit
from nilometer.report.collected import (
    Collected,
    CollectedStretch,
    HostHistory,
    Limits,
    ListedEvent,
    ShortSettlement,
    SubjectHistory,
    Unclaimed,
    VmHistory,
    VmMoment,
)
from nilometer.textio.streaming import in_batches, reduced_garbage_collection
from projections.fleet import Fleet
from projections.requests import RequestCourses, belongs_to_request, is_short
from projections.series import FleetSeries, HostPoint, VmPoint, host_point, vm_point
from projections.unknowns import knows_setting, unknown_figures
from rules.judging.completeness import PlacedEvent
from rules.judging.findings import Finding, Verdict
from rules.judging.judge import Judge

MOST_JUDGED: Final = 100_000
"""A longer ledger is not judged unless somebody asks for it: it takes a minute for each million events."""
MOST_FINDINGS_SHOWN: Final = 500


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
