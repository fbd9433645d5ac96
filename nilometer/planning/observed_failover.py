"""Whether every VM of an observed host finds a place if it fails, by what was measured of the others.

Free memory that was measured at most five minutes ago is taken as it is. Of an older figure, the least and the most of
the last 24 hours are asked: yes only if there is room with the least, no only if there is none with the most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from domain.envelope import Envelope
from domain.event import Event
from domain.identifiers import UtcTime
from domain.observed.host import ObservedHost
from domain.observed.settings import known_parts
from domain.observed.vm import ObservedVm
from domain.quantities import LARGEST
from domain.settings import GENERATION_1_LIMIT
from domain.state import Power
from nilometer.planning.failover import BUDGET, FIGURES, Failover, FailoverAnswer, decide_failover
from nilometer.planning.observed import read_room
from nilometer.planning.observed_use import is_fresh
from projections.fleet import Fleet

_NOT_ON: Final = (Power.OFF, Power.SAVED)


@dataclass(frozen=True, slots=True)
class FailoverRoom:
    """What an observed host has left, at least and at most; ``None`` where nothing was measured in 24 hours."""

    least: int | None = None
    most: int | None = None
    measured: UtcTime | None = None
    """When that was last measured."""


def find_room(fleet: Fleet, host: str, now: UtcTime, day: Iterable[Envelope[Event]]) -> FailoverRoom:
    """What an observed host has left. ``day`` has its events of the last 24 hours."""
    subject = fleet.hosts[host].subject
    had = read_room(subject if isinstance(subject, ObservedHost) else None, day)
    if had.free is not None and is_fresh(had.measured, now):
        room = FailoverRoom(least=had.free, most=had.free, measured=had.measured)
    else:
        room = FailoverRoom(least=had.least, most=had.most, measured=had.measured)
    if isinstance(subject, ObservedHost) and room.least is not None:
        return replace(room, least=subject.find_node_room(room.least, is_any=True))
    return room


def fail_observed_host(
    fleet: Fleet, host: str, rooms: Mapping[str, FailoverRoom], *, budget: int = BUDGET
) -> FailoverAnswer:
    """Asks what becomes of the VMs that run on an observed host, if it fails. ``rooms`` has the others' room."""
    running = [vm for id in sorted(fleet.on(host)) if isinstance(vm := fleet.vms[id].subject, ObservedVm) and _runs(vm)]
    sizes = {vm.id: None if vm.memory is None else known_parts(vm.memory).get("startup") for vm in running}
    needed = {id: size for id, size in sizes.items() if isinstance(size, int)}
    needed = dict(sorted(needed.items(), key=lambda entry: (-entry[1], entry[0])))
    others = {id: room for id, room in sorted(rooms.items()) if id != host}
    may = {
        vm.id: frozenset(others)
        if vm.generation != 1 or needed.get(vm.id, 0) <= GENERATION_1_LIMIT
        else frozenset[str]()
        for vm in running
    }
    least = {id: room.least or 0 for id, room in others.items()}
    most = {id: LARGEST if room.most is None else room.most for id, room in others.items()}
    answer, placement, reason, which = decide_failover(needed, least, may, budget)
    shown = least
    if len(needed) < len(running) or answer not in (Failover.ALWAYS, Failover.PLACED):
        answer, placement, reason, which = decide_failover(needed, most, may, budget)
        if answer is Failover.NO:
            shown = most
        else:
            answer, placement, reason, which = Failover.UNKNOWN, {}, FIGURES, None
    return FailoverAnswer(
        host=host,
        answer=answer,
        needed=needed,
        free=shown,
        placement=placement,
        reason=reason,
        vm=which,
        measured={id: room.measured for id, room in others.items()},
        unknown=tuple(id for id in sizes if id not in needed),
    )


def _runs(vm: ObservedVm) -> bool:
    """Whether it runs, as far as is known: of one whose power was never measured that is assumed."""
    return vm.power not in _NOT_ON and vm.not_listed_since is None and vm.retired_since is None
