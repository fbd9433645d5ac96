"""What is kept of each VM and host while a ledger is skimmed: stored events and figures, which are not decoded yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, cast

from domain.aggregates import VmAggregate
from domain.envelope import Envelope
from domain.events import Event
from nilometer.report.collected import MOST_ROWS, Limits
from nilometer.report.thinning import ThinnedPoints
from nilometer.storage.bodies import decode
from nilometer.storage.reader import Columns
from projections.fleet import Fleet

MOST_WAITING: Final = 16_384
"""So many points of all VMs and hosts wait to be thinned."""
_BY_VM: Final = cast("Callable[[VmSample], tuple[int | None, ...]]", itemgetter(2, 3, 4, 5))
_BY_HOST: Final = cast("Callable[[HostSample], tuple[int | None, ...]]", itemgetter(2, 3, 4, 5))

VmSample = tuple[
    int, str, int | None, int | None, int | None, int | None, int | None, bytes, int | None, str | None, str | None
]
"""Position, time, assigned, visible, watermark, in use, ballooned, power, session, host, time of the in use.

A VM that was removed has none of the figures.
"""
HostSample = tuple[int, str, int, int, int, int]
"""Position, time, total, reserve, held, free."""
Listed = tuple[Columns, VmSample | HostSample | None]
"""An event as it is stored, and the figures after it: none of a host that was removed."""


@dataclass(slots=True)
class SkimmedVm:
    """What is kept of a VM."""

    id: str
    points: ThinnedPoints[VmSample]
    rows: deque[Listed]
    requests: deque[Listed]
    short: deque[Listed]
    waiting: list[VmSample] = field(default_factory=list[VmSample])
    """Points that are thinned together."""
    host: str | None = None
    in_use_as_of: str | None = None
    first: str = ""
    last: str = ""
    asked: int = 0
    fell_short: int = 0

    def join(self, later: SkimmedVm) -> None:
        """Takes what was kept of the same VM in the stretch that follows."""
        self.points.join(later.points)
        self.rows.extend(later.rows)
        self.requests.extend(later.requests)
        self.short.extend(later.short)
        self.first, self.last = min(self.first, later.first), max(self.last, later.last)
        self.asked += later.asked
        self.fell_short += later.fell_short


@dataclass(slots=True)
class SkimmedHost:
    """What is kept of a host."""

    id: str
    points: ThinnedPoints[HostSample]
    rows: deque[Listed]
    waiting: list[HostSample] = field(default_factory=list[HostSample])
    first: str = ""
    last: str = ""
    removals: int = 0
    """Events after which it has no figures: one at most."""

    def join(self, later: SkimmedHost) -> None:
        """The same of a host."""
        self.points.join(later.points)
        self.rows.extend(later.rows)
        self.first = min(filter(None, (self.first, later.first)), default="")
        self.last = max(self.last, later.last)
        self.removals += later.removals


@dataclass(slots=True)
class Skimmed:
    """What is decided in a stretch of the ledger."""

    vms: dict[str, SkimmedVm] = field(default_factory=dict[str, SkimmedVm])
    """By their streams, like ``hosts``."""
    hosts: dict[str, SkimmedHost] = field(default_factory=dict[str, SkimmedHost])
    requests: deque[Listed] = field(default_factory=lambda: deque[Listed](maxlen=MOST_ROWS))
    events: int = 0
    first: str = ""
    last: str = ""

    def join(self, later: Skimmed) -> None:
        """Takes what is decided in the stretch that follows."""
        for stream, vm in later.vms.items():
            if stream in self.vms:
                self.vms[stream].join(vm)
            else:
                self.vms[stream] = vm
        for stream, host in later.hosts.items():
            if stream in self.hosts:
                self.hosts[stream].join(host)
            else:
                self.hosts[stream] = host
        self.requests.extend(later.requests)
        self.events += later.events
        self.first = min(filter(None, (self.first, later.first)), default="")
        self.last = max(self.last, later.last)


class Beginnings:
    """What is known of VMs and hosts when the first event of theirs comes in a stretch."""

    def __init__(self, fleet: Fleet, count: int) -> None:
        self._fleet = fleet
        self._limits = Limits(count)
        self.waiting = max(4, min(256, MOST_WAITING // self._limits.count))

    def new_vm(self, id: str) -> SkimmedVm:
        """A VM as it was when the stretch began."""
        vm = SkimmedVm(
            id=id,
            points=ThinnedPoints(_BY_VM, self._limits.points),
            rows=deque(maxlen=self._limits.rows),
            requests=deque(maxlen=self._limits.requests),
            short=deque(maxlen=self._limits.requests),
        )
        tracked = self._fleet.vms.get(id)
        if tracked is not None and isinstance(tracked.subject, VmAggregate):
            vm.host, vm.in_use_as_of = tracked.subject.host, tracked.in_use_as_of
        return vm

    def new_host(self, id: str) -> SkimmedHost:
        """A host, of which each event says all."""
        return SkimmedHost(
            id=id, points=ThinnedPoints(_BY_HOST, self._limits.points), rows=deque(maxlen=self._limits.rows)
        )


def envelope_of(row: Columns) -> Envelope[Event]:
    """A stored event, decoded. Raises ``UnreadableEvent``."""
    position, stream, version, topic, body = row
    return decode(stream, version, topic, body, position)
