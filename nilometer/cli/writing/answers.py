"""The results of commands: shown one by one, and in a summary."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from domain.decision import Outcome
from domain.errors import InputError
from domain.identifiers import split_stream
from nilometer.cli.failures import NOT_IN_FULL, OK, UNREADABLE, say
from nilometer.cli.output import Output
from nilometer.ledger.requests import Result
from nilometer.messages.sizes import format_part, plural
from nilometer.times import Clock, current_time, format_time

if TYPE_CHECKING:
    from nilometer.messages.reasons import Problem

INPUT_ERROR: Final = "input-error"
_IN_FULL: Final = (Outcome.COMPLETED, Outcome.DONE)
_COLOURS: Final = {Outcome.COMPLETED: "green", Outcome.DONE: "green", Outcome.PARTIALLY_COMPLETED: "yellow"}


def _explain(result: Result) -> Problem | None:
    """Explains a command that was not granted in full; for one that was, nothing more is loaded."""
    if result.code is None:
        return None
    from nilometer.messages.reasons import explain_result

    return explain_result(result)


def result_to_document(result: Result, line: int | None = None) -> dict[str, Any]:
    """Returns a result as JSON."""
    problem = _explain(result)
    return {
        "line": line,
        "command": result.command,
        "target": result.target,
        "outcome": result.outcome.value,
        "requested": result.requested,
        "granted": result.granted,
        "error": problem and {"code": problem.code, "message": problem.message, "hint": problem.hint},
        "positions": list(result.positions),
        "repeated": result.repeated,
    }


def error_to_document(error: InputError, command: str | None, target: str | None, line: int | None) -> dict[str, Any]:
    """Returns an input error as JSON, in the place of a result."""
    return {
        "line": line,
        "command": command,
        "target": target,
        "outcome": INPUT_ERROR,
        "requested": None,
        "granted": None,
        "error": {"code": INPUT_ERROR, "message": error.message, "hint": error.hint},
        "positions": [],
        "repeated": False,
    }


def format_amounts(requested: int | None, granted: int | None) -> str:
    """Formats what was granted of what was requested; empty where a command names no amount."""
    if requested is None:
        return ""
    return format_part(granted, requested)


def outcome_colour(outcome: Outcome) -> str:
    """The colour of an outcome."""
    return _COLOURS.get(outcome, "red")


class Answers:
    """Shows results as they come, and counts them."""

    def __init__(self, out: Output) -> None:
        self.out = out
        self.counts: Counter[str] = Counter()
        self.repeated = 0
        self.latest = ""
        """The latest time at which something happened."""

    def show(self, result: Result, line: int | None = None) -> None:
        """Shows one result."""
        self.counts[result.outcome.value] += 1
        self.repeated += result.repeated
        self.latest = max(self.latest, result.happened or "")
        out = self.out
        if out.json:
            out.write_record(result_to_document(result, line))
            return
        amount = format_amounts(result.requested, result.granted)
        kind, id = split_stream(result.target)
        what = f"{result.command} {kind} {id}" if kind == "host" else f"{result.command} {id}"
        notes = ", recorded before" if result.repeated else ""
        place = "" if line is None else f"line {line}: "
        outcome = out.style(result.outcome, fg=outcome_colour(result.outcome))
        out.write_line(f"{place}{outcome}: {what}{amount and ', ' + amount}{notes}")
        problem = _explain(result)
        if problem is not None:
            out.write_line(f"    {problem.message}")
            if problem.hint:
                out.write_line(f"    hint: {problem.hint}")

    def show_error(
        self, error: InputError, command: str | None = None, target: str | None = None, line: int | None = None
    ) -> None:
        """Counts an input error, and writes it as JSON; for people it stands on stderr."""
        self.counts[INPUT_ERROR] += 1
        if self.out.json:
            self.out.write_record(error_to_document(error, command, target, line))

    @property
    def total(self) -> int:
        """The number of results and input errors."""
        return self.counts.total()

    @property
    def code(self) -> int:
        """The exit code for these results."""
        if self.counts[INPUT_ERROR]:
            return UNREADABLE
        in_full = sum(self.counts[outcome] for outcome in _IN_FULL)
        return OK if in_full == self.total else NOT_IN_FULL

    def warn_of_the_future(self, clock: Clock) -> None:
        """Warns if something happened later than now: a mistyped year moves everything after it."""
        if self.latest > current_time(clock):
            say(
                "note",
                f"recorded as happening at {format_time(self.latest)}, which is still to come",
                "times never go back on a host or VM: until then, what is recorded there without a time gets that one",
            )

    def summarize(self) -> str:
        """Summarizes all results in one sentence."""
        if not self.total:
            return "no commands"
        parts = [f"{self.counts[outcome]:,} {outcome}" for outcome in (*Outcome, INPUT_ERROR) if self.counts[outcome]]
        repeated = f"; {self.repeated:,} of them recorded before" if self.repeated else ""
        return f"{plural(self.total, 'command')}: {', '.join(parts)}{repeated}"
