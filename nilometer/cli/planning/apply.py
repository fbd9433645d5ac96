"""``nilo apply``: does what a plan says, if every figure that it read is what it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from domain.errors import InputError
from domain.identifiers import subject_id
from domain.observed.vm import ObservedVm
from domain.quantities import is_count
from nilometer.cli.driving.targets import GivenTarget
from nilometer.cli.failures import NOT_IN_FULL, OK, say
from nilometer.cli.options import asking_options, common_options
from nilometer.cli.output import Output
from nilometer.cli.planning.can import days_of
from nilometer.cli.planning.observed import add_socket
from nilometer.cli.session import Session, current_session
from nilometer.cli.writing.answers import Answers
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Request, Result
from nilometer.messages.sizes import format_sizes
from nilometer.planning.asking import world_of
from nilometer.planning.goals import Goal, parse_goal
from nilometer.planning.observed_goals import PlanSearch, plan_observed, quote_powershell
from nilometer.planning.plans import (
    CommandPlan,
    Figure,
    LinesPlan,
    MovedFigure,
    PlanMoved,
    check_document,
    find_moved,
    named_new,
    read_document,
    read_lines_document,
)
from nilometer.textio.files import check_name, open_input
from nilometer.textio.strict_json import parse_strict_json
from nilometer.times import current_time
from projections.fleet import Fleet

LONGEST: Final = 2**24
"""Bytes of a plan at most."""
MOST_SHOWN: Final = 5
TICKET: Final = 23
"""So much of a plan's digest names it: ``sha256:`` and 16 digits."""
_AGAIN: Final = "make the plan again: nilo plan --help"


@click.command("apply", short_help="Do what a plan says, if nothing that it read has moved.")
@click.argument("file", metavar="PLAN")
@click.option("--config", "vms", metavar="FILE", envvar="NILO_DRIVE", help="VMs of nilo drive; default drive.toml.")
@click.option("--evidence", "folder", metavar="DIR", envvar="NILO_EVIDENCE", help="The evidence of nilo drive.")
@asking_options
@common_options
def command(file: str, vms: str | None, folder: str | None) -> int:
    """Decide and record the commands of a plan, if every figure that they read is what it was when it was made.

    Else nothing is done, and what moved is named. Applied again, it goes on where it stopped. Of an observed host, the
    lines are shown if they still hold; guests of QEMU whose sockets are in drive.toml are driven, up to the first that
    is not granted in full. Exit 1: the plan does not hold any more, or a command is not granted as it says.

    \b
    Examples:
      nilo apply plan.json --reason "month end"
      nilo apply plan.json --format json
    """
    session = current_session()
    if Path(check_name(file)).is_dir():
        raise InputError(f"{file}: this is a folder, not a plan", hint="name the file that nilo plan -o wrote")
    with open_input(file) as stream:
        text = stream.read(LONGEST)
    document = check_document(_parse(text, file), file)
    out = Output(session.format)
    if document.get("kind") == "nothing":
        raise InputError(f"{file}: the plan has no commands", hint="its goal was reached, or cannot be")
    if document["kind"] == "observed":
        target = GivenTarget(socket=None, file=vms, folder=folder, host=None)
        return _apply_observed(session, out, read_lines_document(document, file), str(document["digest"]), target)
    plan = read_document(document, file)
    with session.writing(create=False) as ledger:
        _check_ledger(ledger.id, plan.ledger, file)
        return _apply(session, out, ledger, plan, str(document["digest"]))


def _parse(text: bytes, file: str) -> object:
    try:
        return parse_strict_json(text, file)
    except (InputError, json.JSONDecodeError) as error:
        raise InputError(f"{file}: this is not a plan: it is not JSON", hint=_AGAIN) from error


def _check_ledger(id: str, planned: str, file: str) -> None:
    if id != planned:
        raise InputError(f"{file}: the plan is of ledger {planned}; this one is {id}", hint="name its --ledger")


def _apply(session: Session, out: Output, ledger: Ledger, plan: CommandPlan, digest: str) -> int:
    keys = [f"plan/{digest}/{number}" for number in range(1, len(plan.commands) + 1)]
    known = ledger.known(keys)
    first = next((number for number, key in enumerate(keys) if key not in known), len(keys))
    try:
        fleet = ledger.views.fleet()
        world = world_of(fleet)
        gone = named_new([planned.parse().command for planned in plan.commands[first:]], world)
        policies = ledger.policy_set().at(current_time(session.clock)).enforced
        known_now = world_of(fleet, filter(ledger.has_begun, gone), policies=policies)
        moved = find_moved(known_now, plan.commands, first)
    except (PlanMoved, InputError) as error:
        return _refuse(error.message, error.hint or _AGAIN)
    if moved:
        return _refuse(_describe_moved(moved), _AGAIN)
    answers = Answers(out)
    for number, planned in enumerate(plan.commands):
        parsed = planned.parse()
        request = Request(
            command=parsed.command,
            actor=parsed.actor or session.actor,
            via=parsed.via or session.via,
            at=parsed.at,
            reason=session.reason or parsed.reason,
            correlation=parsed.correlation or session.correlation or digest[:TICKET],
            key=keys[number],
            at_ahead=True,
        )
        result = ledger.execute(request)
        answers.show(result, number + 1)
        if not _is_expected(result, planned.outcome, planned.granted):
            return _stop(number + 1, len(plan.commands), planned.outcome)
    text = f"{answers.summarize()}; as planned. Nothing is sent to a hypervisor."
    say("note", text) if out.json else out.write_line(text)
    return answers.code


def _is_expected(result: Result, outcome: str, granted: int | None) -> bool:
    return (result.outcome.value, result.granted) == (outcome, granted)


def _refuse(why: str, hint: str) -> int:
    say("error", f"the plan does not hold any more, and nothing was done: {why}", hint)
    return NOT_IN_FULL


def _stop(number: int, count: int, expected: str) -> int:
    left = f"; commands {number + 1} to {count} were not decided" if number < count else ""
    say("error", f"command {number} was to be {expected}: another program was faster{left}", _AGAIN)
    return NOT_IN_FULL


def _describe_moved(moved: list[MovedFigure]) -> str:
    texts: list[str] = []
    for figure in moved[:MOST_SHOWN]:
        before, now = _format_pair(figure.before, figure.now, figure.name)
        texts.append(f"{figure.name} of {subject_id(figure.stream)} was {before}, and is {now}")
    return f"{'; '.join(texts)} (command {moved[0].number} reads that)"


def _format_pair(before: Figure | None, now: Figure | None, name: str) -> tuple[str, str]:
    figures = [before, now]
    if not is_count(name) and all(type(figure) is int for figure in figures):
        sizes = format_sizes([figure for figure in figures if type(figure) is int])
        return sizes[0], sizes[1]
    return str(before), str(now)


def _apply_observed(session: Session, out: Output, plan: LinesPlan, digest: str, given: GivenTarget) -> int:
    """Drives the guests that can be driven, or shows the lines, if they would be planned again."""
    goal = parse_goal(plan.goal)
    with session.reading() as reader:
        _check_ledger(reader.id, plan.ledger, "the plan")
        fleet: Fleet = reader.views.fleet()
        vm = None if goal is None or goal.vm not in fleet.vms else fleet.vms[goal.vm].subject
        if goal is None or not isinstance(vm, ObservedVm):
            return _refuse(f"{plan.goal}: the VM is not there any more", _AGAIN)
        from nilometer.importers.hyperv.going_on.newest_polls import read_newest_polls

        now = current_time(session.clock)
        search = PlanSearch(within=plan.within, without=plan.without, option=plan.option)
        polls = read_newest_polls(reader)
        found = plan_observed(fleet, vm, Goal(vm.id, goal.size), now, days_of(reader, now), polls, search)
    for name, before in plan.read.items():
        figure = found.read.get(name)
        if name in found.read and figure != before:
            sizes = _format_pair(before, figure, name)
            return _refuse(f"{name} was {sizes[0]}, and is {sizes[1]}", _AGAIN)
    if found.lines != plan.lines:
        less = "has less free than it had, or it is not known any more"
        why = "has another figure free than it had, so that other lines are needed" if found.lines else less
        return _refuse(f"{found.answer.host} {why}", _AGAIN)
    ticket = digest[:TICKET]
    if found.steps:
        from nilometer.cli.driving.applying import drive_steps, find_drivers

        with session.writing(create=False) as ledger:
            drivers = find_drivers(ledger, found.steps, given)
            if drivers is not None:
                reason = f"plan: {plan.goal}"
                return drive_steps(session, out, ledger, found.steps, drivers, reason=reason, correlation=ticket)
    _show_lines(out, [_add_ticket(line, ticket) for line in found.lines], is_driven=bool(found.steps))
    return OK


def _add_ticket(line: str, ticket: str) -> str:
    """The line with what ties its change to the plan."""
    if line.startswith("nilo "):
        return f"{line} --correlation {ticket}"
    return f"{line} -Ticket {quote_powershell(ticket)}"


def _show_lines(out: Output, lines: list[str], *, is_driven: bool) -> None:
    if out.json:
        out.write_document({"lines": lines})
        return
    for line in add_socket(lines):
        out.write_line(line)
    if is_driven:
        say(
            "note",
            "name the socket of each VM, or write them into drive.toml, and apply drives them: this sent nothing",
        )
    else:
        say("note", "run these on the host: Hyper-V decides, and the collector records them; this sent nothing")
