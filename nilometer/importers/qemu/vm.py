"""One VM of a recording: what its records mean, read in their true order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from domain.identifiers import UtcTime, vm_stream
from domain.observed.devices import Accounts, DeviceAccount, assigned_of, lent_of
from domain.observed.events import DeviceFigures, Grounds, Observed, VmMemoryMoved, VmObserved
from domain.observed.vm import ObservedVm
from domain.observed.words import BASE_MEMORY, UNKNOWN_ACTOR, Means, WhyMoved
from domain.state import Power
from nilometer.importers.qemu.entries import LastRecord, QueuedRecord, later
from nilometer.importers.qemu.machine import Machine
from nilometer.importers.qemu.measures import (
    GuestMemory,
    Measure,
    adds_up,
    is_all_under_the_balloon,
    is_same_guest_memory,
    is_whole,
)
from nilometer.importers.qemu.records import QmpEventRecord
from nilometer.importers.qemu.sizes import BALLOON, MODULES, means_of
from nilometer.importers.qemu.swings import SWING_TIME, Swing, swings_about
from nilometer.ledger.requests import Fact

KEPT_PART: Final = 64
"""A kernel keeps up to this part of the memory that it is given, for its own account of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who asked for a change, as far as the recording says so. Whoever imports it is not whoever asked."""

    actor: str = UNKNOWN_ACTOR
    via: str = "qemu"
    reason: str | None = None
    correlation: str | None = None


UNNAMED: Final = Requester()


class QemuHost(Protocol):
    """The host of a VM."""

    @property
    def has_budget(self) -> bool:
        """Whether a budget was measured."""
        ...

    @property
    def free(self) -> int | None:
        """What is left of the budget, by the book; ``None`` if that is unknown."""
        ...

    def emit(self, fact: Fact, correlation: str | None, who: Requester | None) -> None:
        """Adds an event, the request that it is part of, and who made it."""
        ...


@dataclass(slots=True, kw_only=True, eq=False)
class QemuVm:
    """A VM: what its events come to, and what else its records say."""

    fold: ObservedVm
    host: QemuHost = field(metadata={"stored": False})
    machine: Machine = field(default_factory=Machine)
    measured_at: dict[str, str] = field(default_factory=dict[str, str])
    """When each device was last known to have the size that it has."""
    moved_at: dict[str, tuple[str, str | None]] = field(default_factory=dict[str, tuple[str, str | None]])
    """When each device last moved, and the beginning of the interval."""
    awaiting_step: set[int] = field(default_factory=set[int])
    """The requests whose step is still to come: it will settle them."""
    unanswered: set[int] = field(default_factory=set[int])
    """The requests of which nobody knows whether QEMU carried them out."""
    process: str | None = None
    """The name of the process of QEMU that a driver last attached to, where it is known."""
    uuid: str | None = None
    """The VM's own id, where it is known."""
    guest: GuestMemory | None = None
    """The guest's own figures, as last reported."""
    requesters: dict[int, Requester] = field(default_factory=dict[int, Requester])
    """Who made each request."""
    modules: dict[int, str] = field(default_factory=dict[int, str])
    """The module of each request, by QEMU's name for it."""
    guest_refusals: dict[int, str] = field(default_factory=dict[int, str])
    """What the guest answered when it refused a request, while the request's step is still to come."""
    assigned_at_start: int | None = None
    """What the VM had when its guest was first measured in this session."""
    was_reset: bool = False
    """QEMU was reset, and its guest has not booted yet."""
    was_measured_whole: bool = False
    """All its devices were measured at once: one that was not among them was not there."""
    is_restored: bool = False
    """A checkpoint was applied, and the VM was not measured since."""
    is_migrating: bool = False
    """QEMU was told to migrate the VM, and has not said that it failed."""
    ended_at: str | None = None
    """When the process of the last QEMU ended that ran it, unless the VM was migrated from there."""
    last_entry: LastRecord | None = None
    """The last record of the VM while it was not off."""
    swings: dict[str, Swing] = field(default_factory=dict[str, Swing])
    """The moves about the target of a request that are not recorded yet, by device."""
    last_events: dict[str, tuple[str, str | None]] = field(default_factory=dict[str, tuple[str, str | None]])
    """When the last event of each kind happened, and its data."""
    sizes_undone: dict[str, int | None] = field(default_factory=dict[str, int | None])
    """The sizes of the devices when the last checkpoint was applied, which moved them to others, or not."""
    sizes_before_off: dict[str, int | None] = field(default_factory=dict[str, int | None])
    """The sizes of the devices when the VM was shut down: QEMU may start it again."""

    def emit(
        self,
        event: Observed,
        happened: str,
        earliest: str | None = None,
        request: int | None = None,
        who: Requester | None = None,
    ) -> None:
        """Adds an event of this VM; ``request`` is the number of the request that it is part of; else ``who``."""
        self.flush_swings()
        moment = UtcTime(happened)
        since = UtcTime(earliest) if earliest is not None and earliest < happened else None
        kept = self.fold.kept
        self.fold.apply(event, moment, since)
        if self.fold.kept is not None and kept is None:
            self.assigned_at_start = self.fold.assigned
        fact = Fact(stream=vm_stream(self.fold.id), event=event, happened=moment, earliest=since)
        if request is None:
            self.host.emit(fact, None, UNNAMED if isinstance(event, VmMemoryMoved) else who)
            return
        who = self.requesters.get(request, UNNAMED)
        self.host.emit(fact, who.correlation or f"{self.fold.id}/{request}", who)

    @property
    def is_off(self) -> bool:
        """Whether the VM was stopped: what its records still report is about the past."""
        return self.fold.power is Power.OFF

    # Moves

    def emit_moves(self, entry: QueuedRecord) -> None:
        """Adds the moves that a record's sizes show."""
        unknown: list[DeviceFigures] = []
        for device, size in () if self.is_off else entry.sizes.items():
            exact = entry.exact_times.get(device) if isinstance(entry.record, QmpEventRecord) else None
            if exact is not None and exact < self._last_move(device):
                continue  # the device has moved again since
            known = self.size(device)
            if known is None and device == MODULES and self.shows_modules:
                known = 0  # there were none until now
            if known is None and self.is_restored and self.sizes_undone.get(device) != size:
                known = self.sizes_undone.get(device)
            if known is None:
                unknown.append(self.build_figures(device, size, entry))
            elif known != size:
                self._emit_move(entry, device, known, size)
            time = exact or (entry.previous or "" if entry.is_early else entry.time)
            self.measured_at[device] = max(time, self.measured_at.get(device, ""))
        if unknown and entry.measure is None:
            self.emit(VmObserved(devices=tuple(unknown), record=entry.reference), entry.time, entry.previous)

    @property
    def shows_modules(self) -> bool:
        """Whether a module that was plugged before would be known."""
        return self.fold.session is not None or self.was_measured_whole

    def size(self, device: str) -> int | None:
        """A device's size now; ``None`` if it is unknown."""
        swing = self.swings.get(device)
        return self.fold.size(device) if swing is None else swing.size_to

    def flush_swings(self) -> None:
        """Adds the moves of sizes that swing about a target: one event for each device."""
        swings, self.swings = self.swings, {}
        for device, swing in swings.items():
            event = VmMemoryMoved(
                device=device,
                means=means_of(device),
                size_from=swing.size_from,
                size_to=swing.size_to,
                why=WhyMoved.REQUEST,
                request=swing.request,
                late=swing.late,
                backed=self._is_backed(device),
                mechanism=self.machine.mechanism(means_of(device)),
                least=swing.least if swing.count > 1 else None,
                most=swing.most if swing.count > 1 else None,
                swings=swing.count if swing.count > 1 else None,
                record=swing.record,
            )
            self.emit(event, swing.happened, swing.since, swing.request)

    @property
    def pending_swings(self) -> int:
        """The number of records whose moves are not recorded yet."""
        return sum(swing.count for swing in self.swings.values())

    def _add_swing(self, entry: QueuedRecord, device: str, before: int, after: int) -> bool:
        """Adds a move to the swings of its device; returns false for a move that is none."""
        request = self.fold.requests.get(device)
        if request is None or not swings_about(
            request, before, after, is_balloon=device == BALLOON, is_swinging=device in self.swings
        ):
            return False
        exact = entry.exact_times.get(device)
        happened = entry.time if exact is None or exact < self._last_move(device) else exact
        swing = self.swings.get(device)
        if swing is not None and later(swing.since, SWING_TIME) <= happened:
            self.flush_swings()
            swing = None
        if swing is None:
            since = happened if exact == happened else self.measured_at.get(device, happened)
            late = request.settled is not None and request.still_open
            swing = self.swings[device] = Swing(request=request.number, late=late, size_from=before, since=since)
        swing.add(before, after, happened, entry.reference)
        entry.is_swing = True
        self.moved_at[device] = happened, None
        return True

    def _last_move(self, device: str) -> str:
        return self.moved_at.get(device, ("", None))[0]

    def _emit_move(self, entry: QueuedRecord, device: str, before: int, after: int) -> None:
        if self._add_swing(entry, device, before, after):
            return
        exact = entry.exact_times.get(device)
        if exact is not None and exact >= self._last_move(device):
            happened, earliest = exact, None
        else:
            happened, earliest = entry.time, self.measured_at.get(device)
        request = self.fold.open_request(device)
        if request is not None and not request.serves(before, after):
            request = None
        number = None if request is None else request.number
        event = VmMemoryMoved(
            device=device,
            means=means_of(device),
            size_from=before,
            size_to=after,
            why=WhyMoved.REQUEST if request is not None else self._why_unasked(),
            request=number,
            late=request is not None and request.settled is not None,
            backed=self._is_backed(device),
            mechanism=self.machine.mechanism(means_of(device)),
            record=entry.reference,
        )
        self.emit(event, happened, earliest, number)
        self.moved_at[device] = happened, earliest

    def _why_unasked(self) -> WhyMoved:
        """Why memory moved that no request explains: while a VM is paused, only a checkpoint moves its memory."""
        is_paused = self.fold.power is Power.PAUSED and not self.is_migrating and self.ended_at is None
        return WhyMoved.CHECKPOINT if self.is_restored or is_paused else WhyMoved.UNASKED

    # Sessions

    def build_start(self, entry: QueuedRecord) -> VmObserved:
        """Builds the event of a start, with all devices of the VM. One that was not measured has an unknown size."""
        event = self.build_measurement(entry, known={}) or VmObserved(record=entry.reference)
        devices = {figures.device: figures for figures in event.devices}
        is_complete = entry.measure is not None and is_whole(entry.measure)
        if BASE_MEMORY not in devices and self.machine.base is not None:
            devices[BASE_MEMORY] = self.build_figures(BASE_MEMORY, self.machine.base)
        for device in () if is_complete else (*self.fold.accounts, *self.machine.virtio):
            if device not in devices and device != BASE_MEMORY:
                devices[device] = self.build_figures(device, None)
        in_use = event.in_use if is_complete else None
        assigned = assigned_of(_to_accounts(devices.values()))
        return replace(event, devices=tuple(devices.values()), assigned=assigned, in_use=in_use)

    def emit_reset(self, event: VmObserved, happened: str) -> None:
        """Adds a reset: QEMU takes all virtio-mem from a guest that begins anew, and its balloon is the guest's again.

        What was asked for stays open: the driver of the new session takes it up.
        """
        sizes = {device: account.size for device, account in self.fold.accounts.items()}
        if self.is_off:
            sizes = self.sizes_before_off
        sizes = {device: 0 if means_of(device) is Means.VIRTIO_MEM else size for device, size in sizes.items()}
        base = sizes.get(BASE_MEMORY)
        if BALLOON in sizes:
            sizes[BALLOON] = None if base is None else base + (sizes.get(MODULES) or 0)
        devices = tuple(self.build_figures(device, size) for device, size in sizes.items())
        self.emit(replace(event, devices=devices), happened)
        for device in sizes:
            if device not in (BASE_MEMORY, MODULES):
                self.measured_at[device] = max(happened, self.measured_at.get(device, ""))
                self.moved_at[device] = happened, None

    # Measurements

    def build_measurement(
        self, entry: QueuedRecord, label: str | None = None, known: Accounts | None = None
    ) -> VmObserved | None:
        """Builds the event of what a record measured; ``None`` if it measured nothing.

        Where some devices were not measured, the VM's assigned memory was not either: it follows from what is known.
        """
        known = self.fold.accounts if known is None else known
        measure = entry.measure
        if measure is None:
            return None
        devices = tuple(self.build_figures(device, size, entry) for device, size in entry.sizes.items())
        measured = _to_accounts(devices)
        is_alone = is_all_under_the_balloon(measure, known)
        total = assigned_of({**known, **measured}) if is_alone or adds_up(measure, known, measured) else None
        assigned = total if (is_alone or is_whole(measure)) and known.keys() <= measured.keys() else None
        event = VmObserved(assigned=assigned, devices=devices, label=label, record=entry.reference)
        guest = measure.guest
        if guest is None:
            return event
        self.guest = guest
        lent = lent_of({**known, **measured})
        return replace(
            event,
            in_use=None if total is None or self._misses_memory(guest, total, lent) else guest.in_use_of(total),
            guest_total=guest.mem_total,
            guest_available=guest.mem_available,
            guest_block=guest.memory_block_size,
            guest_offline=guest.offline,
        )

    def _misses_memory(self, guest: GuestMemory, assigned: int, lent: int | None) -> bool:
        """Whether the guest sees less than it has, but for what it left offline and what its kernel keeps.

        A balloon that deflates by itself is counted by the guest, though it gave the memory back.
        """
        kept, before, counts_lent = self.fold.kept, self.assigned_at_start, self.machine.deflates_on_oom
        if kept is None or guest.mem_total is None or before is None or (counts_lent and lent is None):
            return False
        plugged = assigned + (lent or 0)
        countable = plugged if counts_lent else assigned
        missing = countable - (guest.offline or 0) - guest.mem_total - kept
        return missing > max(0, plugged - before) // KEPT_PART

    def emit_measurement(self, entry: QueuedRecord, label: str | None = None) -> None:
        """Adds what a record measured, beside the moves."""
        event = None if self.is_off else self.build_measurement(entry, label)
        if event is not None:
            self.emit(event, entry.time, entry.previous if entry.is_early else None)

    def emit_early(self, entry: QueuedRecord) -> None:
        """Adds what was measured before a command or a load, if it is news.

        The guest was asked before its devices were: if memory moved in between, the guest's figures are too old.
        """
        before = self.fold.version
        self.emit_moves(entry)
        previous = entry.previous or ""
        if entry.measure is not None and any(happened > previous for happened, _ in self.moved_at.values()):
            entry.measure = Measure(device=entry.measure.device)
        guest = None if entry.measure is None else entry.measure.guest
        if self.fold.version != before or (guest is not None and not is_same_guest_memory(guest, self.guest)):
            self.emit_measurement(entry)

    def build_figures(self, device: str, size: int | None, entry: QueuedRecord | None = None) -> DeviceFigures:
        """Builds the figures of a device that has this size."""
        max_sizes = {} if entry is None else entry.max_sizes
        means = means_of(device)
        return DeviceFigures(
            device=device,
            means=means,
            size=size,
            maximum=self._max_balloon(entry) if device == BALLOON else max_sizes.get(device),
            backed=self._is_backed(device),
            mechanism=self.machine.mechanism(means),
        )

    def _max_balloon(self, entry: QueuedRecord | None = None) -> int | None:
        """All that a balloon can take from: boot memory and modules."""
        sizes = {} if entry is None else entry.sizes
        base = sizes.get(BASE_MEMORY, self.fold.size(BASE_MEMORY) or self.machine.base)
        return None if base is None else base + (sizes.get(MODULES, self.fold.size(MODULES)) or 0)

    def _is_backed(self, device: str) -> bool | None:
        """Whether the host's budget backs a device: only what is kept in files; unknown while there is no budget."""
        if not self.host.has_budget:
            return None
        if device == MODULES:
            return self.machine.modules_in_file
        return self.machine.in_file(device) if device in self.machine.devices else self.machine.base_in_file

    def build_grounds(self, device: str) -> Grounds:
        """Builds the figures that explain a request for a device, as they are known now."""
        account = self.fold.accounts.get(device)
        free = self.host.free if self._is_backed(device) else None
        return Grounds(
            assigned=self.fold.assigned,
            in_use=self.fold.in_use,
            free=None if free is None or free < 0 else free,
            maximum=self._max_balloon() if device == BALLOON else None if account is None else account.maximum,
            block=self.fold.guest_block,
        )


def _to_accounts(devices: Iterable[DeviceFigures]) -> dict[str, DeviceAccount]:
    return {figures.device: DeviceAccount(means=figures.means, size=figures.size) for figures in devices}
