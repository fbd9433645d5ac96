"""Judges the books of observed hosts: what their VMs hold against what the hosts have, and against what is free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from domain.observed.events import HostObserved
from domain.observed.host import HostAccount, ObservedHost, account_of
from domain.observed.vm import ObservedVm
from domain.settings import HostVersion
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.findings import Question, Verdict, ask, ask_measured
from rules.judging.observed.state import (
    CommitmentFigures,
    ObservedHostState,
    ObservedVmState,
    UnconfirmedReading,
    UnlistedHost,
    is_shortly_after,
)
from rules.judging.unknowns import KnownFigures, evaluate
from rules.specification.invariants import host_never_overcommitted
from rules.specification.observations import free_follows_the_moves, free_is_the_rest

NEVER: Final = host_never_overcommitted.__name__
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
TOO_EARLY: Final = "memory that the host gained or got back by then may not be recorded"


class Books:
    """The books of all observed hosts."""

    def __init__(self, collector: FindingCollector, vms: Mapping[str, ObservedVmState]) -> None:
        self._collector = collector
        self._vms = vms
        self._hosts: dict[str, ObservedHostState] = {}
        self._held: dict[str, tuple[int, int | None]] = {}
        """What each VM holds, and after how many of its events."""

    def version_of(self, host: str | None) -> HostVersion | None:
        """The release of a host; ``None`` if it was not recorded."""
        state = None if host is None else self._hosts.get(host)
        return None if state is None else state.fold.host_version

    def move_vm(self, vm: str, before: str | None, after: str | None, happened: str) -> None:
        """Puts a VM on another host. During the move the first host may still hold its memory, or no longer."""
        if before == after:
            return
        for id, change in ((before, set[str].discard), (after, set[str].add)):
            if id is not None:
                host = self._host(id)
                change(host.vms, vm)
                host.account = None
                host.moved_at = max(host.moved_at, happened)

    def record_move(self, ref: EventRef, vm: ObservedVm) -> None:
        """Notes that memory of a VM moved: the next measurement of its host shows whether the host's changed too."""
        if vm.host is None:
            self._collector.report_unknown(CONSERVED, ref, NO_HOST, ask_measured(free_follows_the_moves))
            return
        host = self._host(vm.host)
        host.moves.add(ref)
        host.moved_at = max(host.moved_at, ref.envelope.metadata.happened)

    def check_commitment(self, ref: EventRef, vm: ObservedVm) -> None:
        """Checks that a host's VMs do not hold more than it has, after what a VM holds may have changed."""
        if vm.host is None:
            self._collector.report_unknown(NEVER, ref, NO_HOST, ask(host_never_overcommitted))
            return
        host = self._host(vm.host)
        account, held = host.account, self._held_by(vm)
        if account is None or account.total is None:
            account = self._compute_account(host)
        elif account.book.get(vm.id, 0) != held:
            account = host.account = _with_entry(account, vm.id, held) or self._compute_account(host)
        self._check_commitment(ref, host, account)

    def judge_measurement(self, ref: EventRef, event: HostObserved, id: str) -> None:
        """Judges a measurement of a host."""
        host, collector = self._host(id), self._collector
        metadata = ref.envelope.metadata
        host.fold.apply(event, metadata.happened, metadata.earliest)
        if event.reserve is not None or event.budget is not None:  # a root reserve changes
            host.measured_at = max(host.measured_at, metadata.happened)
        account = self._compute_account(host)
        listed = event.listed is not None and event.listed.complete
        self._check_commitment(ref, host, account, listed=listed)
        if event.free is None:
            return
        free = account.free
        if free is None and account.total is not None and account.held is not None:
            free = account.total - account.held  # including the reserve, which may be unknown and still constant
        if not host.is_listed:  # VMs of its first poll may come after this: what they hold is unknown, and not 0
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
        for host in self._hosts.values():
            if host.unlisted is not None:
                self._judge_unlisted(host, host.unlisted)
            if host.overcommitted is not None:
                self._close_overcommitment(host, confirmed=self._is_confirmed(host, host.overcommitted))
            if host.unconfirmed is not None:
                collector.in_scope = True
                self._report_unconfirmed(host.unconfirmed)
            if host.moves.first is not None:
                collector.enter(host.moves.first, host.fold.id)
                about = ask_measured(free_follows_the_moves)
                collector.report_unknown(CONSERVED, host.moves.first, AFTERWARDS, about, host.moves.count)

    # Free memory

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
            if host.deviation is None:
                self._report_no_before(host, free)
            else:
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
        if unconfirmed is not None and repeated and not self._all_measured(host, unconfirmed.ref):
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

    # Commitment

    def _check_commitment(
        self, ref: EventRef, host: ObservedHostState, account: HostAccount, *, listed: bool = False
    ) -> None:
        """Checks what a host's VMs hold; ``listed``: a complete poll says so of all of them.

        What only some VMs of its first poll hold proves nothing: it waits until they are listed, or time goes on.
        """
        total, reserve = account.total, account.reserve
        if account.budget is not None:
            total, reserve = account.budget, 0
        # what nobody listed is unknown, and not 0
        held = account.held if host.vms or host.is_listed or listed else None
        figures = total, reserve, held
        if not host.is_listed:
            before = host.unlisted
            if (
                before is not None
                and before.has_vms
                and before.ref.envelope.metadata.happened < ref.envelope.metadata.happened
            ):
                self._judge_unlisted(host, before)
            elif not listed:
                host.unlisted = UnlistedHost(ref=ref, figures=figures, has_vms=bool(host.vms))
                return
            host.is_listed, host.unlisted = True, None
        if host.overcommitted is not None:
            still = self._evaluate(total, reserve, account.held) is Verdict.VIOLATED
            if still and not self._is_confirmed(host, host.overcommitted):
                return
            self._close_overcommitment(host, confirmed=still)
        self._judge_commitment(ref, host, figures)

    def _judge_unlisted(self, host: ObservedHostState, unlisted: UnlistedHost) -> None:
        """Judges a host by the last event of its first poll, with all that its VMs held then."""
        collector, ref = self._collector, unlisted.ref
        in_scope = collector.in_scope
        collector.enter(ref, host.fold.id)
        self._judge_commitment(ref, host, unlisted.figures)
        collector.in_scope = in_scope

    def _judge_commitment(self, ref: EventRef, host: ObservedHostState, figures: CommitmentFigures) -> None:
        if figures == host.last_checked:
            return
        host.last_checked = figures
        verdict = self._evaluate(*figures)
        if verdict is Verdict.HOLDS:
            self._collector.count_holds(NEVER)
        elif verdict is Verdict.UNKNOWN:
            about = ask(host_never_overcommitted, _site_of(*figures))
            self._collector.report_unknown(NEVER, ref, _describe_missing(*figures), about)
        else:
            host.overcommitted = ref

    @staticmethod
    def _evaluate(total: int | None, reserve: int | None, held: int | None) -> Verdict:
        return evaluate(host_never_overcommitted, _site_of(total, reserve, held))

    def _close_overcommitment(self, host: ObservedHostState, *, confirmed: bool) -> None:
        """Reports an overcommitment as violated if confirmed; else the return of some memory was only recorded late."""
        ref, host.overcommitted = host.overcommitted, None
        assert ref is not None
        in_scope = self._collector.in_scope
        self._collector.enter(ref, host.fold.id)
        if confirmed:
            account = self._compute_account(host)
            most = account.budget if account.budget is not None else account.total
            found = {"held": account.held, "reserve": account.reserve}
            why = "the host's VMs hold more memory than it has"
            about = ask(host_never_overcommitted, _site_of(most, account.reserve, account.held))
            self._collector.report_violation(NEVER, ref, why, ({"at most": most}, found), about=about)
        else:
            self._collector.report_unknown(NEVER, ref, TOO_EARLY, ask(host_never_overcommitted))
        self._collector.in_scope = in_scope

    def _is_confirmed(self, host: ObservedHostState, since: EventRef) -> bool:
        """Whether the host and all its VMs were measured since: else the host may have got more memory by then."""
        return host.measured_at > since.envelope.metadata.happened and self._all_measured(host, since)

    def _all_measured(self, host: ObservedHostState, since: EventRef) -> bool:
        """Whether every VM on a host was measured since: else memory that it returned may not be recorded yet."""
        happened = since.envelope.metadata.happened
        return all(self._vms[vm].measured_at > happened for vm in host.vms if vm in self._vms)

    def _compute_account(self, host: ObservedHostState) -> HostAccount:
        vms = [self._vms[vm].fold for vm in sorted(host.vms) if vm in self._vms]
        host.account = account_of(host.fold, vms, self._held_by)
        return host.account

    def _held_by(self, vm: ObservedVm) -> int | None:
        """What a VM holds; kept, because each event of one VM needs it of all VMs on its host."""
        version, held = self._held.get(vm.id, (0, None))
        if version != vm.version:
            held = vm.held
            self._held[vm.id] = vm.version, held
        return held

    def _host(self, id: str) -> ObservedHostState:
        host = self._hosts.get(id)
        if host is None:
            host = self._hosts[id] = ObservedHostState(ObservedHost.begin(id))
        return host


def _site_of(total: int | None, reserve: int | None, held: int | None) -> KnownFigures:
    return {"site.host.total": total, "site.host.reserve": reserve, "site.host.held": held}


def _ask_of_free(account: HostAccount, free: int) -> Question:
    """Whether what is free on a host is what is left there; what others have is never recorded."""
    total, reserve = account.total, account.reserve
    if account.budget is not None:
        total, reserve = account.budget, 0
    return ask_measured(free_is_the_rest, {"total": total, "reserve": reserve, "held": account.held, "free": free})


def _ask_of_moves(free: int) -> Question:
    """Whether what moved is missing from what is free on a host, or in it again."""
    return ask_measured(free_follows_the_moves, {"after": free})


def _with_entry(account: HostAccount, vm: str, held: int | None) -> HostAccount | None:
    """The account with another entry of one VM; ``None`` if a figure is unknown, and it must be computed again."""
    before = account.book.get(vm, 0)
    if before is None or held is None or account.held is None:
        return None
    book = {id: size for id, size in account.book.items() if id != vm} | ({vm: held} if held else {})
    free = None if account.free is None else account.free + before - held
    return replace(account, book=book, held=account.held - before + held, free=free)


def _describe_missing(total: int | None, reserve: int | None, held: int | None) -> str:
    """Names the figures that were never recorded."""
    figures = ("{} memory", total), ("{} reserve", reserve), ("all that {} VMs hold", held)
    missing = [name for name, value in figures if value is None]
    names = [name.format("its" if number else "the host's") for number, name in enumerate(missing)]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return f"{listed} {'were' if len(names) > 1 else 'was'} never recorded"
