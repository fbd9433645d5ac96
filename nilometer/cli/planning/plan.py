"""``nilo plan``: commands that reach a goal, or those of a script, with what each is expected to be granted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any, Final

import click

from domain.aggregates import VmAggregate
from domain.errors import InputError
from domain.observed.vm import ObservedVm
from nilometer.cli.failures import NOT_IN_FULL, OK, UNDECIDED, Mistyped, say
from nilometer.cli.files import open_output
from nilometer.cli.names import find_vm, list_vm_names
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.planning.can import KEEP, WITHIN, WITHOUT, days_of, read_kept, read_kinds
from nilometer.cli.planning.decided import show_decided
from nilometer.cli.planning.observed import add_socket, name_of_decider, show_observed
from nilometer.cli.session import Session, current_session
from nilometer.cli.vm_names import VmNames
from nilometer.ledger.reader import LedgerReader
from nilometer.ledger.script import parse_script_command, read_script
from nilometer.messages.sizes import format_part
from nilometer.planning.asking import CanAnswer, world_of
from nilometer.planning.goals import Goal, parse_goal, plan_goal
from nilometer.planning.keeping import adopted_policies
from nilometer.planning.observed_goals import PlanSearch, plan_observed
from nilometer.planning.plans import (
    FORMAT,
    CommandPlan,
    expect_commands,
    named_new,
    plan_to_document,
)
from nilometer.textio.digests import with_digest
from nilometer.textio.files import open_input
from nilometer.times import current_time
from rules.concrete.world import line_of

_GOAL: Final = "write a goal as 'db02 >= 16GiB', or name the file of a script"


@click.command("plan", short_help="Plan commands that reach a goal, with what each is granted.")
@click.argument("what", metavar="GOAL|SCRIPT")
@click.option("-o", "--output", "file", metavar="FILE", help="Write the plan there, for nilo apply.")
@click.option("--option", "number", type=click.IntRange(1), default=1, metavar="N", help="The N-th option; default 1.")
@WITHIN
@WITHOUT
@KEEP
@common_options
def command(what: str, file: str | None, number: int, within: int, without: str | None, keep: str | None) -> int:
    """Plan commands that reach GOAL, such as "db02 >= 16GiB", or those of SCRIPT. Nothing is recorded or sent.

    The plan says what each command is expected to be granted, and which figures that rests on. nilo apply does it,
    unless one of these has moved. Of an observed VM it has lines of PowerShell. Exit 1: the goal is not reached, or a
    command is not granted in full. 3: that is not known.

    \b
    Examples:
      nilo plan "db02 >= 16GiB" -o plan.json
      nilo plan month-end.jsonl -o plan.json
    """
    session = current_session()
    out = Output(session.format)
    goal = parse_goal(what)
    if goal is None and what != "-" and not Path(what).exists():
        raise InputError(f"{what!r} is neither a goal nor a file", hint=_GOAL)
    if keep is not None and goal is None:
        raise Mistyped("--keep is for a goal, not for a script", hint="leave --keep out")
    with session.reading() as ledger:
        if goal is None:
            return _write_plan(session, out, ledger, what, _read_lines(what), file)
        fleet = ledger.views.fleet()
        out.name = VmNames(ledger, fleet).put_in
        goal = Goal(find_vm(goal.vm, list_vm_names(fleet)), goal.size)
        if not isinstance(fleet.vms[goal.vm].subject, VmAggregate):
            if keep is not None:
                raise InputError(f"--keep is not asked of {goal.vm}: a hypervisor decides", hint="leave --keep out")
            search = PlanSearch(within=within, without=read_kinds(without), option=number)
            return _plan_observed(session, out, ledger, goal, file, search)
        adopted = ledger.policy_set().at(current_time(session.clock))
        found = plan_goal(
            world_of(fleet, policies=adopted.enforced),
            goal,
            within=within,
            without=read_kinds(without),
            keep=(*adopted_policies(adopted), *read_kept(keep)),
            option=number,
        )
        if not found.lines:
            if found.asked is not None:
                show_decided(out, found.asked, show_all=False)
                return NOT_IN_FULL
            _say_reached(out, goal, file)
            return OK
        by_number = {f"command {number}": line for number, line in enumerate(found.lines, 1)}
        return _write_plan(session, out, ledger, str(goal), by_number, file)


def _say_reached(out: Output, goal: Goal, file: str | None) -> None:
    if out.json:
        out.write_document(with_digest({"plan": FORMAT, "kind": "nothing", "goal": str(goal)}))
    else:
        out.write_line(f"There is nothing to do: {goal} holds already.")
    if file is not None:
        say("note", f"no plan was written to {file}")


def _read_lines(script: str) -> dict[str, dict[str, Any]]:
    """The lines of a script, by their places. Raises ``InputError`` for the first that cannot be read."""
    lines: dict[str, dict[str, Any]] = {}
    with open_input(script) as stream:
        for line in read_script(stream, script):
            if line.error is not None or line.parsed is None:
                raise line.error or InputError(f"{script}:{line.number}: this is not a command")
            parsed = line.parsed
            about = {
                name: getattr(parsed, name)
                for name in ("at", "actor", "via", "reason", "correlation")
                if getattr(parsed, name) is not None
            }
            lines[f"{script}:{line.number}"] = {**line_of(parsed.command), **about}
    return lines


def _write_plan(
    session: Session,
    out: Output,
    ledger: LedgerReader,
    goal: str,
    lines: Mapping[str, dict[str, Any]],
    file: str | None,
) -> int:
    fleet = ledger.views.fleet()
    now = current_time(session.clock)
    policies = ledger.policy_set().at(now).enforced
    world = world_of(fleet)
    commands = [parse_script_command(dict(line)).command for line in lines.values()]
    gone = [stream for stream in named_new(commands, world) if ledger.has_begun(stream)]
    plan = CommandPlan(
        goal=goal,
        ledger=ledger.id,
        position=fleet.position,
        made=now,
        commands=expect_commands(world_of(fleet, gone, policies=policies), lines),
    )
    _write(out, plan_to_document(plan), file)
    if not out.json:
        for number, planned in enumerate(plan.commands, 1):
            line = planned.line
            amount = "" if planned.requested is None else f", {format_part(planned.granted, planned.requested)}"
            named = line.get("vm") or line.get("host")
            out.write_line(f"{number}. {line['command']} {named}: {planned.outcome}{amount}")
        _say_how_to_apply(out, file)
    return OK if plan.in_full else NOT_IN_FULL


def _plan_observed(
    session: Session, out: Output, ledger: LedgerReader, goal: Goal, file: str | None, search: PlanSearch
) -> int:
    fleet = ledger.views.fleet()
    vm = fleet.vms[goal.vm].subject
    assert isinstance(vm, ObservedVm)
    from nilometer.importers.hyperv.going_on.newest_polls import read_newest_polls

    now = current_time(session.clock)
    found = plan_observed(fleet, vm, goal, now, days_of(ledger, now), read_newest_polls(ledger), search)
    if not found.lines:
        if found.reached:
            _say_reached(out, goal, file)
            return OK
        if out.json:
            out.write_document(with_digest({"plan": FORMAT, "kind": "nothing", "goal": str(goal)}))
        else:
            show_observed(out, found.answer, now, show_all=False)
        return UNDECIDED if found.answer.answer is CanAnswer.UNKNOWN else NOT_IN_FULL
    document: dict[str, Any] = {
        "plan": FORMAT, "kind": "observed", "goal": str(goal), "ledger": ledger.id, "position": fleet.position,
        "made": now, "lines": list(found.lines), "read": dict(found.read),
        "within": search.within, "without": sorted(search.without), "option": search.option,
    }  # fmt: skip
    if found.steps:
        document["steps"] = [{"vm": step.vm, "size": step.size} for step in found.steps]
    _write(out, with_digest(document), file)
    if not out.json:
        for line in add_socket(found.lines):
            out.write_line(line)
        _say_how_to_apply(out, file)
        out.write_line(f"{name_of_decider(bool(found.steps))} decides; this sent nothing.")
    return OK


def _write(out: Output, document: Mapping[str, Any], file: str | None) -> None:
    if file is not None:
        with open_output(file) as stream:
            stream.write(json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n")
    elif out.json:
        out.write_document(dict(document))


def _say_how_to_apply(out: Output, file: str | None) -> None:
    way_on = "to write it: -o plan.json" if file in (None, "-") else f"to do it: nilo apply {quote(str(file))}"
    out.write_line(f"Nothing was recorded; {way_on}.")
