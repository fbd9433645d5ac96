"""The entry point: takes a history event by event, in order, and returns the findings.

Memory grows with the number of hosts and VMs, not with the length of the history.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.envelope import Envelope
from domain.events import Decided, Event, VmDefined, VmEvent
from domain.identifiers import host_stream, seconds_between, subject_id, vm_id
from domain.observed.events import Observed, VmObserved
from rules.judging.clocks import RACE_SECONDS
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.comparing import difference_of
from rules.judging.completeness import Completeness, PlacedEvent
from rules.judging.decided.attribution import rules_for
from rules.judging.decided.judge import DecidedJudge
from rules.judging.decided.predicting import ChangePlace, ChangeSite, ConfirmedChange
from rules.judging.descriptions import HISTORY_IS_WHOLE, TIME_GOES_FORWARD
from rules.judging.findings import Coverage, Difference, Finding
from rules.judging.observed.judge import ObservedJudge
from rules.judging.origins import Origins
from rules.judging.scope import EVERYTHING, Scope


class Judge:
    """Judges one history, whose events come in the order in which the history has them.

    With ``late``, other judges take the events in between, and the caller has checked that none is missing. It names
    the events that were recorded before the previous event of the ledger, by position, and when that was recorded.
    """

    def __init__(self, scope: Scope = EVERYTHING, *, late: Mapping[int, str] | None = None) -> None:
        self.scope = scope
        self._late = late
        self._collector = FindingCollector(scope)
        self._completeness = Completeness(self._collector, self._is_in_scope, alone=late is None)
        self._events_read = 0
        self._recorded = ""
        """When the event before was recorded."""
        self._origins = Origins(self._collector)
        self._decided = DecidedJudge(self._collector, self._completeness)
        self._observed = ObservedJudge(self._collector)

    @property
    def events_read(self) -> int:
        """The number of events read, in scope or not."""
        return self._events_read

    @property
    def coverage(self) -> Coverage:
        """What was judged so far: the events, and the verdicts of each rule."""
        self._collector.expand_clean(rules_for)
        return self._collector.coverage

    def take(self, envelope: Envelope[Event], place: str = "", source: str = "") -> list[Finding]:
        """Reads the next event and returns what is found now; it may be about earlier events.

        ``place`` is where the event was read (``file:line``, or empty), ``source`` the ledger that it names as its own.
        """
        collector = self._collector
        self._events_read += 1
        if collector.everything:
            collector.coverage.events += 1
        elif self._is_in_scope(envelope):
            collector.coverage.events += 1
            self._record_match(envelope)
        if self._completeness.accept(envelope, source):
            self._judge(EventRef(envelope, place))
        else:
            for placed in self._completeness.put_in_order(envelope, place, source):
                self._judge(EventRef(placed.envelope, placed.place))
        return collector.drain()

    # Changes that the history records as the rules do

    @property
    def source(self) -> str:
        """The ledger that the events so far name as their source; empty before the first."""
        return self._completeness.source

    @property
    def takes_whole_changes(self) -> bool:
        """Whether the rules alone say what a command records; else each event has to be taken."""
        return self._collector.everything

    def find_site(self, place: ChangePlace) -> ChangeSite | None:
        """What a change of a VM starts from, if its events come next; ``None`` where they have to be taken one by one.

        If they are, to the last figure, what the rules record of a command there, ``confirm`` takes them all.
        """
        is_late = place.recorded < self._recorded
        if self._late is not None:
            is_late = place.position in self._late
        if is_late or place.recorded < place.happened or not self.takes_whole_changes:
            return None
        completeness, origins = self._completeness, self._origins
        is_next = completeness.is_next(place.stream, place.version, place.position)
        if not is_next or not origins.is_decided(place.stream):
            return None
        site = self._decided.find_site(place)
        if site is None or completeness.version_of(site.host_stream) != site.host.version:
            return None
        return site if origins.is_decided(site.host_stream) else None

    def confirm(self, place: ChangePlace, site: ChangeSite, change: ConfirmedChange) -> None:
        """Takes the events of a change which the rules record so: on the VM's stream, and next to it on the host's."""
        completeness, events = self._completeness, 1
        completeness.pass_next(place.stream, place.version, place.position)
        if change.host_after is not None:
            completeness.pass_next(site.host_stream, site.host.version + 1, place.position + 1)
            events = 2
        self._events_read += events
        self._collector.coverage.events += events
        self._recorded = place.recorded
        self._decided.confirm(place, site, change)

    # What is found between files, and at the end

    def report_conflict(self, judged: PlacedEvent, other: PlacedEvent) -> None:
        """Reports two different events at one position of the same ledger; the first is the one that is judged."""
        collector = self._collector
        collector.in_scope = collector.everything or self._is_in_scope(other.envelope)
        why = "two files have different events at this position"
        if judged.place:
            why = f"{why}: the other one is at {judged.place}"
        difference = difference_of(judged.envelope, other.envelope)
        collector.report_violation(HISTORY_IS_WHOLE, EventRef(other.envelope, other.place), why, difference)

    def finish(self) -> list[Finding]:
        """Ends the history and returns the findings that were still open."""
        for placed in self._completeness.finish():
            self._judge(EventRef(placed.envelope, placed.place))
        self._decided.finish()
        self._observed.finish()
        self._collector.finish()
        return self._collector.drain()

    def _is_in_scope(self, envelope: Envelope[Event]) -> bool:
        scope, stream = self.scope, envelope.stream
        host = self._host_of(envelope) if scope.hosts and vm_id(stream) is not None else None
        return scope.includes(stream, host, envelope.metadata.happened)

    def _check_times(self, ref: EventRef) -> None:
        """Checks the times of an event against each other and against the event before it.

        Clocks are set, and differ from machine to machine: what a clock explains is a remark.
        """
        collector, metadata = self._collector, ref.envelope.metadata
        collector.in_scope = collector.everything or self._is_in_scope(ref.envelope)
        recorded, happened, earliest = metadata.recorded, metadata.happened, metadata.earliest
        if recorded < self._recorded and seconds_between(recorded, self._recorded) >= RACE_SECONDS:
            difference: Difference = {"not recorded before": self._recorded}, {"recorded": recorded}
            why = "the event was recorded before the previous event of its ledger"
            collector.report_remark(TIME_GOES_FORWARD, ref, why, difference)
        if recorded < happened:
            difference = {"not recorded before": happened}, {"recorded": recorded}
            collector.report_remark(TIME_GOES_FORWARD, ref, "the event was recorded before it happened", difference)
        if earliest is not None and earliest > happened:
            difference = {"not after": happened}, {"earliest": earliest}
            why = "the earliest time at which the event can have happened is after the latest"
            collector.report_violation(TIME_GOES_FORWARD, ref, why, difference)

    def _record_match(self, envelope: Envelope[Event]) -> None:
        """Records that an event is about a VM or host in scope."""
        matched = self._collector.coverage.matched
        matched.add(envelope.stream)
        if self.scope.hosts and vm_id(envelope.stream) is not None:
            host = self._host_of(envelope)
            if host is not None:
                matched.add(host_stream(host))

    def _host_of(self, envelope: Envelope[Event]) -> str | None:
        """The host of a VM when its event happens; for its first event, the host that the event names."""
        event, id = envelope.event, subject_id(envelope.stream)
        host = self._decided.host_of(id) or self._observed.host_of(id)
        if host is not None:
            return host
        if isinstance(event, VmDefined | VmObserved):
            return event.host
        read = event.evidence.host if isinstance(event, VmEvent) else None
        return None if read is None else read.id

    def _judge(self, ref: EventRef) -> None:
        collector, metadata = self._collector, ref.envelope.metadata
        recorded, reported = metadata.recorded, collector.reported
        if self._late is not None:
            self._recorded = self._late.get(ref.envelope.position, "")
        if recorded < self._recorded or recorded < metadata.happened or metadata.earliest is not None:
            collector.reported = set()  # a decision may go on after this event
            self._check_times(ref)
            collector.reported = reported
        self._recorded = recorded
        if not self._origins.accept(ref):
            return
        if isinstance(ref.envelope.event, Decided):
            self._decided.take(ref)
        elif isinstance(ref.envelope.event, Observed):
            collector.reported = set()
            self._observed.take(ref)
            collector.reported = reported
