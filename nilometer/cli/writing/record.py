"""``nilo record``: what another tool did to an observed VM, or that one is gone for good."""

from __future__ import annotations

from typing import Any, Final

import click

from domain.decision import Code, Outcome
from domain.errors import InputError, UnknownVm
from domain.identifiers import host_stream, vm_stream
from domain.observed.events import VmRequestSettled
from nilometer.cli.batching import open_stdin
from nilometer.cli.failures import NOT_IN_FULL, OK, UNREADABLE, Mistyped, say
from nilometer.cli.names import (
    find_named,
    find_vm,
    has_history,
    list_vm_names,
    match_host_case,
    resolve_host,
    resolve_vm,
)
from nilometer.cli.options import ahead_option, asking_options, common_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import Session, current_session, read_typed_time
from nilometer.cli.writing.answers import error_to_document, format_amounts, outcome_colour
from nilometer.importers.manual import ReportedChange
from nilometer.importers.reporting import NEW_VM, RecordedChange, record_change, retire
from nilometer.importers.reports import TypedReport, parse_report, read_reports
from nilometer.ledger.ledger import Ledger
from nilometer.messages.observed import describe_cause
from nilometer.messages.shortfalls import PARTIALLY
from nilometer.messages.sizes import format_size, format_sizes, plural
from nilometer.suggesting import did_you_mean
from nilometer.times import current_time
from projections.fleet import Fleet

_REQUIRED: Final = ("asked", "before", "after")


@click.command("record")
@click.argument("vm", metavar="VM|-", required=False)
@click.option("--asked", metavar="SIZE", help="The memory that was requested for the VM.")
@click.option("--before", metavar="SIZE", help="The memory that it had before.")
@click.option("--after", metavar="SIZE", help="The memory that it has now.")
@click.option("--in-use", metavar="SIZE", help="The memory in use in the guest at the request.")
@click.option("--error", metavar="TEXT", help="The error that the tool reported, word for word.")
@click.option("--happened", metavar="TIME", help="When it happened; default now.")
@click.option("--host", metavar="HOST", help="The host that the VM was on.")
@click.option("--new", is_flag=True, help="The VM may be one that the ledger does not know yet.")
@click.option("--key", metavar="TEXT", help="Record it once: a second report with this key gets the first result.")
@click.option("--retire", metavar="VM|HOST", help="Record that a VM or host is gone for good. Its history stays.")
@click.option("--keep-going", is_flag=True, help="Of stdin: go on after a line that cannot be recorded.")
@ahead_option
@asking_options
@common_options
def command(vm: str | None, happened: str | None, retire: str | None, at_ahead: bool, **options: Any) -> int:
    """Record what another tool did to an observed VM. Nothing is decided, and nothing is sent to a hypervisor.

    `nilo record -` reads reports from stdin, one JSON object per line, with the names of the options as keys:
    {"vm": "web07", "asked": "8GiB", "before": "4GiB", "after": "6GiB", "in_use": "3GiB", "via": "powershell"}

    \b
    Examples:
      nilo record web07 --asked 8GiB --before 4GiB --after 6GiB --via powershell
      nilo record --retire web07 --reason "decommissioned, CHG-2041"
    """
    session = current_session()
    out = Output(session.format)
    keep_going = options.pop("keep_going")
    if retire is not None:
        _refuse_beside("--retire", vm, {**options})
        return _retire(session, out, retire, happened, at_ahead=at_ahead)
    if vm == "-":
        _refuse_beside("reports from stdin", None, {**options, "happened": happened})
        return _record_lines(session, out, keep_going=keep_going, at_ahead=at_ahead)
    if vm is None:
        raise Mistyped("a VM is missing", hint="nilo record web07 --asked 8GiB --before 4GiB --after 6GiB")
    missing = [name for name in _REQUIRED if options[name] is None]
    if missing:
        raise Mistyped(f"--{missing[0]} is missing", hint=f"add --{missing[0]} SIZE")
    given = {name: value for name, value in options.items() if value not in (None, False)}
    if happened is not None:
        given["happened"] = read_typed_time(happened)
    report = _read_typed({"vm": vm, **given})
    _check_known(session, report)
    with session.writing() as ledger:
        recorded = _record(session, ledger, report, at_ahead=at_ahead)
        url = ledger.url
    if out.json:
        out.write_record(_to_document(recorded))
    else:
        _show(out, recorded)
        first, last = recorded.positions[0], recorded.positions[-1]
        was = "It was recorded before" if recorded.repeated else "Recorded"
        out.write_line(f"{was} in {url} at positions {first} to {last}. Nothing was decided.")
    return OK if recorded.settled.outcome is Outcome.COMPLETED else NOT_IN_FULL


def _refuse_beside(what: str, vm: str | None, options: dict[str, Any]) -> None:
    """Raises if something was given that has no meaning there."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value not in (None, False)]
    given = [vm, *given] if vm is not None else given
    if given:
        raise Mistyped(f"{given[0]} does not go with {what}", hint=f"leave {given[0]} out")


def _read_typed(given: dict[str, Any]) -> TypedReport:
    """Reads a report from options. Raises ``Mistyped`` with the name of the option."""
    try:
        return parse_report(given)
    except InputError as error:
        key, colon, rest = error.message.partition(": ")
        option = key if key == "vm" or key not in given else f"--{key.replace('_', '-')}"
        message = f"{option} {rest}" if rest == "is empty" else f"{option}{colon}{rest}"
        raise Mistyped(message, hint=error.hint) from None


def _check_known(session: Session, report: TypedReport) -> None:
    """Raises ``UnknownVm`` before a ledger is made for a VM that is not new."""
    if not report.new:
        with session.reading_if_any() as ledger:
            if ledger is None:
                raise UnknownVm(report.vm, hint=NEW_VM)


# One report


def _record(session: Session, ledger: Ledger, report: TypedReport, *, at_ahead: bool) -> RecordedChange:
    """Records a report, and says on stderr what is odd about it."""
    change = _with_ids(ledger, report)
    recorded = record_change(
        ledger,
        change,
        actor=report.actor or session.actor,
        via=report.via or session.via,
        reason=report.reason or session.reason,
        correlation=report.correlation or session.correlation,
        key=report.key,
        new=report.new,
        at_ahead=at_ahead,
    )
    for remark in recorded.remarks:
        say("note", remark)
    return recorded


def _with_ids(ledger: Ledger, report: TypedReport) -> ReportedChange:
    """The change with the ids of its VM and host, which may have been named in another case, or the VM by its name."""
    from dataclasses import replace

    change, word = report.to_change(current_time(ledger.clock)), report.vm
    if change.host is not None or not has_history(ledger, vm_stream(word)):
        fleet = ledger.views.fleet()
        host = None if change.host is None else _find_host(change.host, fleet)
        change = replace(change, host=host)
        if not has_history(ledger, vm_stream(word)):
            names = list_vm_names(fleet)
            try:
                found = find_vm(word, names)
            except UnknownVm:
                if report.new:
                    return change
                near = did_you_mean(word, {*names, *names.values()}) if names else ""
                hint = f"{near} {NEW_VM}" if near.startswith("did you mean") else NEW_VM
                raise UnknownVm(word, hint=hint) from None
            say("note", f"{word} is the VM {found}")
            return replace(change, vm=found)
    return change


def _find_host(word: str, fleet: Fleet) -> str:
    """The id of a host: one that is known in some case; else the word in lower case, as importers write hosts."""
    known = match_host_case(word, fleet)
    return known if known in fleet.hosts or fleet.on(known) else word.lower()


def _retire(session: Session, out: Output, word: str, happened: str | None, *, at_ahead: bool) -> int:
    """Records that a VM or host is gone for good."""
    moment = None if happened is None else read_typed_time(happened)
    with session.writing(create=False) as ledger:
        named = find_named(word, lambda name: resolve_vm(ledger, name), lambda name: resolve_host(ledger, name))
        stream = vm_stream(named.vm) if named.vm is not None else host_stream(str(named.host))
        position = retire(
            ledger,
            stream,
            actor=session.actor,
            via=session.via,
            reason=session.reason,
            correlation=session.correlation,
            happened=moment,
            at_ahead=at_ahead,
        )
        url = ledger.url
    if out.json:
        out.write_record(
            {
                "line": None,
                "command": "retire",
                "target": stream,
                "outcome": Outcome.DONE.value,
                "requested": None,
                "granted": None,
                "error": None,
                "positions": [position],
                "repeated": False,
            }
        )
    else:
        out.write_line(f"{out.style(Outcome.DONE, fg=outcome_colour(Outcome.DONE))}: retire {word}")
        out.write_line(f"Recorded in {url} at position {position}. Its history stays: nilo log {word}")
    return OK


# Reports from stdin


def _record_lines(session: Session, out: Output, *, keep_going: bool, at_ahead: bool) -> int:
    """Records the reports on stdin, each in a commit of its own; the answers come as they are recorded."""
    outcomes: list[Outcome] = []
    errors = 0
    with session.writing() as ledger, Progress("recording stdin", unit="reports") as progress:
        for line in read_reports(open_stdin(), "stdin"):
            try:
                if line.report is None:
                    raise line.error or InputError("cannot be read")
                recorded = _record(session, ledger, line.report, at_ahead=at_ahead)
            except InputError as error:
                errors += 1
                message = error.message if line.report is None else f"stdin:{line.number}: {error.message}"
                say("error", message, error.hint)
                if out.json:
                    target = None if line.report is None else vm_stream(line.report.vm)
                    out.write_record(error_to_document(error, "record", target, line.number))
                if not keep_going:
                    break
                continue
            outcomes.append(recorded.settled.outcome)
            if out.json:
                out.write_record(_to_document(recorded, line.number))
            else:
                _show(out, recorded, line.number)
            out.flush()
            progress.update(len(outcomes))
        url = ledger.url
    if not out.json:
        failed = f"; {plural(errors, 'line')} could not be recorded" if errors else ""
        out.write_line(f"{plural(len(outcomes), 'report')} recorded in {url}{failed}. Nothing was decided.")
    if errors:
        return UNREADABLE
    return OK if all(outcome is Outcome.COMPLETED for outcome in outcomes) else NOT_IN_FULL


# Answers


def _build_problem(change: ReportedChange, settled: VmRequestSettled) -> dict[str, str] | None:
    if settled.code is None:
        return None
    quoted = f': "{change.error}"' if change.error else ""
    granted, requested, rest = format_sizes([settled.granted, settled.amount, settled.remaining])
    cause = f"{describe_cause(settled)}{quoted}"
    if settled.outcome is Outcome.PARTIALLY_COMPLETED:
        message = f"{PARTIALLY} {granted} of {requested} was moved for {change.vm}; {cause}."
    else:
        toward = " toward the target" if change.after != change.before else ""
        message = f"No memory was moved{toward} for {change.vm} ({requested} requested): {cause}."
    in_use = f"free {rest} in the guest by stopping applications or services, then request {rest} again"
    return {"code": settled.code, "message": message, "hint": in_use if settled.code is Code.MEMORY_IN_USE else ""}


def _to_document(recorded: RecordedChange, line: int | None = None) -> dict[str, Any]:
    settled = recorded.settled
    return {
        "line": line,
        "command": "record",
        "target": vm_stream(recorded.change.vm),
        "outcome": settled.outcome.value,
        "requested": settled.amount,
        "granted": settled.granted,
        "error": _build_problem(recorded.change, settled),
        "positions": list(recorded.positions),
        "repeated": recorded.repeated,
    }


def _show(out: Output, recorded: RecordedChange, line: int | None = None) -> None:
    change, settled = recorded.change, recorded.settled
    amount = format_amounts(settled.amount, settled.granted)
    astray = _describe_astray(change)
    more = f", {astray}" if astray else ""
    place = "" if line is None else f"line {line}: "
    before = ", recorded before" if recorded.repeated else ""
    outcome = out.style(settled.outcome, fg=outcome_colour(settled.outcome))
    out.write_line(f"{place}{outcome}: record {change.vm}, {amount}{more}{before}")
    problem = _build_problem(change, settled)
    if problem is not None:
        out.write_line(f"    {problem['message']}")
        if problem["hint"]:
            out.write_line(f"    hint: {problem['hint']}")


def _describe_astray(change: ReportedChange) -> str:
    """By how much a VM moved where nobody wanted it; empty if it did not."""
    asked, before, after = change.asked, change.before, change.after
    if asked == before != after:
        return f"{format_size(abs(after - asked))} {'above' if after > asked else 'below'} the target"
    if (after - before) * (asked - before) < 0:
        return f"{format_size(abs(after - before))} {'more' if after > before else 'less'} than before"
    beyond = after - asked if asked > before else asked - after
    return f"{format_size(beyond)} beyond the target" if beyond > 0 else ""
