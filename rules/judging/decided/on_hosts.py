"""Judges decisions on hosts, and refused commands that are recorded on their streams."""

from __future__ import annotations

from domain import events
from domain.aggregates import HistoryError
from domain.deciding.redecide import redecide
from domain.decision import Code, accepted
from domain.events import HostEvent
from domain.evolve import host_registered
from domain.identifiers import subject_id
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.comparing import difference_of, figures_of
from rules.judging.decided.accounts import apply_to_host
from rules.judging.decided.attribution import HOST_COMMANDS, rules_for
from rules.judging.decided.decisions import WRONG_FIELDS, WRONG_KIND, contradiction
from rules.judging.decided.evidence import check_host_read
from rules.judging.decided.invariants import check_host
from rules.judging.decided.records import Records
from rules.judging.decided.shapes import host_shape_difference
from rules.judging.decided.tracks import DecidedHostState
from rules.judging.descriptions import EVENT_TELLS_ALL, EVENTS_WHERE_DUE, HISTORY_IS_WHOLE, OUTCOME_IS_HONEST
from rules.judging.findings import Difference


def judge_host_event(records: Records, ref: EventRef, event: HostEvent) -> None:
    """Judges an event on a host's stream that does not belong to a change of a VM."""
    collector, envelope = records.collector, ref.envelope
    id = subject_id(envelope.stream)
    collector.enter(ref, None)
    consistent = _check_decision(collector, ref, event)
    host = records.hosts.get(id)
    if isinstance(event, events.HostRegistered):
        host = _register(records, ref, event, host)
        if event.after != host.figures or event.before is not None:
            why = "the event does not record the figures of a newly registered host"
            collector.report_violation(EVENT_TELLS_ALL, ref, why, difference_of(host.figures, event.after, "after."))
            consistent = False
    else:
        if host is None:
            host = records.begin_unknown_host(ref, event, id)
        if records.completeness.missing:
            host.cause = records.completeness.gap
        consistent = _check_evidence(records, ref, event, host, consistent=consistent) and consistent
        consistent = apply_to_host(records, ref, event, host, consistent=consistent)
        if isinstance(event, events.HostRemoved):
            records.removed.add(envelope.stream)
            records.removed_hosts[id] = records.hosts.pop(id)
    if not consistent or not host.invariants_hold:
        follows = None if consistent else envelope.position
        consistent = check_host(collector, ref, host, follows=follows) and consistent
    kind = event.command, "host refused" if isinstance(event, events.HostCommandRefused) else "host"
    if consistent and not collector.reported:
        collector.count_clean(kind)
    else:
        collector.count_unreported(rules_for(kind))


def _register(
    records: Records, ref: EventRef, event: events.HostRegistered, before: DecidedHostState | None
) -> DecidedHostState:
    envelope = ref.envelope
    if before is not None or envelope.stream in records.removed:
        why = "the host was already registered: an id is never reused"
        records.collector.report_violation(HISTORY_IS_WHOLE, ref, why)
    state = host_registered(event.total, event.reserve, event.version)
    host = records.begin_host(subject_id(envelope.stream), state)
    host.version, host.last_happened = envelope.version, envelope.metadata.happened
    return host


def _check_evidence(
    records: Records, ref: EventRef, event: HostEvent, host: DecidedHostState, *, consistent: bool
) -> bool:
    """Whether the host was as a decision on it read it, if that read more than the host's figures."""
    collector = records.collector
    if isinstance(event, events.HostCommandRefused) and event.command == "define-vm":
        argument = event.arguments.get("generation")
        generation = argument if isinstance(argument, int) else None
        known = {host.id: ref.envelope.version - 1}  # the refusal is on the stream that it read
        return check_host_read(records, ref, event.evidence.host, host.id, host, generation, "host", known=known)
    if event.command != "remove-host" or not isinstance(event, events.HostRemoved | events.HostCommandRefused):
        return True
    if event.evidence.vms == len(host.vms):
        return True
    difference: Difference = {"vms": len(host.vms)}, {"vms": event.evidence.vms}
    if isinstance(event, events.HostRemoved) and host.vms:
        collector.report_violation(OUTCOME_IS_HONEST, ref, "the host still had VMs", difference)
        return False
    if records.beginnings_missing:
        return True  # the host of a VM whose beginning is missing is not known
    why, follows = "the event records a wrong number of VMs on the host", host.cause
    follows = follows if consistent else ref.envelope.position
    collector.report_violation(EVENT_TELLS_ALL, ref, why, difference, follows=follows)
    return False


def _check_decision(collector: FindingCollector, ref: EventRef, event: HostEvent) -> bool:
    """Whether a decision on a host is the one that the rules make, given what the event records."""
    then = f"{event.command} had the outcome {event.outcome.value}"
    kind = HOST_COMMANDS.get(event.command)
    if kind != event.KIND and not isinstance(event, events.HostCommandRefused):
        difference: Difference = (
            {} if kind is None else {"event": kind},
            {"event": event.KIND, "command": event.command},
        )
        collector.report_violation(EVENTS_WHERE_DUE, ref, WRONG_KIND, difference, then=then)
        return False
    if isinstance(event, events.HostResized | events.HostReserveSet) and event.before == event.after:
        why = "the event changes no figure of the host, so it should not exist"
        collector.report_violation(EVENTS_WHERE_DUE, ref, why, ({}, {"event": event.KIND}), then=then)
        return False
    try:
        decision = redecide(event)
    except HistoryError as error:
        collector.report_violation(EVENT_TELLS_ALL, ref, error.message, then=then)
        return False
    code = Code.NONE if event.code is None else event.code
    if decision is not None and (decision.outcome is not event.outcome or decision.code is not code):
        difference = difference_of(
            {"outcome": decision.outcome.value, "code": decision.code.value},
            {"outcome": event.outcome.value, "code": code.value},
        )
        why = contradiction(decision, event.outcome, code, decision.granted)
        let = figures_of(event.before)
        collector.report_violation(OUTCOME_IS_HONEST, ref, why, difference, let=let, then=then)
        return False
    refused = isinstance(event, events.HostCommandRefused)
    if decision is not None and accepted(decision) is refused:
        expected = HOST_COMMANDS.get(event.command) if refused else events.HostCommandRefused.KIND
        difference = {} if expected is None else {"event": expected}, {"event": event.KIND, "command": event.command}
        collector.report_violation(EVENTS_WHERE_DUE, ref, WRONG_KIND, difference, then=then)
        return False
    shape = host_shape_difference(event)
    if shape is not None:
        collector.report_violation(EVENT_TELLS_ALL, ref, WRONG_FIELDS, shape, then=then)
        return False
    return True
