"""Judges the books of observed hosts: what their VMs hold against what is free, and against what the hosts have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from domain.observed.events import HostObserved
from domain.observed.host import HostAccount
from domain.observed.vm import ObservedVm
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.findings import Question, ask, ask_measured
from rules.judging.observed.accounts import HostAccounts
from rules.judging.observed.commitment import NEVER, Commitments
from rules.judging.observed.state import (
    ObservedHostState,
    ObservedVmState,
    UnconfirmedReading,
    is_shortly_after,
)
from rules.specification.invariants import host_never_overcommitted
from rules.specification.observations import free_follows_the_moves, free_is_the_rest

AGREES: Final = "book_agrees"
CONSERVED: Final = "conserved"

DURING_CHANGE: Final = "the host was measured during a change"
NO_HOST: Final = "the VM's host was not recorded"
UNMEASURED: Final = "the memory that the host's VMs hold was not measured completely"
FIRST: Final = "the host's free memory before was not measured"
AFTERWARDS: Final = "the host's free memory was not measured afterwards"
DRIFTS: Final = "the root reserve and the overhead of each VM change by amounts that are not recorded"
RESERVE: Final = "the host's root reserve was never recorded"
OTHERS: Final = "something that is not recorded takes or returns memory of the host"
DIFFERS: Final = "the host's free memory does not match what its VMs received and returned"


class Books:
    """The books of all observed hosts."""

    def __init__(self, collector: FindingCollector, vms: Mapping[str, ObservedVmState]) -> None:
        self.accounts = HostAccounts(vms)
        self._collector = collector
        self._commitments = Commitments(collector, self.accounts)

    def record_move(self, ref: EventRef, vm: ObservedVm) -> None:
        """Notes that memory of a VM moved: the next measurement of its host shows whether the host's changed too."""
        if vm.host is None:
            self._collector.report_unknown(CONSERVED, ref, NO_HOST, ask_measured(free_follows_the_moves))
            return
        host = self.accounts.host(vm.host)
        host.moves.add(ref)
        host.moved_at = max(host.moved_at, ref.envelope.metadata.happened)

    def check_commitment(self, ref: EventRef, vm: ObservedVm) -> None:
        """Checks that a host's VMs do not hold more than it has, after what a VM holds may have changed."""
        if vm.host is None:
            self._collector.report_unknown(NEVER, ref, NO_HOST, ask(host_never_overcommitted))
            return
        host = self.accounts.host(vm.host)
        self._commitments.check(ref, host, self.accounts.update(host, vm))

    def judge_measurement(self, ref: EventRef, event: HostObserved, id: str) -> None:
        """Judges a measurement of a host."""
        host, collector = self.accounts.host(id), self._collector
        metadata = ref.envelope.metadata
        host.fold.apply(event, metadata.happened, metadata.earliest)
        if event.reserve is not None or event.budget is not None:  # a root reserve changes
            host.measured_at = max(host.measured_at, metadata.happened)
        account = self.accounts.compute(host)
        listed = event.listed is not None and event.listed.complete
        self._commitments.check(ref, host, account, listed=listed)
        if event.free is None:
            return
        free = account.free
        if free is None and account.total is not None and account.held is not None:
            free = account.total - account.held  # including the reserve, which may be unknown and still constant
        all_is_free = account.budget is not None and free == event.free  # who enforces a budget knows all that is held
        if not host.is_listed and not all_is_free:  # VMs of its first poll may come after this
            about = _ask_of_free(replace(account, held=None), event.free)
            collector.report_unknown(AGREES, ref, UNMEASURED, about)
            self._report_no_before(host, event.free)
            if free == event.free:  # nothing is held, as it seems: what comes is compared with that
                host.deviation = 0
            return
        if free is None:
            collector.report_unknown(AGREES, ref, UNMEASURED, _ask_of_free(account, event.free))
            moves = _ask_of_moves(event.free)
            collector.report_unknown(CONSERVED, host.moves.first or ref, UNMEASURED, moves, host.moves.count)
            host.moves.clear()
            return
        deviation = free - event.free
        if account.budget is None and deviation != (host.deviation or 0):
            self._report_drift(ref, host, deviation, event.free, account)
        else:
            self._check_free(ref, host, deviation, event.free, account)

    def finish(self) -> None:
        """Ends the history."""
        collector = self._collector
        for host in self.accounts:
            self._commitments.finish(host)
            if host.unconfirmed is not None:
                collector.in_scope = True
                self._report_unconfirmed(host.unconfirmed)
            if host.moves.first is not None:
                collector.enter(host.moves.first, host.fold.id)
                about = ask_measured(free_follows_the_moves)
                collector.report_unknown(CONSERVED, host.moves.first, AFTERWARDS, about, host.moves.count)

    def _report_drift(
        self, ref: EventRef, host: ObservedHostState, deviation: int, free: int, account: HostAccount
    ) -> None:
        """Reports unknown: a hypervisor keeps changing its reserve, and only a budget fixes what should be free."""
        about = ask_measured(free_is_the_rest, {"total": account.total, "held": account.held, "free": free})
        self._collector.report_unknown(AGREES, ref, DRIFTS, about)
        moves = _ask_of_moves(free)
        self._collector.report_unknown(CONSERVED, host.moves.first or ref, DRIFTS, moves, host.moves.count)
        host.deviation = deviation
        host.moves.clear()

    def _report_unconfirmed(self, reading: UnconfirmedReading) -> None:
        """Reports unknown: what VMs had when the free memory was measured, no other measurement confirms."""
        about = ask_measured(free_is_the_rest, {"free": reading.measured})
        self._collector.report_unknown(AGREES, reading.ref, DURING_CHANGE, about)
        moves = _ask_of_moves(reading.measured)
        self._collector.report_unknown(CONSERVED, reading.ref, DURING_CHANGE, moves, reading.moves)

    def _check_free(
        self, ref: EventRef, host: ObservedHostState, deviation: int, free: int, account: HostAccount
    ) -> None:
        """Checks a host's free memory against its book; ``deviation`` is by how much it is less."""
        collector, happened = self._collector, ref.envelope.metadata.happened
        reserve_known = account.free is not None
        unconfirmed = host.unconfirmed
        if deviation == (host.deviation or 0):
            if unconfirmed is not None:
                self._report_unconfirmed(unconfirmed)
                host.unconfirmed = None
            if host.deviation is None and account.budget is None:
                self._report_no_before(host, free)
            else:  # of a budget all was free once
                collector.count_holds(CONSERVED)
            host.deviation = deviation
            if deviation == 0 and reserve_known:
                collector.count_holds(AGREES)
            else:
                why = OTHERS if reserve_known else RESERVE
                collector.report_unknown(AGREES, ref, why, partial(_ask_of_free, account, free))
            host.moves.clear()
            return
        if host.deviation is None and unconfirmed is None:
            host.deviation = deviation  # the first measurement cannot be compared
            collector.report_unknown(AGREES, ref, OTHERS, _ask_of_free(account, free))
            self._report_no_before(host, free)
            return
        repeated = unconfirmed is not None and unconfirmed.deviation == deviation
        if unconfirmed is not None and repeated and not self.accounts.all_measured(host, unconfirmed.ref):
            return  # a move may still be recorded
        if unconfirmed is not None and repeated and not is_shortly_after(host.moved_at, happened):
            difference = {"off by": host.deviation or 0}, {"off by": deviation}
            collector.report_violation(CONSERVED, unconfirmed.ref, DIFFERS, difference)
            follows = unconfirmed.ref.envelope.position
            collector.report_violation(AGREES, unconfirmed.ref, DIFFERS, difference, follows=follows)
            host.deviation, host.unconfirmed = deviation, None
            host.moves.clear()
            return
        if unconfirmed is not None:
            self._report_unconfirmed(unconfirmed)
        moves = max(1, host.moves.count)
        host.unconfirmed = UnconfirmedReading(ref=ref, deviation=deviation, moves=moves, measured=free)
        host.moves.clear()

    def _report_no_before(self, host: ObservedHostState, free: int) -> None:
        """Reports unknown of the moves before the first measurement; without one, there is nothing to judge."""
        if host.moves.first is not None:
            self._collector.report_unknown(CONSERVED, host.moves.first, FIRST, _ask_of_moves(free), host.moves.count)
            host.moves.clear()


def _ask_of_free(account: HostAccount, free: int) -> Question:
    """Whether what is free on a host is what is left there; what others have is never recorded."""
    total, reserve = account.total, account.reserve
    if account.budget is not None:
        total, reserve = account.budget, 0
    return ask_measured(free_is_the_rest, {"total": total, "reserve": reserve, "held": account.held, "free": free})


def _ask_of_moves(free: int) -> Question:
    """Whether what moved is missing from what is free on a host, or in it again."""
    return ask_measured(free_follows_the_moves, {"after": free})
