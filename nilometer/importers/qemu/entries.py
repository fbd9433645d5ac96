"""Records in their places: what an entry of the queue is, and what was read of a VM before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.observed.events import BASE_MEMORY, Means
from nilometer.importers.qemu.measures import Measure
from nilometer.importers.qemu.records import QemuRecord, StepRecord
from nilometer.importers.qemu.sizes import BALLOON, MODULES, DeviceNames, Sizes, means_of
from nilometer.times import inside

TICK: Final = timedelta(milliseconds=1)
"""Records are dated in whole milliseconds, QEMU's events in microseconds."""
RESETTING: Final = timedelta(milliseconds=250)
"""QEMU resets the devices, virtio-mem among them, in no more time than this, and then tells of the reset."""
TRAILING_MOST: Final = 100
"""So many events in front of a record are kept though they have left."""

NEIGHBOUR: Final = "neighbour"
"""An event waits for the next record of its VM that is none: if that is a command, it may belong behind it."""


@dataclass(slots=True, eq=False)
class QueuedRecord:
    """A record in its place; or, ``early``, what it tells of a moment before it."""

    record: QemuRecord
    line: int
    t: str
    after: str | None
    """When the driver wrote its last record before this one: what this one tells was not done before that."""
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    """The sizes that it tells, or of a command asks for, by device."""
    exact: dict[str, str] = field(default_factory=dict[str, str])
    """When a size was reached, by device, where QEMU's own event told."""
    measure: Measure | None = None
    largest: dict[str, int] = field(default_factory=dict[str, int])
    """How large the devices can be, where its measure says so."""
    asked: dict[str, int] = field(default_factory=dict[str, int])
    """Of a step whose command nobody recorded: the size that was asked for, by device."""
    before: dict[str, int] = field(default_factory=dict[str, int])
    """Of such a step: the size before it."""
    early: bool = False
    step: StepRecord | None = None
    """Of a command: the step that told what came of it."""
    command: QueuedRecord | None = None
    """Of a step: the command that it is about."""
    request: int | None = None
    """Of a command that was read: its number among the VM's requests."""
    waits: dict[str, str] = field(default_factory=dict[str, str])
    """What it waits for (``step``, ``neighbour``, a device's event), and until when."""
    left: bool = False
    again: bool = False
    """Of an event: it was delivered before."""


@dataclass(slots=True)
class PrecedingEvents:
    """The events that stand in front of a record, and the sizes before them."""

    base: dict[str, int]
    events: list[QueuedRecord]

    def place(self, sizes: Sizes, otherwise: int) -> int:
        """After how many of the events a measure fits that tells these sizes: as late as possible."""
        devices = {device for event in self.events for device in event.sizes} & sizes.keys()
        state, fits = dict(self.base), otherwise
        for count in range(len(self.events) + 1):
            if count:
                state.update(self.events[count - 1].sizes)
            if all(state.get(device, sizes[device]) == sizes[device] for device in devices):
                fits = count
        return fits


@dataclass(slots=True)
class VmOrderState:
    """What has been read of a VM so far."""

    naming: DeviceNames = field(default_factory=DeviceNames)
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    base: dict[str, int] = field(default_factory=dict[str, int])
    """The sizes at its last record that is no event."""
    trailing: list[QueuedRecord] = field(default_factory=list[QueuedRecord])
    """The events since then that told sizes."""
    moments: dict[str, str] = field(default_factory=dict[str, str])
    """When each device had the size that the latest of its events told."""
    commands: dict[QueuedRecord, PrecedingEvents] = field(default_factory=dict[QueuedRecord, PrecedingEvents])
    """The commands that wait for their step."""

    def front(self) -> PrecedingEvents:
        """The trailing events that can still be moved behind a record."""
        base = dict(self.base)
        for event in self.trailing:
            if event.left:
                base.update(event.sizes)
        return PrecedingEvents(base, [event for event in self.trailing if not event.left])

    def close(self) -> None:
        """A record that is no event was read."""
        self.base = dict(self.sizes)
        self.trailing = []

    def trail(self, event: QueuedRecord) -> None:
        """An event that told sizes was read. Many may follow on each other: those that have left are not kept."""
        self.trailing.append(event)
        if len(self.trailing) > TRAILING_MOST and self.trailing[0].left:
            front = self.front()
            self.base, self.trailing = front.base, front.events

    def reset(self, moment: str) -> list[QueuedRecord]:
        """QEMU took all virtio-mem from the guest, and the guest has what its balloon had: nothing is before that.

        Gives the events in front of it that tell of just this: QEMU says so while it resets the devices.
        """
        told = list[QueuedRecord]()
        for event in reversed(self.trailing):
            gone = all(size == 0 and means_of(device) is Means.VIRTIO_MEM for device, size in event.sizes.items())
            if event.left or not gone or later(max(event.exact.values(), default=event.t), RESETTING) < moment:
                break
            told.insert(0, event)
        for device in self.sizes:
            if means_of(device) is Means.VIRTIO_MEM:
                self.sizes[device] = 0
        if BALLOON in self.sizes and BASE_MEMORY in self.sizes:
            self.sizes[BALLOON] = self.sizes[BASE_MEMORY] + self.sizes.get(MODULES, 0)
        for event in self.trailing:
            event.waits.pop(NEIGHBOUR, None)
        self.close()
        return told


def first_served(command: QueuedRecord, front: PrecedingEvents, place: int) -> int:
    """Which of the events, from a place on, is the first that belongs to the command behind them; their number if none.

    It happened while the command was being given, and goes its way.
    """
    sizes = dict(front.base)
    for index, event in enumerate(front.events):
        for device, target in command.sizes.items() if index >= place else ():
            size, before, moment = event.sizes.get(device), sizes.get(device), event.exact.get(device, event.t)
            if size is None or before is None or not (command.after or "") < moment <= later(command.t, TICK):
                continue
            if abs(target - size) < abs(target - before):
                return index
        sizes.update(event.sizes)
    return len(front.events)


def virtio_of(command: QueuedRecord | None) -> str | None:
    """The virtio-mem device that a command was about."""
    devices = () if command is None else command.sizes
    return next((device for device in devices if means_of(device) is Means.VIRTIO_MEM), None)


def later(t: str, by: timedelta) -> str:
    try:
        return inside(datetime.fromisoformat(t) + by)
    except OverflowError:  # the end of the year 9999
        return t
