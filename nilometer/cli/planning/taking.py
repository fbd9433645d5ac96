"""The answer of ``nilo can`` about memory that would be taken from an observed VM, in words and as JSON."""

from __future__ import annotations

from typing import Any

from domain.decision import Code
from domain.identifiers import UtcTime
from nilometer.cli.output import Output
from nilometer.cli.planning.observed import WHY_NOT_RESIZED, describe_moment, describe_way_on, name_of_decider
from nilometer.messages.sizes import format_rounded, format_sizes
from nilometer.planning.asking import CanAnswer
from nilometer.planning.observed_taking import TakingAnswer


def show_taking(out: Output, found: TakingAnswer, now: UtcTime, *, spool: str | None = None) -> None:
    """Shows the answer, by a ledger or by the newest of a ``spool``."""
    if out.json:
        out.write_document(_to_document(found))
        return
    out.write_line(describe_taking(found, now, spool))
    out.write_line(f"{name_of_decider(found.is_driven)} decides; this sent nothing.")


def _to_document(found: TakingAnswer) -> dict[str, Any]:
    return {
        "answer": found.answer.value,
        "requested": found.amount,
        "granted": found.granted,
        "code": found.code and found.code.value,
        "holders": [],
        "options": [],
        "more_options": 0,
        "within": None,
        "complete": True,
        "policy": None,
        "missing": 0,
        "read": {
            "host": found.host,
            "free": None,
            "at": found.measured,
            "least": None,
            "most": None,
            "assigned": found.assigned,
            "in_use": found.in_use,
        },
    }


def describe_taking(found: TakingAnswer, now: UtcTime, spool: str | None = None) -> str:
    """The answer, in a sentence."""
    if found.answer is CanAnswer.UNKNOWN:
        return f"unknown: {_describe_unknown(found, now)} {describe_way_on(spool)}"
    if found.code is Code.DYNAMIC_MEMORY_ENABLED:
        return (
            f"no, not this way: {found.vm} is sized by Dynamic Memory (now {format_rounded(found.assigned)}, minimum "
            f"{format_rounded(found.minimum)}): it gives back by itself what its guest does not need. "
            "Its maximum can be lowered only while it is off."
        )
    if found.code is not None and found.code in WHY_NOT_RESIZED:
        return f"no: {found.vm} {WHY_NOT_RESIZED[found.code]}."
    sizes = [found.amount, found.granted, found.assigned, found.in_use]
    amount, granted, assigned, in_use = format_sizes(sizes)
    keeps = format_rounded(found.keeps)
    if found.granted is None:
        amount, assigned = format_sizes([found.amount, found.assigned])
        return f"no: {found.vm} has {assigned} and keeps {keeps} whatever its guest uses: {amount} cannot be taken."
    used = "" if found.measured is None else f"Its guest used {in_use} of {assigned} at "
    used += "" if found.measured is None else f"{describe_moment(found.measured, now)}"
    kept = f"; the VM keeps {keeps}" if found.code is Code.MINIMUM_REACHED else ""
    match found.answer:
        case CanAnswer.YES:
            return f"yes: {found.vm} can give up {amount}. {used}."
        case CanAnswer.PARTLY:
            return f"partly: {granted} of {amount}. {used}{kept}."
        case _:
            return f"no: {amount} are asked for. {used}{kept}."


def _describe_unknown(found: TakingAnswer, now: UtcTime) -> str:
    if not found.is_heard:
        return f"{found.vm} was {_describe_last(found.heard, now)}."
    if not found.is_on:
        return f"whether {found.vm} runs is not known."
    amount = format_rounded(found.amount)
    if found.measured is None:
        why = f"what the guest of {found.vm} uses was not measured since its memory last moved"
    else:
        why = f"what the guest of {found.vm} uses was last measured at {describe_moment(found.measured, now)}"
    return f"{why}, so {amount} may or may not be in use."


def _describe_last(heard: UtcTime | None, now: UtcTime) -> str:
    return "never seen" if heard is None else f"last seen at {describe_moment(heard, now)}"
