"""Puts the records of a recording into the order in which things happened, as far as the records show it.

A recording is in the order of delivery. QEMU holds size events back by up to a second; a command is recorded when its
answer is read, so that a move can stand before it; what a step or a load measured *before* stands behind the moves that
followed. So a record waits here, no longer than it must, until what decides its place has been read. What leaves the
queue depends on the records up to now alone: a recording that has grown leaves in the same order as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from heapq import heappop, heappush
from typing import Final

from nilometer.importers.qemu.checkpoints import read_checkpoint
from nilometer.importers.qemu.entries import (
    ANSWER,
    NEIGHBOUR,
    TICK,
    QueuedRecord,
    VmOrderState,
    find_first_served,
    later,
    virtio_of,
)
from nilometer.importers.qemu.measures import Measure
from nilometer.importers.qemu.records import (
    AttachRecord,
    BootRecord,
    CommandRecord,
    EndRecord,
    IntentRecord,
    LoadRecord,
    LostRecord,
    MetaRecord,
    ObservationRecord,
    QemuRecord,
    QmpEventRecord,
    SizeRecord,
    StepRecord,
    VmRecord,
)
from nilometer.importers.qemu.sizes import has_size_event

MAX_DELAY: Final = timedelta(seconds=2)
"""QEMU holds an event back for at most 1 s; the rest is for a slow machine."""
MAX_STEP_TIME: Final = timedelta(seconds=120)
"""A command waits no longer for its step: drivers wait up to 60 s, for a module."""
MAX_QUEUE: Final = 10_000
"""When more records wait, the first waits no longer: memory stays flat."""

STEP: Final = "step"
"""A command waits for the step that reports what was measured before it."""


class RecordQueue:
    """Takes records one by one, and lets them leave in order."""

    def __init__(self) -> None:
        self._queue: list[QueuedRecord] = []
        self._vms: dict[str, VmOrderState] = {}
        self._last: str | None = None
        self._deadlines: list[tuple[str, int, QueuedRecord, str]] = []
        """Which record waits until when, and for what: a heap."""
        self._wait_count = 0
        self._polls: dict[tuple[str, str], list[QueuedRecord]] = {}
        """By VM and device, the records that report a size and wait for its event."""

    @property
    def pending(self) -> int:
        """The number of records that have not left."""
        return sum(not entry.is_early for entry in self._queue)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._queue

    def remember(self) -> tuple[dict[str, VmOrderState], str | None]:
        """What the order of later records depends on, if nothing waits: the VMs, and the last record's time."""
        for vm in self._vms.values():
            vm.drop_left()
        return self._vms, self._last

    def go_on(self, vms: dict[str, VmOrderState], last: str | None) -> None:
        """Goes on from what was remembered."""
        for vm in vms.values():
            vm.trailing, vm.intent, vm.commands = [], None, {}
        self._vms, self._last = vms, last

    def add(self, record: QemuRecord, line: int) -> Iterator[QueuedRecord]:
        """Adds the next record; yields those whose place is now certain."""
        self._expire(record.t)
        entry = QueuedRecord(record=record, line=line, time=record.t, previous=self._last)
        if isinstance(record, QmpEventRecord):
            self._add_event(entry, record)
        else:
            self._last = record.t
            if isinstance(record, VmRecord):
                self._add_vm_record(entry, record)
            else:
                self._queue.append(entry)
        if isinstance(record, MetaRecord) and record.wall_s is not None:
            self._stop_all_waits()
        elif len(self._queue) > MAX_QUEUE:
            self._stop_waits(self._queue[0])
        yield from self._leave()

    def finish(self) -> Iterator[QueuedRecord]:
        """Yields all that is left: nothing follows."""
        self._stop_all_waits()
        yield from self._leave()

    # Waiting

    def _leave(self) -> Iterator[QueuedRecord]:
        while self._queue and not self._queue[0].waits_for:
            entry = self._queue.pop(0)
            entry.has_left = True
            yield entry

    def _wait(self, entry: QueuedRecord, reason: str, deadline: str) -> None:
        entry.waits_for[reason] = deadline
        self._wait_count += 1
        heappush(self._deadlines, (deadline, self._wait_count, entry, reason))

    def _expire(self, time: str) -> None:
        while self._deadlines and self._deadlines[0][0] < time:
            deadline, _, entry, reason = heappop(self._deadlines)
            if entry.waits_for.get(reason) == deadline:
                self._stop_wait(entry, reason)

    def _stop_all_waits(self, vm: str | None = None) -> None:
        for entry in list(self._queue):
            if vm is None or (isinstance(entry.record, VmRecord) and entry.record.vm == vm):
                self._stop_waits(entry)

    def _stop_waits(self, entry: QueuedRecord) -> None:
        for reason in list(entry.waits_for):
            self._stop_wait(entry, reason)

    def _stop_wait(self, entry: QueuedRecord, reason: str) -> None:
        entry.waits_for.pop(reason, None)
        if reason == ANSWER and isinstance(entry.record, IntentRecord):
            self._give_up_intent(self._vms[entry.record.vm])
        elif reason == STEP and isinstance(entry.record, CommandRecord):
            self._place_command(self._vms[entry.record.vm], entry)

    # Events

    def _add_event(self, entry: QueuedRecord, record: QmpEventRecord) -> None:
        vm = self._vms.setdefault(record.vm, VmOrderState())
        if record.qmp.event == "RESET":
            self._insert(entry, vm.reset(record.moment or entry.time))
            return
        entry.sizes = vm.names.read_event(record)
        for device, size in entry.sizes.items():
            moment = record.moment
            if moment is not None:
                entry.exact_times[device] = moment
            for poll in self._waiting_polls(record.vm, device):
                if (moment or entry.time) > later(poll.time, TICK):
                    del poll.waits_for[device]  # no event reported that size
                elif poll.sizes[device] == size:
                    del poll.waits_for[device]
                    poll.exact_times.update(entry.exact_times)
                    self._queue.append(entry)
                    return
                else:
                    self._queue.insert(self._queue.index(poll), entry)
                    return
            if (moment or entry.time) >= vm.size_times.get(device, ""):
                vm.sizes[device], vm.size_times[device] = size, moment or entry.time
            command = _find_later_command(vm, entry, moment)
            if command is not None:  # it was delivered late, and happened before that command
                vm.commands[command].events.append(entry)
                self._wait(entry, NEIGHBOUR, command.waits_for[STEP])
                self._insert(entry, [command])
                return
            vm.add_event(entry)
            self._wait(entry, NEIGHBOUR, later(entry.time, MAX_DELAY))
        self._queue.append(entry)

    def _waiting_polls(self, vm: str, device: str) -> list[QueuedRecord]:
        """The records that report a new size of a device, and wait for the event that says when it was reached."""
        waiting = [poll for poll in self._polls.pop((vm, device), ()) if device in poll.waits_for]
        if waiting:
            self._polls[vm, device] = waiting
        return list(waiting)

    # What the driver wrote

    def _add_vm_record(self, entry: QueuedRecord, record: VmRecord) -> None:
        if isinstance(record, BootRecord):
            self._stop_all_waits(record.vm)
            self._vms[record.vm] = VmOrderState()
        vm = self._vms.setdefault(record.vm, VmOrderState())
        if isinstance(record, IntentRecord):
            self._add_intent(vm, entry)
            return
        if isinstance(record, AttachRecord) and record.alone:
            self._stop_all_waits(record.vm)
        elif isinstance(record, LostRecord | EndRecord):
            self._give_up_intent(vm)
        if isinstance(record, CommandRecord) and record.requested is not None:
            self._add_command(vm, entry, record)
            return
        if isinstance(record, CommandRecord) and (checkpoint := read_checkpoint(record)) and checkpoint.applied:
            vm.restore()
        if isinstance(record, StepRecord):
            self._match_step(vm, entry, record)
        self._read_sizes(vm, entry, record)
        preceding = vm.preceding_events()
        if isinstance(record, LoadRecord) and record.before is not None:
            sizes = vm.names.read_measure(record.before, preceding.base)
            early = QueuedRecord(
                record=record,
                line=entry.line,
                time=entry.time,
                previous=entry.previous,
                sizes=sizes,
                measure=record.before,
                max_sizes=vm.names.read_max_sizes(record.before),
                is_early=True,
            )
            self._insert(early, preceding.events[preceding.find_place(sizes, len(preceding.events)) :])
        surely_before = preceding.count_before(later(entry.time, -MAX_DELAY))  # it was measured shortly before its time
        place = preceding.find_place(entry.sizes, len(preceding.events), surely_before)
        self._insert(entry, preceding.events[place:])
        for event in preceding.events:
            event.waits_for.pop(NEIGHBOUR, None)
        if place == len(preceding.events):
            for device, size in entry.sizes.items():
                if vm.sizes.get(device, size) != size and has_size_event(device):
                    self._wait(entry, device, later(entry.time, MAX_DELAY))
                    self._polls.setdefault((record.vm, device), []).append(entry)
            vm.sizes.update(entry.sizes)
        vm.close()
        if isinstance(record, EndRecord):
            self._stop_all_waits(record.vm)

    @staticmethod
    def _read_sizes(vm: VmOrderState, entry: QueuedRecord, record: VmRecord) -> None:
        """Reads the sizes that a record reports of its own moment."""
        if isinstance(record, BootRecord | AttachRecord):
            entry.measure = record.observation
        elif isinstance(record, StepRecord | LoadRecord):
            entry.measure = record.after
        elif isinstance(record, ObservationRecord):
            entry.measure = Measure(guest=record.guest, device=record.device)
        names, sizes = vm.names, vm.sizes
        if isinstance(record, SizeRecord):
            device = None if record.requested is None else names.virtio
            entry.sizes = names.read_mechanism(record.mechanism, record.size, sizes, device)
        elif isinstance(record, StepRecord):
            device = virtio_of(entry.command)
            if record.size_after is not None:
                entry.sizes = names.read_mechanism(record.mechanism, record.size_after, sizes, device)
            if entry.command is None and record.requested is not None:
                entry.requested_sizes = names.read_mechanism(record.mechanism, record.requested, sizes)
                if record.size_before is not None:
                    entry.sizes_before = names.read_mechanism(record.mechanism, record.size_before, sizes)
        entry.sizes = {**entry.sizes, **names.read_measure(entry.measure, sizes)}
        entry.max_sizes = names.read_max_sizes(entry.measure)
        entry.targets = names.read_targets(entry.measure)

    def _insert(self, entry: QueuedRecord, followers: list[QueuedRecord]) -> None:
        """Inserts a record in front of the first of these, or at the end."""
        self._queue.insert(self._queue.index(followers[0]) if followers else len(self._queue), entry)

    # Commands

    def _add_intent(self, vm: VmOrderState, entry: QueuedRecord) -> None:
        """Adds what is about to be sent: nothing behind it leaves before it is certain whether an answer comes."""
        self._give_up_intent(vm)
        entry.waits_for[ANSWER] = ""
        vm.intent = entry
        self._queue.append(entry)

    @staticmethod
    def _give_up_intent(vm: VmOrderState) -> None:
        """No answer will come: what was to be sent becomes a command that may have been carried out, or not."""
        entry, vm.intent = vm.intent, None
        if entry is None or not isinstance(entry.record, IntentRecord):
            return
        entry.record = entry.record.to_command()
        entry.sizes = vm.names.read_target(entry.record, vm.sizes)
        vm.targets.update(entry.sizes)
        entry.waits_for.pop(ANSWER, None)

    def _add_command(self, vm: VmOrderState, entry: QueuedRecord, record: CommandRecord) -> None:
        if vm.intent is not None:
            vm.intent.waits_for.pop(ANSWER, None)
            vm.intent = None
        for earlier in list(vm.commands):
            self._end_wait_for_step(earlier, record.t)
        preceding = vm.preceding_events()
        entry.sizes = vm.names.read_target(record, preceding.base)
        deadline = later(entry.time, MAX_STEP_TIME)
        self._wait(entry, STEP, deadline)
        for event in preceding.events:
            self._wait(event, NEIGHBOUR, deadline)
        self._queue.append(entry)
        vm.commands[entry] = preceding
        vm.close(entry.sizes if record.accepted is not False else None)

    def _end_wait_for_step(self, command: QueuedRecord, now: str) -> None:
        """A later command was given: what this one waits for now is the events that may still be delivered."""
        deadline = later(command.time, MAX_DELAY)
        if deadline > now:
            self._wait(command, STEP, deadline)
        else:
            self._stop_waits(command)

    def _match_step(self, vm: VmOrderState, entry: QueuedRecord, step: StepRecord) -> None:
        for waiting in reversed(vm.commands):
            command = waiting.record
            if isinstance(command, CommandRecord) and (command.mechanism, command.requested) == (
                step.mechanism,
                step.requested,
            ):
                waiting.step, entry.command = step, waiting
                del waiting.waits_for[STEP]
                self._place_command(vm, waiting, entry.line)
                return

    def _place_command(self, vm: VmOrderState, entry: QueuedRecord, line: int = 0) -> None:
        """Puts a command where it was given between the events in front of it, and before it what was measured then."""
        preceding = vm.commands.pop(entry)
        place = 0
        if entry.step is not None:
            step = entry.step
            sizes = vm.names.read_measure(step.before, preceding.base)
            max_sizes = vm.names.read_max_sizes(step.before)
            if step.size_before is not None:
                known = {**preceding.base, **sizes}
                before = vm.names.read_mechanism(step.mechanism, step.size_before, known, virtio_of(entry))
                sizes = {**sizes, **before}
            early = QueuedRecord(
                record=step,
                line=line,
                time=entry.time,
                previous=entry.previous,
                sizes=sizes,
                measure=step.before,
                max_sizes=max_sizes,
                is_early=True,
            )
            place = preceding.find_place(early.sizes, 0)
            self._insert(early, [*preceding.events[place:], entry])
        place = find_first_served(entry, preceding, place)
        for event in preceding.events:
            event.waits_for.pop(NEIGHBOUR, None)
        for event in reversed(preceding.events[place:]):
            self._queue.remove(event)
            self._queue.insert(self._queue.index(entry) + 1, event)


def _find_later_command(vm: VmOrderState, event: QueuedRecord, moment: str | None) -> QueuedRecord | None:
    """Finds the first of the waiting commands that an event precedes, though it was delivered after the command.

    It happened before the command was being given; or meanwhile, towards the target of a request that was open already.
    """
    if moment is None:
        return None
    for command, preceding in vm.commands.items():
        if moment < (command.previous or "") or (moment <= command.time and preceding.serves_open_request(event)):
            return command
    return None
