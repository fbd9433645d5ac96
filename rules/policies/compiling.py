"""Terms of policies as Python: compiled by us, from operations that are listed here; and as a measure of a breach.

A user's text is never evaluated. What is compiled is written from terms, name by name and operation by operation, and
agrees with the evaluator and with Z3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Protocol, TypeVar, cast

from domain.recording.vms.records import VmCommandName
from domain.state import Group, Host, Vm
from rules.symbolic import terms
from rules.symbolic.terms import ZERO, Op, Term, subterms

T_co = TypeVar("T_co", covariant=True)


class _Compiled(Protocol[T_co]):
    def __call__(
        self,
        vm: Vm | None,
        host: Host | None,
        other: Vm | None = None,
        group: Group | None = None,
        before: Vm | None = None,
        command: VmCommandName | None = None,
        minute: int = 0,
    ) -> T_co:
        """The value for the subject of a policy; of two VMs, ``vm`` is the one."""
        ...


Condition = _Compiled[bool]
"""Whether the subject of a policy keeps it."""
Measure = _Compiled[int]
"""How far the subject of a policy is from keeping it: 0 where it does."""

_PARAMETERS: Final = "vm, host, other=None, group=None, before=None, command=None, minute=0"
_ROOTS: Final = ("vm", "host", "other", "group", "before", "command", "minute")

MUCH: Final = 2**60
"""How far a state is from another power state, mode or guest: further than any size."""

_INFIX: Final[Mapping[Op, str]] = {
    op: op.value
    for op in (Op.ADD, Op.SUBTRACT, Op.MULTIPLY, Op.DIVIDE, Op.REMAINDER, Op.LESS, Op.AT_MOST, Op.EQUAL, Op.AND, Op.OR)
}


def compile_condition(term: Term) -> Condition:
    """A condition over the subject of a policy as a function of Python."""
    return cast("Condition", _compile(term))


def compile_measure(term: Term) -> Measure:
    """How far the subject of a policy is from a condition, as a function of Python."""
    return cast("Measure", _compile(distance(term)))


def distance(term: Term) -> Term:
    """How far from true a condition is: 0 exactly where it is true, and the less the smaller the breach."""
    match term.op:
        case Op.CONSTANT:
            return ZERO if term.leaf else terms.constant(MUCH)
        case Op.AT_MOST:
            return _excess(*term.parts)
        case Op.LESS:
            return _excess(terms.add(term.parts[0], terms.constant(1)), term.parts[1])
        case Op.EQUAL if term.parts[0].sort is int:
            return terms.most(_excess(*term.parts), _excess(*reversed(term.parts)))
        case Op.AND:
            total = ZERO
            for part in term.parts:
                total = terms.add(total, distance(part))
            return total
        case Op.OR:
            first, *rest = [distance(part) for part in term.parts]
            for part in rest:
                first = terms.least(first, part)
            return first
        case Op.CHOOSE:
            condition, then, otherwise = term.parts
            return terms.choose(condition, distance(then), distance(otherwise))
        case Op.NOT:
            return _distance_from_not(term, term.parts[0])
        case _:
            return terms.choose(term, ZERO, terms.constant(MUCH))


def _distance_from_not(whole: Term, part: Term) -> Term:
    """How far from false a condition is."""
    match part.op:
        case Op.AT_MOST:
            return distance(terms.less(part.parts[1], part.parts[0]))
        case Op.LESS:
            return distance(terms.at_most(part.parts[1], part.parts[0]))
        case Op.AND:
            return distance(terms.either(*map(terms.negation, part.parts)))
        case Op.OR:
            return distance(terms.both(*map(terms.negation, part.parts)))
        case Op.EQUAL if part.parts[0].sort is int:
            return terms.choose(part, terms.constant(1), ZERO)
        case _:
            return terms.choose(whole, ZERO, terms.constant(MUCH))


def _excess(left: Term, right: Term) -> Term:
    return terms.most(ZERO, terms.subtract(left, right))


def _compile(term: Term) -> object:
    """A function of Python whose text is written from a term, and from nothing else."""
    uses = Counter(part for whole in subterms(term) for part in whole.parts)
    names: dict[Term, str] = {}
    members: dict[str, object] = {}
    lines: list[str] = []
    for part in subterms(term):
        text = _write(part, names, members)
        if part.parts and uses[part] > 1:
            names[part] = f"t{len(lines)}"
            lines.append(f"    {names[part]} = {text}\n")
        else:
            names[part] = text
    source = f"def condition({_PARAMETERS}):\n{''.join(lines)}    return {names[term]}\n"
    space: dict[str, object] = {"__builtins__": {"min": min, "max": max}, **members}
    exec(compile(source, "<policy>", "exec", dont_inherit=True), space)
    return space["condition"]


def _write(term: Term, names: Mapping[Term, str], members: dict[str, object]) -> str:
    parts = [names[part] for part in term.parts]
    match term.op:
        case Op.CONSTANT if isinstance(term.leaf, StrEnum):
            name = f"{type(term.leaf).__name__}_{term.leaf.name}"
            members[name] = term.leaf
            return name
        case Op.CONSTANT:
            return repr(term.leaf) if isinstance(term.leaf, bool) else f"({int(cast('int', term.leaf))})"
        case Op.VARIABLE:
            return _path(cast("str", term.leaf))
        case Op.NOT:
            return f"(not {parts[0]})"
        case Op.NEGATE:
            return f"(-{parts[0]})"
        case Op.LEAST | Op.MOST:
            return f"{term.op.value}({', '.join(parts)})"
        case Op.CHOOSE:
            return f"({parts[1]} if {parts[0]} else {parts[2]})"
        case _:
            return f"({f' {_INFIX[term.op]} '.join(parts)})"


def _path(variable: str) -> str:
    """A figure as an attribute of a parameter: each part of it is a name."""
    site, *path = variable.split(".")
    assert site == "site"
    assert path[0] in _ROOTS
    assert all(part.isidentifier() for part in path)
    return ".".join(path)
