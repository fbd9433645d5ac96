"""Judges the event that defines a VM."""

from __future__ import annotations

from domain.aggregates import HistoryError
from domain.changes import vm_figures
from domain.deciding.redecide import redecide
from domain.events import VmDefined
from domain.evolve import vm_defined
from domain.identifiers import subject_id
from domain.settings import GENERATIONS
from rules.judging.collector import EventRef
from rules.judging.comparing import decision_of, difference_of, request_and_outcome
from rules.judging.decided.attribution import broken_rules
from rules.judging.decided.changes import PendingChange
from rules.judging.decided.decisions import WRONG_FIELDS, WRONG_KIND, contradiction
from rules.judging.decided.evidence import check_host_read
from rules.judging.decided.records import Records
from rules.judging.decided.tracks import DecidedVmState
from rules.judging.descriptions import EVENT_TELLS_ALL, EVENTS_WHERE_DUE, HISTORY_IS_WHOLE
from rules.judging.findings import Difference


def judge_definition(records: Records, ref: EventRef, event: VmDefined) -> PendingChange:
    """Judges the definition of a VM, and begins its state."""
    collector, envelope = records.collector, ref.envelope
    id = subject_id(envelope.stream)
    collector.enter(ref, event.host)
    consistent = id not in records.vms and envelope.stream not in records.removed
    if not consistent:
        collector.report_violation(HISTORY_IS_WHOLE, ref, "the VM was already defined: an id is never reused")
        if id in records.vms:
            records.remove_from_host(records.vms[id])
    state = vm_defined(event.generation, event.guest, event.config_version, event.memory)
    vm = records.vms[id] = DecidedVmState(
        id=id,
        host=event.host,
        state=state,
        figures=vm_figures(state),
        version=envelope.version,
        last_happened=envelope.metadata.happened,
    )
    host = records.hosts.get(event.host)
    read = event.evidence.host
    consistent = check_host_read(records, ref, read, event.host, host, event.generation, "host") and consistent
    consistent = _check_decision(records, ref, event) and consistent
    if vm.figures != event.after or event.before is not None:
        consistent = False
        why = "the event does not record the figures of a newly defined VM"
        collector.report_violation(EVENT_TELLS_ALL, ref, why, difference_of(vm.figures, event.after, "after."))
    host = records.hosts.get(event.host)  # the check may have added it
    if host is not None:
        host.vms.add(id)
    vm.cause = None if consistent else envelope.position
    return PendingChange(ref=ref, vm=vm, expected=[], in_scope=collector.in_scope, has_findings=not consistent)


def _check_decision(records: Records, ref: EventRef, event: VmDefined) -> bool:
    """Whether the VM could be defined, given the evidence that the event records."""
    collector = records.collector
    if event.command != "define-vm":
        difference: Difference = {"command": "define-vm"}, {"command": event.command}
        collector.report_violation(EVENTS_WHERE_DUE, ref, WRONG_KIND, difference)
        return False
    evidence, recorded = event.evidence, decision_of(event)
    try:
        decision = redecide(event)
        rules = [] if decision == recorded else broken_rules(event) or [EVENT_TELLS_ALL]
    except HistoryError as error:
        collector.report_violation(EVENT_TELLS_ALL, ref, error.message)
        return False
    assert decision is not None
    then = request_and_outcome(event)
    for rule in rules:
        why = contradiction(decision, recorded.outcome, recorded.code, recorded.granted)
        collector.report_violation(rule, ref, why, difference_of(decision, recorded), then=then)
    superfluous = event.granted, event.requested, evidence.vm, evidence.destination, evidence.vms
    if event.generation not in GENERATIONS or any(part is not None for part in superfluous):
        found = {"generation": event.generation, "requested": event.requested, "granted": event.granted}
        collector.report_violation(EVENT_TELLS_ALL, ref, WRONG_FIELDS, ({}, found), then=then)
        return False
    return not rules
