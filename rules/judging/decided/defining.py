"""Judges the event with which a VM begins."""

from __future__ import annotations

from domain.aggregates import HistoryError
from domain.changes import vm_figures
from domain.deciding.redecide import decide_again
from domain.events import VmDefined
from domain.evolve import vm_defined
from rules.judging.collector import Differ, Where
from rules.judging.comparing import asked, decision_of, differing
from rules.judging.decided.attribution import broken
from rules.judging.decided.changes import Change, id_of
from rules.judging.decided.decisions import NOT_CARRIED, OTHERWISE
from rules.judging.decided.evidence import host_before
from rules.judging.decided.records import Records
from rules.judging.decided.tracks import VmTrack
from rules.judging.descriptions import EVENT_TELLS_ALL, EVENTS_WHERE_DUE, HISTORY_IS_WHOLE

GENERATIONS = (1, 2)


def defined(records: Records, where: Where, event: VmDefined) -> Change:
    """A VM begins."""
    docket, envelope = records.docket, where[0]
    id = id_of(envelope)
    docket.ask(where, event.host)
    fine = id not in records.vms and envelope.stream not in records.gone
    if not fine:
        docket.violated(HISTORY_IS_WHOLE, where, "the VM was defined before: an id is never used again")
        if id in records.vms:
            records.leaves(records.vms[id])
    state = vm_defined(event.generation, event.guest, event.config_version, event.memory)
    vm = records.vms[id] = VmTrack(id, event.host, state, vm_figures(state), version=envelope.version)
    vm.happened = envelope.metadata.happened
    host = records.hosts.get(event.host)
    fine = host_before(records, where, event.evidence.host, event.host, host, event.generation, "host") and fine
    fine = _decided(records, where, event) and fine
    if vm.figures != event.after or event.before is not None:
        fine = False
        why = "a VM that is defined has other figures than the event carries"
        docket.violated(EVENT_TELLS_ALL, where, why, differing(vm.figures, event.after, "after."))
    host = records.hosts.get(event.host)  # it may be known only now
    if host is not None:
        host.vms.add(id)
    vm.cause = None if fine else envelope.position
    return Change(where, vm, [], docket.asked, not fine)


def _decided(records: Records, where: Where, event: VmDefined) -> bool:
    """Whether it could be defined, by what the event says that was read."""
    docket = records.docket
    if event.command != "define-vm":
        differ: Differ = {"command": "define-vm"}, {"command": event.command}
        docket.violated(EVENTS_WHERE_DUE, where, "no such event follows this command", differ)
        return False
    evidence, recorded = event.evidence, decision_of(event)
    try:
        again = decide_again(event)
        names = [] if again == recorded else broken(event) or [EVENT_TELLS_ALL]
    except HistoryError as error:
        docket.violated(EVENT_TELLS_ALL, where, error.message)
        return False
    for name in names:
        docket.violated(name, where, OTHERWISE, differing(again, recorded), then=asked(event))
    beside = event.granted, event.requested, evidence.vm, evidence.destination, evidence.vms
    if event.generation not in GENERATIONS or any(each is not None for each in beside):
        found = {"generation": event.generation, "requested": event.requested, "granted": event.granted}
        docket.violated(EVENT_TELLS_ALL, where, NOT_CARRIED, ({}, found), then=asked(event))
        return False
    return not names
