"""Whether an observed host has room: from what was measured of it, and how old that is. The hypervisor decides.

Free memory that was measured at most five minutes ago is taken as it is. Older than that, only what holds for the least
and for the most of the last 24 hours is an answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from domain.envelope import Envelope
from domain.event import Event
from domain.identifiers import UtcTime, seconds_between
from domain.observed.events import HostObserved
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from domain.settings import Mode
from domain.state import Power
from nilometer.planning.asking import CanAnswer
from nilometer.times import to_utc_time
from projections.fleet import Fleet

FRESH_SECONDS: Final = 300
"""A figure that is not older than this is taken as it is."""
DAY: Final = timedelta(hours=24)
_ON: Final = (Power.RUNNING, Power.PAUSED)


@dataclass(frozen=True, slots=True)
class Giver:
    """Somebody who could give memory to the host."""

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
    givers: tuple[Giver, ...] = field(default=())
    """Who could give what is missing, one alone."""


def find_day(now: UtcTime) -> UtcTime:
    """The moment 24 hours before, as times are kept."""
    return to_utc_time(datetime.fromisoformat(now) - DAY)


def ask_observed(
    fleet: Fleet, vm: ObservedVm, amount: int, now: UtcTime, day: Iterable[Envelope[Event]]
) -> ObservedAnswer:
    """Asks whether an observed VM can have more memory. ``day`` has the events of its host in the last 24 hours."""
    host = None if vm.host is None else fleet.hosts.get(vm.host)
    subject = host.subject if host is not None else None
    free = subject.free if isinstance(subject, ObservedHost) else None
    measured = subject.measured.get("free") if isinstance(subject, ObservedHost) else None
    least, most = _find_range(day)
    about = ObservedAnswer(
        vm=vm.id, host=vm.host, amount=amount, answer=CanAnswer.UNKNOWN, free=free, measured=measured, least=least,
        most=most, assigned=vm.assigned,
    )  # fmt: skip
    if vm.memory is not None and vm.memory.mode is Mode.DYNAMIC:
        return replace(about, answer=CanAnswer.NOT_NOW, maximum=vm.memory.maximum)
    is_fresh = measured is not None and 0 <= seconds_between(measured, now) <= FRESH_SECONDS
    if is_fresh and free is not None:
        if free >= amount:
            return replace(about, answer=CanAnswer.YES, granted=amount)
        answer = CanAnswer.PARTLY if free else CanAnswer.NOT_NOW
        return replace(about, answer=answer, granted=free, givers=_find_givers(fleet, vm, amount - free, now))
    if least is not None and most is not None:
        if least >= amount:
            return replace(about, answer=CanAnswer.YES, granted=amount)
        if most < amount:
            return replace(about, answer=CanAnswer.PARTLY if least else CanAnswer.NOT_NOW)
    return about


def _find_range(day: Iterable[Envelope[Event]]) -> tuple[int | None, int | None]:
    """The least and the most that a host had left, by the measures of it."""
    sizes: list[int] = []
    for envelope in day:
        event = envelope.event
        if isinstance(event, HostObserved):
            sizes += [
                size for size in (event.free, event.tightest.free if event.tightest else None) if size is not None
            ]
    return (min(sizes), max(sizes)) if sizes else (None, None)


def _find_givers(fleet: Fleet, target: ObservedVm, missing: int, now: UtcTime) -> tuple[Giver, ...]:
    """VMs of the host that alone could give what is missing: what they have available, or all by being stopped."""
    found: list[Giver] = []
    for id in sorted(fleet.on(target.host or "")):
        subject = fleet.vms[id].subject
        if id == target.id or not isinstance(subject, ObservedVm) or subject.power not in _ON:
            continue
        measured = subject.measured.get("in_use")
        if subject.in_use is not None and subject.assigned is not None and measured is not None:
            available = subject.assigned - subject.in_use
            is_static = subject.memory is not None and subject.memory.mode is Mode.STATIC
            if is_static and available >= missing and 0 <= seconds_between(measured, now) <= FRESH_SECONDS:
                found.append(Giver(vm=id, how="remove-memory", gives=available, measured=measured))
        if (subject.held or 0) >= missing:
            found.append(Giver(vm=id, how="stop", gives=subject.held or 0))
    return tuple(sorted(found, key=lambda giver: (giver.how != "remove-memory", giver.gives)))
