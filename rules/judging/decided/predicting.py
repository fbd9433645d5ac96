"""A change that the history records just as the rules record it, in the state that the history left.

Whoever has compared the whole of a recorded change with what the rules make of it need not have each figure judged:
``find_site`` gives the state that the change must start from, ``confirm_change`` takes what it must have led to. What
differs in anything is judged event by event, which says why.
"""

from __future__ import annotations

from typing import NamedTuple

from domain.events import HostFigures, VmFigures
from domain.identifiers import StreamName, UtcTime, host_stream
from domain.state import Host, Vm
from rules.judging.decided.attribution import Kind
from rules.judging.decided.records import Records
from rules.judging.decided.tracks import DecidedHostState, DecidedVmState


class ChangePlace(NamedTuple):
    """Where and when the VM's event of a change stands, as the event itself says."""

    stream: StreamName
    vm: str
    version: int
    position: int
    happened: UtcTime
    recorded: UtcTime


class ChangeSite(NamedTuple):
    """The VM and the host that a change starts from."""

    vm: DecidedVmState
    host: DecidedHostState
    host_stream: StreamName


class ConfirmedChange(NamedTuple):
    """What a change led to."""

    kind: Kind
    """By which the rules that hold are counted."""
    after: Vm
    figures: VmFigures | None
    """``None`` if the VM did not change."""
    host_after: Host | None
    """``None`` if the host has no event of it, which else follows directly."""
    host_figures: HostFigures | None


def find_site(records: Records, place: ChangePlace) -> ChangeSite | None:
    """What a change of a VM starts from; ``None`` where it takes more to judge it than the state that is known."""
    vm = records.vms.get(place.vm)
    host = None if vm is None else records.hosts.get(vm.host)
    if vm is None or host is None or not vm.is_settled or not host.is_settled:
        return None
    if place.happened < vm.last_happened or place.happened < host.last_happened:
        return None
    return ChangeSite(vm, host, host_stream(host.id))


def confirm_change(records: Records, place: ChangePlace, site: ChangeSite, change: ConfirmedChange) -> None:
    """Takes a change that the history records as the rules do: all is known afterwards that judging it would leave."""
    vm, host = site.vm, site.host
    known = host.version
    vm.version, vm.cause, vm.last_happened = place.version, None, place.happened
    if change.figures is not None:
        vm.update(change.after, change.figures)
        vm.unchecked = False
    if change.host_after is not None:
        known += 1
        host.cause = None
        host.update(change.host_after, change.host_figures)
        host.version, host.unchecked, host.last_happened = known, False, place.happened
        host.recorded.append((known, place.recorded))
        records.set_book_entry(host, vm.id, change.after.held)
    vm.learn_version(host.id, known)
    records.collector.count_clean(change.kind)
