"""Figures over time, in one pass over the events: what each VM and host had after each event that concerns it.

The figures after an event are those that ``view`` shows for the moment of that event. Sizes are bytes, and ``None`` is
unknown. An event that was recorded after later ones of its stream counts from the last of these on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from domain.aggregates import VmAggregate
from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import UtcTime, split_stream
from domain.observed.host import ObservedHost, choose_free, room_of
from domain.record import fast_init
from domain.state import Power
from projections.fleet import Fleet
from projections.tracked import TrackedVm
from projections.unknowns import has_stale_balloon, is_stale, known_in_use


@fast_init
@dataclass(frozen=True, slots=True, kw_only=True)
class VmPoint:
    """The figures of a VM from an event on, until its next one."""

    position: int
    at: UtcTime
    vm: str
    host: str | None
    power: Power | None
    session: int | None
    assigned: int | None
    held: int | None
    visible: int | None
    high_watermark: int | None
    in_use: int | None
    ballooned: int | None

    @property
    def is_known(self) -> bool:
        """Whether every figure that is measured is known."""
        return not (self.assigned is None or self.visible is None or self.in_use is None or self.ballooned is None)

    @property
    def is_on(self) -> bool:
        """Whether it has memory, as far as is known: a VM that is off or gone has none, which is not a size of 0."""
        return self.power not in (Power.OFF, Power.SAVED) and self.assigned is not None


@fast_init
@dataclass(frozen=True, slots=True, kw_only=True)
class HostPoint:
    """The figures of a host from an event on, until the next one that concerns it."""

    position: int
    at: UtcTime
    host: str
    total: int | None
    reserve: int | None
    held: int | None
    free: int | None


FigurePoint = VmPoint | HostPoint


@dataclass(slots=True)
class _HeldMemory:
    """What the observed VMs on a host hold of it, and the sum: an event of one VM changes one entry."""

    entries: dict[str, int | None] = field(default_factory=dict[str, int | None])
    known: int = 0
    """The sum of all entries that are known."""
    unknown: int = 0
    """How many are not."""
    moved: dict[str, str] = field(default_factory=dict[str, str])
    """When what each VM holds was last measured."""
    moved_at: str = ""
    """The latest of these."""

    @property
    def held(self) -> int | None:
        """What they hold together."""
        return None if self.unknown else self.known

    def put(self, vm: str, held: int | None, moved_at: str) -> None:
        """A VM on the host holds so much now, as was last measured at a time."""
        self._take_out(vm)
        was_latest = self.moved.get(vm) == self.moved_at
        self.entries[vm], self.moved[vm] = held, moved_at
        if moved_at >= self.moved_at:
            self.moved_at = moved_at
        elif was_latest:
            self.moved_at = max(self.moved.values())
        if held is None:
            self.unknown += 1
        else:
            self.known += held

    def leave(self, vm: str) -> None:
        """A VM is on the host no more, if it was."""
        self._take_out(vm)
        if self.moved.pop(vm, None) == self.moved_at:
            self.moved_at = max(self.moved.values(), default="")

    def _take_out(self, vm: str) -> None:
        if vm in self.entries:
            held = self.entries.pop(vm)
            if held is None:
                self.unknown -= 1
            else:
                self.known -= held


class FleetSeries:
    """Takes events in order, and gives the figures after each. What was removed has figures no more."""

    def __init__(self, fleet: Fleet | None = None) -> None:
        self.fleet = fleet or Fleet()
        self._books: dict[str, _HeldMemory] = {}
        """Of observed hosts, each from when it was first asked for."""

    def take(self, envelope: Envelope[Event]) -> list[FigurePoint]:
        """Applies the next event: the figures of its VM after it, and those of each host that it concerns.

        Raises ``HistoryError`` if the event cannot follow.
        """
        kind, id = split_stream(envelope.stream)
        fleet = self.fleet
        if envelope.stream in fleet.ended:
            return []
        before = fleet.vms.get(id) if kind == "vm" else None
        host_before = None if before is None else before.subject.host
        fleet.apply(envelope)
        if kind == "host":
            return [] if id not in fleet.hosts else [self._host_point(id, envelope)]
        if kind != "vm":
            return []
        after = fleet.vms.get(id)
        if after is None:
            return [] if before is None else [_gone(id, before, envelope)]
        point, subject = vm_point(id, after, envelope.position), after.subject
        points: list[FigurePoint] = [point]
        if isinstance(subject, VmAggregate):  # the book of a decided host has events of its own
            return points
        host = subject.host
        if host_before != host and host_before in self._books:
            self._books[host_before].leave(id)
        if host in self._books:
            self._books[host].put(id, point.held, subject.held_as_of)
        if host_before is not None and host_before != host and host_before in fleet.hosts:
            points.append(self._host_point(host_before, envelope))
        if host is not None and host in fleet.hosts:
            points.append(self._host_point(host, envelope))
        return points

    def _host_point(self, id: str, envelope: Envelope[Event]) -> HostPoint:
        happened, tracked = envelope.metadata.happened, self.fleet.hosts[id]
        host = tracked.subject
        if not isinstance(host, ObservedHost):
            return host_point(self.fleet, id, envelope.position, max(happened, tracked.as_of))
        book = self._book(id)
        vms = self.fleet.observed_on(id) if host.total is None and host.budget is not None else ()
        total, reserve, free = room_of(host, book.held, vms)
        return HostPoint(
            position=envelope.position,
            at=happened,
            host=id,
            total=total,
            reserve=reserve,
            held=book.held,
            free=choose_free(free, host.free, host.measured.get("free"), book.moved_at),
        )

    def _book(self, host: str) -> _HeldMemory:
        book = self._books.get(host)
        if book is None:
            book = self._books[host] = _HeldMemory()
            for vm in self.fleet.observed_on(host):
                book.put(vm.id, vm.held, vm.held_as_of)
        return book


def read_series(events: Iterable[Envelope[Event]]) -> Iterator[FigurePoint]:
    """The figures after each of these events, which are all from the first on."""
    series = FleetSeries()
    for event in events:
        yield from series.take(event)


def host_point(fleet: Fleet, id: str, position: int, at: UtcTime) -> HostPoint:
    """The figures of a host as its fleet has them now; ``position`` and ``at`` say since when."""
    account = fleet.account(id)
    return HostPoint(
        position=position,
        at=at,
        host=id,
        total=account.total,
        reserve=account.reserve,
        held=account.held,
        free=account.known_free,
    )


def vm_point(id: str, tracked: TrackedVm, position: int) -> VmPoint:
    """The figures of a VM as its events leave it; ``position`` is that of the last of them."""
    subject = tracked.subject
    if isinstance(subject, VmAggregate):
        state = subject.state
        return VmPoint(
            position=position,
            at=tracked.as_of,
            vm=id,
            host=subject.host,
            power=state.power,
            session=state.session,
            assigned=state.assigned,
            held=state.held,
            visible=state.visible,
            high_watermark=state.high_watermark,
            in_use=known_in_use(state),
            ballooned=state.ballooned,
        )
    return VmPoint(
        position=position,
        at=tracked.as_of,
        vm=id,
        host=subject.host,
        power=subject.power,
        session=subject.session,
        assigned=subject.assigned,
        held=subject.held,
        visible=None if is_stale(tracked, "visible") else subject.visible,
        high_watermark=subject.high_watermark,
        in_use=subject.in_use,
        ballooned=None if has_stale_balloon(tracked) else subject.ballooned,
    )


def _gone(id: str, before: TrackedVm, envelope: Envelope[Event]) -> VmPoint:
    """A VM that was removed: it has nothing."""
    return VmPoint(
        position=envelope.position,
        at=max(before.as_of, envelope.metadata.happened),
        vm=id,
        host=before.subject.host,
        power=Power.OFF,
        session=None,
        assigned=None,
        held=None,
        visible=None,
        high_watermark=None,
        in_use=None,
        ballooned=None,
    )
