"""Checks what an event records of the state before it: the VM, and each host at the version that was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain import events
from domain.deciding.redecide import vm_as_read
from domain.events import HostRead, VmEvent
from domain.identifiers import host_stream, seconds_between
from domain.state import Vm
from rules.judging.clocks import RACE_SECONDS
from rules.judging.collector import EventRef
from rules.judging.comparing import (
    difference_of,
    expected_host_read,
    expected_vm_read,
    is_vm_as_recorded,
    matches_host_read,
    matches_vm_read,
    request_and_outcome,
)
from rules.judging.decided.records import Records
from rules.judging.decided.tracks import DecidedHostState, DecidedVmState
from rules.judging.descriptions import EVENT_TELLS_ALL
from rules.judging.findings import Difference, ask_measured
from rules.specification.observations import host_was_as_read

NO_VERSIONS: Final[Mapping[str, int]] = {}


def check_vm_before(records: Records, ref: EventRef, event: VmEvent, vm: DecidedVmState) -> Vm | None:
    """Checks the VM's state before an event; returns ``None`` if it is as recorded, else the state that is recorded."""
    read, alternative = event.evidence.vm, vm.alternative
    vm.alternative = None
    if event.before == vm.figures and matches_vm_read(read, vm.state):
        return None
    if alternative is not None and is_vm_as_recorded(alternative, event.before, read):
        vm.update(alternative)  # the history went on from what the rules lead to, not from what the last event records
        return None
    figures = difference_of(vm.figures, event.before, "before.")
    evidence = difference_of(expected_vm_read(vm.state), read, "vm.")
    why = "the VM's state before the event is not the one that the event records"
    difference: Difference = ({**figures[0], **evidence[0]}, {**figures[1], **evidence[1]})
    records.collector.report_violation(
        EVENT_TELLS_ALL, ref, why, difference, then=request_and_outcome(event), follows=vm.cause
    )
    try:
        return vm_as_read(event)
    except (TypeError, ValueError):
        return vm.state


def check_hosts_read(
    records: Records, ref: EventRef, event: VmEvent, vm: DecidedVmState, host: DecidedHostState | None
) -> bool:
    """Whether the hosts that an event read were as it records."""
    evidence, generation = event.evidence, vm.state.generation
    consistent = check_host_read(records, ref, evidence.host, vm.host, host, generation, "host", known=vm.knows)
    if event.command != "move-vm":
        return consistent
    read = evidence.destination
    named = event.destination if isinstance(event, events.VmMoved) else None if read is None else read.id
    destination = None if named is None else records.hosts.get(named) or _removed_since(records, read, named)
    is_as_read = check_host_read(records, ref, read, named, destination, generation, "destination", known=vm.knows)
    consistent = is_as_read and consistent
    if isinstance(event, events.VmMoved) and event.source != vm.host:
        why, difference = (
            "the event names a host that the VM was not on",
            ({"source": vm.host}, {"source": event.source}),
        )
        records.collector.report_violation(EVENT_TELLS_ALL, ref, why, difference)
        return False
    return consistent


def _removed_since(records: Records, read: HostRead | None, named: str) -> DecidedHostState | None:
    """A host that was removed after it was read: reading a host does not keep others from removing it."""
    host = records.removed_hosts.get(named)
    return host if host is not None and read is not None and read.stream_version < host.version else None


def check_host_read(
    records: Records,
    ref: EventRef,
    read: HostRead | None,
    named: str | None,
    host: DecidedHostState | None,
    generation: int | None,
    path: str,
    *,
    known: Mapping[str, int] = NO_VERSIONS,
) -> bool:
    """Whether a host was as an event records, at the version that it read.

    ``named`` is the host that the event is about, ``path`` the name of its evidence, ``generation`` that of the VM.
    ``known`` has the newest versions of hosts that the event's own stream knew before.
    """
    if host is not None and read is not None and read.id == named and read.stream_version == host.version:
        settled = host.release_known and not host.unconfirmed_shift  # nearly all events read the host as it is now
        if settled and matches_host_read(read, host.state, generation):
            return True
    collector = records.collector
    complete = not records.beginnings_missing and records.completeness.gap is None
    may_begin = host is None and not complete
    if may_begin and read is not None and read.id == named and host_stream(read.id) not in records.removed:
        host = records.begin_host_as_read(read, ref.envelope.position)
    if read is None or host is None or read.id != named:
        difference: Difference = {f"{path}.id": named}, {f"{path}.id": None if read is None else read.id}
        why = "the event does not record which host it read"
        if read is not None:
            why = "the event read a host that does not exist" if host is None else "the event read the wrong host"
        collector.report_violation(EVENT_TELLS_ALL, ref, why, difference)
        return False
    host.learn_release(read.version)
    host.confirm_version(read.stream_version)
    state = host.state_at(read.stream_version)
    if state is not None and matches_host_read(read, state, generation):
        if not isinstance(ref.envelope.event, events.VmCommandRefused | events.HostCommandRefused):
            return True  # what is granted is written on the host too; else the decision needs no figure that changes
        return _check_recency(records, ref, read, host, path, known.get(host.id, 0))
    follows = host.cause
    if state is None and host.had_version(read.stream_version):
        why = "the host's state when it was read is not known: it changed too often since, or its beginning is missing"
        about = ask_measured(host_was_as_read, {"total_read": read.total, "free_read": read.free})
        collector.report_unknown(EVENT_TELLS_ALL, ref, why, about)
        return True
    if state is None:
        why, state = "the event read a version of the host that does not exist", host.state
        follows = records.completeness.gap if follows is None else follows
    else:
        why, alternative = "the host did not have the figures that the event records as read", host.alternative
        if alternative is not None and matches_host_read(read, alternative, generation):
            host.update(alternative)  # the history went on from what the rules lead to
            host.alternative = None
            return True
    version = min(read.stream_version, host.version)
    if read.stream_version > host.version:
        host.raise_version(read.stream_version)
    difference = difference_of(expected_host_read(host.id, state, version, generation), read, f"{path}.")
    collector.report_violation(EVENT_TELLS_ALL, ref, why, difference, follows=follows)
    return False


def _check_recency(
    records: Records, ref: EventRef, read: HostRead, host: DecidedHostState, path: str, known: int
) -> bool:
    """Whether a refusal read a host that was not outdated: others write in between, but not for minutes.

    ``known`` is the newest version of the host that the event's own stream knew before.
    """
    version, recorded = read.stream_version, ref.envelope.metadata.recorded
    if version < known:
        why = "the decision read an older version of the host than its own stream already knew"
        newest = known
    else:
        superseded = host.superseded_at(version)
        if superseded is None or recorded <= superseded or seconds_between(superseded, recorded) < RACE_SECONDS:
            return True
        why = f"the decision read a version of the host that was outdated since {superseded}"
        newest = host.version
    difference: Difference = {f"{path}.stream_version": newest}, {f"{path}.stream_version": version}
    follows = host.cause
    records.collector.report_violation(EVENT_TELLS_ALL, ref, why, difference, follows=follows)
    return False
