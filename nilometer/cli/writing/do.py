"""``nilo do``: one command from arguments."""

from __future__ import annotations

import os
import re
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

import click

from domain.commands import Command
from domain.errors import InputError, UnknownVm
from domain.identifiers import UtcTime, vm_stream
from nilometer.cli.failures import UNDECIDED, UNREADABLE, Interrupted, Mistyped, say
from nilometer.cli.groups import LazyGroup
from nilometer.cli.names import add_hint, find_vm, has_history, list_vm_names
from nilometer.cli.options import ahead_option, asking_options, common_options
from nilometer.cli.output import Output
from nilometer.cli.session import Session, current_session, read_typed_time
from nilometer.cli.writing.answers import Answers
from nilometer.cli.writing.do_arguments import SHAPES, CommandShape
from nilometer.errors import CommitUncertain, LedgerError
from nilometer.ledger.requests import Request, Result
from nilometer.ledger.typed_commands import parse_command

if TYPE_CHECKING:
    from nilometer.ledger.ledger import Ledger

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
    def decide(
        at: str | None,
        at_ahead: bool,
        once: str | None,
        dry_run: bool,
        proof: str | None,
        proof_within: float,
        **given: Any,
    ) -> int:
        given = {key: value for key, value in given.items() if value is not None}
        once_only = DoOnce(current_session(), name, once, at_ahead=at_ahead, dry_run=dry_run)
        if proof is None:
            return once_only.decide(given, at)
        if dry_run:
            raise Mistyped("--dry-run records nothing that could be proved", hint="leave out --dry-run, or --proof")
        return once_only.decide_and_prove(given, at, proof, proof_within)

    examples = "\n".join(f"  {example}" for example in shape.examples)
    decide.__doc__ = f"{shape.purpose}\n\n\b\nExamples:\n{examples}"
    decorated: Any = click.option("--at", metavar="TIME", help="When it happened; default now.")(
        click.option("--key", "once", metavar="KEY", help="Do it once: asked again with this key, nothing is done.")(
            click.option("--dry-run", is_flag=True, help="Decide, but record nothing.")(
                proof_options(ahead_option(common_options(asking_options(decide))))
            )
        )
    )
    for option in reversed(shape.options):
        decorated = option(decorated)
    for argument in reversed(shape.arguments):
        decorated = click.argument(argument)(decorated)
    made: click.Command = click.command(name, cls=ModelCommand)(decorated)
    return made


def proof_options(function: Any) -> Any:
    """The options of the proof that a command is sealed."""
    within = "How many seconds to wait for that; default 60."
    function = click.option("--proof-within", metavar="SECONDS", type=click.FloatRange(0), default=60, help=within)(
        function
    )
    help = "Wait until it is sealed, and write the proof (.tlog-proof) to this new file."
    return click.option("--proof", metavar="FILE", help=help)(function)


class DoOnce:
    """One command of the model: decided, recorded under a key, and answered before anything else may fail."""

    def __init__(self, session: Session, name: str, key: str | None, *, at_ahead: bool, dry_run: bool) -> None:
        self.session, self.name, self.at_ahead, self.dry_run = session, name, at_ahead, dry_run
        self.key = os.urandom(8).hex() if key is None else key
        """Given, or fresh: what to ask again with, if the answer is lost."""
        self.is_given = key is not None
        self.out = Output(session.format)
        self.answers = Answers(self.out)
        self.positions: tuple[int, ...] = ()
        """Where it was recorded."""

    def decide_and_prove(self, given: dict[str, Any], at: str | None, proof: str, seconds: float) -> int:
        """The same, and waits for the proof that it is sealed; returns the exit code."""
        from nilometer.cli.writing.proof import check_proof_file, wait_for_proof

        file = check_proof_file(proof)
        code = self.decide(given, at)
        if not self.positions or wait_for_proof(self.session.url, self.positions[0], file, seconds):
            return code
        return code or UNDECIDED

    def decide(self, given: dict[str, Any], at: str | None) -> int:
        """Decides and records the command; returns the exit code."""
        try:
            self._execute(_add_memory(self.name, given), at)
        except InputError as error:
            self.answers.show_error(error, self.name)
            say("error", error.message, error.hint)
            return UNREADABLE
        self.answers.warn_of_the_future(self.session.clock)
        return self.answers.code

    def _execute(self, given: dict[str, Any], at: str | None) -> None:
        happened = None if at is None else read_typed_time(at)
        command = parse_command(self.name, given)
        if self.dry_run:
            self._rehearse(given, command, happened)
            return
        with self.session.writing(create=self.name == "register-host") as ledger:
            if self.is_given and "vm" in given and self.name != "define-vm":  # a key is of a command on an id
                named = [id for id, name in list_vm_names(ledger.views.fleet()).items() if name == given["vm"] != id]
                if len(named) == 1 and not has_history(ledger, vm_stream(given["vm"])):
                    given = given | {"vm": named[0]}
                    command = parse_command(self.name, given)
            try:
                result = self._ask(ledger, command, happened)
            except UnknownVm as error:  # the VM may be given by its name, if no other VM has it
                if error.hint:
                    raise
                id = find_vm(error.vm, list_vm_names(ledger.views.fleet()))
                say("note", f"{error.vm} is the VM {id}")
                result = self._ask(ledger, parse_command(self.name, given | {"vm": id}), happened)
            except InputError as error:
                raise add_hint(error, ledger.views.fleet) from None
            self._show(result, ledger.url)

    def _rehearse(self, given: dict[str, Any], command: Command, at: UtcTime | None) -> None:
        """Shows what would be decided; nothing is recorded."""
        from nilometer.ledger.dry_run import DryRun

        with self.session.reading_if_any() as ledger:
            dry_run = DryRun(ledger, self.session.clock)
            if "vm" in given and self.name != "define-vm" and given["vm"] not in dry_run.fleet.vms:
                command = parse_command(self.name, given | {"vm": find_vm(given["vm"], list_vm_names(dry_run.fleet))})
            (answer,) = dry_run.execute_all([self._request(command, at)])
            if isinstance(answer, InputError):
                raise add_hint(answer, lambda: dry_run.fleet)
        self.answers.show(answer)
        if not self.out.json:
            self.out.write_line("Nothing was recorded (--dry-run), and nothing is sent to a hypervisor.")

    def _ask(self, ledger: Ledger, command: Command, at: UtcTime | None) -> Result:
        request = self._request(command, at)
        try:
            return ledger.execute(request)
        except CommitUncertain as error:
            raise LedgerError(error.message, hint=self._way_on) from error
        except KeyboardInterrupt:
            what = f"whether {self.name} was recorded is not known"
            raise Interrupted(what, hint=self._way_on) from None

    def _request(self, command: Command, at: UtcTime | None) -> Request:
        session = self.session
        return Request(
            command=command,
            actor=session.actor,
            via=session.via,
            at=at,
            reason=session.reason,
            correlation=session.correlation,
            key=self.key,
            at_ahead=self.at_ahead,
        )

    @property
    def _way_on(self) -> str:
        return f"ask again with --key {quote(self.key)}: what was recorded before is not recorded twice"

    def _show(self, result: Result, url: str) -> None:
        """Shows the result at once: it is true, whatever happens to the ledger after it."""
        self.positions = result.positions
        try:
            self.answers.show(result)
            if not self.out.json:
                recorded = (
                    f"Recorded in {url} at {_format_positions(result.positions)}"
                    if result.positions
                    else "There was nothing to record"
                )
                self.out.write_line(f"{recorded}. Nothing is sent to a hypervisor.")
            self.out.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            at = f" at {_format_positions(result.positions)}" if result.positions else ""
            what = f"{result.command} was decided and recorded{at}, but this answer cannot be written: {error.strerror}"
            raise LedgerError(what, hint=self._way_on) from error


def _format_positions(positions: tuple[int, ...]) -> str:
    first, *rest = positions
    return f"positions {first} to {rest[-1]}" if rest else f"position {first}"


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
