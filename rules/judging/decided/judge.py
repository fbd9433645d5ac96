"""Judges the events of decided hosts and VMs: each decision is made again, on the state that the earlier events left.

Four questions are asked about every event. Does it record the state before it correctly? Is its decision the one that
the rules make? Does the grant lead to the figures that it records after it? And do all invariants hold then? If all
four answers are yes, and all invariants held before, every property of the model holds for the event, because that is
what is proved; if not, each property is checked by itself (``rules.judging.decided.attribution``).
"""

from __future__ import annotations

from domain import events
from domain.changes import HOST_CHANGES
from domain.events import Event, HostEvent, VmDefined, VmEvent
from domain.identifiers import subject_id
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.comparing import belong_together, common_figures, difference_of
from rules.judging.completeness import Completeness
from rules.judging.decided.accounts import apply_to_host
from rules.judging.decided.attribution import INVARIANT_NAMES, kind_of, rules_for
from rules.judging.decided.changes import PendingChange, expected_book_events
from rules.judging.decided.decisions import apply_to_vm, check_decision
from rules.judging.decided.defining import judge_definition
from rules.judging.decided.evidence import check_hosts_read, check_vm_before
from rules.judging.decided.invariants import check_host, check_vm, check_vm_and_host
from rules.judging.decided.on_hosts import judge_host_event
from rules.judging.decided.predicting import ChangePlace, ChangeSite, ConfirmedChange, confirm_change, find_site
from rules.judging.decided.records import BookEvent, Records
from rules.judging.decided.tracks import MissingBookEvent
from rules.judging.descriptions import EVENT_TELLS_ALL, HALVES_AGREE
from rules.judging.findings import Difference, Figures


class DecidedJudge:
    """Judges the decided streams of one history."""

    def __init__(self, collector: FindingCollector, completeness: Completeness) -> None:
        self._collector = collector
        self._records = Records(collector=collector, completeness=completeness)
        self._pending: PendingChange | None = None

    def take(self, ref: EventRef) -> None:
        """Judges the next event."""
        event, pending = ref.envelope.event, self._pending
        if isinstance(event, BookEvent):
            if pending is not None and pending.expected[0].host == subject_id(ref.envelope.stream):
                self._judge_book_event(pending, ref, event)
            else:
                self._report_missing()
                self._judge_unmatched(ref, event)
            return
        if pending is not None:
            if ref.envelope.position < pending.ref.envelope.position:  # out of place: the change goes on after it
                self._pending = None
                self._judge(ref, event)
                self._report_missing()
                self._pending = pending
                return
            self._report_missing()
        self._judge(ref, event)

    @property
    def records(self) -> Records:
        """Every VM and host as the events so far leave them."""
        return self._records

    def host_of(self, vm: str) -> str | None:
        """The host that a VM is on; ``None`` if no event of it was read."""
        state = self._records.vms.get(vm)
        return None if state is None else state.host

    def find_site(self, place: ChangePlace) -> ChangeSite | None:
        """What a change of a VM starts from; ``None`` where its events are to be judged one by one."""
        return None if self._pending is not None else find_site(self._records, place)

    def confirm(self, place: ChangePlace, site: ChangeSite, change: ConfirmedChange) -> None:
        """Takes a change that the history records as the rules do."""
        self._collector.reported.clear()
        confirm_change(self._records, place, site, change)

    def finish(self) -> None:
        """Ends the history."""
        self._report_missing()

    def _judge(self, ref: EventRef, event: Event) -> None:
        if self._collector.reported:
            self._collector.reported.clear()
        if isinstance(event, VmDefined):
            self._complete(judge_definition(self._records, ref, event))
        elif isinstance(event, VmEvent):
            self._judge_vm_event(ref, event)
        elif isinstance(event, HostEvent):
            judge_host_event(self._records, ref, event)

    # VMs

    def _judge_vm_event(self, ref: EventRef, event: VmEvent) -> None:
        records, collector, envelope = self._records, self._collector, ref.envelope
        id = subject_id(envelope.stream)
        vm = records.vms.get(id)
        if vm is None:
            vm = records.begin_unknown_vm(ref, event, id)
            if vm is None:
                return
        else:
            collector.enter(ref, vm.host)
        if records.completeness.missing:
            vm.cause = records.completeness.gap
        host = records.hosts.get(vm.host)
        recorded = check_vm_before(records, ref, event, vm)
        base = vm.state if recorded is None else recorded
        evidence_true = check_hosts_read(records, ref, event, vm, host) and recorded is None
        decision_right = check_decision(records, ref, event, vm, host, evidence_true=evidence_true)
        after, figures_right = apply_to_vm(records, ref, event, vm, base, decision_right=decision_right)
        consistent = evidence_true and decision_right and figures_right
        vm.version, vm.cause = envelope.version, None if consistent else envelope.position
        records.check_time(ref, vm)
        change = PendingChange(
            ref=ref,
            vm=vm,
            expected=expected_book_events(event, vm.host, base, after),
            in_scope=collector.in_scope,
            has_findings=not consistent,
        )
        made = 1 if change.expected else 0
        for read in (event.evidence.host, event.evidence.destination):
            track = None if read is None else records.hosts.get(read.id)
            if read is not None and track is not None and read.stream_version <= track.version:
                vm.learn_version(read.id, read.stream_version + made)
        if isinstance(event, events.VmMoved):
            records.move_to_host(vm, event.destination)
        elif isinstance(event, events.VmRemoved):
            vm.removed = True
            records.remove_from_host(vm)
            records.removed.add(envelope.stream)
            del records.vms[id]
        if change.expected:
            self._pending = change
        else:
            self._complete(change)

    # The book events of a change

    def _judge_book_event(self, change: PendingChange, ref: EventRef, event: BookEvent) -> None:
        """Judges the event that a pending change has on the stream of a host."""
        records, collector, envelope = self._records, self._collector, ref.envelope
        root, expected = change.ref.envelope, change.expected.pop(0)
        collector.enter(ref, None)
        collector.in_scope = collector.in_scope or change.in_scope
        first = root.event
        assert isinstance(first, VmEvent)
        consistent = type(event) is expected.kind and event.bytes == expected.bytes and event.vm == change.vm.id
        if not consistent:
            difference = difference_of(
                {"event": expected.kind.KIND, "bytes": expected.bytes, "vm": change.vm.id},
                {"event": event.KIND, "bytes": event.bytes, "vm": event.vm},
            )
            follows = root.position if change.has_findings else None
            why = "the host's entry does not match what the VM received or returned"
            collector.report_violation("conserved", ref, why, difference, follows=follows)
        if not belong_together(root, envelope):
            difference = difference_of(
                common_figures(root, first) | {"causation": root.id}, common_figures(envelope, event)
            )
            why = "the VM's event and the host's event of one change do not agree"
            collector.report_violation(HALVES_AGREE, ref, why, difference)
            consistent = False
        host = records.hosts.get(expected.host)
        if host is None:
            host = records.begin_unknown_host(ref, event, expected.host)
        if records.completeness.missing:
            host.cause = records.completeness.gap
        is_destination = isinstance(first, events.VmMoved) and not change.expected
        read = first.evidence.destination if is_destination else first.evidence.host
        if read is not None and read.id == host.id and read.stream_version != host.version:
            difference = {"host.stream_version": host.version}, {"host.stream_version": read.stream_version}
            why = "the decision read another version of the host than the one that it changed"
            collector.report_violation(EVENT_TELLS_ALL, change.ref, why, difference, follows=host.cause)
            consistent = False
        consistent = apply_to_host(records, ref, event, host, consistent=consistent)
        change.has_findings = change.has_findings or not consistent
        if change.expected:
            change.left_host = host
        else:
            self._pending = None
            self._complete(change)

    def _report_missing(self) -> None:
        """Reports the expected events of the pending change that did not come, and completes it."""
        change, self._pending = self._pending, None
        if change is None:
            return
        records, collector, root = self._records, self._collector, change.ref.envelope
        collector.in_scope, change.has_findings = change.in_scope, True
        for expected in change.expected:
            why = "the host's event of the change is missing"
            figures: Figures = {"event": expected.kind.KIND, "host": expected.host, "bytes": expected.bytes}
            collector.report_violation(HALVES_AGREE, change.ref, why, (figures, {}))
            host = records.hosts.get(expected.host)
            if host is not None:  # most likely the event was lost, not the change
                host.alternative = host.state
                host.update(HOST_CHANGES[expected.kind].rule(host.state, expected.bytes))
                host.version += 1
                host.cause, host.missing = root.position, MissingBookEvent(root.id, root.position)
                records.apply_to_book(host, expected.kind, change.vm.id, expected.bytes)
        self._complete(change)

    def _judge_unmatched(self, ref: EventRef, event: BookEvent) -> None:
        """Judges a book event that no pending change expects."""
        records, collector, envelope = self._records, self._collector, ref.envelope
        collector.enter(ref, None)
        id = subject_id(envelope.stream)
        host = records.hosts.get(id) or records.begin_unknown_host(ref, event, id)
        if host.missing is not None and host.missing.change == envelope.metadata.causation:
            why, follows = "other events stand between the VM's event and the host's event", host.missing.position
            collector.report_violation(HALVES_AGREE, ref, why, follows=follows)
            host.missing = host.cause = None
            host.version -= 1  # it was counted when it was missing
            host.advance(envelope.version)
            return
        difference: Difference = {}, {"vm": event.vm, "causation": envelope.metadata.causation}
        gap = records.completeness.gap if records.completeness.missing else None
        why = "the VM's event of the change is missing before it"
        collector.report_violation(HALVES_AGREE, ref, why, difference, follows=gap)
        apply_to_host(records, ref, event, host, consistent=False)

    # Afterwards

    def _complete(self, change: PendingChange) -> None:
        """Checks the invariants of the VM and of its hosts, after the last event of a change."""
        vm, ref, collector, records = change.vm, change.ref, self._collector, self._records
        event = ref.envelope.event
        assert isinstance(event, VmEvent)
        collector.in_scope = change.in_scope
        consistent, host = not change.has_findings, records.hosts.get(vm.host)
        follows = ref.envelope.position if change.has_findings else None
        if host is not None:
            if consistent and not vm.removed and not vm.invariants_hold and not host.invariants_hold:
                consistent = check_vm_and_host(collector, ref, vm, host)  # the case of nearly all changes
            else:
                if change.has_findings or not vm.invariants_hold:
                    consistent = check_vm(collector, ref, vm, host, follows=follows) and consistent
                if change.has_findings or not host.invariants_hold:
                    consistent = check_host(collector, ref, host, vm, follows=follows) and consistent
            if change.left_host is not None:
                consistent = check_host(collector, ref, change.left_host, vm, follows=follows) and consistent
            if change.has_findings:  # the book goes on from what the VM holds
                records.set_book_entry(host, vm.id, 0 if vm.removed else vm.state.held)
        kind = kind_of(event, vm.state.guest)
        if consistent and not collector.reported:
            collector.count_clean(kind)
        else:
            rules = rules_for(kind)
            collector.count_unreported(rule for rule in rules if host is not None or rule not in INVARIANT_NAMES)
