"""Policies where some figures are unknown: true or false if the known ones decide it, else unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from domain.state import Host, Vm
from rules.policies.arguments import ARGUMENTS
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import MEANINGS, Literal, Op, Term, subterms
from rules.symbolic.values import as_term


def evaluate_known(term: Term, known: Mapping[str, Literal], measured: Mapping[Term, Literal]) -> Literal | None:
    """The value of a term by the known variables; ``None`` if it depends on others.

    ``measured`` has the values of terms that were measured as they are, such as a host's free memory.
    """
    values: dict[Term, Literal | None] = {}
    for part in subterms(term):
        values[part] = measured[part] if part in measured else evaluate_part(part, known, values)
    return values[term]


def evaluate_part(part: Term, known: Mapping[str, Literal], values: Mapping[Term, Literal | None]) -> Literal | None:
    """The value of a term by those of its parts; ``None`` if it depends on one that is not known."""
    if part.op is Op.CONSTANT:
        return cast("Literal", part.leaf)
    if part.op is Op.VARIABLE:
        return known.get(cast("str", part.leaf))
    parts = [values[inner] for inner in part.parts]
    if part.op in (Op.AND, Op.OR):
        decisive = part.op is Op.OR
        if any(value is decisive for value in parts):
            return decisive
        return None if None in parts else not decisive
    if part.op is Op.CHOOSE:
        condition, then, otherwise = parts
        if condition is None:
            return then if then == otherwise else None
        return then if condition else otherwise
    if any(value is None for value in parts):
        return None
    return MEANINGS[part.op](*parts)


def _read(name: str, kind: type, role: str) -> Term:
    """What a derived figure of a VM or host is, as a term."""
    figure = vars(kind)[name]
    return as_term(RuleReader().call(figure.fget, [ARGUMENTS[role]]))


DERIVED: Final[Mapping[str, Term]] = {
    "host.free": _read("free", Host, "host"),
    **{
        f"{role}.{name}": _read(name, Vm, role)
        for role in ("vm", "one", "other", "before")
        for name in ("visible", "held")
    },
}
"""Figures that follow from others, and may be measured as they are: what a host has left, where its reserve is not
known; what a guest sees, and what a VM holds."""
FREE: Final = DERIVED["host.free"]
VISIBLE: Final = DERIVED["vm.visible"]
HELD: Final = DERIVED["vm.held"]
