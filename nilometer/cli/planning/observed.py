"""The answer of ``nilo can`` about an observed VM, in words and as JSON: with the age of each figure it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from domain.commands import MoveVm, RemoveMemory
from domain.decision import Code
from domain.identifiers import UtcTime, seconds_between
from nilometer.cli.output import Output
from nilometer.cli.planning.decided import option_to_document
from nilometer.messages.sizes import format_rounded, format_sizes
from nilometer.planning.asking import CanAnswer
from nilometer.planning.givers import PlanStep
from nilometer.planning.observed import ObservedAnswer
from nilometer.planning.observed_goals import format_powershell, quote_powershell
from nilometer.planning.options import Plan
from nilometer.times import format_duration, format_time

MOST_SHOWN: Final = 5
"""Options that are shown without ``--all``."""


WHY_NOT_RESIZED: Final = {
    Code.WRONG_POWER_STATE: "is paused: it can be resized when it runs",
    Code.DYNAMIC_MEMORY_DISABLED: "has static memory, and only Dynamic Memory grows by itself: ask add-memory",
    Code.INVALID_AMOUNT: "would not have a multiple of 2 MiB, which is what Hyper-V takes",
    Code.GUEST_CANNOT_RESIZE: "cannot be resized while it runs: the driver in its guest does not know how",
    Code.CONFIGURATION_VERSION: "cannot be resized while it runs: its configuration version is below 6.2",
}


def show_observed(
    out: Output, found: ObservedAnswer, now: UtcTime, *, show_all: bool, spool: str | None = None
) -> None:
    """Shows the answer, by a ledger or by the newest of a ``spool``."""
    plans = () if found.options is None else found.options.plans.found
    shown = plans if show_all else plans[:MOST_SHOWN]
    more = len(plans) - len(shown)
    if out.json:
        out.write_document(_to_document(found, shown, more))
        return
    out.write_line(describe_observed(found, now, spool))
    for option in shown:
        steps = " and ".join(_describe_step(step, found) for step in option.steps)
        out.write_line(f"  It would be yes if {steps}.")
    if more:
        out.write_line(f"  and {more:,} more: --all")
    out.write_line(f"{name_of_decider(found.is_driven)} decides; this sent nothing.")


def name_of_decider(is_driven: bool) -> str:
    """Who decides about an observed VM."""
    return "QEMU" if is_driven else "Hyper-V"


def add_socket(lines: Iterable[str]) -> list[str]:
    """The lines as they are typed: one of ``nilo drive`` names the socket of its VM, which no ledger knows."""
    return [f"{line} --qmp SOCKET" if line.startswith("nilo drive ") else line for line in lines]


def _to_document(found: ObservedAnswer, shown: Sequence[Plan], more: int) -> dict[str, Any]:
    return {
        "answer": found.answer.value,
        "requested": found.amount,
        "granted": found.granted,
        "code": found.code and found.code.value,
        "holders": [],
        "options": [option_to_document(option) for option in shown],
        "more_options": more,
        "within": None if found.options is None else found.options.plans.within,
        "complete": found.options is None or found.options.plans.is_all,
        "policy": None,
        "missing": 0,
        "read": {
            "host": found.host,
            "free": found.free,
            "at": found.measured,
            "least": found.least,
            "most": found.most,
            "assigned": found.assigned,
            "in_use": None,
        },
    }


def describe_observed(found: ObservedAnswer, now: UtcTime, spool: str | None = None) -> str:
    """The answer, in a sentence."""
    amount, granted = format_sizes([found.amount, found.granted])
    free, least, most = format_sizes([found.free, found.least, found.most])
    if found.maximum is not None:
        size = (found.assigned or 0) + found.amount
        by_itself = f"Its guest gets {format_rounded(size)} by itself when it needs that and the host has it."
        way = f"Raise its maximum: Set-VMMemory {quote_powershell(found.vm)} -MaximumBytes {format_powershell(size)}"
        return (
            f"no, not this way: {found.vm} is sized by Dynamic Memory (now {format_rounded(found.assigned)}, maximum "
            f"{format_rounded(found.maximum)}). {by_itself if size <= found.maximum else way}"
        )
    if found.code is not None:
        return f"no: {found.vm} {WHY_NOT_RESIZED[found.code]}."
    if found.limit is not None:
        return f"never: {format_rounded(found.limit)} is the most that such a VM can have there."
    had = "" if found.measured is None else f"{found.host} had {free} free at {describe_moment(found.measured, now)}"
    span = "" if found.least is None else f"; in the last 24 h it had between {least} and {most} free"
    if found.amount == 0 and found.answer is CanAnswer.YES:
        return f"yes: {found.vm} needs no more memory for that."
    match found.answer:
        case CanAnswer.YES:
            return f"yes: {found.host} has {amount} for {found.vm}. {had}{span}."
        case CanAnswer.PARTLY:
            part = f"{granted} of {amount}" if found.granted is not None else f"not all of {amount}"
            return f"partly: {part}. {had}{span}."
        case CanAnswer.NOT_NOW:
            return f"no: {amount} are asked for. {had}{span}{_describe_nodes(found)}."
        case _:
            return f"unknown: {_describe_unknown(found, amount, had, span, now)} {describe_way_on(spool)}"


def describe_way_on(spool: str | None) -> str:
    """What to do where figures are too old."""
    if spool is None:
        return "Import what was collected since, or ask with it: nilo can … --spool DIR"
    return f"{spool} has nothing newer: let the collector poll (Invoke-NiloPoll), or name the spool that it writes now."


def _describe_unknown(found: ObservedAnswer, amount: str, had: str, span: str, now: UtcTime) -> str:
    if found.heard is not None:
        return f"{found.vm} was last seen at {describe_moment(found.heard, now)}."
    why = had or f"nothing is known of the free memory of {found.host or 'its host'}"
    return f"{why}{span}{_describe_nodes(found)}, so {amount} may or may not fit."


def _describe_nodes(found: ObservedAnswer) -> str:
    if found.nodes is None:
        return ""
    sizes = format_sizes(found.nodes)
    what = f"{len(sizes)} nodes of {', '.join(sizes)}" if sizes else "what its nodes have is not known"
    return f"; no VM may span its NUMA nodes ({what}), and which of them is free was not measured"


def describe_moment(time: UtcTime, now: UtcTime) -> str:
    """A time, and how long ago that was."""
    return f"{format_time(time)} ({format_duration(max(0.0, seconds_between(time, now)))} ago)"


def _describe_step(step: PlanStep, found: ObservedAnswer) -> str:
    """A step in words, with the figure that it rests on."""
    assert found.options is not None
    gives = format_rounded(step.gives)
    match step.command:
        case RemoveMemory(vm=vm):
            use = found.options.uses[vm]
            available = format_rounded(use.removable)
            return f"{vm} gave {gives} (it had {available} available at {format_time(use.at)})"
        case MoveVm(vm=vm, to=to):
            return f"{vm} moved to {to}{f' ({gives})' if step.gives else ''}"
        case _:
            return f"{getattr(step.command, 'vm', '')} stopped ({gives})"
