"""What the records of a recording mean: the events of its host and its VMs, record by record in their true order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from domain.identifiers import UtcTime, host_stream
from domain.observed.events import HostObserved, VmLost, VmObserved
from domain.observed.host import ObservedHost, account_of
from domain.state import Power
from nilometer.importers.qemu import refusals, requests
from nilometer.importers.qemu.entries import QueuedRecord
from nilometer.importers.qemu.machine import read_machine
from nilometer.importers.qemu.records import (
    MECHANISMS,
    BootRecord,
    CommandRecord,
    EndRecord,
    LoadRecord,
    MetaRecord,
    ObservationRecord,
    PoolRecord,
    QmpEventRecord,
    SizeRecord,
    StepRecord,
    UnknownRecord,
    VmRecord,
    as_object,
    to_verbatim,
)
from nilometer.importers.qemu.vm import QemuVm, source
from nilometer.ledger.requests import Fact

EVIDENCE: Final = ("ACPI_DEVICE_OST", "MEM_UNPLUG_ERROR", "DEVICE_UNPLUG_GUEST_ERROR", "DEVICE_DELETED")
"""QMP events that are kept, word for word, though they tell no size."""


@dataclass(frozen=True, slots=True)
class EmittedFact:
    """A fact, and the story that it is part of: a request, as ``VM/number``, or ``None``."""

    fact: Fact
    story: str | None


class FactBuilder:
    """Turns records into events. Its state is the fold of the events that it has told."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._host = ObservedHost.begin(prefix)
        self._vms: dict[str, QemuVm] = {}
        self._told: list[EmittedFact] = []

    def of(self, entry: QueuedRecord) -> list[EmittedFact]:
        """The events that a record gives, in order; none if it tells nothing new."""
        self._told = []
        record = entry.record
        if isinstance(record, PoolRecord):
            self._pool(entry, record)
        elif isinstance(record, VmRecord):
            self._of_vm(entry, record)
        return self._told

    @staticmethod
    def not_needed(entry: QueuedRecord) -> str | None:
        """Why a record that gave no events was not needed; ``None`` if it repeats what was told before."""
        record = entry.record
        if entry.again:
            return None
        if isinstance(record, MetaRecord):
            return "meta"
        if isinstance(record, UnknownRecord):
            return f"kind {record.kind}"
        if isinstance(record, CommandRecord) and record.requested is None:
            return "prepared"  # such as a module's memory before the module is plugged: nothing moves
        if isinstance(record, CommandRecord | SizeRecord | StepRecord) and record.mechanism not in MECHANISMS:
            return f"mechanism {record.mechanism}"
        if isinstance(record, QmpEventRecord) and not entry.sizes:
            return f"event {record.qmp.event}"
        if isinstance(record, SizeRecord | CommandRecord) and not entry.sizes:
            return f"{record.kind} of an unnamed device"
        return None

    @property
    def has_budget(self) -> bool:
        """Whether a budget was measured."""
        return self._host.budget is not None

    @property
    def free(self) -> int | None:
        """What is left of the budget, by the book."""
        return account_of(self._host, [vm.fold for vm in self._vms.values()]).free

    def tell(self, fact: Fact, story: str | None) -> None:
        """Takes an event, and the request that it is part of."""
        self._told.append(EmittedFact(fact, story))

    def _pool(self, entry: QueuedRecord, record: PoolRecord) -> None:
        event = HostObserved(budget=record.capacity, free=record.free, label=record.label, record=source(entry))
        moment = UtcTime(entry.t)
        self._host.apply(event, moment)
        self.tell(Fact(host_stream(self._prefix), event, moment), None)

    def _of_vm(self, entry: QueuedRecord, record: VmRecord) -> None:
        vm = self._vms.get(record.vm)
        if vm is None:
            vm = self._vms[record.vm] = QemuVm(f"{self._prefix}.{record.vm}", self)
        if entry.early:
            vm.early(entry)
            requests.reached_late(vm, entry)
        elif isinstance(record, BootRecord):
            self._boot(vm, entry, record)
        elif isinstance(record, CommandRecord):
            requests.command(vm, entry, record)
        elif isinstance(record, StepRecord):
            requests.step(vm, entry, record)
        elif isinstance(record, EndRecord):
            self._end(vm, entry, record)
        elif isinstance(record, SizeRecord | QmpEventRecord | LoadRecord | ObservationRecord):
            vm.sizes(entry)
            requests.reached_late(vm, entry)
            if isinstance(record, LoadRecord):
                vm.measure(entry, " ".join(filter(None, (record.verb, record.name))) or None)
            elif isinstance(record, ObservationRecord):
                vm.measure(entry, record.label)
            elif isinstance(record, QmpEventRecord):
                self._event(vm, entry, record)

    def _boot(self, vm: QemuVm, entry: QueuedRecord, record: BootRecord) -> None:
        if vm.was_reset:
            self._booted_again(vm, entry, record)
            return
        requests.stopped(vm, entry, entry.t)
        vm.machine = read_machine(record.argv or ())
        session = (vm.fold.session or 0) + 1
        vm.tell(
            replace(
                vm.begun(entry),
                name=record.vm,
                host=self._prefix,
                hypervisor=_version(record.qemu),
                kernel=record.guest_kernel,
                power=Power.RUNNING,
                session=session,
            ),
            entry.t,
        )
        vm.seen = dict.fromkeys(entry.sizes, entry.t)
        vm.moved = {}

    @staticmethod
    def _booted_again(vm: QemuVm, entry: QueuedRecord, record: BootRecord) -> None:
        """The guest of a QEMU that was reset has booted: it is the session that the reset began."""
        vm.was_reset = False
        vm.sizes(entry)
        requests.reached_late(vm, entry)
        event = vm.measured(entry) or VmObserved(record=source(entry))
        vm.tell(replace(event, kernel=record.guest_kernel, power=Power.RUNNING), entry.t)

    def _event(self, vm: QemuVm, entry: QueuedRecord, record: QmpEventRecord) -> None:
        name, happened = record.qmp.event, record.moment or entry.t
        told = None if record.qmp.data is None else to_verbatim(record.qmp.data)
        if record.moment is not None and not entry.sizes:
            entry.again = vm.heard.get(name) == (record.moment, told)
            vm.heard[name] = record.moment, told
            if entry.again:
                return  # it was delivered twice
        event = VmObserved(label=name, told=told, record=source(entry))
        if name == "SHUTDOWN":
            requests.stopped(vm, entry, happened)
            vm.was_reset = False
            vm.before_off = {device: account.size for device, account in vm.fold.accounts.items()}
            vm.tell(replace(event, power=Power.OFF), happened)
        elif name == "RESET":
            begun = replace(event, power=Power.RUNNING, session=(vm.fold.session or 0) + 1)
            vm.reset(begun, happened)
            vm.was_reset = True
            requests.reached_late(vm, entry, vm.fold.accounts)
        elif name in ("STOP", "RESUME") and not vm.is_off:
            vm.tell(replace(event, power=Power.PAUSED if name == "STOP" else Power.RUNNING), happened)
        elif name in ("GUEST_PANICKED", "GUEST_CRASHLOADED"):
            vm.tell(VmLost(told=told, record=source(entry)), happened)
            requests.lost(vm, entry, happened, told)
        elif name in EVIDENCE:
            vm.tell(event, happened)
            if name == "DEVICE_DELETED":
                vm.machine.delete_device(as_object(record.qmp.data).get("device"))
            else:
                refusals.refused_by_guest(vm, entry, happened, record)

    def _end(self, vm: QemuVm, entry: QueuedRecord, record: EndRecord) -> None:
        """QEMU's process is gone: only now the host has its memory back."""
        vm.stepping.clear()
        vm.was_reset = False
        requests.stopped(vm, entry, entry.t)
        said = record.qemu_stderr or None
        label = None if record.qemu_exit is None else f"exit {record.qemu_exit}"
        vm.tell(VmObserved(power=Power.OFF, held=0, label=label, told=said, record=source(entry)), entry.t)


def _version(told: object) -> str | None:
    """QEMU's version, as ``query-version`` tells it."""
    parts = as_object(as_object(told).get("qemu"))
    numbers = [str(parts[part]) for part in ("major", "minor", "micro") if part in parts]
    return "QEMU " + ".".join(numbers) if numbers else None
