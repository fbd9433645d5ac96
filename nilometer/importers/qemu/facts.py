"""What the records of a recording mean: the events of its host and its VMs, record by record, in their true order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from domain.identifiers import UtcTime, host_stream
from domain.observed.events import HostObserved, VmLost, VmObserved
from domain.observed.host import ObservedHost, account_of
from domain.observed.vm import ObservedVm
from domain.state import Power
from nilometer.importers.qemu.attaching import emit_attach, read_version
from nilometer.importers.qemu.checkpoints import emit_checkpoint
from nilometer.importers.qemu.entries import LastRecord, QueuedRecord
from nilometer.importers.qemu.machine import read_machine
from nilometer.importers.qemu.measures import is_whole
from nilometer.importers.qemu.migrations import (
    NOT_MIGRATED,
    emit_migration,
    emit_running,
    is_incoming,
    leaves_by_migration,
    shows_running,
)
from nilometer.importers.qemu.records import (
    MECHANISMS,
    AttachRecord,
    BootRecord,
    CommandRecord,
    EndRecord,
    IntentRecord,
    LoadRecord,
    LostRecord,
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
from nilometer.importers.qemu.requests import (
    emit_command,
    settle_lost,
    settle_not_carried_out,
    settle_open,
    settle_quiet,
    settle_reached,
    settle_refused_by_guest,
    settle_step,
    settle_stopped,
)
from nilometer.importers.qemu.vm import QemuVm, Requester
from nilometer.ledger.requests import Fact

EVIDENCE: Final = ("ACPI_DEVICE_OST", "MEM_UNPLUG_ERROR", "DEVICE_UNPLUG_GUEST_ERROR", "DEVICE_DELETED")
"""QMP events that are kept, word for word, though they report no size."""


@dataclass(frozen=True, slots=True)
class EmittedFact:
    """A fact, and the request that it is part of, as ``VM/number``; ``None`` if it is part of none."""

    fact: Fact
    correlation: str | None
    who: Requester | None = None
    """Who made it; ``None`` for what was only measured."""


class FactBuilder:
    """Turns records into facts, and keeps what these come to."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._host = ObservedHost.begin(prefix)
        self._vms: dict[str, QemuVm] = {}
        self._emitted: list[EmittedFact] = []

    def remember(self) -> tuple[ObservedHost, dict[str, QemuVm]]:
        """What later records are compared with. Of a request that another followed, nothing more is told."""
        for vm in self._vms.values():
            last = {request.number for request in vm.fold.requests.values()}
            vm.requesters = {number: who for number, who in vm.requesters.items() if number in last}
            vm.modules = {number: name for number, name in vm.modules.items() if number in last}
        return self._host, self._vms

    def go_on(self, host: ObservedHost, vms: dict[str, QemuVm]) -> None:
        """Goes on from what was remembered."""
        for vm in vms.values():
            vm.host = self
        self._host, self._vms = host, vms

    def build_facts(self, entry: QueuedRecord) -> list[EmittedFact]:
        """Builds the facts of a record, in order; none if it contains nothing new."""
        self._emitted = []
        record = entry.record
        if isinstance(record, PoolRecord):
            self._read_pool(entry, record)
        elif isinstance(record, VmRecord):
            self._read_vm(entry, record)
        return self._emitted

    @staticmethod
    def why_not_needed(entry: QueuedRecord) -> str | None:
        """Why a record without facts is not needed; ``None`` if it repeats what is known."""
        record = entry.record
        if entry.is_repeat:
            return None
        if isinstance(record, MetaRecord):
            return "meta"
        if isinstance(record, IntentRecord):
            return "intent"  # its command says all of it
        if isinstance(record, UnknownRecord):
            return f"kind {record.kind}"
        if isinstance(record, CommandRecord) and record.requested is None:
            if not record.accepted:
                return "refused"  # nothing moves, and no size was asked for that can be one
            return "prepared"  # such as a module's memory before the module is plugged: nothing moves
        if isinstance(record, CommandRecord | SizeRecord | StepRecord) and record.mechanism not in MECHANISMS:
            return f"mechanism {record.mechanism}"
        if isinstance(record, QmpEventRecord) and not entry.sizes:
            return f"event {record.qmp.event}"
        if isinstance(record, SizeRecord | CommandRecord) and not entry.sizes:
            return f"{record.kind} of an unnamed device"
        return None

    @property
    def pending_swings(self) -> int:
        """The number of records whose moves are not recorded yet."""
        return sum(vm.pending_swings for vm in self._vms.values())

    @property
    def has_budget(self) -> bool:
        """Whether a budget was measured."""
        return self._host.budget is not None

    @property
    def free(self) -> int | None:
        """What is left of the budget, by the book; ``None`` if that is unknown."""
        return account_of(self._host, [vm.fold for vm in self._vms.values()]).free

    def emit(self, fact: Fact, correlation: str | None, who: Requester | None) -> None:
        """Adds a fact, the request that it is part of, and who made it."""
        self._emitted.append(EmittedFact(fact, correlation, who))

    def finish(self) -> list[EmittedFact]:
        """Builds the facts that are due when nothing follows: how the open requests stand."""
        self._emitted = []
        for vm in self._vms.values():
            vm.flush_swings()
            for request in list(vm.fold.requests.values()):
                if vm.last_entry is not None and not vm.is_off:
                    settle_open(vm, vm.last_entry, request)
        return self._emitted

    def _read_pool(self, entry: QueuedRecord, record: PoolRecord) -> None:
        event = HostObserved(budget=record.capacity, free=record.free, label=record.label, record=entry.reference)
        moment = UtcTime(entry.time)
        self._host.apply(event, moment)
        self.emit(Fact(stream=host_stream(self._prefix), event=event, happened=moment), None, None)

    def _read_vm(self, entry: QueuedRecord, record: VmRecord) -> None:
        vm = self._vms.get(record.vm)
        if vm is None:
            vm = self._vms[record.vm] = QemuVm(fold=ObservedVm.begin(f"{self._prefix}.{record.vm}"), host=self)
        if entry.is_early or not isinstance(record, SizeRecord | QmpEventRecord) or not entry.sizes:
            vm.flush_swings()
        if shows_running(vm, entry) and emit_running(vm, entry):
            return
        if isinstance(record, IntentRecord):
            return
        if vm.fold.version == 0 and not isinstance(
            record, BootRecord | AttachRecord | EndRecord
        ):  # of a log that begins later
            vm.emit(VmObserved(name=record.vm, host=self._prefix, record=entry.reference), entry.time)
        if entry.is_early:
            vm.emit_early(entry)
            settle_reached(vm, entry)
        elif isinstance(record, BootRecord):
            self._read_boot(vm, entry, record)
        elif isinstance(record, AttachRecord):
            emit_attach(vm, entry, record, self._prefix)
        elif isinstance(record, LostRecord):
            vm.emit(VmObserved(label="lost", told=record.error, record=entry.reference), entry.time)
        elif isinstance(record, CommandRecord) and (
            emit_migration(vm, entry, record) or emit_checkpoint(vm, entry, record)
        ):
            pass
        elif isinstance(record, CommandRecord):
            emit_command(vm, entry, record)
        elif isinstance(record, StepRecord):
            settle_step(vm, entry, record)
        elif isinstance(record, EndRecord):
            self._read_end(vm, entry, record)
        elif isinstance(record, SizeRecord | QmpEventRecord | LoadRecord | ObservationRecord):
            vm.emit_moves(entry)
            settle_reached(vm, entry)
            if isinstance(record, LoadRecord):
                vm.emit_measurement(entry, " ".join(filter(None, (record.verb, record.name))) or None)
            elif isinstance(record, ObservationRecord):
                settle_not_carried_out(vm, entry)
                vm.emit_measurement(entry, record.label)
            elif isinstance(record, QmpEventRecord):
                self._read_event(vm, entry, record)
        if not entry.is_early and entry.measure is not None:
            vm.is_restored = False
            vm.was_measured_whole = vm.was_measured_whole or is_whole(entry.measure)
        if not entry.is_early and not vm.is_off:
            vm.last_entry = LastRecord(entry.time, entry.reference)
            if not isinstance(record, CommandRecord | BootRecord | LostRecord):
                settle_quiet(vm, entry)

    def _read_boot(self, vm: QemuVm, entry: QueuedRecord, record: BootRecord) -> None:
        is_destination = is_incoming(record.argv) and vm.fold.session is not None and not vm.is_off
        if vm.was_reset or is_destination:
            self._read_boot_in_session(vm, entry, record)
            return
        settle_stopped(vm, entry, entry.time)
        vm.machine = read_machine(record.argv or ())
        session = (vm.fold.session or 0) + 1
        start = replace(
            vm.build_start(entry),
            name=record.vm,
            host=self._prefix,
            hypervisor=read_version(record.qemu),
            kernel=record.guest_kernel,
            power=Power.RUNNING,
            session=session,
        )
        vm.emit(start, entry.time)
        vm.measured_at = dict.fromkeys(entry.sizes, entry.time)
        vm.moved_at = {}

    @staticmethod
    def _read_boot_in_session(vm: QemuVm, entry: QueuedRecord, record: BootRecord) -> None:
        """The guest of a QEMU that was reset has booted, or a QEMU goes on with a guest that was migrated to it.

        It is in the session that began with the reset, or in the one that it was migrated in.
        """
        vm.was_reset = False
        vm.emit_moves(entry)
        settle_reached(vm, entry)
        event = vm.build_measurement(entry) or VmObserved(record=entry.reference)
        vm.emit(replace(event, kernel=record.guest_kernel, power=Power.RUNNING), entry.time)

    def _read_event(self, vm: QemuVm, entry: QueuedRecord, record: QmpEventRecord) -> None:
        name, happened = record.qmp.event, record.moment or entry.time
        data = None if record.qmp.data is None else to_verbatim(record.qmp.data)
        if record.moment is not None and not entry.sizes:
            entry.is_repeat = vm.last_events.get(name) == (record.moment, data)
            vm.last_events[name] = record.moment, data
            if entry.is_repeat:
                return
        event = VmObserved(label=name, told=data, record=entry.reference)
        if name == "SHUTDOWN" and leaves_by_migration(vm, record):
            vm.emit(event, happened)
        elif name == "SHUTDOWN":
            settle_stopped(vm, entry, happened)
            vm.was_reset = False
            vm.sizes_before_off = {device: account.size for device, account in vm.fold.accounts.items()}
            vm.emit(replace(event, power=Power.OFF), happened)
        elif name == "RESET":
            vm.emit_reset(replace(event, power=Power.RUNNING, session=(vm.fold.session or 0) + 1), happened)
            vm.was_reset = True
            settle_reached(vm, entry, vm.fold.accounts)
        elif name in ("STOP", "RESUME") and not vm.is_off:
            vm.emit(replace(event, power=Power.PAUSED if name == "STOP" else Power.RUNNING), happened)
        elif name in ("GUEST_PANICKED", "GUEST_CRASHLOADED"):
            vm.emit(VmLost(told=data, record=entry.reference), happened)
            settle_lost(vm, entry, happened, data)
        elif name == "MIGRATION":
            vm.is_migrating = vm.is_migrating and as_object(record.qmp.data).get("status") not in NOT_MIGRATED
        elif name in EVIDENCE:
            vm.emit(event, happened)
            if name == "DEVICE_DELETED":
                vm.machine.delete_device(as_object(record.qmp.data).get("device"))
            else:
                settle_refused_by_guest(vm, entry, happened, record)

    def _read_end(self, vm: QemuVm, entry: QueuedRecord, record: EndRecord) -> None:
        """QEMU's process has ended: only now the host has its memory back."""
        label = None if record.qemu_exit is None else f"exit {record.qemu_exit}"
        message = record.qemu_stderr or None
        if vm.is_migrating and not record.qemu_exit:
            vm.is_migrating, vm.ended_at = False, entry.time  # another QEMU runs it now
            vm.emit(VmObserved(label=label, told=message, record=entry.reference), entry.time)
            return
        vm.awaiting_step.clear()
        vm.was_reset, vm.is_migrating, vm.ended_at = False, False, entry.time
        settle_stopped(vm, entry, entry.time)
        vm.emit(VmObserved(power=Power.OFF, held=0, label=label, told=message, record=entry.reference), entry.time)
