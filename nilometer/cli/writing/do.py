"""``nilo do``: one command from arguments."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from domain.commands import Command
from domain.errors import InputError, UnknownVm
from domain.identifiers import UtcTime
from nilometer.cli.failures import UNREADABLE, Mistyped, say
from nilometer.cli.groups import LazyGroup
from nilometer.cli.names import add_hint, find_vm, list_vm_names
from nilometer.cli.options import asking_options, common_options
from nilometer.cli.output import Output
from nilometer.cli.session import Session, current_session, read_typed_time
from nilometer.cli.writing.answers import Answers
from nilometer.cli.writing.do_arguments import SHAPES, CommandShape
from nilometer.ledger.requests import Request, Result
from nilometer.ledger.typed_commands import parse_command

_REQUIRED: Final = ("minimum", "startup", "maximum")
_DEFAULTS: Final = {"buffer": 20, "weight": 50}
"""The defaults of Hyper-V."""


class Do(LazyGroup):
    """The commands of the model, each made when it is called."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Makes a command of the model; ``None`` if there is none of this name."""
        return _make_command(cmd_name, SHAPES[cmd_name]) if cmd_name in SHAPES else None


@click.group(
    "do",
    cls=Do,
    sections={"Commands": {name: ("", shape.purpose) for name, shape in SHAPES.items()}},
    short_help="Decide and record one command.",
)
@asking_options
@common_options
def command() -> None:
    """Decide and record one command. Nothing is sent to a hypervisor.

    \b
    Examples:
      nilo do add-memory web01 4GiB --reason "month end"
      nilo do set-memory web01 8GiB
    """


class ModelCommand(click.Command):
    """A command of the model. A size with a minus is not taken for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses the arguments; refuses a negative number."""
        negative = next((arg for arg in args if re.match(r"-\d", arg)), None)
        if negative is not None:
            raise Mistyped(f"{negative!r} is negative", hint="a size is 0 or more bytes, such as 4GiB", context=ctx)
        return super().parse_args(ctx, args)


def _make_command(name: str, shape: CommandShape) -> click.Command:
    def decide(at: str | None, **given: Any) -> int:
        return _decide(name, {key: value for key, value in given.items() if value is not None}, at)

    examples = "\n".join(f"  {example}" for example in shape.examples)
    decide.__doc__ = f"{shape.purpose}\n\n\b\nExamples:\n{examples}"
    decorated: Any = click.option("--at", metavar="TIME", help="When it happened; default now.")(
        common_options(asking_options(decide))
    )
    for option in reversed(shape.options):
        decorated = option(decorated)
    for argument in reversed(shape.arguments):
        decorated = click.argument(argument)(decorated)
    made: click.Command = click.command(name, cls=ModelCommand)(decorated)
    return made


def _decide(name: str, given: dict[str, Any], at: str | None) -> int:
    session = current_session()
    out = Output(session.format)
    answers = Answers(out)
    try:
        result, url = _execute(session, name, _add_memory(name, given), at)
    except InputError as error:
        answers.show_error(error, name)
        say("error", error.message, error.hint)
        return UNREADABLE
    answers.show(result)
    if not out.json:
        recorded = (
            f"Recorded in {url} at {_format_positions(result.positions)}"
            if result.positions
            else "There was nothing to record"
        )
        out.write_line(f"{recorded}. Nothing is sent to a hypervisor.")
    answers.warn_of_the_future()
    return answers.code


def _format_positions(positions: tuple[int, ...]) -> str:
    first, *rest = positions
    return f"positions {first} to {rest[-1]}" if rest else f"position {first}"


def _execute(session: Session, name: str, given: dict[str, Any], at: str | None) -> tuple[Result, str]:
    """Decides the command; the VM may be given by its name, if no other VM has it."""
    happened = None if at is None else read_typed_time(at)
    command = parse_command(name, given)
    with session.writing(create=name == "register-host") as ledger:
        try:
            return ledger.execute(_build_request(session, command, happened)), ledger.url
        except UnknownVm as error:
            if error.hint:
                raise
            id = find_vm(error.vm, list_vm_names(ledger.views.fleet()))
            say("note", f"{error.vm} is the VM {id}")
            return ledger.execute(
                _build_request(session, parse_command(name, given | {"vm": id}), happened)
            ), ledger.url
        except InputError as error:
            raise add_hint(error, ledger.views.fleet) from None


def _build_request(session: Session, command: Command, at: UtcTime | None) -> Request:
    return Request(
        command=command,
        actor=session.actor,
        via=session.via,
        at=at,
        reason=session.reason,
        correlation=session.correlation,
    )


def _add_memory(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments, with the memory setting in place of its options."""
    if name not in ("define-vm", "configure-memory"):
        return given
    parts = {key: given.pop(key) for key in ("size", *_REQUIRED, *_DEFAULTS) if key in given}
    if parts.keys() == {"size"}:
        return given | {"memory": {"static": parts}}
    if "size" in parts or not parts.keys() >= set(_REQUIRED):
        raise InputError(
            "the memory setting is missing" if not parts else "the memory setting is neither static nor dynamic",
            hint="static: --size 4GiB; dynamic: --minimum 512MiB --startup 2GiB --maximum 8GiB",
        )
    return given | {"memory": {"dynamic": _DEFAULTS | parts}}
