"""Events: each command records its own, with what it read and asked; replayed, they give what was decided."""

from __future__ import annotations

from typing import Final

from domain import events, evolve
from domain.changes import HOST_CHANGES, VM_CHANGES, host_figures
from domain.commands import NAMES, AddMemory, ConfigureMemory, DefineVm, RemoveMemory, SetMemory
from domain.deciding.hosts import HOST_EVENTS
from domain.deciding.redecide import HOST_DECISIONS
from domain.deciding.steps import HOST_RECORDINGS, STEPS
from domain.deciding.vms import VM_EVENTS
from domain.recording.hosts import HostCommandName, HostEventKind
from domain.recording.vms.memory import static_setting
from domain.recording.vms.records import VmCommandName, VmEventKind
from domain.rule import Rule
from domain.settings import HostVersion
from domain.state import Host
from rules.obligations.builder import ObligationBuilder, integer
from rules.specification import changes, recordings
from rules.specification.events import FOLLOWED_BY
from rules.symbolic import terms
from rules.symbolic.definition import parameter_types
from rules.symbolic.terms import Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, as_term, equal, symbolic
from rules.transitions.host_commands import HostCommand, defined_vm, recorded_host
from rules.transitions.vm_commands import SITE, Transition, replayed_destination, replayed_host, replayed_vm


def followed(builder: ObligationBuilder) -> None:
    """Each command writes the event of the model's event table; events that record no change change no state."""
    names_are_stored = all(name == shape.kind.KIND for name, shape in VM_EVENTS.items())
    for command, step in STEPS.items():
        name = NAMES[command]
        transition, kind = builder.transitions[name], VmEventKind(FOLLOWED_BY[name])
        is_recorded = terms.equal(transition.recorded.term("event"), terms.constant(kind))
        is_stored = terms.constant(names_are_stored and FOLLOWED_BY[name] == step.event.KIND)
        goal = terms.both(is_stored, terms.implies(transition.accepted, is_recorded))
        builder.add("event", "is_followed_by_its_own", goal, command=name, transition=transition)
    refused = VM_CHANGES[events.VmCommandRefused].rule
    goal = equal(builder.program.call(refused, [SITE["vm"]]), SITE["vm"])
    builder.add("replay", "refused_command_changes_no_vm", goal)
    for name, event in (
        ("refused_command_changes_no_host", events.HostCommandRefused),
        ("removal_changes_no_host", events.HostRemoved),
    ):
        host = builder.program.call(HOST_CHANGES[event].rule, [SITE["host"]])
        goal = builder.apply(changes.host_is_kept, before=SITE["host"], after=host)
        builder.add("replay", name, goal)


def recorded(builder: ObligationBuilder) -> None:
    """What a command records is what was asked, read, decided and changed, in any state; and is recorded where due."""
    figures = builder.program.call(host_figures, [SITE["host"]])
    goal = builder.apply(recordings.are_figures_of_host, figures=figures, host=SITE["host"])
    builder.add("record", recordings.are_figures_of_host, goal)
    for transition in builder.transitions.values():
        name, record = transition.command, transition.recorded
        destination = transition.arguments.get("destination", SITE["host"])
        known: dict[str, Value] = {
            "site": SITE,
            "destination": destination,
            "recorded": record,
            "asked": record["asked"],
            "command": terms.constant(VmCommandName(name)),
            **{name: value for name, value in transition.arguments.items() if name in ("amount", "size")},
        }
        where = recordings.move_is_recorded_on_both_hosts if name == "move-vm" else recordings.events_are_where_due
        if "size" in transition.arguments:
            request: Rule = recordings.names_the_size
        else:
            request = recordings.names_the_amount if "amount" in transition.arguments else recordings.names_no_amount
        for kind, predicate in (
            ("event", where),
            ("event", recordings.refusal_is_recorded),
            ("record", request),
            ("record", recordings.evidence_is_what_was_read),
            ("record", recordings.figures_are_recorded),
        ):
            builder.add(kind, predicate, builder.apply(predicate, **known), command=name, transition=transition)
        is_replayed = terms.both(
            equal(replayed_vm(builder.program, record), record["after"]),
            equal(replayed_host(builder.program, record, SITE["host"]), record["host"]),
            equal(replayed_destination(builder.program, record, destination), record["destination"]),
        )
        builder.add("replay", "is_replayed_as_recorded", is_replayed, command=name, transition=transition)
        builder.add("record", "is_decided_again_alike", _decided_again(builder, transition), command=name)


def recorded_on_hosts(builder: ObligationBuilder) -> None:
    """What ``define-vm`` and a command on a host record is what was asked, read, decided and changed, in any state."""
    names_are_stored = all(name == shape.kind.KIND for name, shape in HOST_EVENTS.items())
    for command in map(NAMES.__getitem__, HOST_RECORDINGS):
        transition = builder.host_commands[command]
        record = transition.recorded
        kind = HostEventKind(FOLLOWED_BY[command])
        known: dict[str, Value] = {
            "host": SITE["host"],
            "recorded": record,
            "command": terms.constant(HostCommandName(command)),
            "event": terms.constant(kind),
            **transition.arguments,
        }
        is_new = transition.before is None
        counted = recordings.vms_are_recorded_as_counted if "vms" in known else recordings.no_vms_are_recorded
        for group, predicate in (
            ("event", recordings.registration_is_recorded if is_new else recordings.host_event_is_where_due),
            ("record", recordings.names_the_host_command),
            ("record", counted),
            *(() if is_new else [("record", recordings.host_figures_are_recorded)]),
        ):
            builder.add(group, predicate, builder.apply(predicate, **known), command=command)
        is_recorded = terms.equal(record.term("event"), terms.constant(kind))
        is_written = terms.both(terms.constant(names_are_stored), terms.implies(record.term("written"), is_recorded))
        goal = terms.implies(transition.accepted, is_written)
        builder.add("event", "is_followed_by_its_own", goal, command=command)
        is_replayed = equal(recorded_host(builder.program, record), record["after"])
        goal = terms.implies(transition.accepted, is_replayed) if is_new else is_replayed
        builder.add("replay", "is_replayed_as_recorded", goal, command=command)
        builder.add("record", "is_decided_again_alike", _host_decided_again(builder, transition), command=command)
    define = builder.host_commands[NAMES[DefineVm]]
    known = {"host": SITE["host"], "recorded": define.recorded, **define.arguments}
    for group, predicate in (
        ("event", recordings.definition_is_where_due),
        ("record", recordings.definition_records_figures),
    ):
        builder.add(group, predicate, builder.apply(predicate, **known), command=define.command)
    is_replayed = equal(defined_vm(builder.program, define.recorded), define.recorded["defined"])
    builder.add("replay", "is_replayed_as_recorded", is_replayed, command=define.command)
    builder.add("record", "is_decided_again_alike", _host_decided_again(builder, define), command=define.command)


def _host_decided_again(builder: ObligationBuilder, transition: HostCommand) -> Term:
    """Deciding a command on a host again, from what its event carries, gives the recorded decision."""
    record, rule = transition.recorded, HOST_DECISIONS[transition.command]
    carried = dict(transition.arguments)
    if transition.before is not None:  # a host's release is not recorded: no host command reads it
        figures = as_record(record["read" if transition.command == NAMES[DefineVm] else "before_figures"])
        release = figures.fields.get("version", symbolic("release", HostVersion))
        carried["host"] = SymbolicRecord(
            Host, {"version": release, **{name: figures[name] for name in ("total", "reserve", "held")}}
        )
    if "vms" in carried:
        carried["vms"] = record["vms"]
    again = builder.program.call(rule, [carried[name] for name in parameter_types(rule)])
    return equal(again, record["decision"])


def _decided_again(builder: ObligationBuilder, transition: Transition) -> Term:
    """Deciding the recorded command again, by the rule that an audit uses, gives the recorded decision."""
    record, asked = transition.recorded, as_record(transition.recorded["asked"])
    goals: list[Term] = []
    for command, step in STEPS.items():
        is_recorded = terms.equal(asked.term("command"), terms.constant(VmCommandName(NAMES[command])))
        if transition.command == NAMES[command] or (
            transition.command == NAMES[SetMemory] and command in _SET_MEMORY_BECOMES
        ):
            setting = builder.program.call(static_setting, [asked["size"]])
            known: dict[str, Value] = {"amount": asked["amount"], "memory": setting}
            known |= transition.arguments
            again = builder.program.call(step.rule, [SITE, *[known[name] for name in step.takes]])
            goals.append(terms.implies(is_recorded, equal(again, record["decision"])))
    return terms.both(*goals)


_SET_MEMORY_BECOMES: Final = frozenset((AddMemory, RemoveMemory, ConfigureMemory))


def replayed(builder: ObligationBuilder) -> None:
    """Book changes of two VMs commute; each changes the VM's entry and the sum of all entries by the same amount."""
    call, host, one, other = builder.program.call, SITE["host"], integer("one"), integer("other")
    for first, second in (
        (evolve.granted_to_vm, evolve.granted_to_vm),
        (evolve.granted_to_vm, evolve.returned_by_vm),
        (evolve.returned_by_vm, evolve.returned_by_vm),
    ):
        first_then_second = call(second, [call(first, [host, one]), other])
        second_then_first = call(first, [call(second, [host, other]), one])
        goal = equal(first_then_second, second_then_first)
        builder.add("replay", f"{first.__name__}_and_{second.__name__}_commute", goal)
    for change, entry_rule, host_rule in (
        ("granted", evolve.entry_granted, evolve.granted_to_vm),
        ("returned", evolve.entry_returned, evolve.returned_by_vm),
    ):
        entry = as_term(call(entry_rule, [SITE["entry"], one]))
        held = as_record(call(host_rule, [host, one])).term("held")
        entry_change = terms.subtract(entry, as_term(SITE["entry"]))
        held_change = terms.subtract(held, as_record(host).term("held"))
        builder.add("replay", f"entry_and_total_are_{change}_alike", terms.equal(entry_change, held_change))
