"""Puts the records of a recording into the order in which things happened, as far as the records tell it.

A recording is in the order of delivery. QEMU holds size events back by up to a second; a command is recorded when its
answer is read, so that a move can stand before it; what a step or a load measured *before* stands behind the moves that
followed. So a record waits here, as shortly as it can, until what decides its place has been read. What leaves depends
on the records up to now alone: a recording that has grown leaves in the same order as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from heapq import heappop, heappush
from typing import Final

from nilometer.importers.qemu.entries import NEIGHBOUR, TICK, QueuedRecord, VmOrderState, first_served, later, virtio_of
from nilometer.importers.qemu.measures import Measure
from nilometer.importers.qemu.records import (
    BootRecord,
    CommandRecord,
    EndRecord,
    LoadRecord,
    MetaRecord,
    ObservationRecord,
    QemuRecord,
    QmpEventRecord,
    SizeRecord,
    StepRecord,
    VmRecord,
)
from nilometer.importers.qemu.sizes import tells_by_event

HELD_BACK: Final = timedelta(seconds=2)
"""QEMU holds an event back for at most 1 s; the rest is for a slow machine."""
STEP_MOST: Final = timedelta(seconds=120)
"""The record of a step is not waited for longer: drivers wait up to 60 s, for a module."""
QUEUE_MOST: Final = 10_000
"""When more records wait, the first waits no longer: memory stays flat."""

STEP: Final = "step"
"""A command waits for the step that tells what was measured before it."""


class RecordQueue:
    """Takes records one by one, and lets them go in order."""

    def __init__(self) -> None:
        self._queue: list[QueuedRecord] = []
        self._vms: dict[str, VmOrderState] = {}
        self._last: str | None = None
        self._deadlines: list[tuple[str, int, QueuedRecord, str]] = []
        """Who waits until when, and for what: a heap."""
        self._waits = 0
        self._told: dict[tuple[str, str], list[QueuedRecord]] = {}
        """By VM and device, the records that told a size and wait for its event."""

    @property
    def waiting(self) -> int:
        """How many records have not left."""
        return sum(not entry.early for entry in self._queue)

    def take(self, record: QemuRecord, line: int) -> Iterator[QueuedRecord]:
        """Takes the next record; gives those whose place is now certain."""
        self._expire(record.t)
        entry = QueuedRecord(record, line, record.t, self._last)
        if isinstance(record, QmpEventRecord):
            self._take_event(entry, record)
        else:
            self._last = record.t
            if isinstance(record, VmRecord):
                self._take_told(entry, record)
            else:
                self._queue.append(entry)
        if isinstance(record, MetaRecord) and record.wall_s is not None:
            self._stop_waiting()
        elif len(self._queue) > QUEUE_MOST:
            self._give_up(self._queue[0])
        yield from self._leave()

    def finish(self) -> Iterator[QueuedRecord]:
        """Nothing follows: gives all that is left."""
        self._stop_waiting()
        yield from self._leave()

    # Waiting

    def _leave(self) -> Iterator[QueuedRecord]:
        while self._queue and not self._queue[0].waits:
            entry = self._queue.pop(0)
            entry.left = True
            yield entry

    def _wait(self, entry: QueuedRecord, reason: str, deadline: str) -> None:
        entry.waits[reason] = deadline
        self._waits += 1
        heappush(self._deadlines, (deadline, self._waits, entry, reason))

    def _expire(self, now: str) -> None:
        while self._deadlines and self._deadlines[0][0] < now:
            deadline, _, entry, reason = heappop(self._deadlines)
            if entry.waits.get(reason) == deadline:
                self._stop(entry, reason)

    def _stop_waiting(self, vm: str | None = None) -> None:
        for entry in list(self._queue):
            if vm is None or (isinstance(entry.record, VmRecord) and entry.record.vm == vm):
                self._give_up(entry)

    def _give_up(self, entry: QueuedRecord) -> None:
        for reason in list(entry.waits):
            self._stop(entry, reason)

    def _stop(self, entry: QueuedRecord, reason: str) -> None:
        entry.waits.pop(reason, None)
        if reason == STEP and isinstance(entry.record, CommandRecord):
            self._place_command(self._vms[entry.record.vm], entry)

    # Events

    def _take_event(self, entry: QueuedRecord, record: QmpEventRecord) -> None:
        vm = self._vms.setdefault(record.vm, VmOrderState())
        if record.qmp.event == "RESET":
            self._insert(entry, vm.reset(record.moment or entry.t))
            return
        entry.sizes = vm.naming.by_event(record)
        for device, size in entry.sizes.items():
            moment = record.moment
            if moment is not None:
                entry.exact[device] = moment
            for poll in self._polls(record.vm, device):
                if (moment or entry.t) > later(poll.t, TICK):
                    del poll.waits[device]  # no event ever told that size
                elif poll.sizes[device] == size:
                    del poll.waits[device]
                    poll.exact.update(entry.exact)
                    self._queue.append(entry)
                    return
                else:
                    self._queue.insert(self._queue.index(poll), entry)
                    return
            if (moment or entry.t) >= vm.moments.get(device, ""):
                vm.sizes[device], vm.moments[device] = size, moment or entry.t
            vm.trail(entry)
            self._wait(entry, NEIGHBOUR, later(entry.t, HELD_BACK))
        self._queue.append(entry)

    def _polls(self, vm: str, device: str) -> list[QueuedRecord]:
        """The records that told a new size of a device, and wait for the event that tells when it was reached."""
        waiting = [poll for poll in self._told.pop((vm, device), ()) if device in poll.waits]
        if waiting:
            self._told[vm, device] = waiting
        return list(waiting)

    # What the driver wrote

    def _take_told(self, entry: QueuedRecord, record: VmRecord) -> None:
        if isinstance(record, BootRecord):
            self._stop_waiting(record.vm)
            self._vms[record.vm] = VmOrderState()
        vm = self._vms.setdefault(record.vm, VmOrderState())
        if isinstance(record, CommandRecord) and record.requested is not None:
            self._take_command(vm, entry, record)
            return
        if isinstance(record, StepRecord):
            self._match(vm, entry, record)
        self._read(vm, entry, record)
        front = vm.front()
        if isinstance(record, LoadRecord) and record.before is not None:
            sizes = vm.naming.in_measure(record.before, front.base)
            largest = vm.naming.largest(record.before)
            early = QueuedRecord(
                record, entry.line, entry.t, entry.after, sizes, measure=record.before, largest=largest, early=True
            )
            self._insert(early, front.events[front.place(sizes, len(front.events)) :])
        place = front.place(entry.sizes, len(front.events))
        self._insert(entry, front.events[place:])
        for event in front.events:
            event.waits.pop(NEIGHBOUR, None)
        if place == len(front.events):
            for device, size in entry.sizes.items():
                if vm.sizes.get(device, size) != size and tells_by_event(device):
                    self._wait(entry, device, later(entry.t, HELD_BACK))
                    self._told.setdefault((record.vm, device), []).append(entry)
            vm.sizes.update(entry.sizes)
        vm.close()
        if isinstance(record, EndRecord):
            self._stop_waiting(record.vm)

    @staticmethod
    def _read(vm: VmOrderState, entry: QueuedRecord, record: VmRecord) -> None:
        """Takes note of what a record tells of its own moment."""
        if isinstance(record, BootRecord):
            entry.measure = record.observation
        elif isinstance(record, StepRecord | LoadRecord):
            entry.measure = record.after
        elif isinstance(record, ObservationRecord):
            entry.measure = Measure(guest=record.guest, device=record.device)
        naming, sizes = vm.naming, vm.sizes
        if isinstance(record, SizeRecord):
            waited_for = None if record.requested is None else naming.virtio
            entry.sizes = naming.by_mechanism(record.mechanism, record.size, sizes, waited_for)
        elif isinstance(record, StepRecord):
            device = virtio_of(entry.command)
            if record.size_after is not None:
                entry.sizes = naming.by_mechanism(record.mechanism, record.size_after, sizes, device)
            if entry.command is None and record.requested is not None:
                entry.asked = naming.by_mechanism(record.mechanism, record.requested, sizes)
                if record.size_before is not None:
                    entry.before = naming.by_mechanism(record.mechanism, record.size_before, sizes)
        entry.sizes = {**entry.sizes, **naming.in_measure(entry.measure, sizes)}
        entry.largest = naming.largest(entry.measure)

    def _insert(self, entry: QueuedRecord, followers: list[QueuedRecord]) -> None:
        """Puts a record in front of the first of these, or at the end."""
        self._queue.insert(self._queue.index(followers[0]) if followers else len(self._queue), entry)

    # Commands

    def _take_command(self, vm: VmOrderState, entry: QueuedRecord, record: CommandRecord) -> None:
        for earlier in list(vm.commands):
            self._give_up(earlier)
        front = vm.front()
        entry.sizes = vm.naming.target(record, front.base)
        deadline = later(entry.t, STEP_MOST)
        self._wait(entry, STEP, deadline)
        for event in front.events:
            self._wait(event, NEIGHBOUR, deadline)
        self._queue.append(entry)
        vm.commands[entry] = front
        vm.close()

    def _match(self, vm: VmOrderState, entry: QueuedRecord, step: StepRecord) -> None:
        for waiting in vm.commands:
            command = waiting.record
            if isinstance(command, CommandRecord) and (command.mechanism, command.requested) == (
                step.mechanism,
                step.requested,
            ):
                waiting.step, entry.command = step, waiting
                del waiting.waits[STEP]
                self._place_command(vm, waiting, entry.line)
                return

    def _place_command(self, vm: VmOrderState, entry: QueuedRecord, line: int = 0) -> None:
        """Puts a command where it was given between the events in front of it, and before it what was measured then."""
        front = vm.commands.pop(entry)
        place = 0
        if entry.step is not None:
            step = entry.step
            early = QueuedRecord(step, line, entry.t, entry.after, measure=step.before, early=True)
            early.sizes = vm.naming.in_measure(step.before, front.base)
            early.largest = vm.naming.largest(step.before)
            if step.size_before is not None:
                known = {**front.base, **early.sizes}
                told = vm.naming.by_mechanism(step.mechanism, step.size_before, known, virtio_of(entry))
                early.sizes = {**early.sizes, **told}
            place = front.place(early.sizes, 0)
            self._insert(early, [*front.events[place:], entry])
        place = first_served(entry, front, place)
        for event in front.events:
            event.waits.pop(NEIGHBOUR, None)
        for event in reversed(front.events[place:]):
            self._queue.remove(event)
            self._queue.insert(self._queue.index(entry) + 1, event)
