"""Why a policy does not hold of somebody: the comparisons of it that are not true, with both of their sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, cast

from rules.policies.judging.partial import DERIVED, evaluate_known
from rules.policies.policy import Policy
from rules.policies.subjects import path_of
from rules.symbolic.terms import Literal, Op, Term, variables
from rules.wording import format_figures

_NAMED: Final = {term: name for name, term in DERIVED.items()}
_INFIX: Final = {Op.ADD: "+", Op.SUBTRACT: "-", Op.MULTIPLY: "*", Op.DIVIDE: "//"}


def explain_breach(policy: Policy, figures: Mapping[str, int | bool | str]) -> str:
    """What is too much or too little, as ``group.held is 24 GiB, more than 20 GiB``; else the figures that it reads."""
    known = {
        variable: cast("Literal", figures[path])
        for variable in variables(policy.term)
        if (path := path_of(policy, variable)) in figures
    }
    found = [text for compared in _untrue(policy.term, known) for text in _say(policy, compared, known)]
    sentence = ", and ".join(dict.fromkeys(found))
    read = ", ".join(f"{path} is {format_figures(path, [value])[0]}" for path, value in figures.items())
    if not sentence:
        return read
    return f"{sentence} ({read})" if "*" in sentence or "//" in sentence else sentence


class _Compared(NamedTuple):
    """That a left side is at most a right one, or less where that is strict."""

    left: Term
    right: Term
    is_strict: bool


def _untrue(term: Term, known: Mapping[str, Literal]) -> Iterator[_Compared]:
    """The comparisons that would have to be true, and are not."""
    if evaluate_known(term, known, {}) is True:
        return
    match term.op:
        case Op.AND:
            for part in term.parts:
                yield from _untrue(part, known)
        case Op.OR:
            for part in term.parts:
                yield from _untrue(part, known)
        case Op.CHOOSE:
            condition, then, otherwise = term.parts
            is_so = evaluate_known(condition, known, {})
            if is_so is not None:
                yield from _untrue(then if is_so else otherwise, known)
        case Op.AT_MOST | Op.LESS:
            left, right = term.parts
            yield _Compared(left, right, term.op is Op.LESS)
        case Op.NOT if term.parts[0].op in (Op.AT_MOST, Op.LESS):
            (compared,) = term.parts
            left, right = compared.parts
            yield _Compared(right, left, compared.op is Op.AT_MOST)
        case _:
            pass


def _say(policy: Policy, compared: _Compared, known: Mapping[str, Literal]) -> Iterator[str]:
    left, right, is_strict = compared
    sides = _name(policy, left), _name(policy, right)
    values = [evaluate_known(side, known, {}) for side in (left, right)]
    if None in sides or None in values:
        return
    paths = [path_of(policy, variable) for variable in variables(left, right)]
    (left_text, right_text), (left_name, right_name) = format_figures(paths[0], values) if paths else ("", ""), sides
    too_much, too_little = ("no less than", "no more than") if is_strict else ("more than", "less than")
    if not variables(left):
        yield f"{right_name} is {right_text}, {too_little} {left_text}"
    else:
        other = f"{right_name}, " if variables(right) else ""
        yield f"{left_name} is {left_text}, {too_much} {other}{right_text}"


def _name(policy: Policy, term: Term) -> str | None:
    """A figure, or a sum or product of figures, as people write it; ``None`` for anything else."""
    if term in _NAMED:
        return path_of(policy, _NAMED[term])
    if term.op is Op.VARIABLE:
        return path_of(policy, cast("str", term.leaf))
    if term.op is Op.CONSTANT:
        return str(term.leaf)
    if term.op not in _INFIX:
        return None
    parts = [_name(policy, part) for part in term.parts]
    return None if None in parts else f" {_INFIX[term.op]} ".join(cast("list[str]", parts))
