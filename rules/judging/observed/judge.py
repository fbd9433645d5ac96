"""Judges the events of observed hosts and VMs: what a hypervisor did, as far as it was measured.

A figure that was not measured is a free variable, so a rule is often *unknown*; the coverage says how often. What only
a decision of Nilometer would have done otherwise is a remark. A figure computed from the other figures proves nothing.
"""

from __future__ import annotations

from typing import Final

from domain.guests import pages_out
from domain.identifiers import split_stream
from domain.observed.events import (
    HostNotWatched,
    HostObserved,
    Observed,
    VmChangeRequested,
    VmLost,
    VmMemoryMoved,
    VmNotListed,
    VmObserved,
    VmRequestSettled,
)
from domain.observed.polls import PollFigures
from domain.observed.vm import ObservedVm
from domain.observed.words import CONTRADICTED, WhyMoved
from domain.state import Power
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.descriptions import EVENT_TELLS_ALL, EVENTS_WHERE_DUE
from rules.judging.findings import Difference, Figures, Verdict, ask, ask_measured
from rules.judging.observed.books import Books
from rules.judging.observed.guest_count import (
    CURRENT,
    DURING_CHANGE,
    MOVES,
    judge_guest_total,
    note_plugged,
    report_moves_unconfirmed,
)
from rules.judging.observed.online import judge_gift, note_gift
from rules.judging.observed.requests import (
    judge_request,
    judge_settlement,
    judge_sizes,
    report_unmeasured_after,
)
from rules.judging.observed.settings import BOUNDS, judge_bounds, judge_setting
from rules.judging.observed.state import InUseReading, ObservedVmState, is_just_before, is_shortly_after
from rules.judging.observed.visible import judge_unseen_until, judge_visible
from rules.judging.unknowns import KnownFigures, evaluate
from rules.specification.invariants import in_use_is_assigned, off_means_nothing, within_bounds
from rules.specification.observations import guest_counts_its_memory, guest_sees_the_moves, removal_left_what_was_used

NEVER_REMOVED: Final = "in_use_never_removed"
IN_USE: Final = in_use_is_assigned.__name__
USED_BEFORE: Final = "just before the removal the guest used more than it left"
USE_UNKNOWN: Final = "what the guest used was not measured just before the removal, or it used more then"
OFF: Final = off_means_nothing.__name__
UNMEASURED_SINCE: Final = "the VM's memory was not measured after its setting was recorded"


class ObservedJudge:
    """Judges the observed streams of one history."""

    def __init__(self, collector: FindingCollector) -> None:
        self._collector = collector
        self._vms: dict[str, ObservedVmState] = {}
        self._books = Books(collector, self._vms)

    def take(self, ref: EventRef) -> None:
        """Judges the next event."""
        event = ref.envelope.event
        kind, id = split_stream(ref.envelope.stream)
        if isinstance(event, HostObserved):
            self._collector.enter(ref, None)
            self._books.judge_measurement(ref, event, id)
        elif isinstance(event, HostNotWatched):
            for state in self._vms.values():  # what they had meanwhile, nobody saw
                if state.fold.host == id:
                    state.forget_visible()
        elif kind == "vm" and isinstance(event, Observed):
            vm = self._vms.get(id)
            if vm is None:
                vm = self._vms[id] = ObservedVmState(ObservedVm.begin(id))
            self._collector.enter(ref, vm.fold.host)
            self._judge_vm_event(ref, event, vm)

    def host_of(self, vm: str) -> str | None:
        """The host that a VM is on; ``None`` if it was not recorded."""
        state = self._vms.get(vm)
        return None if state is None else state.fold.host

    def finish(self) -> None:
        """Ends the history: what is still pending is unknown."""
        for vm in self._vms.values():
            self._close_session(vm, "the history ends before the next measurement")
        self._books.finish()

    def _judge_vm_event(self, ref: EventRef, event: Observed, vm: ObservedVmState) -> None:
        fold, metadata = vm.fold, ref.envelope.metadata
        host_before = fold.host
        match event:
            case VmObserved():
                self._judge_observation(ref, event, vm)
            case VmMemoryMoved():
                self._judge_move(ref, event, vm)
            case VmChangeRequested():
                judge_request(self._collector, ref, event, vm)
                fold.apply(event, metadata.happened, metadata.earliest)
            case VmRequestSettled():
                judge_settlement(self._collector, ref, event, vm)
                fold.apply(event, metadata.happened, metadata.earliest)
            case VmLost():
                fold.apply(event, metadata.happened, metadata.earliest)
                self._judge_loss(ref, vm)
            case _:
                fold.apply(event, metadata.happened, metadata.earliest)
        if isinstance(event, VmNotListed) or host_before not in (None, fold.host):
            vm.forget_visible()  # whether the same guest goes on is not recorded
        self._books.accounts.move_vm(fold.id, host_before, fold.host, metadata.happened)
        if isinstance(event, VmObserved | VmMemoryMoved | VmNotListed):
            self._books.check_commitment(ref, fold)

    # Measurements

    def _judge_observation(self, ref: EventRef, event: VmObserved, vm: ObservedVmState) -> None:
        fold, collector, metadata = vm.fold, self._collector, ref.envelope.metadata
        begins = event.session is not None and event.session != fold.session and fold.session is not None
        if begins or event.power is Power.OFF:
            judge_unseen_until(collector, vm, metadata.happened)
        if begins:
            self._close_session(vm, "the guest restarted before the next measurement")
        self._check_devices(ref, event, vm)
        if event.label == CONTRADICTED:
            self._collector.report_remark(EVENT_TELLS_ALL, ref, event.told or "the host saw another account")
        assigned_before = fold.assigned
        fold.apply(event, metadata.happened, metadata.earliest)
        assigned_before = fold.assigned if assigned_before is None else assigned_before
        complete = event.assigned is not None or bool(event.devices) or event.power is Power.OFF
        if complete:
            vm.measured_at = max(vm.measured_at, metadata.happened)
        if event.power is Power.OFF:
            self._judge_off(ref, event, vm)
            return
        judge_sizes(collector, event, vm)
        at = metadata.happened
        if event.in_use is not None:
            # an earlier size proves nothing, and during a move the guest's figure may be from before it or after it
            steady = assigned_before == fold.assigned and not is_shortly_after(vm.moved_at, metadata.happened)
            self._judge_in_use(ref, event.in_use, fold.assigned if complete else None, vm, at=at, steady=steady)
        if event.guest_total is None:
            judge_visible(collector, ref, vm, visible=event.visible, assigned=event.assigned, at=at)
            judge_gift(collector, event, vm, at)
        elif complete:
            judge_guest_total(collector, ref, event, vm)
        else:
            about = ask_measured(guest_counts_its_memory, {"guest_total": event.guest_total})
            collector.report_unknown(CURRENT, ref, "the VM's devices were not measured together with its guest", about)
        judge_setting(collector, ref, event, vm)
        if event.assigned is not None or event.memory is not None:
            judge_bounds(collector, ref, vm, self._books.accounts.version_of(fold.host))

    def _judge_in_use(
        self, ref: EventRef, in_use: int, assigned: int | None, vm: ObservedVmState, *, at: str, steady: bool
    ) -> None:
        """Judges what the guest uses, measured together with what the VM is assigned."""
        if assigned is not None and in_use > assigned and not steady:
            known = {"site.vm.in_use": in_use, "site.vm.in_use_reported": True}
            about = ask(in_use_is_assigned, known, "site.vm.in_use")
            self._collector.report_unknown(IN_USE, ref, DURING_CHANGE, about)
            return
        self._check_in_use(ref, in_use, assigned)
        self._decide_removals(in_use, assigned, vm)
        if assigned is not None:
            vm.in_use = InUseReading(in_use=in_use, at=at)

    def _check_devices(self, ref: EventRef, event: VmObserved, vm: ObservedVmState) -> None:
        """Remarks measured sizes that differ from the sizes that the recorded moves lead to."""
        for reading in event.devices:
            account = vm.fold.accounts.get(reading.device)
            if account is None or account.size is None or reading.size is None or reading.size == account.size:
                continue
            if event.power is not None or event.session not in (None, vm.fold.session):
                continue
            why = "the device's size is not the one that the recorded moves lead to"
            difference: Difference = {reading.device: account.size}, {reading.device: reading.size}
            self._collector.report_remark(EVENTS_WHERE_DUE, ref, why, difference)

    def _check_in_use(self, ref: EventRef, in_use: int, assigned: int | None) -> None:
        """Checks that the guest uses no more than the VM is assigned."""
        if not self._collector.in_scope:
            return
        known: KnownFigures = {
            "site.vm.in_use": in_use,
            "site.vm.assigned": assigned,
            "site.vm.in_use_reported": True,
        }
        match evaluate(in_use_is_assigned, known):
            case Verdict.HOLDS:
                self._collector.count_holds(IN_USE)
            case Verdict.UNKNOWN:
                why, about = "the VM's assigned memory was not measured", ask(in_use_is_assigned, known)
                self._collector.report_unknown(IN_USE, ref, why, about)
            case _:
                found = {"in_use": in_use, "assigned": assigned}
                why, about = "the guest uses more than the VM is assigned", ask(in_use_is_assigned, known)
                self._collector.report_violation(IN_USE, ref, why, ({}, found), about=about)

    def _decide_removals(self, in_use: int, assigned: int | None, vm: ObservedVmState) -> None:
        """Decides pending removals: a guest that uses more than it has lost what it used. Else nothing is shown."""
        removals = vm.removals
        if removals.last is None or assigned is None:
            return
        if in_use <= assigned:
            about = ask(removal_left_what_was_used, {"assigned": assigned})
            first = removals.first or removals.last
            self._collector.report_unknown(NEVER_REMOVED, first, USE_UNKNOWN, about, removals.count)
        else:
            why = "the guest uses more than the removal left it"
            difference = {"in_use at most": assigned}, {"in_use": in_use}
            about = ask(removal_left_what_was_used, {"in_use": in_use, "assigned": assigned})
            self._collector.report_violation(NEVER_REMOVED, removals.last, why, difference, about=about)
        removals.clear()

    def _judge_off(self, ref: EventRef, event: VmObserved, vm: ObservedVmState) -> None:
        collector = self._collector
        figures = {"assigned": event.assigned, "in_use": event.in_use, "ballooned": event.ballooned, "held": event.held}
        kept = {name: size for name, size in figures.items() if size}
        known: KnownFigures = {
            "site.vm.power": Power.OFF,
            **{f"site.vm.{name}": size for name, size in figures.items()},
        }
        if kept and evaluate(off_means_nothing, known) is Verdict.VIOLATED:
            why = "the VM is off and still has memory"
            about = ask(off_means_nothing, known)
            collector.report_violation(OFF, ref, why, (dict.fromkeys(kept, 0), kept), about=about)
        elif event.held == 0 or event.assigned == 0:
            collector.count_holds(OFF)
            vm.stops.clear()
        else:
            vm.stops.add(ref)
        if vm.removals.count:
            vm.removals_before_stop, vm.removals = vm.removals, vm.removals_before_stop
        vm.forget_guest()

    # Moves

    def _judge_move(self, ref: EventRef, event: VmMemoryMoved, vm: ObservedVmState) -> None:
        fold, collector, metadata = vm.fold, self._collector, ref.envelope.metadata
        size = fold.size(event.device)
        if size is not None and size != event.size_from:
            why = "the device did not have the size that the event records before the move"
            difference = {"size_from": size}, {"size_from": event.size_from}
            collector.report_violation(EVENT_TELLS_ALL, ref, why, difference)
        elif size is not None:
            collector.count_holds(EVENT_TELLS_ALL)
        if event.why is WhyMoved.UNASKED:
            found: Figures = {"device": event.device, "from": event.size_from, "to": event.size_to}
            collector.report_remark(EVENTS_WHERE_DUE, ref, "memory moved without a request", ({}, found))
        assigned_before = fold.assigned
        judge_unseen_until(collector, vm, metadata.happened)
        fold.apply(event, metadata.happened, metadata.earliest)
        note_gift(ref, event, vm, assigned_before)
        vm.moved_at = max(vm.moved_at, metadata.happened)
        vm.is_polled = vm.is_polled or metadata.earliest is not None
        vm.most_since_visible = max(vm.most_since_visible, fold.assigned or 0, event.most or 0)
        vm.least_since_visible = min(vm.least_since_visible, fold.assigned or 0)
        vm.refused.pop(event.device, None)
        vm.moves.add(ref)
        note_plugged(collector, ref, event, vm)
        vm.too_little = None
        may_page = event.why is WhyMoved.BALANCER and fold.guest is not None and pages_out(fold.guest)
        if event.size_to < event.size_from and not may_page and event.why is not WhyMoved.CHECKPOINT:
            self._judge_removal(ref, event, vm)
        judge_bounds(collector, ref, vm, self._books.accounts.version_of(fold.host))
        self._books.record_move(ref, fold)
        if event.newest is not None and event.newest.assigned == fold.assigned:
            self._judge_poll(ref, event.newest, vm)

    def _judge_removal(self, ref: EventRef, event: VmMemoryMoved, vm: ObservedVmState) -> None:
        """Judges a removal by what the guest used just before it: if that is at most what was left, nothing was taken.

        If it used more, the guest may have freed it or paged it out meanwhile, and nobody recorded that: of Dynamic
        Memory, which makes guests do so, that is a remark; else the next measurement may show that it was taken.
        """
        before, left, collector = vm.in_use, vm.fold.assigned, self._collector
        if before is None or left is None or not is_just_before(before.at, ref.envelope.metadata.happened):
            vm.removals.add(ref)
            return
        difference: Difference = {"in_use at most": left}, {"in_use": before.in_use}
        if before.in_use <= left:
            collector.count_holds(NEVER_REMOVED)
        elif event.why is WhyMoved.BALANCER:
            collector.report_remark(NEVER_REMOVED, ref, USED_BEFORE, difference)
        else:
            vm.removals.add(ref)

    def _judge_poll(self, ref: EventRef, figures: PollFigures, vm: ObservedVmState) -> None:
        """Judges what a poll shows after the moves that are recorded with it."""
        vm.measured_at = max(vm.measured_at, figures.at)
        if figures.in_use is not None:
            steady = not is_shortly_after(vm.moved_at, figures.at)
            self._judge_in_use(ref, figures.in_use, figures.assigned, vm, at=figures.at, steady=steady)
        judge_visible(self._collector, ref, vm, visible=figures.visible, assigned=figures.assigned, at=figures.at)

    def _judge_loss(self, ref: EventRef, vm: ObservedVmState) -> None:
        """The guest was lost: whether memory that was being removed was in use will never be known."""
        for removals in (vm.removals, vm.removals_before_stop):
            if removals.count:
                why = "the guest was lost while memory was being removed"
                about = ask(removal_left_what_was_used)
                self._collector.report_lost(NEVER_REMOVED, ref, why, about, removals.count)
                removals.clear()

    def _close_session(self, vm: ObservedVmState, why: str) -> None:
        """Reports what is still pending as unknown."""
        collector, host = self._collector, vm.fold.host
        removal, off = ask(removal_left_what_was_used), ask(off_means_nothing, {"site.vm.power": Power.OFF})
        stopped = "the VM stopped before its guest's memory in use was measured"
        for pending, rule, reason, about in (
            (vm.removals, NEVER_REMOVED, why, removal),
            (vm.removals_before_stop, NEVER_REMOVED, stopped, removal),
            (vm.moves, MOVES, why, ask_measured(guest_sees_the_moves)),
            (vm.stops, OFF, "the return of the memory to the host was not recorded", off),
            (vm.settings, BOUNDS, UNMEASURED_SINCE, ask(within_bounds)),
        ):
            if pending.first is not None:
                collector.enter(pending.first, host)
                collector.report_unknown(rule, pending.first, reason, about, pending.count)
                pending.clear()
        for ref in vm.refused.values():
            collector.enter(ref, host)
            report_unmeasured_after(collector, ref)
        vm.refused.clear()
        vm.requests.clear()
        vm.short_requests.clear()
        if vm.unconfirmed is not None:
            report_moves_unconfirmed(collector, vm.unconfirmed)
        vm.forget_guest()
        vm.moved_at = ""
