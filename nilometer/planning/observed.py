"""Whether an observed host has room: from what was measured of it, and how old that is. The hypervisor decides.

Free memory that was measured at most five minutes ago is taken as it is. Older than that, only what holds for the least
and for the most of the last 24 hours is an answer. Limits and settings may be of any age, if the VM was seen in these
24 hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from shlex import quote
from typing import Final

from domain.commands import NAMES, AddMemory, Command, Grow, MoveVm, SetMemory, Start
from domain.decision import Code
from domain.envelope import Envelope
from domain.errors import InputError
from domain.event import Event
from domain.identifiers import UtcTime, seconds_between
from domain.observed.events import HostObserved, HostWatched
from domain.observed.host import ObservedHost
from domain.observed.polls import PollFigures
from domain.observed.vm import NOT_LISTED, RETIRED, ObservedVm
from domain.quantities import QUANTUM, down
from domain.settings import GENERATION_1_LIMIT, Mode, cap
from domain.state import Power
from nilometer.planning.asking import CanAnswer
from nilometer.planning.observed_options import ObservedOptions, find_observed_options, round_up
from nilometer.planning.observed_use import NO_POLLS, POWERED, find_refusal, is_driven, is_fresh
from nilometer.times import to_utc_time
from projections.fleet import Fleet

DAY: Final = timedelta(hours=24)


DaysReader = Callable[[str], Iterable[Envelope[Event]]]
"""Reads the events of a host in the last 24 hours."""


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
    is_driven: bool = False
    """Whether QEMU decides, and not Hyper-V."""
    options: ObservedOptions | None = None
    """What would make it possible; ``None`` where no memory is missing, or where that is not known."""


def find_day(now: UtcTime) -> UtcTime:
    """The moment 24 hours before, as times are kept."""
    return to_utc_time(datetime.fromisoformat(now) - DAY)


def ask_observed(
    fleet: Fleet,
    vm: ObservedVm,
    command: Command,
    now: UtcTime,
    events_of: DaysReader,
    *,
    polls: Mapping[str, PollFigures] = NO_POLLS,
    within: int = 2,
    without: Iterable[str] = (),
) -> ObservedAnswer:
    """Asks whether a host has what a command needs for an observed VM: its own host, or that to which it would move.

    ``polls`` has the newest poll of each VM that is at hand. Options have at most ``within`` steps, none of them of a
    kind in ``without``. Raises ``InputError`` for a command that cannot be asked.
    """
    to = command.to if isinstance(command, MoveVm) else None
    amount = amount_of(command, vm)
    id = vm.host if to is None else to
    subject = None if id is None or id not in fleet.hosts else fleet.hosts[id].subject
    host = subject if isinstance(subject, ObservedHost) else None
    room = read_room(host, () if id is None else events_of(id))
    free, measured, least, most = room.free, room.measured, room.least, room.most
    about = ObservedAnswer(
        vm=vm.id, host=id, amount=amount, answer=CanAnswer.UNKNOWN, free=free, measured=measured, least=least,
        most=most, assigned=vm.assigned, is_driven=is_driven(vm),
    )  # fmt: skip
    heard = find_last_heard(fleet, vm)
    if not is_heard(heard, now):
        return replace(about, heard=heard)
    is_on = vm.power in POWERED
    if to is None and is_on:
        refused = _find_refused(about, vm, command)
        if refused is not None:
            return refused
    if amount == 0:
        return replace(about, answer=CanAnswer.YES, granted=0)
    limit = _find_limit(vm, host)
    if limit is not None and (vm.assigned or 0) + amount > limit and to is None:
        return replace(about, answer=CanAnswer.NEVER, limit=limit)
    is_any = to is not None or not is_on

    def find_room(left: int) -> int:
        """What there is for the VM at least, of what the host has left."""
        return left if host is None else host.find_node_room(left, is_any=is_any)

    if is_fresh(measured, now) and free is not None:
        assert id is not None
        if find_room(free) >= amount:
            return replace(about, answer=CanAnswer.YES, granted=amount)
        if find_room(free) < free:
            assert host is not None
            split = replace(about, nodes=host.numa_nodes)
            return split if free >= amount else replace(split, answer=CanAnswer.NOT_NOW)
        granted = down(free) if to is None and is_on else 0
        answer = CanAnswer.PARTLY if granted else CanAnswer.NOT_NOW
        hosts = _hosts_that_count(fleet, vm, id, free, now, events_of)
        options = find_observed_options(
            fleet, _in_quanta(command), vm, id, round_up(amount), hosts, now, polls, within=within, without=without
        )
        return replace(about, answer=answer, granted=granted, options=options)
    if least is not None and most is not None:
        if find_room(least) >= amount:
            return replace(about, answer=CanAnswer.YES, granted=amount)
        if most < amount:
            return replace(about, answer=CanAnswer.PARTLY if least and to is None and is_on else CanAnswer.NOT_NOW)
        if host is not None and find_room(least) < least and least >= amount:
            return replace(about, nodes=host.numa_nodes)
    return about


def check_is_on(vm: ObservedVm) -> None:
    """Raises ``InputError`` for a VM that is known to be off or saved: it cannot be resized."""
    if vm.power is Power.OFF or vm.power is Power.SAVED:
        raise InputError(
            f"{vm.name} is {vm.power}: only a VM that runs can be resized",
            hint=f"ask whether it starts: nilo can start {quote(vm.id)}",
        )


def amount_of(command: Command, vm: ObservedVm) -> int:
    """How much memory a command asks of a host. Raises ``InputError`` for one that is not asked of an observed VM."""
    if isinstance(command, AddMemory | SetMemory | Grow):
        check_is_on(vm)
    match command:
        case AddMemory() | Grow():
            return command.amount
        case SetMemory() if vm.assigned is not None:
            return max(0, command.size - vm.assigned)
        case Start() if vm.power is Power.OFF and vm.memory is not None:
            return vm.memory.startup
        case MoveVm() if vm.held is not None:
            return vm.held
        case Start() if vm.power is not None and vm.power is not Power.OFF:
            raise InputError(f"{vm.name} is {vm.power.value}: it cannot be started", hint="nilo view shows it")
        case _:
            raise InputError(
                f"{NAMES[type(command)]} cannot be asked of {vm.name}: a hypervisor decides about it",
                hint=f"ask for more memory: nilo can add-memory {quote(vm.id)} 4GiB",
            )


def _find_refused(about: ObservedAnswer, vm: ObservedVm, command: Command) -> ObservedAnswer | None:
    """The answer for a VM that runs and cannot be resized so, whatever its host has."""
    if vm.power is Power.PAUSED:
        return replace(about, answer=CanAnswer.NOT_NOW, granted=0, code=Code.WRONG_POWER_STATE)
    if vm.memory is not None and vm.memory.mode is Mode.DYNAMIC:
        is_within = (vm.assigned or 0) + about.amount <= vm.memory.maximum
        if isinstance(command, Grow) and is_within:
            return None
        return replace(about, answer=CanAnswer.NOT_NOW, maximum=vm.memory.maximum)
    code = find_refusal(vm)
    if code is None and isinstance(command, Grow):
        code = Code.DYNAMIC_MEMORY_DISABLED
    if code is None and about.amount and ((vm.assigned or 0) + about.amount) % QUANTUM and not about.is_driven:
        code = Code.INVALID_AMOUNT  # Hyper-V takes an even number of MB
    return None if code is None else replace(about, answer=CanAnswer.NOT_NOW, granted=0, code=code)


def _in_quanta(command: Command) -> Command:
    """The command in whole units of 2 MiB, as the rules know it; what Dynamic Memory gives is given as any memory."""
    match command:
        case AddMemory(vm=vm, amount=amount) | Grow(vm=vm, amount=amount):
            return AddMemory(vm, round_up(amount))
        case SetMemory(vm=vm, size=size):
            return SetMemory(vm, round_up(size))
        case _:
            return command


def _hosts_that_count(
    fleet: Fleet, vm: ObservedVm, host: str, free: int, now: UtcTime, events_of: DaysReader
) -> dict[str, int]:
    """The hosts whose free memory is known now, with that: where a VM may move to, as far as its memory goes."""
    found = {host: free}
    if vm.host is not None and vm.host in fleet.hosts:
        found.setdefault(vm.host, 0)
    for id in () if is_driven(vm) else sorted(fleet.hosts):
        subject = fleet.hosts[id].subject
        if id in found or not isinstance(subject, ObservedHost) or subject.retired_since is not None:
            continue
        if any(isinstance(other := fleet.vms[one].subject, ObservedVm) and is_driven(other) for one in fleet.on(id)):
            continue
        room = read_room(subject, events_of(id))
        if is_fresh(room.measured, now) and room.free is not None:
            found[id] = subject.find_node_room(room.free, is_any=True)
    return found


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


@dataclass(frozen=True, slots=True)
class HostRoom:
    """What a host had left: last, and at least and most in 24 hours. Sizes are bytes."""

    free: int | None
    measured: UtcTime | None
    least: int | None
    most: int | None


def read_room(host: ObservedHost | None, events: Iterable[Envelope[Event]]) -> HostRoom:
    """What a host had left, by its own newest figure or that of a poll that showed nothing else that was new."""
    free, measured = (None, None) if host is None else (host.free, host.measured.get("free"))
    day = _read_day(events)
    if day.measured is not None and (measured is None or day.measured > measured):
        free, measured = day.free, day.measured
    return HostRoom(free=free, measured=measured, least=day.least, most=day.most)


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


def _read_day(events: Iterable[Envelope[Event]]) -> _Day:
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
