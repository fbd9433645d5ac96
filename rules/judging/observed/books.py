"""The accounts of observed hosts: what their VMs hold against what they have, and against what they say is free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from domain.observed.events import HostObserved
from domain.observed.host import HostAccount, ObservedHost, account_of
from domain.observed.vm import ObservedVm
from domain.settings import HostVersion
from rules.judging.collector import Docket, Where
from rules.judging.findings import Verdict
from rules.judging.observed.state import Doubt, SeenHost, SeenVm, shortly_after
from rules.judging.observed.unknowns import ask
from rules.specification.invariants import host_never_overcommitted

NEVER: Final = host_never_overcommitted.__name__
AGREES: Final = "book_agrees"
CONSERVED: Final = "conserved"
MIDST: Final = "the host was measured in the midst of a change"
UNMEASURED: Final = "nobody measured all that the VMs of the host hold"
FIRST: Final = "nobody measured what the host had free before"
DRIFTS: Final = "the root reserve, and what each VM takes beside its memory, change, and nobody tells by how much"
RESERVE: Final = "nobody told the root reserve of the host"
OTHERS: Final = "something that nobody told of takes part of the host's memory, or gives it"


class Books:
    """All observed hosts."""

    def __init__(self, docket: Docket, vms: Mapping[str, SeenVm]) -> None:
        self._docket = docket
        self._vms = vms
        self._hosts: dict[str, SeenHost] = {}
        self._held: dict[str, tuple[int, int | None]] = {}
        """What each VM holds, and after how many events of it."""

    def version_of(self, host: str | None) -> HostVersion | None:
        """The release of a host, if somebody told."""
        seen = None if host is None else self._hosts.get(host)
        return None if seen is None else seen.fold.host_version

    def on(self, vm: str, before: str | None, after: str | None, happened: str) -> None:
        """A VM is on a host. While it moves, the one that it leaves may still have its memory, or have it no more."""
        if before == after:
            return
        for id, take in ((before, set[str].discard), (after, set[str].add)):
            if id is not None:
                host = self._host(id)
                take(host.vms, vm)
                host.account = None
                host.moved = max(host.moved, happened)

    def moved(self, where: Where, vm: ObservedVm) -> None:
        """Memory of a VM moved: the next measure of its host shows whether it came from there, or went there."""
        if vm.host is None:
            self._docket.unknown(CONSERVED, where, "nobody told which host the VM is on")
            return
        host = self._host(vm.host)
        host.moves.add(where)
        host.moved = max(host.moved, where[0].metadata.happened)

    def asked(self, where: Where, vm: ObservedVm) -> None:
        """What a VM holds may have changed: its host has not promised more than it has."""
        if vm.host is None:
            self._docket.unknown(NEVER, where, "nobody told which host the VM is on")
            return
        host = self._host(vm.host)
        account, held = host.account, self._held_by(vm)
        if account is None or account.total is None:
            account = self._account(host)
        elif account.book.get(vm.id, 0) != held:
            account = host.account = _with(account, vm.id, held) or self._account(host)
        self._never(where, host, account)

    def measured(self, where: Where, event: HostObserved, id: str) -> None:
        """A host was measured."""
        host, docket = self._host(id), self._docket
        said = where[0].metadata
        host.fold.apply(event, said.happened, said.earliest)
        if event.reserve is not None or event.budget is not None:  # a root reserve is not constant
            host.measured = max(host.measured, said.happened)
        account = self._account(host)
        self._never(where, host, account)
        if event.free is None:
            return
        free = account.free
        if free is None and account.total is not None and account.held is not None:
            free = account.total - account.held  # with the reserve: that it is unknown says not that it moves
        if free is None:
            docket.unknown(AGREES, where, UNMEASURED)
            docket.unknown(
                CONSERVED,
                host.moves.first or where,
                UNMEASURED,
                host.moves.count,
            )
            host.moves.clear()
            return
        off = free - event.free
        if account.budget is None and off != (host.off or 0):
            self._drifts(where, host, off)
        else:
            self._free(where, host, off, told=account.free is not None)

    def finish(self) -> None:
        """The history ends here."""
        docket = self._docket
        for host in self._hosts.values():
            if host.over is not None:
                self._over(host, lasting=self._lasts(host, host.over))
            if host.doubt is not None:
                docket.asked = True
                docket.unknown(AGREES, host.doubt.where, MIDST)
                docket.unknown(CONSERVED, host.doubt.where, MIDST, host.doubt.moves)
            if host.moves.first is not None:
                docket.ask(host.moves.first, host.fold.id)
                why = "nobody measured what the host had free afterwards"
                docket.unknown(CONSERVED, host.moves.first, why, host.moves.count)

    # What is free

    def _drifts(self, where: Where, host: SeenHost, off: int) -> None:
        """A hypervisor computes its reserve anew all the time: only a budget says exactly what should be free."""
        self._docket.unknown(AGREES, where, DRIFTS)
        self._docket.unknown(CONSERVED, host.moves.first or where, DRIFTS, host.moves.count)
        host.off = off
        host.moves.clear()

    def _free(self, where: Where, host: SeenHost, off: int, *, told: bool) -> None:
        """What a host says is free, against its book. ``off`` is by how much it is less; ``told``: with its reserve."""
        docket, happened = self._docket, where[0].metadata.happened
        doubt = host.doubt
        if off == (host.off or 0):
            if doubt is not None:
                docket.unknown(AGREES, doubt.where, MIDST)
                docket.unknown(CONSERVED, doubt.where, MIDST, doubt.moves)
                host.doubt = None
            host.off = off
            docket.holds(CONSERVED)
            if off == 0 and told:
                docket.holds(AGREES)
            else:
                docket.unknown(AGREES, where, OTHERS if told else RESERVE)
            host.moves.clear()
            return
        if host.off is None and doubt is None:
            host.off = off  # the first measure has nothing to be compared with
            docket.unknown(AGREES, where, OTHERS)
            if host.moves.first is not None:
                docket.unknown(CONSERVED, host.moves.first, FIRST, host.moves.count)
                host.moves.clear()
            return
        if doubt is not None and doubt.off == off and not self._all_measured(host, doubt.where):
            return  # what moved may still be told
        if doubt is not None and doubt.off == off and not shortly_after(host.moved, happened):
            why = "what the host has free does not follow what its VMs got and gave back"
            expected, found = {"off by": host.off or 0}, {"off by": off}
            docket.violated(CONSERVED, doubt.where, why, (expected, found))
            docket.violated(AGREES, doubt.where, why, (expected, found), follows=doubt.where[0].position)
            host.off, host.doubt = off, None
            host.moves.clear()
            return
        if doubt is not None:
            docket.unknown(AGREES, doubt.where, MIDST)
            docket.unknown(CONSERVED, doubt.where, MIDST, doubt.moves)
        host.doubt = Doubt(where, off, max(1, host.moves.count))
        host.moves.clear()

    # What is promised

    def _never(self, where: Where, host: SeenHost, account: HostAccount) -> None:
        total, reserve = account.total, account.reserve
        if account.budget is not None:
            total, reserve = account.budget, 0
        if host.over is not None:
            still = self._ask(total, reserve, account.held) is Verdict.VIOLATED
            if still and not self._lasts(host, host.over):
                return
            self._over(host, lasting=still)
        asked = total, reserve, account.held
        if asked == host.asked_with:
            return
        host.asked_with = asked
        verdict = self._ask(*asked)
        if verdict is Verdict.HOLDS:
            self._docket.holds(NEVER)
        elif verdict is Verdict.UNKNOWN:
            self._docket.unknown(NEVER, where, _missing(total, reserve, account.held))
        else:
            host.over = where

    @staticmethod
    def _ask(total: int | None, reserve: int | None, held: int | None) -> Verdict:
        known = {"site.host.total": total, "site.host.reserve": reserve, "site.host.held": held}
        return ask(host_never_overcommitted, known)

    def _over(self, host: SeenHost, *, lasting: bool) -> None:
        """It is seen whether a host was promised away twice, or one VM's memory was only told late to be back."""
        where, host.over = host.over, None
        assert where is not None
        asked = self._docket.asked
        self._docket.ask(where, host.fold.id)
        if lasting:
            account = self._account(host)
            most = account.budget if account.budget is not None else account.total
            found = {"held": account.held, "reserve": account.reserve}
            why = "the VMs of the host hold more than it has"
            self._docket.violated(NEVER, where, why, ({"at most": most}, found))
        else:
            self._docket.unknown(NEVER, where, "what the host got, or got back, by then may not have been told")
        self._docket.asked = asked

    def _lasts(self, host: SeenHost, since: Where) -> bool:
        """Whether the host was measured since too: else it may have been given more by then."""
        return host.measured > since[0].metadata.happened and self._all_measured(host, since)

    def _all_measured(self, host: SeenHost, since: Where) -> bool:
        """Whether every VM on a host was measured since: else memory that it gave back may not be told yet."""
        happened = since[0].metadata.happened
        return all(self._vms[vm].measured > happened for vm in host.vms if vm in self._vms)

    def _account(self, host: SeenHost) -> HostAccount:
        on = [self._vms[vm].fold for vm in sorted(host.vms) if vm in self._vms]
        host.account = account_of(host.fold, on, self._held_by)
        return host.account

    def _held_by(self, vm: ObservedVm) -> int | None:
        """What a VM holds: each event of one VM asks it of all that are on its host."""
        version, held = self._held.get(vm.id, (0, None))
        if version != vm.version:
            held = vm.held
            self._held[vm.id] = vm.version, held
        return held

    def _host(self, id: str) -> SeenHost:
        host = self._hosts.get(id)
        if host is None:
            host = self._hosts[id] = SeenHost(ObservedHost.begin(id))
        return host


def _with(account: HostAccount, vm: str, held: int | None) -> HostAccount | None:
    """The account when one VM holds something else; ``None`` if not all is known, and it has to be made anew."""
    before = account.book.get(vm, 0)
    if before is None or held is None or account.held is None:
        return None
    book = {id: size for id, size in account.book.items() if id != vm} | ({vm: held} if held else {})
    free = None if account.free is None else account.free + before - held
    return replace(account, book=book, held=account.held - before + held, free=free)


def _missing(total: int | None, reserve: int | None, held: int | None) -> str:
    names = [name for name, value in (("its memory", total), ("its reserve", reserve)) if value is None]
    if held is None:
        names.append("what all its VMs hold")
    return f"nobody measured of the host {' and '.join(names)}"
