"""The answer of ``nilo can`` about a decided VM, in words and as JSON."""

from __future__ import annotations

from dataclasses import fields
from shlex import quote
from typing import Any, Final

from domain.decision import Code
from domain.identifiers import subject_id
from nilometer.cli.output import Output
from nilometer.messages.reasons import explain
from nilometer.messages.shortfalls import PARTIALLY
from nilometer.messages.sizes import format_rounded, format_sizes, format_typed, plural
from nilometer.planning.asking import CanAnswer, Possibility
from nilometer.planning.givers import PlanStep
from nilometer.planning.options import MOST_STEPS, Plan, Plans

MOST_SHOWN: Final = 5
"""Options, and holders of memory, that are shown without ``--all``."""
_WORDS: Final = {CanAnswer.NOT_NOW: "no"}


def show_decided(out: Output, asked: Possibility, *, show_all: bool) -> None:
    """Shows the answer."""
    options = [] if asked.options is None else list(asked.options.found)
    shown = options if show_all else options[:MOST_SHOWN]
    if out.json:
        out.write_document(_to_document(asked, shown, len(options)))
        return
    out.write_line(_headline(asked))
    if asked.host is not None and asked.free is not None:
        out.write_line(_describe_holders(asked, show_all=show_all))
    if asked.options is not None:
        _show_options(out, asked, asked.options, shown)


def _show_options(out: Output, asked: Possibility, options: Plans, shown: list[Plan]) -> None:
    needed, reachable, missing = format_sizes([options.needed, options.reachable, options.missing])
    no_plan = f"Without {', '.join(options.without)}, no plan" if options.without else "No plan"
    if options.missing:
        whatever = "whatever else is done" if not options.without else "whatever is done without that"
        out.write_line(
            f"{no_plan} makes it possible: the host lacks {needed}, and all others could give {reachable}. "
            f"On no host are fewer than {missing} missing, {whatever}."
        )
        return
    if not shown:
        further = f"; --within {MOST_STEPS} looks further" if options.within < MOST_STEPS else ""
        searched = "" if options.is_all else ", of those that were tried,"
        lacks = f"{needed} are missing" if options.needed > 0 else f"host {asked.host} has the memory"
        if options.needed <= 0 and asked.broken is not None:
            lacks += f", and {asked.broken.name} limits {asked.broken.subject}"
        out.write_line(
            f"{no_plan} of up to {plural(options.within, 'step')}{searched} makes it possible: {lacks}{further}."
        )
        return
    out.write_line("It would be yes after:")
    for option in shown:
        out.write_line(f"  {', then '.join(describe_step(step) for step in option.steps)}")
    more = len(options.found) - len(shown)
    if more or not options.is_all:
        counted = f"{more:,}" if options.is_all else f"at least {more:,}"
        out.write_line(f"  and {counted} more" + (": --all" if more else ", which were not tried"))


def _describe_holders(asked: Possibility, *, show_all: bool) -> str:
    held = list(asked.holders.items())
    shown = held if show_all else held[:MOST_SHOWN]
    rest = sum(size for _, size in held[len(shown) :])
    sizes = format_sizes([asked.free, rest, *(size for _, size in shown)])
    holders = [f"{vm} holds {size}" for (vm, _), size in zip(shown, sizes[2:], strict=True)]
    if len(held) > len(shown):
        holders.append(f"{plural(len(held) - len(shown), 'other VM')} hold {sizes[1]}")
    return f"Host {asked.host} has {sizes[0]} free; {', '.join(holders) or 'no VM holds any of it'}."


def _headline(asked: Possibility) -> str:
    decided = asked.decided
    word = _WORDS.get(asked.answer, asked.answer.value)
    problem = explain(decided.target, decided.events[0][1]) if decided.events and asked.code is not None else None
    if asked.broken is not None and asked.answer is CanAnswer.PARTLY:
        granted, requested = format_sizes([decided.granted, decided.requested])
        broken = asked.broken
        return (
            f"partly: {granted} of {requested}: with more, the policy {broken.name} would not hold of "
            f"{broken.subject}: {broken.sentence}"
        )
    if asked.broken is not None:
        broken = asked.broken
        return f"no: after it, the policy {broken.name} would not hold of {broken.subject}: {broken.sentence}"
    if asked.answer is CanAnswer.YES:
        if decided.granted == 0:
            return f"yes: {subject_id(decided.target)} has that already: {decided.command} would change nothing."
        amount = "" if decided.granted is None else f", {format_rounded(decided.granted)}"
        return f"yes: {decided.command} {subject_id(decided.target)} would be granted in full{amount}."
    if asked.answer is CanAnswer.NEVER:
        return f"never: {format_rounded(asked.limit)} is the most that such a VM can have on any host here."
    if asked.answer is CanAnswer.PARTLY:
        granted, requested = format_sizes([decided.granted, decided.requested])
        why = ""
        if asked.host is None and problem is not None:  # else the host's holders follow
            why = f" {problem.message.removeprefix(PARTIALLY).strip()}"
        return f"partly: {granted} of {requested}.{why}"
    return f"{word}: {problem.message if problem is not None else decided.outcome}" + (
        f" {problem.hint[:1].upper()}{problem.hint[1:]}." if problem is not None and problem.hint else ""
    )


def describe_step(step: PlanStep) -> str:
    """A step as it is typed."""
    arguments = [getattr(step.command, field.name) for field in fields(step.command)]
    return f"nilo do {step.name} " + " ".join(
        format_typed(value) if isinstance(value, int) else quote(str(value)) for value in arguments
    )


def _to_document(asked: Possibility, shown: list[Plan], count: int) -> dict[str, Any]:
    decided = asked.decided
    is_kept_from_all = asked.broken is not None and asked.code is not Code.POLICY
    return {
        "answer": asked.answer.value,
        "requested": decided.requested,
        "granted": 0 if is_kept_from_all and decided.granted is not None else decided.granted,
        "code": asked.code and asked.code.value,
        "holders": [{"vm": vm, "held": held} for vm, held in asked.holders.items()],
        "options": [option_to_document(option) for option in shown],
        "more_options": count - len(shown),
        "within": None if asked.options is None else asked.options.within,
        "complete": asked.options is None or asked.options.is_all,
        "policy": None
        if asked.broken is None
        else {
            "name": asked.broken.name,
            "sentence": asked.broken.sentence,
            "subject": asked.broken.subject,
        },
        "missing": 0 if asked.options is None else asked.options.missing,
        "read": {
            "host": asked.host,
            "free": asked.free,
            "at": None,
            "least": None,
            "most": None,
            "assigned": None,
            "in_use": None,
        },
    }


def option_to_document(option: Plan) -> dict[str, Any]:
    """An option: its steps, and what each gives."""
    return {
        "steps": [step_to_document(step) for step in option.steps],
        "grants": [step.gives for step in option.steps],
    }


def step_to_document(step: PlanStep) -> dict[str, Any]:
    """A step as a line of a script."""
    return {"command": step.name, **{field.name: getattr(step.command, field.name) for field in fields(step.command)}}
