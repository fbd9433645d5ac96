"""What a command on a VM records when it takes effect, and when it is refused: the event, its figures, who is written.

Commands that change no host but the VM's own share these rules. What each of them asks and decides is in
``lifecycle`` and ``memory``.
"""

from __future__ import annotations

from domain.changes import vm_figures
from domain.decision import Decision
from domain.evolve import book_change, granted_to_vm, returned_by_vm
from domain.recording.vms.records import Asked, VmEventKind, VmRecording
from domain.rule import rule
from domain.settings import cap
from domain.state import Host, Site, Vm


@rule
def record(site: Site, asked: Asked, decision: Decision, event: VmEventKind, after: Vm) -> VmRecording:
    """What a command records that takes effect, and changes no host but the VM's own."""
    vm = site.vm
    host = site.host
    change = book_change(vm, after)
    gives = change > 0
    gets_back = change < 0
    bytes = change if gives else -change
    free = host.free
    limit = site.limit
    return VmRecording(  # by position, in the order of its fields: names cost a tenth of a decision
        decision,
        asked,
        event,
        after,
        vm_figures(vm),
        vm_figures(after),
        True,
        gives,
        gets_back,
        False,
        bytes,
        host_after(host, gives, gets_back, bytes),
        host,
        site,
        free,
        limit,
        host,
        free,
        limit,
    )


@rule
def host_after(host: Host, gives: bool, gets_back: bool, bytes: int) -> Host:
    """The host of a VM that is given memory, or gives it back."""
    if gives:
        return granted_to_vm(host, bytes)
    return returned_by_vm(host, bytes) if gets_back else host


@rule
def refuse(site: Site, asked: Asked, decision: Decision) -> VmRecording:
    """A command that is refused records that on the VM's stream, and changes nothing."""
    return unchanged_record(site, site.host, asked, decision, VmEventKind.COMMAND_REFUSED)


@rule
def unchanged_record(
    site: Site, destination: Host, asked: Asked, decision: Decision, event: VmEventKind
) -> VmRecording:
    """A record of a command that changes neither the VM nor a host."""
    vm = site.vm
    host = site.host
    figures = vm_figures(vm)
    return VmRecording(  # by position, as in ``record``
        decision,
        asked,
        event,
        vm,
        figures,
        figures,
        event is not VmEventKind.NOTHING,
        False,
        False,
        False,
        0,
        host,
        destination,
        site,
        host.free,
        site.limit,
        destination,
        destination.free,
        cap(vm.generation, destination.version),
    )
