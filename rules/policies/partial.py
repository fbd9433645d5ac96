"""Policies where some figures are unknown: true or false if the known ones decide it, else unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from domain.state import Host, Vm
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import MEANINGS, Literal, Op, Term, subterms
from rules.symbolic.values import as_record, as_term
from rules.transitions.vm_commands import SITE


def evaluate_known(term: Term, known: Mapping[str, Literal], measured: Mapping[Term, Literal]) -> Literal | None:
    """The value of a term by the known variables; ``None`` if it depends on others.

    ``measured`` has the values of terms that were measured as they are, such as a host's free memory.
    """
    values: dict[Term, Literal | None] = {}
    for part in subterms(term):
        values[part] = measured[part] if part in measured else _value_of(part, known, values)
    return values[term]


def _value_of(part: Term, known: Mapping[str, Literal], values: Mapping[Term, Literal | None]) -> Literal | None:
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


def _read(name: str, kind: type) -> Term:
    """What a derived figure of a VM or host is, as a term."""
    figure = vars(kind)[name]
    return as_term(RuleReader().call(figure.fget, [as_record(SITE["vm" if kind is Vm else "host"])]))


FREE: Final = _read("free", Host)
"""What a host has left: measured as such, where its reserve is not known."""
VISIBLE: Final = _read("visible", Vm)
HELD: Final = _read("held", Vm)
"""What a guest sees, and what a VM holds: measured as such."""
