"""One VM of a recording: what its records mean, in their true order, given what they told before."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from domain.identifiers import UtcTime, vm_stream
from domain.observed.devices import Accounts, DeviceAccount, assigned_of
from domain.observed.events import (
    BASE_MEMORY,
    DeviceFigures,
    Grounds,
    Means,
    Observed,
    VmMemoryMoved,
    VmObserved,
    WhyMoved,
)
from domain.observed.vm import ObservedVm
from domain.state import Power
from nilometer.importers.qemu.entries import QueuedRecord
from nilometer.importers.qemu.machine import Machine
from nilometer.importers.qemu.measures import GuestMemory, Measure, adds_up, is_same_guest_memory, is_whole
from nilometer.importers.qemu.records import QmpEventRecord
from nilometer.importers.qemu.sizes import BALLOON, MODULES, means_of
from nilometer.ledger.requests import Fact


class QemuHost(Protocol):
    """What is known of the host of a VM."""

    @property
    def has_budget(self) -> bool:
        """Whether a budget was measured."""
        ...

    @property
    def free(self) -> int | None:
        """What is left of the budget, by the book."""
        ...

    def tell(self, fact: Fact, story: str | None) -> None:
        """Takes an event, and the request that it is part of."""
        ...


class QemuVm:
    """The fold of what was told of a VM so far, and what only the reader of its records knows."""

    def __init__(self, id: str, host: QemuHost) -> None:
        self.fold = ObservedVm.begin(id)
        self.machine = Machine()
        self.host = host
        self.seen: dict[str, str] = {}
        """When each device was last seen to have the size that it has."""
        self.moved: dict[str, tuple[str, str | None]] = {}
        """When each device last moved, and the beginning of the interval."""
        self.stepping: set[int] = set()
        """Requests whose step is still to come: it will settle them."""
        self.guest: GuestMemory | None = None
        """The guest's own figures as last told."""
        self.modules: dict[int, str] = {}
        """Which module each request is about, by QEMU's name for it."""
        self.refused: dict[int, str] = {}
        """What the guest said when it refused what a request asked for, while its step is still to come."""
        self.was_reset = False
        """QEMU was reset, and its guest has not booted yet."""
        self.heard: dict[str, tuple[str, str | None]] = {}
        """When the last event of each kind happened, and what it said."""
        self.before_off: dict[str, int | None] = {}
        """The sizes of the devices when the VM was shut down: QEMU may start it again."""

    def tell(self, event: Observed, happened: str, earliest: str | None = None, request: int | None = None) -> None:
        """An event of this VM; ``request`` is the number of the request that it is part of."""
        moment = UtcTime(happened)
        since = UtcTime(earliest) if earliest is not None and earliest < happened else None
        self.fold.apply(event, moment, since)
        story = None if request is None else f"{self.fold.id}/{request}"
        self.host.tell(Fact(vm_stream(self.fold.id), event, moment, since), story)

    @property
    def is_off(self) -> bool:
        """The VM was stopped; what is still told of it is about the past."""
        return self.fold.power is Power.OFF

    # Moves

    def sizes(self, entry: QueuedRecord) -> None:
        """Tells the moves that a record's sizes show."""
        unknown: list[DeviceFigures] = []
        for device, size in () if self.is_off else entry.sizes.items():
            exact = entry.exact.get(device) if isinstance(entry.record, QmpEventRecord) else None
            if exact is not None and exact < self.moved.get(device, ("", None))[0]:
                continue  # told after what it tells was over
            known = self.fold.size(device)
            if known is None and device == MODULES and self.fold.session is not None:
                known = 0  # there were none until now
            if known is None:
                unknown.append(self.figures(device, size, entry))
            elif known != size:
                self._moved(entry, device, known, size)
            seen = exact or (entry.after or "" if entry.early else entry.t)
            self.seen[device] = max(seen, self.seen.get(device, ""))
        if unknown and entry.measure is None:
            self.tell(VmObserved(devices=tuple(unknown), record=source(entry)), entry.t, entry.after)

    def _moved(self, entry: QueuedRecord, device: str, before: int, after: int) -> None:
        exact = entry.exact.get(device)
        if exact is not None and exact >= self.moved.get(device, ("", None))[0]:
            happened, earliest = exact, None
        else:
            happened, earliest = entry.t, self.seen.get(device)
        request = self.fold.open_request(device)
        if request is not None and not request.serves(before, after):
            request = None
        number = None if request is None else request.number
        event = VmMemoryMoved(
            device=device,
            means=means_of(device),
            size_from=before,
            size_to=after,
            why=WhyMoved.UNASKED if request is None else WhyMoved.REQUEST,
            request=number,
            late=request is not None and request.settled is not None,
            backed=self._backed(device),
            mechanism=self.machine.mechanism(means_of(device)),
            record=source(entry),
        )
        self.tell(event, happened, earliest, number)
        self.moved[device] = happened, earliest

    # Sessions

    def begun(self, entry: QueuedRecord) -> VmObserved:
        """The devices with which a VM starts. One that nobody measured has a size that nobody knows."""
        event = self.measured(entry, known={}) or VmObserved(record=source(entry))
        told = {figures.device: figures for figures in event.devices}
        whole = entry.measure is not None and is_whole(entry.measure)
        if BASE_MEMORY not in told and self.machine.base is not None:
            told[BASE_MEMORY] = self.figures(BASE_MEMORY, self.machine.base)
        for device in () if whole else (*self.fold.accounts, *self.machine.virtio):
            if device not in told and device != BASE_MEMORY:
                told[device] = self.figures(device, None)
        sizes = {device: DeviceAccount(figures.means, figures.size) for device, figures in told.items()}
        in_use = event.in_use if whole else None
        return replace(event, devices=tuple(told.values()), assigned=assigned_of(sizes), in_use=in_use)

    def reset(self, event: VmObserved, happened: str) -> None:
        """QEMU takes all virtio-mem from a guest that begins anew, and the pages in its balloon are the guest's again.

        What it was asked for stays asked for: the new session's driver takes it up.
        """
        sizes = {device: account.size for device, account in self.fold.accounts.items()}
        if self.is_off:
            sizes = self.before_off
        sizes = {device: 0 if means_of(device) is Means.VIRTIO_MEM else size for device, size in sizes.items()}
        base = sizes.get(BASE_MEMORY)
        if BALLOON in sizes:
            sizes[BALLOON] = None if base is None else base + (sizes.get(MODULES) or 0)
        devices = tuple(self.figures(device, size) for device, size in sizes.items())
        self.tell(replace(event, devices=devices), happened)
        for device in sizes:
            if device not in (BASE_MEMORY, MODULES):
                self.seen[device] = max(happened, self.seen.get(device, ""))
                self.moved[device] = happened, None

    # Measures

    def measured(
        self, entry: QueuedRecord, label: str | None = None, known: Accounts | None = None
    ) -> VmObserved | None:
        """What a record measured, as an event; ``None`` if it measured nothing.

        Where some devices were not measured, the VM's assigned memory was not either: it follows from what is known.
        """
        known = self.fold.accounts if known is None else known
        measure = entry.measure
        if measure is None:
            return None
        devices = tuple(self.figures(device, size, entry) for device, size in entry.sizes.items())
        told = {figures.device: DeviceAccount(figures.means, figures.size) for figures in devices}
        total = assigned_of({**known, **told}) if adds_up(measure, known, told) else None
        assigned = total if is_whole(measure) and known.keys() <= told.keys() else None
        event = VmObserved(assigned=assigned, devices=devices, label=label, record=source(entry))
        guest = measure.guest
        if guest is None:
            return event
        self.guest = guest
        available = guest.mem_available
        return replace(
            event,
            in_use=None if total is None or available is None or total < available else total - available,
            guest_total=guest.mem_total,
            guest_available=available,
            guest_block=guest.memory_block_size,
            guest_offline=guest.offline,
        )

    def measure(self, entry: QueuedRecord, label: str | None = None) -> None:
        """Tells what a record measured, beside the moves."""
        event = None if self.is_off else self.measured(entry, label)
        if event is not None:
            self.tell(event, entry.t, entry.after if entry.early else None)

    def early(self, entry: QueuedRecord) -> None:
        """Tells what was measured before a command or a load, if it is news.

        The guest was asked before its devices were: if memory moved in that time, the guest's figures are too old.
        """
        before = self.fold.version
        self.sizes(entry)
        if entry.measure is not None and any(happened > (entry.after or "") for happened, _ in self.moved.values()):
            entry.measure = Measure(device=entry.measure.device)
        guest = None if entry.measure is None else entry.measure.guest
        if self.fold.version != before or (guest is not None and not is_same_guest_memory(guest, self.guest)):
            self.measure(entry)

    def figures(self, device: str, size: int | None, entry: QueuedRecord | None = None) -> DeviceFigures:
        """What is known of a device that has this size."""
        largest = {} if entry is None else entry.largest
        maximum = self.covered(entry) if device == BALLOON else largest.get(device)
        means = means_of(device)
        return DeviceFigures(device, means, size, maximum, self._backed(device), self.machine.mechanism(means))

    def covered(self, entry: QueuedRecord | None = None) -> int | None:
        """All that a balloon can take from: boot memory and modules."""
        told = {} if entry is None else entry.sizes
        base = told.get(BASE_MEMORY, self.fold.size(BASE_MEMORY) or self.machine.base)
        return None if base is None else base + (told.get(MODULES, self.fold.size(MODULES)) or 0)

    def _backed(self, device: str) -> bool | None:
        """Whether the host's budget backs a device: only what is kept in files; unknown while there is no budget."""
        if not self.host.has_budget:
            return None
        if device == MODULES:
            return self.machine.modules_in_file
        return self.machine.in_file(device) if device in self.machine.devices else self.machine.base_in_file

    def grounds(self, device: str) -> Grounds:
        """The figures by which a request for a device is understood, as they are known now."""
        account = self.fold.accounts.get(device)
        free = self.host.free if self._backed(device) else None
        return Grounds(
            assigned=self.fold.assigned,
            in_use=self.fold.in_use,
            free=None if free is None or free < 0 else free,
            maximum=self.covered() if device == BALLOON else None if account is None else account.maximum,
            block=self.fold.guest_block,
        )


def source(entry: QueuedRecord) -> str:
    """Which record told it."""
    return f"{entry.record.scenario}#{entry.record.seq}"
