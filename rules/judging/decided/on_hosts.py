"""Judges decisions on hosts, and refusals that stand on their streams."""

from __future__ import annotations

from domain import events
from domain.aggregates import HistoryError
from domain.deciding.redecide import decide_again
from domain.decision import Code
from domain.events import HostEvent
from domain.evolve import host_registered
from rules.judging.collector import Differ, Docket, Where
from rules.judging.comparing import differing, told
from rules.judging.decided.accounts import accounted
from rules.judging.decided.attribution import HOST_COMMANDS, rules_of
from rules.judging.decided.changes import id_of
from rules.judging.decided.decisions import NOT_CARRIED, OTHERWISE
from rules.judging.decided.evidence import host_before
from rules.judging.decided.invariants import host_holds
from rules.judging.decided.records import Records
from rules.judging.decided.shapes import host_shape
from rules.judging.decided.tracks import HostTrack
from rules.judging.descriptions import EVENT_TELLS_ALL, EVENTS_WHERE_DUE, HISTORY_IS_WHOLE, OUTCOME_IS_HONEST


def on_host(records: Records, where: Where, event: HostEvent) -> None:
    """An event on the stream of a host that is no half of a change of a VM."""
    docket, envelope = records.docket, where[0]
    id = id_of(envelope)
    docket.ask(where, None)
    fine = _decided(docket, where, event)
    host = records.hosts.get(id)
    if isinstance(event, events.HostRegistered):
        host = _registered(records, where, event, host)
        if event.after != host.figures or event.before is not None:
            why = "a host that is registered has other figures than the event carries"
            docket.violated(EVENT_TELLS_ALL, where, why, differing(host.figures, event.after, "after."))
            fine = False
    else:
        if host is None:
            host = records.unknown_host(where, event, id)
        if records.wholeness.missing:
            host.cause = records.wholeness.gap
        fine = _as_read(records, where, event, host, fine=fine) and fine
        fine = accounted(records, where, event, host, fine=fine)
        if isinstance(event, events.HostRemoved):
            records.gone.add(envelope.stream)
            records.departed[id] = records.hosts.pop(id)
    if not fine or not host.sound:
        fine = host_holds(docket, where, host, follows=None if fine else envelope.position) and fine
    kind = event.command, "host" if event.KIND != "host.command-refused" else "host refused"
    if fine and not docket.named:
        docket.clean(kind)
    else:
        docket.others(rules_of(kind))


def _registered(records: Records, where: Where, event: events.HostRegistered, before: HostTrack | None) -> HostTrack:
    envelope = where[0]
    if before is not None or envelope.stream in records.gone:
        why = "the host was registered before: an id is never used again"
        records.docket.violated(HISTORY_IS_WHOLE, where, why)
    host = records.begin_host(id_of(envelope), host_registered(event.total, event.reserve, event.version))
    host.version, host.happened = envelope.version, envelope.metadata.happened
    return host


def _as_read(records: Records, where: Where, event: HostEvent, host: HostTrack, *, fine: bool) -> bool:
    """Whether the host was as the decision read it, where it read more than its account."""
    docket = records.docket
    if isinstance(event, events.HostCommandRefused) and event.command == "define-vm":
        generation = event.arguments.get("generation")
        number = generation if isinstance(generation, int) else None
        return host_before(records, where, event.evidence.host, host.id, host, number, "host")
    if event.command != "remove-host" or not isinstance(event, events.HostRemoved | events.HostCommandRefused):
        return True
    if event.evidence.vms == len(host.vms):
        return True
    differ: Differ = {"vms": len(host.vms)}, {"vms": event.evidence.vms}
    if isinstance(event, events.HostRemoved) and host.vms:
        docket.violated(OUTCOME_IS_HONEST, where, "the host was not empty", differ)
        return False
    if records.strangers:
        return True  # of VMs whose beginning is not there, nobody knows where they are
    why, follows = "there were not so many VMs on the host", host.cause if fine else where[0].position
    docket.violated(EVENT_TELLS_ALL, where, why, differ, follows=follows)
    return False


def _decided(docket: Docket, where: Where, event: HostEvent) -> bool:
    """Whether a decision on a host is the one that the rules make of what the event says."""
    then = f"{event.command} was answered {event.outcome.value}"
    named = HOST_COMMANDS.get(event.command)
    if named != event.KIND and not isinstance(event, events.HostCommandRefused):
        differ: Differ = {} if named is None else {"event": named}, {"event": event.KIND, "command": event.command}
        docket.violated(EVENTS_WHERE_DUE, where, "no such event follows this command", differ, then=then)
        return False
    if isinstance(event, events.HostResized | events.HostReserveSet) and event.before == event.after:
        why = "a host's event is written only when a figure changes"
        docket.violated(EVENTS_WHERE_DUE, where, why, ({}, {"event": event.KIND}), then=then)
        return False
    try:
        again = decide_again(event)
    except HistoryError as error:
        docket.violated(EVENT_TELLS_ALL, where, error.message, then=then)
        return False
    code = Code.NONE if event.code is None else event.code
    if again is not None and (again.outcome is not event.outcome or again.code is not code):
        differ = differing(
            {"outcome": again.outcome.value, "code": again.code.value},
            {"outcome": event.outcome.value, "code": code.value},
        )
        docket.violated(OUTCOME_IS_HONEST, where, OTHERWISE, differ, let=told(event.before), then=then)
        return False
    shape = host_shape(event)
    if shape is not None:
        docket.violated(EVENT_TELLS_ALL, where, NOT_CARRIED, shape, then=then)
        return False
    return True
