"""An observed host, and the account of its budget. A figure that nobody measured is ``None``, never 0."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter

from domain.identifiers import UtcTime
from domain.observed.events import HostInventoried, HostNotWatched, HostObserved, HostRetired, HostWatched, Observed
from domain.observed.polls import Gap, PollFigures
from domain.observed.vm import RETIRED, ObservedVm
from domain.observed.words import STATED, Means
from domain.settings import HostVersion


@dataclass(slots=True)
class ObservedHost:
    """A host whose hypervisor decides. Sizes are bytes; ``version`` counts the events of its stream."""

    id: str
    name: str
    host_version: HostVersion | None = None
    version: int = 0
    removed: bool = False
    total: int | None = None
    reserve: int | None = None
    budget: int | None = None
    free: int | None = None
    """As last reported."""
    measured: dict[str, UtcTime] = field(default_factory=dict[str, UtcTime])
    """When each figure was last measured, by its name."""
    reserve_is_stated: bool = False
    """Somebody stated the reserve: no counter of Hyper-V shows it."""
    booted: UtcTime | None = None
    cluster: str | None = None
    numa_spanning: bool | None = None
    numa_nodes: tuple[int, ...] = ()
    """What each NUMA node has in all, where no VM may span them."""
    watched_until: UtcTime | None = None
    """When the last poll was made that an import read."""
    gap: Gap | None = None
    """The last time without polls."""
    newest: dict[str, PollFigures] = field(default_factory=dict[str, PollFigures])
    """What that import last read of VMs, by their ids, where that differs from their last events."""

    @staticmethod
    def begin(id: str) -> ObservedHost:
        """A host before its first event: nothing is known."""
        return ObservedHost(id=id, name=id)

    def apply(self, event: Observed, happened: UtcTime, earliest: UtcTime | None = None) -> None:
        """Applies the next event of the stream."""
        self.version += 1
        self.measured.pop(RETIRED, None)
        if isinstance(event, HostRetired):
            self.measured[RETIRED] = happened
        if isinstance(event, HostWatched):
            self.watched_until = max(happened, self.watched_until or happened)
            self.newest = {poll.vm: poll.figures for poll in event.newest}
            if event.free is not None and happened >= self.measured.get("free", ""):
                self.free, self.measured["free"] = event.free, happened
        if isinstance(event, HostNotWatched) and earliest is not None:
            self.gap = Gap(since=earliest, until=happened)
        if isinstance(event, HostInventoried):
            self.booted, self.cluster = event.booted or self.booted, event.cluster or self.cluster
            self.numa_nodes = event.numa_nodes or self.numa_nodes
            if event.numa_spanning is not None:
                self.numa_spanning = event.numa_spanning
        if not isinstance(event, HostObserved):
            return
        if event.reserve is not None:
            self.reserve_is_stated = event.label == STATED
        if event.version is not None:
            self.host_version = event.version
        for name in ("name", "total", "reserve", "budget", "free"):
            value = getattr(event, name)
            if value is not None:
                setattr(self, name, value)
                self.measured[name] = happened

    def find_node_room(self, free: int, *, is_any: bool) -> int:
        """The least that one NUMA node has free, of what the host has free: that of a VM, or any node if ``is_any``.

        It is all that is free where a VM may span the nodes, where there is one, or where no inventory shows that.
        """
        if self.numa_spanning is not False:
            return free
        if not self.numa_nodes:
            return 0
        elsewhere = sum(self.numa_nodes) - min(self.numa_nodes)  # all other nodes may be free as a whole
        return max(0, free - elsewhere, free // len(self.numa_nodes) if is_any else 0)

    @property
    def retired_since(self) -> UtcTime | None:
        """When somebody said that it is gone for good. Once it is seen again, it is not retired any more."""
        return self.measured.get(RETIRED)


@dataclass(frozen=True, slots=True)
class HostAccount:
    """What an observed host has and what its VMs hold of it, as far as it is known. Sizes are bytes."""

    total: int | None
    """As reported; or the budget, where that backs all memory of all VMs."""
    reserve: int | None
    budget: int | None
    book: dict[str, int | None]
    """What each VM holds of the budget; no entry is 0, ``None`` is unknown."""
    held: int | None
    free: int | None
    """Computed from the budget (or the total and the reserve) and the book."""
    measured_free: int | None
    """What the source last reported as free."""
    measured_at: str | None
    """When it was reported."""
    moved_at: str = ""
    """When what one of its VMs holds was last measured."""

    @property
    def known_free(self) -> int | None:
        """What it has left: as reported, unless a VM holds something else since then."""
        return choose_free(self.free, self.measured_free, self.measured_at, self.moved_at)


def choose_free(computed: int | None, measured: int | None, measured_at: str | None, moved_at: str) -> int | None:
    """What a host has left: as measured, unless it is computed and a VM holds something else since the measurement."""
    if computed is None or (measured is not None and (measured_at or "") >= moved_at):
        return measured
    return computed


def account_of(
    host: ObservedHost, vms: Iterable[ObservedVm], held_by: Callable[[ObservedVm], int | None] = attrgetter("held")
) -> HostAccount:
    """The account of a host with these VMs on it. ``held_by`` gives what each VM holds, where that is known better."""
    on = list(vms)
    book = {vm.id: size for vm in on if (size := held_by(vm)) != 0}
    sizes = book.values()
    held = None if None in sizes else sum(filter(None, sizes))
    total, reserve, free = room_of(host, held, on)
    return HostAccount(
        total=total,
        reserve=reserve,
        budget=host.budget,
        book=book,
        held=held,
        free=free,
        measured_free=host.free,
        measured_at=host.measured.get("free"),
        moved_at=max((vm.held_as_of for vm in on), default=""),
    )


def room_of(
    host: ObservedHost, held: int | None, vms: Iterable[ObservedVm]
) -> tuple[int | None, int | None, int | None]:
    """The total, the reserve and what is free of a host, of which these VMs hold so much together.

    The VMs are asked only where a budget stands for a total that nobody measured.
    """
    total, reserve = host.total, host.reserve
    if total is None and host.budget is not None:
        backed = [_backed(vm) for vm in vms]
        if backed and all(backed):
            total, reserve = host.budget, 0
    most = host.budget if host.budget is not None else None if total is None or reserve is None else total - reserve
    return total, reserve, None if most is None or held is None else most - held


def _backed(vm: ObservedVm) -> bool:
    devices = [account for account in vm.accounts.values() if account.means is not Means.BALLOON]
    return bool(devices) and all(account.backed for account in devices)
