"""Everything that the judge of decided histories knows: every VM and host as the events so far leave them."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain import events
from domain.changes import ENTRY_CHANGES, host_figures, vm_figures
from domain.deciding.redecide import vm_as_read
from domain.events import HostEvent, HostRead, VmEvent
from domain.settings import HostVersion
from domain.state import Host
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.completeness import Completeness
from rules.judging.decided.tracks import DecidedHostState, DecidedVmState, host_with
from rules.judging.descriptions import HISTORY_IS_WHOLE, TIME_GOES_FORWARD

BookEvent = events.HostMemoryGranted | events.HostMemoryReturned
"""The event that writes a VM's change into the book of its host."""


@dataclass(slots=True)
class Records:
    """All decided VMs and hosts that were read, and the collector of what is found about them."""

    collector: FindingCollector
    completeness: Completeness
    vms: dict[str, DecidedVmState] = field(default_factory=dict[str, DecidedVmState])
    hosts: dict[str, DecidedHostState] = field(default_factory=dict[str, DecidedHostState])
    removed: set[str] = field(default_factory=set[str])
    """The streams of removed VMs and hosts: an id is never reused."""
    removed_hosts: dict[str, DecidedHostState] = field(default_factory=dict[str, DecidedHostState])
    """Removed hosts: a command that read one before its removal may be refused, and recorded, afterwards."""
    beginnings_missing: bool = False
    """Whether there are VMs or hosts whose beginning was not read."""

    def begin_host(self, id: str, state: Host) -> DecidedHostState:
        """Adds a host that was not known before."""
        host = self.hosts[id] = DecidedHostState(id=id, state=state, figures=host_figures(state))
        return host

    def begin_unknown_vm(self, ref: EventRef, event: VmEvent, id: str) -> DecidedVmState | None:
        """Adds a VM whose beginning is missing, or that was removed, with the state that its event records."""
        envelope, read, self.beginnings_missing = ref.envelope, event.evidence.host, True
        self.collector.enter(ref, None if read is None else read.id)
        removed = envelope.stream in self.removed
        why = "the VM was already removed" if removed else "the VM's history does not begin with its definition"
        follows = self.completeness.gap if self.completeness.missing else None
        self.collector.report_violation(HISTORY_IS_WHOLE, ref, why, ({}, {"event": event.KIND}), follows=follows)
        try:
            state = vm_as_read(event)
        except (TypeError, ValueError):
            return None
        vm = DecidedVmState(
            id=id,
            host="" if read is None else read.id,
            state=state,
            figures=vm_figures(state),
            cause=envelope.position,
        )
        self.vms[id] = vm
        if read is not None:
            host = self.hosts.get(read.id) or self.begin_host_as_read(read, envelope.position)
            host.book[id] = state.held
            host.vms.add(id)
        return vm

    def begin_host_as_read(self, read: HostRead, position: int) -> DecidedHostState:
        """Adds a host whose beginning is missing, with the state that an event records as read."""
        state = Host(total=read.total, reserve=read.reserve, version=read.version, held=read.held)
        host = self.begin_host(read.id, state)
        host.version = host.since = read.stream_version
        host.cause = position
        return host

    def begin_unknown_host(self, ref: EventRef, event: HostEvent, id: str) -> DecidedHostState:
        """Adds a host whose beginning is missing, or that was removed, with the state that its event records."""
        envelope, self.beginnings_missing = ref.envelope, True
        removed = envelope.stream in self.removed
        why = "the host was already removed" if removed else "the host's history does not begin with its registration"
        follows = self.completeness.gap if self.completeness.missing else None
        self.collector.report_violation(HISTORY_IS_WHOLE, ref, why, ({}, {"event": event.KIND}), follows=follows)
        host = self.begin_host(id, host_with(HostVersion.V2025, event.before or event.after))
        host.version, host.cause, host.release_known = envelope.version - 1, envelope.position, False
        host.since = max(1, host.version)
        return host

    def apply_to_book(self, host: DecidedHostState, kind: type[BookEvent], vm: str, bytes: int) -> None:
        """Changes a VM's entry in a host's book by what it was granted or returned."""
        self.set_book_entry(host, vm, ENTRY_CHANGES[kind](host.book.get(vm, 0), bytes))

    @staticmethod
    def set_book_entry(host: DecidedHostState, vm: str, held: int) -> None:
        """Sets what a VM holds of a host; no entry is 0."""
        if held:
            host.book[vm] = held
        else:
            host.book.pop(vm, None)

    def remove_from_host(self, vm: DecidedVmState) -> None:
        """Takes a VM off its host."""
        host = self.hosts.get(vm.host)
        if host is not None:
            host.vms.discard(vm.id)

    def move_to_host(self, vm: DecidedVmState, to: str) -> None:
        """Moves a VM to another host, where its invariants must be checked anew."""
        self.remove_from_host(vm)
        vm.host, vm.unchecked = to, True
        host = self.hosts.get(to)
        if host is not None:
            host.vms.add(vm.id)

    def check_time(self, ref: EventRef, track: DecidedVmState | DecidedHostState) -> None:
        """Checks that an event does not happen before the previous event of its stream."""
        happened = ref.envelope.metadata.happened
        if happened < track.last_happened:
            difference = {"not before": track.last_happened}, {"happened": happened}
            why = "the event happened before the previous event of its stream"
            self.collector.report_violation(TIME_GOES_FORWARD, ref, why, difference)
        track.last_happened = happened
        if isinstance(track, DecidedHostState):
            track.recorded.append((track.version, ref.envelope.metadata.recorded))
