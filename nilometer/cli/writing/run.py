"""``nilo run``: decides and records the commands of a script."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from shlex import quote
from typing import BinaryIO, Final, Protocol

import click

from domain.errors import InputError
from nilometer.cli.batching import batches, batches_as_they_come, open_stdin
from nilometer.cli.failures import UNREADABLE, Interrupted, Mistyped, say
from nilometer.cli.names import add_hint
from nilometer.cli.options import ahead_option, asking_options, common_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import Session, current_session
from nilometer.cli.writing.answers import INPUT_ERROR, Answers
from nilometer.errors import CommitUncertain, LedgerError
from nilometer.ledger.dry_run import DryRun
from nilometer.ledger.moments import check_not_ahead
from nilometer.ledger.requests import Request, Result
from nilometer.ledger.script import ScriptError, ScriptLine, read_script
from nilometer.messages.sizes import plural
from nilometer.textio.files import open_input
from nilometer.times import current_time
from projections.fleet import Fleet

BATCH_COMMANDS: Final = 50
"""The number of commands in one commit."""

MAX_SHOWN: Final = 20
"""The number of unreadable lines that are shown."""


@click.command("run", short_help="Decide and record each command of a script.")
@click.argument("script", metavar="SCRIPT")
@click.option("--dry-run", is_flag=True, help="Decide, but record nothing.")
@click.option("--keep-going", is_flag=True, help="Continue after an input error.")
@click.option("--again", "redo", is_flag=True, help="Decide lines again that were recorded before.")
@click.option("--as", "name", metavar="NAME", help="A name for the script, so that stdin can be resumed.")
@ahead_option
@asking_options
@common_options
def command(script: str, dry_run: bool, keep_going: bool, redo: bool, name: str | None, at_ahead: bool) -> int:
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
        raise Mistyped("--as is empty", hint="give the script a name, or leave --as out")
    run = Run(
        session,
        Output(session.format),
        script,
        dry_run=dry_run,
        keep_going=keep_going,
        redo=redo,
        name=name,
        at_ahead=at_ahead,
    )
    if script == "-":
        run.source = "stdin"
        return run.decide(open_stdin(), regular=False)
    with open_input(script) as stream:
        regular = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
        if regular and not keep_going and not run.is_readable(stream):
            return UNREADABLE
        return run.decide(stream, regular=regular)


class Decider(Protocol):
    """What decides: a ledger, or a dry run on one."""

    def execute_all(self, requests: Sequence[Request], *, keep_going: bool = False) -> list[Result | InputError]:
        """Decides commands one after the other."""
        ...


class Run:
    """One run of a script: its options, and the results so far."""

    def __init__(
        self,
        session: Session,
        out: Output,
        source: str,
        *,
        dry_run: bool,
        keep_going: bool,
        redo: bool,
        name: str | None,
        at_ahead: bool,
    ) -> None:
        self.session, self.out, self.source = session, out, source
        self.dry_run, self.keep_going, self.redo, self.name = dry_run, keep_going, redo, name
        self.at_ahead = at_ahead
        self.answers = Answers(out)
        self.is_remembered = False
        self.actor = session.actor
        self.url = ""
        """The ledger's, as it shows it."""

    def is_readable(self, stream: BinaryIO) -> bool:
        """Whether every line of a file is a command; shows those that are not. Leaves the file at its beginning."""
        bad = 0
        with Progress(f"checking {self.source}", unit="lines") as progress:
            for line in self._read(stream):
                progress.update(line.number)
                if line.error is not None:
                    bad += 1
                    if bad <= MAX_SHOWN:
                        self._show_error(line, line.error)
        stream.seek(0)
        if bad:
            more = f", the first {MAX_SHOWN} are shown" if bad > MAX_SHOWN else ""
            say("note", f"{plural(bad, 'line')} of {self.source} cannot be read{more}; nothing was decided")
        return not bad

    def decide(self, stream: BinaryIO, *, regular: bool) -> int:
        """Decides and records the lines of a stream; returns the exit code."""
        self.is_remembered = not self.redo and (regular or bool(self.name))
        lines = self._read(stream)
        batched = (batches if regular else batches_as_they_come)(lines, BATCH_COMMANDS)
        try:
            if self.dry_run:
                with self.session.reading_if_any() as ledger_if_any:
                    dry_run = DryRun(ledger_if_any, self.session.clock)
                    self._decide_all(dry_run, lambda: dry_run.fleet, batched)
            else:
                with self.session.writing() as ledger:
                    self.url = ledger.url
                    self._decide_all(ledger, ledger.views.fleet, batched)
        except KeyboardInterrupt:
            raise Interrupted(self._format_progress(), hint=self._format_way_on()) from None
        except CommitUncertain as error:  # the keys of lines are none that anybody can give
            if self.answers.total:
                say("note", self._format_progress())
            error.hint = self._format_way_on()
            raise
        except LedgerError:
            if self.answers.total:
                say("note", self._format_progress(), self._format_way_on())
            raise
        self._show_summary()
        return self.answers.code

    def _read(self, stream: BinaryIO) -> Iterator[ScriptLine]:
        """The lines of a stream; unless it is meant, a time far ahead of the clock is an error of its line."""
        for line in read_script(stream, self.source, self.name or ""):
            at = None if line.parsed is None else line.parsed.at
            try:
                if at is not None and not self.at_ahead:
                    check_not_ahead("at:", at, current_time(self.session.clock))
            except InputError as error:
                wrong = ScriptError(f"{self.source}:{line.number}: {error.message}", hint=error.hint)
                yield replace(line, parsed=None, error=wrong)
            else:
                yield line

    def _decide_all(self, decider: Decider, fleet: Callable[[], Fleet], batched: Iterable[list[ScriptLine]]) -> None:
        with Progress(f"running {self.source}", unit="commands") as progress:
            for batch in batched:
                is_continued = self._decide_batch(decider, fleet, batch)
                self.out.flush()
                progress.update(self.answers.total)
                if not is_continued:
                    return

    def _decide_batch(self, decider: Decider, fleet: Callable[[], Fleet], batch: list[ScriptLine]) -> bool:
        """Decides the lines of one commit; returns whether to continue after them."""
        readable = [line for line in batch if line.parsed is not None]
        if not self.keep_going and len(readable) < len(batch):
            first = next(index for index, line in enumerate(batch) if line.error is not None)
            readable, batch = batch[:first], batch[: first + 1]
        try:
            answers = decider.execute_all([self._build_request(line) for line in readable], keep_going=self.keep_going)
        except LedgerError as error:  # what was recorded before it is answered first
            answered = [answer for answer in error.answers if isinstance(answer, Result | InputError)]
            self._show_answers(fleet, readable[: len(answered)], answered)
            self.out.flush()
            raise
        return self._show_answers(fleet, batch, answers)

    def _show_answers(
        self, fleet: Callable[[], Fleet], batch: Iterable[ScriptLine], given: Iterable[Result | InputError]
    ) -> bool:
        """Shows the answers to the lines of one commit; returns whether to continue after them."""
        answers = iter(given)
        for line in batch:
            answer = line.error if line.error is not None else next(answers)
            if isinstance(answer, Result):
                self.answers.show(answer, line.number)
                continue
            self._show_error(line, add_hint(answer, fleet))
            if not self.keep_going:
                return False
        return True

    def _build_request(self, line: ScriptLine) -> Request:
        parsed = line.parsed
        assert parsed is not None
        return Request(
            parsed.command,
            actor=parsed.actor or self.actor,
            via=parsed.via or self.session.via,
            at=parsed.at,
            reason=parsed.reason or self.session.reason,
            correlation=parsed.correlation or self.session.correlation,
            key=line.key if self.is_remembered else None,
            at_ahead=self.at_ahead,
        )

    def _show_error(self, line: ScriptLine, error: InputError) -> None:
        target = line.parsed.target if line.parsed is not None else None
        self.answers.show_error(error, line.command_name, target, line.number)
        at = "" if isinstance(error, ScriptError) else f"{self.source}:{line.number}: "
        say("error", at + error.message, error.hint)

    def _format_progress(self) -> str:
        decided = self.answers.total - self.answers.counts[INPUT_ERROR]
        was = "was" if decided == 1 else "were"
        recorded = "" if self.dry_run else " and recorded"
        return f"{plural(decided, 'command')} of {self.source} {was} decided{recorded}"

    def _format_way_on(self) -> str:
        if self.dry_run:
            return ""
        if not self.is_remembered:
            return "nilo log shows them; lines from stdin are remembered only with --as NAME"
        name = (f" --as {quote(self.name)}" if self.name else "") + (" --at-ahead" if self.at_ahead else "")
        script = "-" if self.source == "stdin" else quote(self.source)
        return f"run it again to continue: nilo run {script}{name}"

    def _show_summary(self) -> None:
        answers = self.answers
        where = "nothing was recorded (--dry-run)" if self.dry_run else f"recorded in {self.url}"
        if not self.dry_run and answers.total == answers.counts[INPUT_ERROR]:
            where = "nothing was recorded"
        text = f"{answers.summarize()}; {where}. Nothing is sent to a hypervisor."
        if self.out.json:
            say("note", text)
        else:
            self.out.write_line(text)
        answers.warn_of_the_future(self.session.clock)
        if (
            answers.counts[INPUT_ERROR]
            and answers.total > answers.counts[INPUT_ERROR]
            and self.is_remembered
            and not self.dry_run
        ):
            if self.keep_going:
                hint = "run the corrected lines from a file of their own: here, all later lines would be decided again"
            else:
                hint = f"correct the line, then {self._format_way_on()}"
            say("hint", hint)
