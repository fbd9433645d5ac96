"""Puts the records of a recording into the order in which things happened, as far as the records tell it.

A recording is in the order of delivery. QEMU holds size events back by up to a second; a command is recorded when its
answer is read, so that a move can stand before it; what a step or a load measured *before* stands behind the moves that
followed. So a record waits here, as shortly as it can, until what decides its place has been read. What leaves depends
on the records up to now alone: a recording that has grown leaves in the same order as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from nilometer.importers.qemu_records import (
    Boot,
    Command,
    End,
    Load,
    Measure,
    Meta,
    Observation,
    OfVm,
    QmpEvent,
    Record,
    SizeSeen,
    Step,
)
from nilometer.importers.qemu_sizes import Naming, Sizes, tells_by_event
from nilometer.times import inside

HELD_BACK: Final = timedelta(seconds=2)
"""QEMU holds an event back for at most 1 s; the rest is for a slow machine."""
STEP_MOST: Final = timedelta(seconds=120)
"""The record of a step is not waited for longer: drivers wait up to 60 s, for a module."""
TICK: Final = timedelta(milliseconds=1)
"""Records are dated in whole milliseconds, QEMU's events in microseconds."""
QUEUE_MOST: Final = 10_000
"""When more records wait, the first waits no longer: memory stays flat."""

STEP: Final = "step"
"""A command waits for the step that tells what was measured before it."""
NEIGHBOUR: Final = "neighbour"
"""An event waits for the next record of its VM that is none: if that is a command, it may belong behind it."""


@dataclass(slots=True, eq=False)
class Entry:
    """A record in its place; or, ``early``, what it tells of a moment before it."""

    record: Record
    line: int
    t: str
    after: str | None
    """When the driver wrote its last record before this one: what this one tells was not done before that."""
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    """The sizes that it tells, or of a command asks for, by device."""
    exact: dict[str, str] = field(default_factory=dict[str, str])
    """When a size was reached, by device, where QEMU's own event told."""
    measure: Measure | None = None
    early: bool = False
    step: Step | None = None
    """Of a command: the step that told what came of it."""
    command: Entry | None = None
    """Of a step: the command that it is about."""
    request: int | None = None
    """Of a command that was read: its number among the VM's requests."""
    waits: dict[str, str] = field(default_factory=dict[str, str])
    """What it waits for (``step``, ``neighbour``, a device's event), and until when."""
    left: bool = False


@dataclass(slots=True)
class _Front:
    """The events that stand in front of a record, and the sizes before them."""

    base: dict[str, int]
    events: list[Entry]

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
class _Vm:
    """What has been read of a VM so far."""

    naming: Naming = field(default_factory=Naming)
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    base: dict[str, int] = field(default_factory=dict[str, int])
    """The sizes at its last record that is no event."""
    trailing: list[Entry] = field(default_factory=list[Entry])
    """The events since then that told sizes."""
    commands: dict[Entry, _Front] = field(default_factory=dict[Entry, _Front])
    """The commands that wait for their step."""

    def front(self) -> _Front:
        """The trailing events that can still be moved behind a record."""
        base = dict(self.base)
        for event in self.trailing:
            if event.left:
                base.update(event.sizes)
        return _Front(base, [event for event in self.trailing if not event.left])

    def close(self) -> None:
        """A record that is no event was read."""
        self.base = dict(self.sizes)
        self.trailing = []


class Order:
    """Takes records one by one, and lets them go in order."""

    def __init__(self) -> None:
        self._queue: list[Entry] = []
        self._vms: dict[str, _Vm] = {}
        self._last: str | None = None

    @property
    def waiting(self) -> int:
        """How many records have not left."""
        return sum(not entry.early for entry in self._queue)

    def take(self, record: Record, line: int) -> Iterator[Entry]:
        """Takes the next record; gives those whose place is now certain."""
        self._expire(record.t)
        entry = Entry(record, line, record.t, self._last)
        if isinstance(record, QmpEvent):
            self._take_event(entry, record)
        else:
            self._last = record.t
            if isinstance(record, OfVm):
                self._take_told(entry, record)
            else:
                self._queue.append(entry)
        if isinstance(record, Meta) and record.wall_s is not None:
            self._stop_waiting()
        elif len(self._queue) > QUEUE_MOST:
            self._give_up(self._queue[0])
        yield from self._leave()

    def finish(self) -> Iterator[Entry]:
        """Nothing follows: gives all that is left."""
        self._stop_waiting()
        yield from self._leave()

    # Waiting

    def _leave(self) -> Iterator[Entry]:
        while self._queue and not self._queue[0].waits:
            entry = self._queue.pop(0)
            entry.left = True
            yield entry

    def _expire(self, now: str) -> None:
        for entry in list(self._queue):
            self._give_up(entry, now)

    def _stop_waiting(self, vm: str | None = None) -> None:
        for entry in list(self._queue):
            if vm is None or (isinstance(entry.record, OfVm) and entry.record.vm == vm):
                self._give_up(entry)

    def _give_up(self, entry: Entry, now: str | None = None) -> None:
        for reason, deadline in list(entry.waits.items()):
            if now is None or deadline < now:
                del entry.waits[reason]
                if reason == STEP and isinstance(entry.record, Command):
                    self._place_command(self._vms[entry.record.vm], entry)

    # Events

    def _take_event(self, entry: Entry, record: QmpEvent) -> None:
        vm = self._vms.setdefault(record.vm, _Vm())
        entry.sizes = vm.naming.by_event(record)
        for device, size in entry.sizes.items():
            moment = record.moment
            if moment is not None:
                entry.exact[device] = moment
            for poll in self._polls(record.vm, device):
                if (moment or entry.t) > _later(poll.t, TICK):
                    del poll.waits[device]  # no event ever told that size
                elif poll.sizes[device] == size:
                    del poll.waits[device]
                    poll.exact.update(entry.exact)
                    self._queue.append(entry)
                    return
                else:
                    self._queue.insert(self._queue.index(poll), entry)
                    return
            vm.sizes[device] = size
            vm.trailing.append(entry)
            entry.waits[NEIGHBOUR] = _later(entry.t, HELD_BACK)
        self._queue.append(entry)

    def _polls(self, vm: str, device: str) -> list[Entry]:
        """The records that told a new size of a device, and wait for the event that tells when it was reached."""
        return [e for e in self._queue if device in e.waits and isinstance(e.record, OfVm) and e.record.vm == vm]

    # What the driver wrote

    def _take_told(self, entry: Entry, record: OfVm) -> None:
        if isinstance(record, Boot):
            self._stop_waiting(record.vm)
            self._vms[record.vm] = _Vm()
        vm = self._vms.setdefault(record.vm, _Vm())
        if isinstance(record, Command) and record.requested is not None:
            self._take_command(vm, entry, record)
            return
        if isinstance(record, Step):
            self._match(vm, entry, record)
        self._read(vm, entry, record)
        front = vm.front()
        if isinstance(record, Load) and record.before is not None:
            sizes = vm.naming.in_measure(record.before, front.base)
            early = Entry(record, entry.line, entry.t, entry.after, sizes, measure=record.before, early=True)
            self._insert(early, front.events[front.place(sizes, len(front.events)) :])
        place = front.place(entry.sizes, len(front.events))
        self._insert(entry, front.events[place:])
        for event in front.events:
            event.waits.pop(NEIGHBOUR, None)
        if place == len(front.events):
            for device, size in entry.sizes.items():
                if vm.sizes.get(device, size) != size and tells_by_event(device):
                    entry.waits[device] = _later(entry.t, HELD_BACK)
            vm.sizes.update(entry.sizes)
        vm.close()
        if isinstance(record, End):
            self._stop_waiting(record.vm)

    @staticmethod
    def _read(vm: _Vm, entry: Entry, record: OfVm) -> None:
        """Takes note of what a record tells of its own moment."""
        if isinstance(record, Boot):
            entry.measure = record.observation
        elif isinstance(record, Step | Load):
            entry.measure = record.after
        elif isinstance(record, Observation):
            entry.measure = Measure(guest=record.guest, device=record.device)
        if isinstance(record, SizeSeen):
            entry.sizes = vm.naming.by_mechanism(record.mechanism, record.size, vm.sizes)
        elif isinstance(record, Step) and record.size_after is not None:
            entry.sizes = vm.naming.by_mechanism(record.mechanism, record.size_after, vm.sizes)
        entry.sizes = {**entry.sizes, **vm.naming.in_measure(entry.measure, vm.sizes)}

    def _insert(self, entry: Entry, followers: list[Entry]) -> None:
        """Puts a record in front of the first of these, or at the end."""
        self._queue.insert(self._queue.index(followers[0]) if followers else len(self._queue), entry)

    # Commands

    def _take_command(self, vm: _Vm, entry: Entry, record: Command) -> None:
        for earlier in list(vm.commands):
            self._give_up(earlier)
        front = vm.front()
        entry.sizes = vm.naming.target(record, front.base)
        entry.waits[STEP] = _later(entry.t, STEP_MOST)
        for event in front.events:
            event.waits[NEIGHBOUR] = entry.waits[STEP]
        self._queue.append(entry)
        vm.commands[entry] = front
        vm.close()

    def _match(self, vm: _Vm, entry: Entry, step: Step) -> None:
        for waiting in vm.commands:
            command = waiting.record
            if isinstance(command, Command) and (command.mechanism, command.requested) == (
                step.mechanism,
                step.requested,
            ):
                waiting.step, entry.command = step, waiting
                del waiting.waits[STEP]
                self._place_command(vm, waiting, entry.line)
                return

    def _place_command(self, vm: _Vm, entry: Entry, line: int = 0) -> None:
        """Puts a command where it was given between the events in front of it, and before it what was measured then."""
        front = vm.commands.pop(entry)
        place = 0
        if entry.step is not None:
            step = entry.step
            early = Entry(step, line, entry.t, entry.after, measure=step.before, early=True)
            early.sizes = vm.naming.in_measure(step.before, front.base)
            if step.size_before is not None:
                known = {**front.base, **early.sizes}
                early.sizes = {**early.sizes, **vm.naming.by_mechanism(step.mechanism, step.size_before, known)}
            place = front.place(early.sizes, 0)
            self._insert(early, [*front.events[place:], entry])
        while place < len(front.events) and not _serves(entry, front, place):
            place += 1
        for event in front.events:
            event.waits.pop(NEIGHBOUR, None)
        for event in reversed(front.events[place:]):
            self._queue.remove(event)
            self._queue.insert(self._queue.index(entry) + 1, event)


def _serves(command: Entry, front: _Front, place: int) -> bool:
    """Whether the move that an event tells belongs to the command behind it: it happened while that was being given."""
    event = front.events[place]
    for device, target in command.sizes.items():
        size, moment = event.sizes.get(device), event.exact.get(device, event.t)
        sizes = [past.sizes[device] for past in front.events[:place] if device in past.sizes]
        before = sizes[-1] if sizes else front.base.get(device)
        if size is None or before is None or not (command.after or "") < moment <= _later(command.t, TICK):
            return False
        return abs(target - size) < abs(target - before)
    return False


def _later(t: str, by: timedelta) -> str:
    try:
        return inside(datetime.fromisoformat(t) + by)
    except OverflowError:  # the end of the year 9999
        return t
