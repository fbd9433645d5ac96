"""The accounts of observed hosts: which VMs are on each, what these hold, and how lately all of it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from domain.observed.host import HostAccount, ObservedHost, account_of
from domain.observed.vm import ObservedVm
from domain.settings import HostVersion
from rules.judging.collector import EventRef
from rules.judging.observed.state import (
    ObservedHostState,
    ObservedVmState,
)


class HostAccounts:
    """The observed hosts, each with its account as far as it is known."""

    def __init__(self, vms: Mapping[str, ObservedVmState]) -> None:
        self._vms = vms
        self._hosts: dict[str, ObservedHostState] = {}
        self._held: dict[str, tuple[int, int | None]] = {}
        """What each VM holds, and after how many of its events."""

    def __iter__(self) -> Iterator[ObservedHostState]:
        return iter(self._hosts.values())

    def host(self, id: str) -> ObservedHostState:
        """A host; one that was not known before has no figures yet."""
        host = self._hosts.get(id)
        if host is None:
            host = self._hosts[id] = ObservedHostState(ObservedHost.begin(id))
        return host

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
                host = self.host(id)
                change(host.vms, vm)
                host.account = None
                host.moved_at = max(host.moved_at, happened)

    def update(self, host: ObservedHostState, vm: ObservedVm) -> HostAccount:
        """The account of a host after what one of its VMs holds may have changed."""
        account, held = host.account, self._held_by(vm)
        if account is None or account.total is None:
            return self.compute(host)
        if account.book.get(vm.id, 0) != held:
            account = host.account = _with_entry(account, vm.id, held) or self.compute(host)
        return account

    def compute(self, host: ObservedHostState) -> HostAccount:
        """The account of a host, from all its VMs."""
        vms = [self._vms[vm].fold for vm in sorted(host.vms) if vm in self._vms]
        host.account = account_of(host.fold, vms, self._held_by)
        return host.account

    def is_confirmed(self, host: ObservedHostState, since: EventRef) -> bool:
        """Whether the host and all its VMs were measured since: else the host may have got more memory by then."""
        return host.measured_at > since.envelope.metadata.happened and self.all_measured(host, since)

    def all_measured(self, host: ObservedHostState, since: EventRef) -> bool:
        """Whether every VM on a host was measured since: else memory that it returned may not be recorded yet."""
        happened = since.envelope.metadata.happened
        return all(self._vms[vm].measured_at > happened for vm in host.vms if vm in self._vms)

    def _held_by(self, vm: ObservedVm) -> int | None:
        """What a VM holds; kept, because each event of one VM needs it of all VMs on its host."""
        version, held = self._held.get(vm.id, (0, None))
        if version != vm.version:
            held = vm.held
            self._held[vm.id] = vm.version, held
        return held


def _with_entry(account: HostAccount, vm: str, held: int | None) -> HostAccount | None:
    """The account with another entry of one VM; ``None`` if a figure is unknown, and it must be computed again."""
    before = account.book.get(vm, 0)
    if before is None or held is None or account.held is None:
        return None
    book = {id: size for id, size in account.book.items() if id != vm} | ({vm: held} if held else {})
    free = None if account.free is None else account.free + before - held
    return replace(account, book=book, held=account.held - before + held, free=free)
