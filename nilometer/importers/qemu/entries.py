"""Records in the queue, and what was read of a VM before them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.observed.words import BASE_MEMORY, Means
from nilometer.importers.qemu.measures import Measure
from nilometer.importers.qemu.records import QemuRecord, StepRecord
from nilometer.importers.qemu.sizes import BALLOON, MODULES, DeviceNames, Sizes, means_of
from nilometer.times import to_utc_time

TICK: Final = timedelta(milliseconds=1)
"""Records have times in whole milliseconds, QEMU's events in microseconds."""
RESET_TIME: Final = timedelta(milliseconds=250)
"""QEMU resets its devices, virtio-mem among them, within this time, and reports the reset after that."""
MAX_TRAILING: Final = 100
"""The number of events that are kept in front of a record after they have left the queue."""

ANSWER: Final = "answer"
"""What was about to be sent waits for its answer, or for what shows that none will come."""
NEIGHBOUR: Final = "neighbour"
"""An event waits for the next record of its VM that is no event: if that is a command, it may belong behind it."""


@dataclass(slots=True, eq=False)
class QueuedRecord:
    """A record in its place; or, if ``is_early``, what the record says about a moment before it."""

    record: QemuRecord
    line: int
    time: str
    previous: str | None
    """When the driver wrote its last record before this one: what this one reports happened after that."""
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    """The sizes that it reports, or that a command asks for, by device."""
    exact_times: dict[str, str] = field(default_factory=dict[str, str])
    """When a size was reached, by device, where QEMU's own event says so."""
    measure: Measure | None = None
    max_sizes: dict[str, int] = field(default_factory=dict[str, int])
    """The largest sizes that the devices can have, where its measurement says so."""
    targets: dict[str, int] = field(default_factory=dict[str, int])
    """What the virtio-mem devices were last told to be, by device, where its measurement says so."""
    requested_sizes: dict[str, int] = field(default_factory=dict[str, int])
    """Of a step whose command was not recorded: the size that was asked for, by device."""
    sizes_before: dict[str, int] = field(default_factory=dict[str, int])
    """Of such a step: the size before it."""
    is_early: bool = False
    step: StepRecord | None = None
    """Of a command: the step that reports its outcome."""
    command: QueuedRecord | None = None
    """Of a step: its command."""
    request: int | None = None
    """Of a command that was read: its number among the VM's requests."""
    waits_for: dict[str, str] = field(default_factory=dict[str, str])
    """What it waits for (``step``, ``neighbour``, a device's event), and until when."""
    has_left: bool = False
    is_swing: bool = False
    """It reports a move that is recorded together with others, later."""
    is_repeat: bool = False
    """Of an event: it was delivered before."""

    @property
    def happened(self) -> str:
        """When it happened, by QEMU's own event if there is one."""
        return max(self.exact_times.values(), default=self.time)

    @property
    def reference(self) -> str:
        """The record's name in events: its scenario and number."""
        return f"{self.record.scenario}#{self.record.seq}"


@dataclass(frozen=True, slots=True)
class LastRecord:
    """What is kept of a record that was read: when it was written, and its name in events."""

    time: str
    reference: str


@dataclass(slots=True)
class PrecedingEvents:
    """The events in front of a record, and the sizes before them."""

    base: dict[str, int]
    events: list[QueuedRecord]
    targets: dict[str, int] = field(default_factory=dict[str, int])
    """The targets of the requests that were open before these events, by device."""

    def serves_open_request(self, event: QueuedRecord) -> bool:
        """Whether an event behind these goes towards the target of a request that was open already."""
        state, targets = dict(self.base), dict(self.targets)
        for preceding in self.events:
            state.update(preceding.sizes)
            _close_reached(targets, preceding.sizes)
        return _goes_towards(targets, event.sizes, state)

    def count_before(self, moment: str) -> int:
        """The number of events up to the last that happened before a moment."""
        places = (count for count, event in enumerate(self.events, 1) if event.happened < moment)
        return max(places, default=0)

    def find_place(self, sizes: Sizes, default: int, least: int = 0) -> int:
        """Finds after how many of the events, at least so many, a measurement of these sizes fits: late if possible."""
        devices = {device for event in self.events for device in event.sizes} & sizes.keys()
        state, place = dict(self.base), default
        for count in range(len(self.events) + 1):
            if count:
                state.update(self.events[count - 1].sizes)
            if count >= least and all(state.get(device, sizes[device]) == sizes[device] for device in devices):
                place = count
        return place


@dataclass(slots=True)
class VmOrderState:
    """What was read of a VM so far, as far as the order of its records depends on it."""

    names: DeviceNames = field(default_factory=DeviceNames)
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    base: dict[str, int] = field(default_factory=dict[str, int])
    """The sizes at its last record that is no event."""
    trailing: list[QueuedRecord] = field(default_factory=list[QueuedRecord], metadata={"stored": False})
    """The events since then that report sizes."""
    targets: dict[str, int] = field(default_factory=dict[str, int])
    """The targets of the requests that were open at that record, by device."""
    size_times: dict[str, str] = field(default_factory=dict[str, str])
    """When each device had the size that its latest event reports."""
    intent: QueuedRecord | None = field(default=None, metadata={"stored": False})
    """What was about to be sent, while no answer has come."""
    commands: dict[QueuedRecord, PrecedingEvents] = field(
        default_factory=dict[QueuedRecord, PrecedingEvents], metadata={"stored": False}
    )
    """The commands that wait for their step."""

    def preceding_events(self) -> PrecedingEvents:
        """The trailing events that can still be moved behind a record."""
        base, targets = dict(self.base), dict(self.targets)
        for event in self.trailing:
            if event.has_left:
                base.update(event.sizes)
                _close_reached(targets, event.sizes)
        return PrecedingEvents(base, [event for event in self.trailing if not event.has_left], targets)

    def close(self, requested: Sizes | None = None) -> None:
        """Takes note that a record that is no event was read; ``requested`` are the sizes that it asks for."""
        for event in self.trailing:
            _close_reached(self.targets, event.sizes)
        self.targets.update(requested or {})
        _close_reached(self.targets, self.sizes)
        self.base = dict(self.sizes)
        self.trailing = []

    def add_event(self, event: QueuedRecord) -> None:
        """Adds an event that reports sizes. Many may follow each other: those that have left are not kept."""
        self.trailing.append(event)
        if len(self.trailing) > MAX_TRAILING and self.trailing[0].has_left:
            self.drop_left()

    def drop_left(self) -> None:
        """Drops the events that have left the queue: what they reported is what there was before the others."""
        preceding = self.preceding_events()
        self.base, self.trailing, self.targets = preceding.base, preceding.events, preceding.targets

    def restore(self) -> None:
        """A checkpoint was applied: the sizes are those of its moment, which are not known here, but for modules."""
        self.sizes = {device: size for device, size in self.sizes.items() if device in (BASE_MEMORY, MODULES)}

    def reset(self, moment: str) -> list[QueuedRecord]:
        """QEMU took all virtio-mem from the guest, and gave back what its balloon had.

        Returns the events in front of the reset that report just this: QEMU sends them while it resets the devices.
        """
        reports = list[QueuedRecord]()
        for event in reversed(self.trailing):
            is_gone = all(size == 0 and means_of(device) is Means.VIRTIO_MEM for device, size in event.sizes.items())
            if event.has_left or not is_gone or later(event.happened, RESET_TIME) < moment:
                break
            reports.insert(0, event)
        for device in self.sizes:
            if means_of(device) is Means.VIRTIO_MEM:
                self.sizes[device] = 0
        if BALLOON in self.sizes and BASE_MEMORY in self.sizes:
            self.sizes[BALLOON] = self.sizes[BASE_MEMORY] + self.sizes.get(MODULES, 0)
        for event in self.trailing:
            event.waits_for.pop(NEIGHBOUR, None)
        self.close()
        return reports


def find_first_served(command: QueuedRecord, preceding: PrecedingEvents, place: int) -> int:
    """Finds the first of the events, from a place on, that belongs to the command behind them.

    Such an event happened while the command was being given, and moves towards its target, and not towards the target
    of a request that was open already. Returns the index of the event; the number of events if there is none.
    """
    sizes, targets = dict(preceding.base), dict(preceding.targets)
    for index, event in enumerate(preceding.events):
        for device, target in command.sizes.items() if index >= place else ():
            size, before = event.sizes.get(device), sizes.get(device)
            moment = event.exact_times.get(device, event.time)
            if size is None or before is None or not (command.previous or "") < moment <= later(command.time, TICK):
                continue
            if abs(target - size) < abs(target - before) and not _goes_towards(targets, {device: size}, sizes):
                return index
        sizes.update(event.sizes)
        _close_reached(targets, event.sizes)
    return len(preceding.events)


def _goes_towards(targets: Sizes, sizes: Sizes, before: Sizes) -> bool:
    """Whether a change to these sizes goes towards one of the targets."""
    devices = targets.keys() & sizes.keys() & before.keys()
    return any(abs(targets[device] - sizes[device]) < abs(targets[device] - before[device]) for device in devices)


def _close_reached(targets: dict[str, int], sizes: Sizes) -> None:
    """Drops the targets that these sizes reach: their requests are no longer open."""
    for device, size in sizes.items():
        if targets.get(device) == size:
            del targets[device]


def virtio_of(command: QueuedRecord | None) -> str | None:
    """The virtio-mem device that a command was about."""
    devices = () if command is None else command.sizes
    return next((device for device in devices if means_of(device) is Means.VIRTIO_MEM), None)


def later(time: str, by: timedelta) -> str:
    """The time that much later; the time itself at the end of the calendar."""
    try:
        return to_utc_time(datetime.fromisoformat(time) + by)
    except OverflowError:  # the end of the year 9999
        return time
