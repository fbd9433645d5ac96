"""What the judge of decided histories knows: the docket, and every VM and host as the events so far leave them."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain import events
from domain.changes import ENTRY_CHANGES, host_figures, vm_figures
from domain.deciding.redecide import vm_as_read
from domain.events import HostEvent, HostRead, VmEvent
from domain.settings import HostVersion
from domain.state import Host
from rules.judging.collector import Docket, Where
from rules.judging.completeness import Wholeness
from rules.judging.decided.tracks import HostTrack, VmTrack, host_with
from rules.judging.descriptions import HISTORY_IS_WHOLE, TIME_GOES_FORWARD

Half = events.HostMemoryGranted | events.HostMemoryReturned
"""The host's half of a change of a VM."""


@dataclass(slots=True)
class Records:
    """All decided VMs and hosts that were read of, and where to write what is found of them."""

    docket: Docket
    wholeness: Wholeness
    vms: dict[str, VmTrack] = field(default_factory=dict[str, VmTrack])
    hosts: dict[str, HostTrack] = field(default_factory=dict[str, HostTrack])
    gone: set[str] = field(default_factory=set[str])
    """The streams of what was removed: an id is never used again."""
    departed: dict[str, HostTrack] = field(default_factory=dict[str, HostTrack])
    """Hosts that were removed: a command that read one before that may be refused, and recorded, after it."""
    strangers: bool = False
    """Whether there are VMs or hosts whose beginning was not read."""

    def begin_host(self, id: str, state: Host) -> HostTrack:
        """A host that was not known before."""
        host = self.hosts[id] = HostTrack(id, state, host_figures(state))
        return host

    def unknown_vm(self, where: Where, event: VmEvent, id: str) -> VmTrack | None:
        """A VM whose beginning is not there, or that was removed: taken as its event says that it was."""
        envelope, read, self.strangers = where[0], event.evidence.host, True
        self.docket.ask(where, None if read is None else read.id)
        gone = envelope.stream in self.gone
        why = "the VM was removed before" if gone else "the VM's history does not begin with its definition"
        follows = self.wholeness.gap if self.wholeness.missing else None
        self.docket.violated(HISTORY_IS_WHOLE, where, why, ({}, {"event": event.KIND}), follows=follows)
        try:
            state = vm_as_read(event)
        except (TypeError, ValueError):
            return None
        vm = VmTrack(id, "" if read is None else read.id, state, vm_figures(state), cause=envelope.position)
        self.vms[id] = vm
        if read is not None:
            host = self.hosts.get(read.id) or self.host_as_read(read, envelope.position)
            host.book[id] = state.held
            host.vms.add(id)
        return vm

    def host_as_read(self, read: HostRead, position: int) -> HostTrack:
        """A host whose beginning is not there: taken as an event says that it read it."""
        host = self.begin_host(read.id, Host(read.total, read.reserve, read.version, read.held))
        host.version = host.since = read.stream_version
        host.cause = position
        return host

    def unknown_host(self, where: Where, event: HostEvent, id: str) -> HostTrack:
        """A host whose beginning is not there, or that was removed: taken as its event says that it was."""
        envelope, self.strangers = where[0], True
        gone = envelope.stream in self.gone
        why = "the host was removed before" if gone else "the host's history does not begin with its registration"
        follows = self.wholeness.gap if self.wholeness.missing else None
        self.docket.violated(HISTORY_IS_WHOLE, where, why, ({}, {"event": event.KIND}), follows=follows)
        host = self.begin_host(id, host_with(HostVersion.V2025, event.before or event.after))
        host.version, host.cause, host.release_is_told = envelope.version - 1, envelope.position, False
        host.since = max(1, host.version)
        return host

    def write_in_book(self, host: HostTrack, kind: type[Half], vm: str, bytes: int) -> None:
        """What a VM holds of a host after it was given, or gave back, so many bytes."""
        self.book(host, vm, ENTRY_CHANGES[kind](host.book.get(vm, 0), bytes))

    @staticmethod
    def book(host: HostTrack, vm: str, held: int) -> None:
        """What a VM holds of a host; no entry is 0."""
        if held:
            host.book[vm] = held
        else:
            host.book.pop(vm, None)

    def leaves(self, vm: VmTrack) -> None:
        """A VM is not on its host any more."""
        host = self.hosts.get(vm.host)
        if host is not None:
            host.vms.discard(vm.id)

    def moves(self, vm: VmTrack, to: str) -> None:
        """A VM is on another host, where its invariants are to be asked anew."""
        self.leaves(vm)
        vm.host, vm.unasked = to, True
        host = self.hosts.get(to)
        if host is not None:
            host.vms.add(vm.id)

    def time(self, where: Where, track: VmTrack | HostTrack) -> None:
        """A history goes forward: nothing happens before the last event of its stream."""
        happened = where[0].metadata.happened
        if happened < track.happened:
            differ = {"not before": track.happened}, {"happened": happened}
            self.docket.violated(
                TIME_GOES_FORWARD, where, "the event happened before the last one of its stream", differ
            )
        track.happened = happened
