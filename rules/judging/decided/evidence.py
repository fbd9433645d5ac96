"""Whether an event says truly what was there before it: the VM, and each host at the version at which it was read."""

from __future__ import annotations

from domain import events
from domain.deciding.redecide import vm_as_read
from domain.events import HostRead, VmEvent
from domain.identifiers import host_stream
from domain.state import Vm
from rules.judging.collector import Differ, Where
from rules.judging.comparing import (
    asked,
    differing,
    host_is_as_read,
    host_read,
    reads,
    vm_is_as_read,
    vm_read,
)
from rules.judging.decided.records import Records
from rules.judging.decided.tracks import HostTrack, VmTrack
from rules.judging.descriptions import EVENT_TELLS_ALL


def vm_before(records: Records, where: Where, event: VmEvent, vm: VmTrack) -> Vm | None:
    """``None`` if the VM was as the event says; else the VM as the event says that it was."""
    read, other = event.evidence.vm, vm.other
    vm.other = None
    if event.before == vm.figures and reads(read, vm.state):
        return None
    if other is not None and vm_is_as_read(other, event.before, read):
        vm.become(other)  # it went on from what the rules made of the last event, whatever that recorded
        return None
    figures, beside = differing(vm.figures, event.before, "before."), differing(vm_read(vm.state), read, "vm.")
    why = "the VM was not as the event says that it was before it"
    differ = figures[0] | beside[0], figures[1] | beside[1]
    records.docket.violated(EVENT_TELLS_ALL, where, why, differ, then=asked(event), follows=vm.cause)
    try:
        return vm_as_read(event)
    except (TypeError, ValueError):
        return vm.state


def hosts_before(records: Records, where: Where, event: VmEvent, vm: VmTrack, host: HostTrack | None) -> bool:
    """Whether the hosts were as the event says that it read them."""
    evidence, generation = event.evidence, vm.state.generation
    fine = host_before(records, where, evidence.host, vm.host, host, generation, "host")
    if event.command != "move-vm":
        return fine
    there = evidence.destination
    named = event.destination if isinstance(event, events.VmMoved) else None if there is None else there.id
    track = None if named is None else records.hosts.get(named) or _departed(records, there, named)
    fine = host_before(records, where, there, named, track, generation, "destination") and fine
    if isinstance(event, events.VmMoved) and event.source != vm.host:
        why, differ = "the VM did not leave the host that it was on", ({"source": vm.host}, {"source": event.source})
        records.docket.violated(EVENT_TELLS_ALL, where, why, differ)
        return False
    return fine


def _departed(records: Records, read: HostRead | None, named: str) -> HostTrack | None:
    """A host that was removed after it was read: whoever reads it does not stop others from removing it."""
    host = records.departed.get(named)
    return host if host is not None and read is not None and read.stream_version < host.version else None


def host_before(
    records: Records,
    where: Where,
    read: HostRead | None,
    named: str | None,
    host: HostTrack | None,
    generation: int | None,
    path: str,
) -> bool:
    """Whether a host was, at the version at which it was read, as the event says."""
    if host is not None and read is not None and read.id == named and read.stream_version == host.version:
        plain = host.release_is_told and not host.doubt  # nearly all events read the host as it is now
        if plain and host_is_as_read(host.state, read, generation):
            return True
    docket, whole = records.docket, not records.strangers and records.wholeness.gap is None
    may_begin = host is None and not whole
    if may_begin and read is not None and read.id == named and host_stream(read.id) not in records.gone:
        host = records.host_as_read(read, where[0].position)
    if read is None or host is None or read.id != named:
        differ: Differ = {f"{path}.id": named}, {f"{path}.id": None if read is None else read.id}
        why = "the event does not say which host it read"
        if read is not None:
            why = "the event read a host that is not there" if host is None else "the event read another host"
        docket.violated(EVENT_TELLS_ALL, where, why, differ)
        return False
    host.learn_release(read.version)
    host.reconsider(read.stream_version)
    account = host.at(read.stream_version)
    if account is not None and host_is_as_read(account, read, generation):
        return True
    follows = host.cause
    if account is None and host.is_past(read.stream_version):
        why = "nobody knows any more how the host was when it was read: it has changed too often, or began before"
        docket.unknown(EVENT_TELLS_ALL, where, why)
        return True
    if account is None:
        why, account = "the event read the host at a version that it did not have", host.state
        follows = records.wholeness.gap if follows is None else follows
    else:
        why, other = "the host was not as the event says that it read it", host.other
        if other is not None and host_is_as_read(other, read, generation):
            host.become(other)  # it went on from what the rules made of the last event
            host.other = None
            return True
    version = min(read.stream_version, host.version)
    if read.stream_version > host.version:
        host.counted(read.stream_version)
    differ = differing(host_read(host.id, account, version, generation), read, f"{path}.")
    docket.violated(EVENT_TELLS_ALL, where, why, differ, follows=follows)
    return False
