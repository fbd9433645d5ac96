"""``nilo record``: what another tool did to an observed VM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

import click
from pydantic_core import SchemaValidator, ValidationError

from domain.decision import Code, Outcome
from domain.identifiers import vm_stream
from domain.observed.events import VmRequestSettled
from domain.quantities import MiB
from domain.shapes import Id, TypedSize
from nilometer.cli.failures import NOT_IN_FULL, OK, Mistyped, say
from nilometer.cli.names import find_observed_vm, has_history
from nilometer.cli.options import ahead_option, asking_options, common_options
from nilometer.cli.output import Output
from nilometer.cli.session import Session, current_session, read_typed_time
from nilometer.cli.writing.answers import format_amounts, outcome_colour
from nilometer.importers.manual import ReportedChange, record_change
from nilometer.ledger.typed_commands import describe_error
from nilometer.messages.events import describe_cause
from nilometer.messages.shortfalls import PARTIALLY
from nilometer.messages.sizes import format_sizes
from nilometer.storage.schemas import SchemaBuilder
from nilometer.times import current_time


@click.command("record")
@click.argument("vm")
@click.option("--asked", required=True, metavar="SIZE", help="The memory that was requested for the VM.")
@click.option("--before", required=True, metavar="SIZE", help="The memory that it had before.")
@click.option("--after", required=True, metavar="SIZE", help="The memory that it has now.")
@click.option("--in-use", metavar="SIZE", help="The memory in use in the guest at the request.")
@click.option("--error", metavar="TEXT", help="The error that the tool reported, word for word.")
@click.option("--happened", metavar="TIME", help="When it happened; default now.")
@ahead_option
@asking_options
@common_options
def command(
    vm: str,
    asked: str,
    before: str,
    after: str,
    in_use: str | None,
    error: str | None,
    happened: str | None,
    at_ahead: bool,
) -> int:
    """Record what another tool did to an observed VM. Nothing is decided, and nothing is sent to a hypervisor.

    \b
    Examples:
      nilo record web07 --asked 8GiB --before 4GiB --after 6GiB --via powershell
      nilo record web07 --asked 2GiB --before 6GiB --after 6GiB --error "The operation failed." --in-use 5GiB
    """
    session = current_session()
    out = Output(session.format)
    if error is not None and not error.strip():
        raise Mistyped("--error is empty", hint="give the message of the tool, or leave --error out")
    change = ReportedChange(
        vm=vm,
        asked=_read_typed_size(asked, "--asked"),
        before=_read_typed_size(before, "--before"),
        after=_read_typed_size(after, "--after"),
        happened=current_time(session.clock) if happened is None else read_typed_time(happened),
        error=error,
        in_use=None if in_use is None else _read_typed_size(in_use, "--in-use"),
    )
    change = replace(change, vm=_find_vm(session, vm))
    with session.writing() as ledger:
        observation, settled = record_change(change, ledger.stream(vm_stream(change.vm)))
        observation = replace(
            observation, reason=session.reason, correlation=session.correlation or observation.correlation
        )
        (positions,) = ledger.record([observation], actor=session.actor, via=session.via, at_ahead=at_ahead)
        url = ledger.url
    if out.json:
        out.write_record(_to_document(change, settled, positions))
    else:
        _show(out, change, settled)
        out.write_line(f"Recorded in {url} at positions {positions[0]} to {positions[-1]}. Nothing was decided.")
    return OK if settled.outcome is Outcome.COMPLETED else NOT_IN_FULL


def _find_vm(session: Session, word: str) -> str:
    """Finds the VM: one of this id, or an observed one of this name; else it is a new one, of this id."""
    with session.reading_if_any() as ledger:
        if ledger is not None and not has_history(ledger, vm_stream(word)):
            found = find_observed_vm(word, ledger.views.fleet())
            if found is not None:
                say("note", f"{word} is the VM {found}")
                return found
    return _read(_read_id, "vm", word)


def _read_typed_size(text: str, option: str) -> int:
    """Reads a typed size. A number that is too small for bytes of memory lacks its unit."""
    size = _read(_read_size, option, text)
    if 0 < size < MiB and text.isdecimal():
        raise Mistyped(f"{option}: {text!r} has no unit, and is {size} bytes", hint=f"write {size}GiB or {size}MiB")
    return size


T = TypeVar("T")


def _read(shape: Callable[[object], T], option: str, text: str) -> T:
    """Reads a typed value. Raises ``Mistyped``."""
    try:
        return shape(text)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        wrong["loc"] = (option,)
        what, hint = describe_error("record", wrong)
        raise Mistyped(what, hint=hint) from None


_read_id: Final[Callable[[object], str]] = SchemaValidator(SchemaBuilder().build(Id)).validate_python
_read_size: Final[Callable[[object], int]] = SchemaValidator(SchemaBuilder().build(TypedSize)).validate_python


def _build_problem(change: ReportedChange, settled: VmRequestSettled) -> dict[str, str] | None:
    if settled.code is None:
        return None
    quoted = f': "{change.error}"' if change.error else ""
    granted, requested, rest = format_sizes([settled.granted, settled.amount, settled.remaining])
    cause = f"{describe_cause(settled)}{quoted}"
    if settled.outcome is Outcome.PARTIALLY_COMPLETED:
        message = f"{PARTIALLY} {granted} of {requested} was moved for {change.vm}; {cause}."
    else:
        message = f"No memory was moved for {change.vm} ({requested} requested): {cause}."
    in_use = f"free {rest} in the guest by stopping applications or services, then request {rest} again"
    return {"code": settled.code, "message": message, "hint": in_use if settled.code is Code.MEMORY_IN_USE else ""}


def _to_document(change: ReportedChange, settled: VmRequestSettled, positions: tuple[int, ...]) -> dict[str, Any]:
    return {
        "line": None,
        "command": "record",
        "target": vm_stream(change.vm),
        "outcome": settled.outcome.value,
        "requested": settled.amount,
        "granted": settled.granted,
        "error": _build_problem(change, settled),
        "positions": list(positions),
        "repeated": False,
    }


def _show(out: Output, change: ReportedChange, settled: VmRequestSettled) -> None:
    amount = format_amounts(settled.amount, settled.granted)
    out.write_line(f"{out.style(settled.outcome, fg=outcome_colour(settled.outcome))}: record {change.vm}, {amount}")
    problem = _build_problem(change, settled)
    if problem is not None:
        out.write_line(f"    {problem['message']}")
        if problem["hint"]:
            out.write_line(f"    hint: {problem['hint']}")
