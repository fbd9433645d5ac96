"""Whether an observed host has room: from what was measured of it, and how old that is. The hypervisor decides.

Free memory that was measured at most five minutes ago is taken as it is. Older than that, only what holds for the least
and for the most of the last 24 hours is an answer. Limits and settings may be of any age, if the VM was seen in these
24 hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from domain.decision import Code
from domain.envelope import Envelope
from domain.event import Event
from domain.guests import resizes_at_runtime
from domain.identifiers import UtcTime, seconds_between
from domain.observed.events import HostObserved, HostWatched, Means
from domain.observed.host import ObservedHost
from domain.observed.polls import PollFigures
from domain.observed.vm import NOT_LISTED, RETIRED, ObservedVm
from domain.quantities import FLOOR
from domain.settings import GENERATION_1_LIMIT, Mode, cap, knows_runtime_resize
from domain.state import Power
from nilometer.planning.asking import CanAnswer
from nilometer.times import to_utc_time
from projections.fleet import Fleet

FRESH_SECONDS: Final = 300
"""A figure that is not older than this is taken as it is."""
DAY: Final = timedelta(hours=24)
QEMU: Final = "QEMU"
"""How the name of that hypervisor begins, as imports name it."""
NO_POLLS: Final[Mapping[str, PollFigures]] = {}
POWERED: Final = (Power.RUNNING, Power.PAUSED)
"""A VM that has memory of its host."""


@dataclass(frozen=True, slots=True)
class ObservedGiver:
    """A VM that could give memory to the host."""

    vm: str
    how: str
    """``remove-memory``: it has so much available; ``stop``: it holds so much."""
    gives: int
    measured: UtcTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedAnswer:
    """The answer to a question about an observed VM. Sizes are bytes."""

    vm: str
    host: str | None
    """Where the memory would come from."""
    amount: int
    answer: CanAnswer
    granted: int | None = None
    """What there is room for; ``None`` where that is unknown."""
    free: int | None = None
    """What the host had left when it was last measured."""
    measured: UtcTime | None = None
    """When that was."""
    least: int | None = None
    """The least that it had left in the last 24 hours; ``None`` if nothing was measured then."""
    most: int | None = None
    maximum: int | None = None
    """The most that Dynamic Memory gives the VM: it sizes the VM itself, up to there."""
    assigned: int | None = None
    nodes: tuple[int, ...] | None = None
    """What the NUMA nodes of the host have, in bytes, where no VM may span them and that may shut the VM out."""
    limit: int | None = None
    """The most that such a VM can have on such a host, where more is asked for."""
    code: Code | None = None
    """Why the VM cannot be resized while it runs."""
    heard: UtcTime | None = None
    """When the VM was last seen, where that is more than a day ago."""
    givers: tuple[ObservedGiver, ...] = field(default=())
    """Who could give what is missing, one alone."""


def is_driven(vm: ObservedVm) -> bool:
    """Whether a VM runs where ``nilo drive`` can resize it; nothing else sizes it there."""
    return (vm.hypervisor or "").startswith(QEMU)


def find_day(now: UtcTime) -> UtcTime:
    """The moment 24 hours before, as times are kept."""
    return to_utc_time(datetime.fromisoformat(now) - DAY)


def ask_observed(
    fleet: Fleet,
    vm: ObservedVm,
    amount: int,
    now: UtcTime,
    day: Iterable[Envelope[Event]],
    *,
    to: str | None = None,
    polls: Mapping[str, PollFigures] = NO_POLLS,
) -> ObservedAnswer:
    """Asks whether a host has so much for an observed VM: its own host, or ``to``, where it would move.

    ``day`` has the events of that host in the last 24 hours, ``polls`` the newest poll of each VM that is at hand.
    """
    id = vm.host if to is None else to
    subject = None if id is None or id not in fleet.hosts else fleet.hosts[id].subject
    host = subject if isinstance(subject, ObservedHost) else None
    free, measured = (None, None) if host is None else (host.free, host.measured.get("free"))
    polled = read_day(day)
    if polled.measured is not None and (measured is None or polled.measured > measured):
        free, measured = polled.free, polled.measured
    least, most = polled.least, polled.most
    about = ObservedAnswer(
        vm=vm.id, host=id, amount=amount, answer=CanAnswer.UNKNOWN, free=free, measured=measured, least=least,
        most=most, assigned=vm.assigned,
    )  # fmt: skip
    heard = find_last_heard(fleet, vm)
    if not is_heard(heard, now):
        return replace(about, heard=heard)
    if vm.memory is not None and vm.memory.mode is Mode.DYNAMIC and to is None and vm.power in POWERED:
        return replace(about, answer=CanAnswer.NOT_NOW, maximum=vm.memory.maximum)
    refusal = find_refusal(vm) if to is None and vm.power in POWERED else None
    if refusal is not None:
        return replace(about, answer=CanAnswer.NOT_NOW, granted=0, code=refusal)
    limit = _find_limit(vm, host)
    if limit is not None and (vm.assigned or 0) + amount > limit and to is None:
        return replace(about, answer=CanAnswer.NEVER, limit=limit)
    is_any = to is not None or vm.power not in POWERED

    def find_room(left: int) -> int:
        """What there is for the VM at least, of what the host has left."""
        return left if host is None else host.find_node_room(left, is_any=is_any)

    if is_fresh(measured, now) and free is not None:
        room = find_room(free)
        if room >= amount:
            return replace(about, answer=CanAnswer.YES, granted=amount)
        if room < free:
            assert host is not None
            split = replace(about, nodes=host.numa_nodes)
            return split if free >= amount else replace(split, answer=CanAnswer.NOT_NOW)
        is_part = free and to is None and vm.power in POWERED
        answer = CanAnswer.PARTLY if is_part else CanAnswer.NOT_NOW
        granted = free if is_part else 0
        return replace(
            about, answer=answer, granted=granted, givers=_find_givers(fleet, vm, id, amount - free, now, polls)
        )
    if least is not None and most is not None:
        if find_room(least) >= amount:
            return replace(about, answer=CanAnswer.YES, granted=amount)
        if most < amount:
            return replace(about, answer=CanAnswer.PARTLY if least and to is None else CanAnswer.NOT_NOW)
        if host is not None and find_room(least) < least and least >= amount:
            return replace(about, nodes=host.numa_nodes)
    return about


def is_fresh(measured: UtcTime | None, now: UtcTime) -> bool:
    """Whether a figure is taken as it is: it was measured at most five minutes ago."""
    return measured is not None and 0 <= seconds_between(measured, now) <= FRESH_SECONDS


def is_heard(heard: UtcTime | None, now: UtcTime) -> bool:
    """Whether a VM was seen within a day, so that its settings count."""
    return heard is not None and seconds_between(heard, now) <= DAY.total_seconds()


def find_last_heard(fleet: Fleet, vm: ObservedVm) -> UtcTime | None:
    """When the VM was last seen: by its own figures, or by a poll of its host since, if that listed it."""
    seen = [time for name, time in vm.measured.items() if name not in (NOT_LISTED, RETIRED)]
    subject = None if vm.host is None or vm.host not in fleet.hosts else fleet.hosts[vm.host].subject
    if isinstance(subject, ObservedHost) and subject.watched_until is not None and vm.not_listed_since is None:
        seen.append(subject.watched_until)
    tracked = fleet.vms.get(vm.id)
    return max([*seen, *([] if tracked is None else [tracked.as_of])], default=None)


def _find_limit(vm: ObservedVm, host: ObservedHost | None) -> int | None:
    """The most that such a VM can have there; ``None`` where its generation or the host's release is not known."""
    if vm.generation == 1:
        return GENERATION_1_LIMIT
    if vm.generation is None or host is None or host.host_version is None:
        return None
    return cap(vm.generation, host.host_version)


def find_refusal(vm: ObservedVm) -> Code | None:
    """Why the memory of an observed VM cannot be resized while it runs, as far as is known; ``None`` if it can be."""
    if vm.power is Power.PAUSED:
        return Code.WRONG_POWER_STATE
    if is_driven(vm):
        return None
    if vm.memory is not None and vm.memory.mode is Mode.DYNAMIC:
        return Code.DYNAMIC_MEMORY_ENABLED
    if vm.guest is not None and not resizes_at_runtime(vm.guest):
        return Code.GUEST_CANNOT_RESIZE
    if vm.config_version is not None and not knows_runtime_resize(vm.config_version):
        return Code.CONFIGURATION_VERSION
    return None


@dataclass(slots=True)
class _Day:
    """What a host had left in the last 24 hours, by the polls that were read. Sizes are bytes."""

    least: int | None = None
    most: int | None = None
    free: int | None = None
    """By the newest poll."""
    measured: UtcTime | None = None
    """When that was."""

    def note(self, free: int | None, at: UtcTime) -> None:
        """Notes what a poll shows."""
        if free is None:
            return
        self.least = min(free, free if self.least is None else self.least)
        self.most = max(free, free if self.most is None else self.most)
        if self.measured is None or at >= self.measured:  # of one moment, the last
            self.free, self.measured = free, at


def read_day(events: Iterable[Envelope[Event]]) -> _Day:
    """What the events of a host in the last 24 hours say."""
    day = _Day()
    for envelope in events:
        event, happened = envelope.event, envelope.metadata.happened
        if isinstance(event, HostObserved):
            if event.tightest is not None:
                day.note(event.tightest.free, event.tightest.at)
            day.note(event.free, happened)
        elif isinstance(event, HostWatched):
            for size in (event.least, event.most, event.free):
                day.note(size, happened)
    return day


def _find_givers(
    fleet: Fleet,
    target: ObservedVm,
    host: str | None,
    missing: int,
    now: UtcTime,
    polls: Mapping[str, PollFigures],
) -> tuple[ObservedGiver, ...]:
    """VMs of the host that alone could give what is missing: what they have available, or all by being stopped."""
    found: list[ObservedGiver] = []
    for id in sorted(fleet.on(host or "")):
        subject = fleet.vms[id].subject
        if id == target.id or not isinstance(subject, ObservedVm) or subject.power not in POWERED:
            continue
        use = find_use(fleet, subject, polls)
        is_static = is_driven(subject) or (subject.memory is not None and subject.memory.mode is Mode.STATIC)
        can_give = is_static and find_refusal(subject) is None
        if can_give and use is not None and is_fresh(use.at, now) and use.removable >= missing:
            found.append(ObservedGiver(vm=id, how="remove-memory", gives=use.removable, measured=use.at))
        if (subject.held or 0) >= missing:
            found.append(ObservedGiver(vm=id, how="stop", gives=subject.held or 0))
    return tuple(sorted(found, key=lambda giver: (giver.how != "remove-memory", giver.gives)))


@dataclass(frozen=True, slots=True)
class GuestUse:
    """What a guest used when it was last measured, after the last move. Sizes are bytes."""

    assigned: int
    in_use: int
    at: UtcTime
    floor: int
    """What the VM keeps whatever its guest uses."""

    @property
    def removable(self) -> int:
        """What its guest does not use, above what the VM keeps."""
        return max(0, self.assigned - max(self.in_use, self.floor))


def find_use(fleet: Fleet, vm: ObservedVm, polls: Mapping[str, PollFigures] = NO_POLLS) -> GuestUse | None:
    """What a guest used when it was last measured; ``None`` if that was not since its memory last moved.

    Events record what a guest uses only where that is news. ``polls`` has the newest poll of each VM that is at hand.
    """
    floor = find_floor(vm)
    host = fleet.hosts.get(vm.host or "")
    newest = host.subject.newest.get(vm.id) if host is not None and isinstance(host.subject, ObservedHost) else None
    poll = polls.get(vm.id)
    if poll is not None and (newest is None or poll.at >= newest.at):
        newest = poll
    if newest is not None and newest.at > vm.measured.get("assigned", ""):
        if newest.in_use is not None:
            return GuestUse(assigned=newest.assigned, in_use=newest.in_use, at=newest.at, floor=floor)
        if newest.assigned != vm.assigned:
            return None
    measured = vm.measured.get("in_use")
    if vm.in_use is None or vm.assigned is None or measured is None:
        return None
    return GuestUse(assigned=vm.assigned, in_use=vm.in_use, at=measured, floor=floor)


def find_floor(vm: ObservedVm) -> int:
    """The least that a VM keeps: 32 MiB, or what a guest of QEMU has beside its virtio-mem devices."""
    sizes = [account.size for account in vm.accounts.values() if account.means is Means.VIRTIO_MEM]
    if not is_driven(vm) or not sizes or vm.assigned is None:
        return FLOOR
    return max(FLOOR, vm.assigned - sum(size or 0 for size in sizes))
