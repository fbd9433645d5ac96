"""``nilo can``: whether a command would be granted, why not, and what would make it possible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from shlex import quote
from typing import Any, Final

import click

from domain.aggregates import VmAggregate
from domain.commands import NAMES, AddMemory, Command, Grow, SetMemory
from domain.errors import InputError
from domain.identifiers import UtcTime, seconds_between, subject_id
from domain.observed.vm import ObservedVm
from nilometer.cli.failures import NOT_IN_FULL, OK, UNDECIDED, UNREADABLE, Mistyped, say
from nilometer.cli.groups import LazyGroup
from nilometer.cli.names import find_vm, list_vm_names
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session
from nilometer.cli.vm_names import VmNames
from nilometer.cli.writing.do import ModelCommand
from nilometer.cli.writing.do_arguments import SHAPES
from nilometer.ledger.reader import LedgerReader
from nilometer.ledger.typed_commands import parse_command
from nilometer.messages.reasons import explain
from nilometer.messages.sizes import format_rounded, format_sizes, format_typed
from nilometer.planning.asking import CanAnswer, Possibility, ask, world_of
from nilometer.planning.observed import Giver, ObservedAnswer, ask_observed, find_day
from nilometer.planning.options import Plan, PlanStep
from nilometer.queries import read_log
from nilometer.times import current_time, format_duration, format_time

MOST_SHOWN: Final = 5
"""Options that are shown without ``--all``."""
_ASKED: Final = (
    "add-memory",
    "remove-memory",
    "set-memory",
    "start",
    "restore",
    "reboot-guest",
    "move-vm",
    "grow",
    "reclaim",
)
_KINDS: Final = ("remove-memory", "reclaim", "move-vm", "set-reserve", "stop")
_CODES: Final = {CanAnswer.YES: OK, CanAnswer.UNKNOWN: UNDECIDED}
_WORDS: Final = {CanAnswer.NOT_NOW: "no"}


class Can(LazyGroup):
    """The commands that can be asked about, each made when it is called."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Makes a command; ``None`` if there is none of this name."""
        if cmd_name == "fail":
            from nilometer.cli.planning.fail import command

            return command
        return _make_command(cmd_name) if cmd_name in _ASKED else None


@click.group(
    "can",
    cls=Can,
    sections={
        "Commands": {name: ("", SHAPES[name].purpose) for name in _ASKED},
        "What may happen": {"fail": ("", "A host fails: does every VM of it find a place?")},
    },
    short_help="Ask whether a command would be granted, and what would make it possible.",
    invoke_without_command=True,
)
@click.option("--survive", type=click.IntRange(1), metavar="N", help="Of every host: can it fail? N is 1, so far.")
@common_options
@click.pass_context
def command(context: click.Context, survive: int | None) -> int:
    """Ask whether a command would be granted, why not, and what would make it possible. Nothing is recorded or sent.

    Exit 0: yes. 1: no, or not in full. 3: that is not known. On an observed host, Hyper-V decides; the answer says how
    old the figures are.

    \b
    Examples:
      nilo can add-memory db02 16GiB
      nilo can --survive 1
    """
    if context.invoked_subcommand is not None:
        if survive is not None:
            raise Mistyped("--survive does not go with a command", hint="leave one of them out")
        return OK
    if survive is None:
        say("error", "a question is missing", "nilo can --help lists them")
        return UNREADABLE
    from nilometer.cli.planning.fail import ask_survival

    return ask_survival(current_session(), survive)


def _make_command(name: str) -> click.Command:
    shape = SHAPES[name]

    def run(show_all: bool, without: str | None, **given: Any) -> int:
        return _ask(name, {key: value for key, value in given.items() if value is not None}, without, show_all=show_all)

    examples = "\n".join(
        f"  {example.replace('nilo do', 'nilo can').partition(' --')[0]}" for example in shape.examples[:1]
    )
    run.__doc__ = f"Ask: {shape.purpose}\n\n\b\nExamples:\n{examples}\n  nilo can {name} --help"
    decorated: Any = click.option("--without", metavar="KINDS", help=f"No steps of these kinds: {','.join(_KINDS)}.")(
        click.option("--all", "show_all", is_flag=True, help="Show all options.")(common_options(run))
    )
    for argument in reversed(shape.arguments):
        decorated = click.argument(argument)(decorated)
    made: click.Command = click.command(name, cls=ModelCommand)(decorated)
    return made


def _ask(name: str, given: dict[str, Any], without: str | None, *, show_all: bool) -> int:
    session = current_session()
    out = Output(session.format)
    unwanted = frozenset(filter(None, (without or "").replace(" ", "").split(",")))
    wrong = sorted(unwanted - set(_KINDS))
    if wrong:
        raise InputError(f"--without: {wrong[0]!r} is no kind of step", hint=f"known: {', '.join(_KINDS)}")
    command = parse_command(name, given)
    with session.reading() as ledger:
        fleet = ledger.views.fleet()
        out.name = VmNames(ledger, fleet).put_in
        id = find_vm(given["vm"], list_vm_names(fleet))
        if id != given["vm"]:
            command = parse_command(name, given | {"vm": id})
        subject = fleet.vms[id].subject
        if isinstance(subject, VmAggregate):
            asked = ask(world_of(fleet), command, without=unwanted)
            _show(out, asked, show_all=show_all)
            return _CODES.get(asked.answer, NOT_IN_FULL)
        now = current_time(session.clock)
        found = ask_observed(fleet, subject, _amount_of(command, subject), now, _read_day(ledger, subject, now))
        _show_observed(out, command, found, now)
        return _CODES.get(found.answer, NOT_IN_FULL)


def _read_day(ledger: LedgerReader, vm: ObservedVm, now: UtcTime) -> Iterator[Any]:
    return iter(()) if vm.host is None else read_log(ledger, host=vm.host, since=find_day(now))


def _amount_of(command: Command, vm: ObservedVm) -> int:
    """How much more memory a command asks for. Raises ``InputError`` for one that cannot be asked of an observed VM."""
    match command:
        case AddMemory() | Grow():
            return command.amount
        case SetMemory() if vm.assigned is not None:
            return max(0, command.size - vm.assigned)
        case _:
            raise InputError(
                f"{NAMES[type(command)]} cannot be asked of {vm.name}: a hypervisor decides about it",
                hint=f"ask for more memory: nilo can add-memory {quote(vm.id)} 4GiB",
            )


# Decided


def _show(out: Output, asked: Possibility, *, show_all: bool) -> None:
    options = [] if asked.options is None else list(asked.options.found)
    shown = options if show_all else options[:MOST_SHOWN]
    if out.json:
        out.write_document(_to_document(asked, shown, len(options)))
        return
    out.write_line(_headline(asked))
    if asked.host is not None and asked.free is not None:
        sizes = format_sizes([asked.free, *asked.holders.values()])
        holders = ", ".join(f"{vm} holds {size}" for vm, size in zip(asked.holders, sizes[1:], strict=True))
        out.write_line(f"Host {asked.host} has {sizes[0]} free; {holders or 'no VM holds any of it'}.")
    if asked.options is None:
        return
    needed, reachable = format_sizes([asked.options.needed, asked.options.reachable])
    if shown:
        out.write_line("It would be yes after:")
        for option in shown:
            out.write_line(f"  {', then '.join(_describe_step(step) for step in option.steps)}")
        if len(options) > len(shown):
            out.write_line(f"  and {len(options) - len(shown)} more: --all")
    elif asked.options.reachable < asked.options.needed:
        out.write_line(f"Nothing makes it possible there: {needed} are missing, and all others could give {reachable}.")
    else:
        out.write_line(f"No one or two steps make it possible: {needed} are missing.")


def _headline(asked: Possibility) -> str:
    decided = asked.decided
    word = _WORDS.get(asked.answer, asked.answer.value)
    problem = explain(decided.target, decided.events[0][1]) if decided.events and asked.code is not None else None
    if asked.answer is CanAnswer.YES:
        amount = "" if decided.granted is None else f", {format_rounded(decided.granted)}"
        return f"yes: {decided.command} {subject_id(decided.target)} would be granted in full{amount}."
    if asked.answer is CanAnswer.PARTLY:
        granted, requested = format_sizes([decided.granted, decided.requested])
        return f"partly: {granted} of {requested}."
    return f"{word}: {problem.message if problem is not None else decided.outcome}" + (
        f" {problem.hint[:1].upper()}{problem.hint[1:]}." if problem is not None and problem.hint else ""
    )


def _describe_step(step: PlanStep) -> str:
    """A step as it is typed."""
    arguments = [getattr(step.command, field.name) for field in fields(step.command)]
    return f"nilo do {step.name} " + " ".join(
        format_typed(value) if isinstance(value, int) else quote(str(value)) for value in arguments
    )


def _to_document(asked: Possibility, shown: list[Plan], count: int) -> dict[str, Any]:
    decided = asked.decided
    return {
        "answer": asked.answer.value,
        "requested": decided.requested,
        "granted": decided.granted,
        "code": asked.code and asked.code.value,
        "holders": [{"vm": vm, "held": held} for vm, held in asked.holders.items()],
        "options": [
            {
                "steps": [_step_to_document(step) for step in option.steps],
                "grants": [step.gives for step in option.steps],
            }
            for option in shown
        ],
        "more_options": count - len(shown),
        "read": {"host": asked.host, "free": asked.free, "at": None, "least": None, "most": None},
    }


def _step_to_document(step: PlanStep) -> dict[str, Any]:
    return {"command": step.name, **{field.name: getattr(step.command, field.name) for field in fields(step.command)}}


# Observed


def _show_observed(out: Output, command: Command, found: ObservedAnswer, now: UtcTime) -> None:
    if out.json:
        out.write_document(
            {
                "answer": found.answer.value,
                "requested": found.amount,
                "granted": found.granted,
                "code": None,
                "holders": [],
                "options": [
                    {"steps": [{"command": giver.how, "vm": giver.vm}], "grants": [giver.gives]}
                    for giver in found.givers
                ],
                "more_options": 0,
                "read": {
                    "host": found.host,
                    "free": found.free,
                    "at": found.measured,
                    "least": found.least,
                    "most": found.most,
                },
            }
        )
        return
    out.write_line(_describe_observed(found, now))
    for giver in found.givers[:MOST_SHOWN]:
        out.write_line(f"  It would be yes if {_describe_giver(giver)}.")
    out.write_line("Hyper-V decides; this sent nothing.")


def _describe_observed(found: ObservedAnswer, now: UtcTime) -> str:
    amount, free, least, most, granted = format_sizes(
        [found.amount, found.free, found.least, found.most, found.granted]
    )
    if found.maximum is not None:
        size = max(found.maximum, (found.assigned or 0) + found.amount)
        return (
            f"no, not this way: {found.vm} is sized by Dynamic Memory (now {format_rounded(found.assigned)}, maximum "
            f"{format_rounded(found.maximum)}). Raise its maximum: "
            f"Set-VMMemory {found.vm} -MaximumBytes {format_typed(size).removesuffix('iB')}B"
        )
    age = "" if found.measured is None else f" ({format_duration(max(0.0, seconds_between(found.measured, now)))} ago)"
    had = "" if found.measured is None else f"{found.host} had {free} free at {format_time(found.measured)}{age}"
    span = "" if found.least is None else f"; in the last 24 h it had between {least} and {most} free"
    match found.answer:
        case CanAnswer.YES:
            return f"yes: {found.vm} can have {amount} more. {had}{span}."
        case CanAnswer.PARTLY:
            part = f"{granted} of {amount}" if found.granted is not None else f"not all of {amount}"
            return f"partly: {part}. {had}{span}."
        case CanAnswer.NOT_NOW:
            return f"no: {had}{span}."
        case _:
            why = had or f"nothing is known of the free memory of {found.host or 'its host'}"
            return (
                f"unknown: {why}{span}, so {amount} may or may not fit. Import what was collected since: "
                "nilo import-hyperv --help"
            )


def _describe_giver(giver: Giver) -> str:
    if giver.how == "stop":
        return f"{giver.vm} stopped ({format_rounded(giver.gives)})"
    when = "" if giver.measured is None else f" at {format_time(giver.measured)}"
    return f"{giver.vm} gave it (it had {format_rounded(giver.gives)} available{when})"
