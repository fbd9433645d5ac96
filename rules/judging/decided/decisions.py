"""Checks the decision of a VM's event: is it the one that the rules make, and does it lead to the event's figures?"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain import events
from domain.aggregates import HistoryError
from domain.changes import VM_CHANGES, vm_figures
from domain.commands import COMMANDS, NAMES
from domain.deciding.redecide import redecide
from domain.deciding.steps import STEPS, Step
from domain.decision import Code, Decision, Outcome, accepted
from domain.events import VmEvent
from domain.policy_events import VmMemoryAddedWithinPolicy, VmMemoryRemovedWithinPolicy
from domain.state import Site, Vm
from rules.judging.collector import EventRef
from rules.judging.comparing import (
    decision_of,
    difference_of,
    expected_host_read,
    expected_vm_read,
    figures_of,
    has_vm_figures,
    records_decision,
    request_and_outcome,
    starting_figures,
)
from rules.judging.decided.attribution import broken_rules, rules_of_excess
from rules.judging.decided.records import Records
from rules.judging.decided.shapes import vm_shape_difference
from rules.judging.decided.tracks import DecidedHostState, DecidedVmState, vm_with
from rules.judging.descriptions import EVENT_TELLS_ALL, EVENTS_WHERE_DUE
from rules.judging.findings import Difference, Figures
from rules.wording import format_exact_sizes

_STEPS: Final = {NAMES[command]: step for command, step in STEPS.items()}
WRONG_KIND: Final = "this command does not produce such an event"
WRONG_FIELDS: Final = "a field of the event is missing, superfluous or wrong for an event of its kind"
UNPROVED: Final = "the rule does not hold for the figures in this event, and its proof does not cover such a state"


def check_decision(
    records: Records,
    ref: EventRef,
    event: VmEvent,
    vm: DecidedVmState,
    host: DecidedHostState | None,
    *,
    evidence_true: bool,
) -> bool:
    """Whether the decision is the one that the rules make, given the evidence that the event records.

    If the evidence is not true, the decision may still be right for the state that the history really had.
    """
    step = _STEPS.get(event.command)
    proved = evidence_true and vm.invariants_hold and host is not None and host.invariants_hold
    if proved and host is not None and step is not None and step.event is type(event):
        decision = _decide_on_history(event, step, vm, host)  # the evidence is the state, and need not be read again
        if (
            decision is not None
            and accepted(decision)
            and records_decision(event, decision)
            and vm_shape_difference(event) is None
        ):
            return True
    collector, then = records.collector, request_and_outcome(event)
    difference: Difference
    refused = isinstance(event, events.VmCommandRefused)
    if (not refused and not _is_event_of(step, event)) or event.command not in COMMANDS:
        expected: Figures = {} if step is None else {"event": step.event.KIND}
        difference = expected, {"event": event.KIND, "command": event.command}
        collector.report_violation(EVENTS_WHERE_DUE, ref, WRONG_KIND, difference, then=then)
        return False
    try:
        decision = redecide(event)
        rules = [] if proved and decision == decision_of(event) else broken_rules(event)
    except HistoryError as error:
        collector.report_violation(EVENT_TELLS_ALL, ref, error.message, then=then)
        return False
    assert decision is not None
    recorded, shape = decision_of(event), vm_shape_difference(event)
    if decision == recorded and accepted(decision) is refused:
        kind = events.VmCommandRefused.KIND if not refused else None if step is None else step.event.KIND
        difference = {} if kind is None else {"event": kind}, {"event": event.KIND, "command": event.command}
        collector.report_violation(EVENTS_WHERE_DUE, ref, WRONG_KIND, difference, then=then)
        return False
    if decision == recorded and shape is None:
        _report_unproved(records, ref, rules, vm, evidence_true=evidence_true)
        return True
    if not evidence_true and host is not None and _decide_on_actual_state(event, vm, host) == recorded:
        return True  # only the evidence is wrong, and that is reported
    if decision != recorded:
        why = contradiction(decision, recorded.outcome, recorded.code, recorded.granted)
        rules, difference = rules or [EVENT_TELLS_ALL], difference_of(decision, recorded)
        if recorded.granted > decision.granted:
            rules = rules_of_excess(event, rules)
    else:
        why, rules, difference = WRONG_FIELDS, [EVENT_TELLS_ALL], shape or ({}, {})
    for number, rule in enumerate(rules):
        follows = ref.envelope.position if number else None
        let = starting_figures(event)
        collector.report_violation(rule, ref, why, difference, let=let, then=then, follows=follows)
    return False


def _is_event_of(step: Step | None, event: VmEvent) -> bool:
    """Whether an event is the one of a command that takes effect, or the one of a smaller grant within policies."""
    within = isinstance(event, VmMemoryAddedWithinPolicy | VmMemoryRemovedWithinPolicy)
    return step is not None and (isinstance(event, step.event) if within else type(event) is step.event)


def contradiction(decision: Decision, outcome: Outcome, code: Code, granted: int = 0) -> str:
    """How a recorded outcome, code and grant contradict the decision that the rules make, in one clause."""
    if decision.granted != granted:
        right, recorded = format_exact_sizes([decision.granted, granted])
        difference = f"the rules grant {right}, not {recorded}"
    elif decision.outcome is not outcome:
        difference = f"the rules give the outcome {decision.outcome.value}, not {outcome.value}"
    elif decision.code is not code:
        difference = f"the rules give the code {decision.code.value}, not {code.value}"
    else:
        difference = "the rules make up the grant differently"
    return f"given the figures in this event, {difference}"


def _report_unproved(
    records: Records, ref: EventRef, rules: list[str], vm: DecidedVmState, *, evidence_true: bool
) -> None:
    """Reports rules that a right decision breaks because the invariants did not hold, so that no proof covers it."""
    cause = ref.envelope.position
    if evidence_true:
        cause = next(iter(vm.broken_since.values()), cause if vm.cause is None else vm.cause)
    for rule in rules:
        records.collector.report_violation(rule, ref, UNPROVED, follows=cause)


def _decide_on_history(event: VmEvent, step: Step, vm: DecidedVmState, host: DecidedHostState) -> Decision | None:
    """The decision on the state that the history itself left; ``None`` where it takes more than that."""
    read = event.evidence.host
    if read is None or isinstance(event, events.VmMoved):
        return None
    state = host.state if read.stream_version == host.version else host.state_at(read.stream_version)
    if state is None:
        return None
    arguments = [event.requested if name == "amount" else getattr(event, name) for name in step.takes]
    return None if None in arguments else step.rule(Site(state, vm.state, vm.state.held), *arguments)


def _decide_on_actual_state(event: VmEvent, vm: DecidedVmState, host: DecidedHostState) -> Decision | None:
    """The decision on an event whose evidence is replaced by the state that the history left."""
    read = event.evidence.host
    state = (None if read is None else host.state_at(read.stream_version)) or host.state
    host_read = expected_host_read(host.id, state, host.version, vm.state.generation)
    evidence = replace(event.evidence, vm=expected_vm_read(vm.state), host=host_read)
    try:
        return redecide(replace(event, evidence=evidence, before=vm.figures))
    except HistoryError:
        return None


def apply_to_vm(
    records: Records, ref: EventRef, event: VmEvent, vm: DecidedVmState, base: Vm, *, decision_right: bool
) -> tuple[Vm, bool]:
    """Applies what an event granted to a VM; returns the state, and whether it has the figures that the event records.

    If the event records other figures, the history goes on from those.
    """
    change = VM_CHANGES[type(event)]
    try:
        after = change.apply(base, event)
    except HistoryError:  # it does not record what was granted, and that is reported
        vm.update(vm_with(base, event.after))
        return vm.state, False
    if has_vm_figures(after, event.after):
        vm.update(after, event.after)
        return after, True
    figures = vm_figures(after)
    if base is not vm.state:
        actual = change.apply(vm.state, event)
        if vm_figures(actual) == event.after:  # only the recorded state before it is wrong, and that is reported
            vm.update(actual, event.after)
            return actual, True
    difference = difference_of(figures, event.after, "after.")
    let = figures_of(event.before, *[name.removeprefix("after.") for name in difference[0]])
    why = "the grant does not lead to the figures that the event records after it"
    follows = None if decision_right else ref.envelope.position
    then = request_and_outcome(event)
    records.collector.report_violation(EVENT_TELLS_ALL, ref, why, difference, let=let, then=then, follows=follows)
    recorded = vm_with(after, event.after)
    vm.update(recorded)
    vm.alternative = after
    return recorded, False
