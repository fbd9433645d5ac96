"""The answer of ``nilo drive``: what came, beside what was expected; and its exit code."""

from __future__ import annotations

from typing import Any

from domain.decision import Outcome
from domain.observed.events import VmRequestSettled
from nilometer.cli.failures import NOT_IN_FULL, OK, UNDECIDED, say
from nilometer.cli.output import Output
from nilometer.cli.writing.answers import format_amounts, outcome_colour
from nilometer.drive.bringing_in import DriveResult
from nilometer.messages.observed import describe_cause, describe_settlement
from nilometer.times import format_duration, format_time

UNKNOWN = "unknown"


def result_to_document(result: DriveResult) -> dict[str, Any]:
    """Returns a result as JSON."""
    came = result.came
    expected = None if came.expectation is None else came.expectation.granted
    settled = _find_own(result)
    return {
        "vm": result.vm,
        "outcome": UNKNOWN if came.outcome is None else came.outcome.value,
        "requested": came.requested,
        "granted": came.granted,
        "expected": expected,
        "code": None if settled is None or settled.code is None else str(settled.code),
        "error": None if came.problem is None else {"message": came.problem, "hint": came.hint},
        "sent": came.was_sent,
        "evidence": str(result.evidence),
        "positions": list(result.positions),
    }


def show_result(out: Output, result: DriveResult, url: str, *, dry_run: bool) -> int:
    """Shows a result, and returns its exit code."""
    came = result.came
    _say_beside(result)
    if out.json:
        out.write_document(result_to_document(result))
    elif dry_run:
        expected = "nothing to do" if came.expectation is None else f"expected: {came.expectation.describe()}"
        out.write_line(f"{result.vm}: {came.problem or expected}")
    else:
        _show(out, result, url)
    if dry_run:
        return OK if came.problem is None and (came.expectation is None or came.expectation.is_full) else NOT_IN_FULL
    return code_of(came.outcome)


def code_of(outcome: Outcome | None) -> int:
    """The exit code for what came."""
    if outcome is None:
        return UNDECIDED
    return OK if outcome is Outcome.COMPLETED else NOT_IN_FULL


def _find_own(result: DriveResult) -> VmRequestSettled | None:
    """How the request settled that was made now."""
    mark = f"#{result.came.record}"
    found = (settled.event for settled in reversed(result.settled))
    return next((event for event in found if (event.record or "").endswith(mark)), None)


def _say_beside(result: DriveResult) -> None:
    """Says on stderr what else there is to know."""
    own = _find_own(result)
    if result.set_aside:
        say("note", f"a record that had broken off was set aside in {result.evidence}.broken")
    for settled in result.settled:
        event = settled.event
        if own is None or event.request != own.request:
            when = f"at {format_time(settled.happened)}"
            if settled.earliest is not None:
                when = f"between {format_time(settled.earliest)} and {format_time(settled.happened)}"
            say("note", f"request {event.request}, which was open, settled {when}: {describe_settlement(event)}")
    if result.not_recorded is not None:
        say(
            "error",
            f"the ledger does not have it yet: {result.not_recorded.message}",
            f"the evidence has it: nilo import-qemu {result.evidence}",
        )


def _show(out: Output, result: DriveResult, url: str) -> None:
    came, own = result.came, _find_own(result)
    outcome = UNKNOWN if came.outcome is None else came.outcome.value
    colour = "yellow" if came.outcome is None else outcome_colour(came.outcome)
    if came.expectation is None:
        out.write_line(f"{out.style(outcome, fg=colour)}: {result.vm} has this size already; nothing was sent")
        return
    if not came.requested:
        out.write_line(
            f"{out.style(outcome, fg=colour)}: {result.vm} has this size; what it was last told is withdrawn"
        )
        return
    amount = f", {format_amounts(came.requested, came.granted)}" if came.granted is not None else ""
    cause = f" ({describe_cause(own)})" if own is not None and own.code is not None else ""
    took = f", after {format_duration(came.seconds)}" if came.record is not None else ""
    out.write_line(f"{out.style(outcome, fg=colour)}: drive {result.vm}{amount}{cause}{took}")
    out.write_line(f"    expected: {came.expectation.describe()}")
    if came.problem is not None:
        out.write_line(f"    {came.problem}")
    if came.hint:
        out.write_line(f"    hint: {came.hint}")
    if own is not None and own.still_open:
        out.write_line("    it stays open: the guest may still move, and the next run tells")
    if result.positions:
        first, last = result.positions[0], result.positions[-1]
        out.write_line(f"    recorded in {url} at positions {first} to {last}; evidence: {result.evidence}")
