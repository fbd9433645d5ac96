"""``nilo run``: decides and records the commands of a script."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from shlex import quote
from typing import BinaryIO, Final, Protocol

import click

from domain.errors import InputError
from nilometer.cli.batching import batches, batches_as_they_come, own_stdin
from nilometer.cli.failures import UNREADABLE, Interrupted, Mistyped, say
from nilometer.cli.names import add_hint
from nilometer.cli.options import asking_options, common_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import Session, current_session
from nilometer.cli.writing.answers import INPUT_ERROR, Answers
from nilometer.errors import LedgerError
from nilometer.ledger.dry_run import DryRun
from nilometer.ledger.requests import Request, Result
from nilometer.ledger.script import ScriptError, ScriptLine, read_script
from nilometer.storage.urls import masked
from nilometer.textio.files import open_input
from projections.fleet import Fleet

TOGETHER: Final = 50
"""How many commands share a commit."""

SHOWN: Final = 20
"""How many unreadable lines are told."""


@click.command("run", short_help="Decide and record each command of a script.")
@click.argument("script", metavar="SCRIPT")
@click.option("--dry-run", is_flag=True, help="Decide, but record nothing.")
@click.option("--keep-going", is_flag=True, help="Continue after an input error.")
@click.option("--again", is_flag=True, help="Decide lines again that were recorded before.")
@click.option("--as", "name", metavar="NAME", help="A name for the script, so that stdin can be resumed.")
@asking_options
@common_options
def command(script: str, dry_run: bool, keep_going: bool, again: bool, name: str | None) -> int:
    """Decide and record each command of SCRIPT, a file with one JSON object per line; `-` is stdin.

    The whole file is checked before anything is decided. A second run continues where the first one stopped: a line
    that was recorded, after the same lines, is not decided again. Nothing is sent to a hypervisor.

    \b
    Examples:
      nilo run month-end.jsonl --actor ops --reason "month end"
      echo '{"command": "start", "vm": "web01"}' | nilo run - --dry-run
    """
    session = current_session()
    if name is not None and not name.strip():
        raise Mistyped("--as is empty", hint="say what the script is called, or leave it out")
    run = Run(session, Output(session.format), script, dry_run=dry_run, keep_going=keep_going, again=again, name=name)
    if script == "-":
        run.source = "stdin"
        return run.of(own_stdin(), regular=False)
    with open_input(script) as stream:
        regular = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
        if regular and not keep_going and not run.is_readable(stream):
            return UNREADABLE
        return run.of(stream, regular=regular)


class Decider(Protocol):
    """Who decides: a ledger, or a rehearsal on one."""

    def execute_all(self, requests: Sequence[Request], *, keep_going: bool = False) -> list[Result | InputError]:
        """Decides commands one after the other."""
        ...


class Run:
    """One run of a script."""

    def __init__(
        self,
        session: Session,
        out: Output,
        source: str,
        *,
        dry_run: bool,
        keep_going: bool,
        again: bool,
        name: str | None,
    ) -> None:
        self.session, self.out, self.source = session, out, source
        self.dry_run, self.keep_going, self.again, self.name = dry_run, keep_going, again, name
        self.answers = Answers(out)
        self.remembers = False
        self.actor = session.actor

    def is_readable(self, stream: BinaryIO) -> bool:
        """Whether every line of a file is a command; says which are not. Leaves the file at its beginning."""
        bad = 0
        with Progress(f"checking {self.source}", unit="lines") as progress:
            for line in read_script(stream, self.source, self.name or ""):
                progress.update(line.number)
                if line.error is not None:
                    bad += 1
                    if bad <= SHOWN:
                        self._tell(line, line.error)
        stream.seek(0)
        if bad:
            lines = "1 line" if bad == 1 else f"{bad} lines"
            more = f", the first {SHOWN} are shown" if bad > SHOWN else ""
            say("note", f"{lines} of {self.source} cannot be read{more}; nothing was decided")
        return not bad

    def of(self, stream: BinaryIO, *, regular: bool) -> int:
        """Decides and records the lines of a stream; returns the exit code."""
        self.remembers = not self.again and (regular or bool(self.name))
        lines = read_script(stream, self.source, self.name or "")
        together = (batches if regular else batches_as_they_come)(lines, TOGETHER)
        try:
            if self.dry_run:
                with self.session.reading_if_any() as there:
                    rehearsal = DryRun(there)
                    self._decide_all(rehearsal, lambda: rehearsal.fleet, together)
            else:
                with self.session.writing() as ledger:
                    self._decide_all(ledger, ledger.views.fleet, together)
        except KeyboardInterrupt:
            raise Interrupted(self._so_far(), hint=self._go_on()) from None
        except LedgerError:
            if self.answers.total:
                say("note", self._so_far(), self._go_on())
            raise
        self._summarise()
        return self.answers.code

    def _decide_all(self, decider: Decider, fleet: Callable[[], Fleet], together: Iterable[list[ScriptLine]]) -> None:
        with Progress(f"running {self.source}", unit="commands") as progress:
            for batch in together:
                goes_on = self._decide(decider, fleet, batch)
                self.out.flush()
                progress.update(self.answers.total)
                if not goes_on:
                    return

    def _decide(self, decider: Decider, fleet: Callable[[], Fleet], batch: list[ScriptLine]) -> bool:
        """Decides the lines of one commit; whether to go on after them."""
        readable = [line for line in batch if line.parsed is not None]
        if not self.keep_going and len(readable) < len(batch):
            first = next(index for index, line in enumerate(batch) if line.error is not None)
            readable, batch = batch[:first], batch[: first + 1]
        answers = iter(decider.execute_all([self._request(line) for line in readable], keep_going=self.keep_going))
        for line in batch:
            answer = line.error if line.error is not None else next(answers)
            if isinstance(answer, Result):
                self.answers.show(answer, line.number)
                continue
            self._tell(line, add_hint(answer, fleet))
            if not self.keep_going:
                return False
        return True

    def _request(self, line: ScriptLine) -> Request:
        parsed = line.parsed
        assert parsed is not None
        return Request(
            parsed.command,
            actor=parsed.actor or self.actor,
            via=parsed.via or self.session.via,
            at=parsed.at,
            reason=parsed.reason or self.session.reason,
            correlation=parsed.correlation or self.session.correlation,
            key=line.key if self.remembers else None,
        )

    def _tell(self, line: ScriptLine, error: InputError) -> None:
        target = line.parsed.target if line.parsed is not None else None
        self.answers.show_error(error, line.command_name, target, line.number)
        at = "" if isinstance(error, ScriptError) else f"{self.source}:{line.number}: "
        say("error", at + error.message, error.hint)

    def _so_far(self) -> str:
        decided = self.answers.total - self.answers.counted[INPUT_ERROR]
        commands = "1 command" if decided == 1 else f"{decided} commands"
        return f"{commands} of {self.source} decided{'' if self.dry_run else ' and recorded'}"

    def _go_on(self) -> str:
        if self.dry_run:
            return ""
        if not self.remembers:
            return "nilo log shows them; lines from a stream are remembered only with --as NAME"
        again = f" --as {quote(self.name)}" if self.name else ""
        script = "-" if self.source == "stdin" else quote(self.source)
        return f"run it again to go on: nilo run {script}{again}"

    def _summarise(self) -> None:
        answers = self.answers
        where = "nothing was recorded (--dry-run)" if self.dry_run else f"recorded in {masked(self.session.url)}"
        if not self.dry_run and answers.total == answers.counted[INPUT_ERROR]:
            where = "nothing was recorded"
        text = f"{answers.summary()}; {where}. Nothing is sent to a hypervisor."
        if self.out.json:
            say("note", text)
        else:
            self.out.write_line(text)
        answers.warn_of_the_future()
        if (
            answers.counted[INPUT_ERROR]
            and answers.total > answers.counted[INPUT_ERROR]
            and self.remembers
            and not self.dry_run
        ):
            if self.keep_going:
                hint = "run the mended lines from a file of their own: here all lines after them would be done anew"
            else:
                hint = f"mend the line, then {self._go_on()}"
            say("hint", hint)
