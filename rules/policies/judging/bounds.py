"""Policies where a figure is known to be at least something: true or false if that decides it, else unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, cast

from rules.policies.judging.partial import evaluate_part
from rules.symbolic.terms import Literal, Op, Term, subterms


class Bounds(NamedTuple):
    """The least and the most that a figure may be; ``None`` where there is none."""

    least: int | None
    most: int | None


_Value = Literal | Bounds | None
_COMPARED: Final = (Op.LESS, Op.AT_MOST, Op.EQUAL)


def evaluate_bounded(
    term: Term, known: Mapping[str, Literal], measured: Mapping[Term, Literal], least: Mapping[str, int]
) -> Literal | None:
    """The value of a term by the known variables and by those that are at least something; ``None`` if it is open."""
    values: dict[Term, _Value] = {}
    for part in subterms(term):
        if part in measured:
            values[part] = measured[part]
        elif part.op is Op.VARIABLE and part.leaf in least:
            values[part] = Bounds(least[cast("str", part.leaf)], None)
        else:
            values[part] = _value_of(part, known, values)
    value = values[term]
    return None if isinstance(value, Bounds) else value


def _value_of(part: Term, known: Mapping[str, Literal], values: Mapping[Term, _Value]) -> _Value:
    exact = {inner: None if isinstance(value, Bounds) else value for inner in part.parts for value in [values[inner]]}
    value = evaluate_part(part, known, exact)
    if value is not None or not any(isinstance(values[inner], Bounds) for inner in part.parts):
        return value
    if part.op is Op.CHOOSE:  # its condition is open, or it chooses a figure with bounds
        condition = exact[part.parts[0]]
        return None if condition is None else values[part.parts[1 if condition else 2]]
    bounds = [_bounds_of(values[inner]) for inner in part.parts]
    return _compare(part.op, *bounds) if part.op in _COMPARED else _combine(part.op, bounds)


def _bounds_of(value: _Value) -> Bounds:
    if isinstance(value, Bounds):
        return value
    return Bounds(value, value) if type(value) is int else Bounds(None, None)


def _compare(op: Op, left: Bounds, right: Bounds) -> bool | None:
    if op is Op.EQUAL:
        apart = _is_less(left.most, right.least) or _is_less(right.most, left.least)
        return False if apart else None
    if op is Op.LESS:
        if _is_less(left.most, right.least):
            return True
        return False if _is_at_most(right.most, left.least) else None
    if _is_at_most(left.most, right.least):
        return True
    return False if _is_less(right.most, left.least) else None


def _is_less(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one < other


def _is_at_most(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one <= other


def _combine(op: Op, parts: list[Bounds]) -> Bounds | None:
    """The bounds of a sum, a difference, or a product with a known number that is not negative; else ``None``."""
    if op is Op.NEGATE:
        return _negate(parts[0])
    if len(parts) != 2:
        return None
    one, other = parts
    if op is Op.SUBTRACT:
        op, other = Op.ADD, _negate(other)
    if op is Op.ADD:
        return Bounds(_add(one.least, other.least), _add(one.most, other.most))
    if op is Op.LEAST:
        return Bounds(_both(min, one.least, other.least), _either(min, one.most, other.most))
    if op is Op.MOST:
        return Bounds(_either(max, one.least, other.least), _both(max, one.most, other.most))
    if op is Op.MULTIPLY and one.least is not None and one.least == one.most:
        one, other = other, one
    factor = other.least
    if factor is None or factor != other.most:
        return None
    if op is Op.MULTIPLY and factor >= 0:
        return Bounds(_times(one.least, factor), _times(one.most, factor))
    if op is Op.DIVIDE and factor > 0:
        return Bounds(_divide(one.least, factor), _divide(one.most, factor))
    return None


def _negate(bounds: Bounds) -> Bounds:
    return Bounds(*(None if size is None else -size for size in (bounds.most, bounds.least)))


def _add(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _times(size: int | None, factor: int) -> int | None:
    return None if size is None else size * factor


def _divide(size: int | None, factor: int) -> int | None:
    return None if size is None else size // factor


def _both(choose: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    """The chosen one of two bounds that are both needed."""
    return None if one is None or other is None else choose(one, other)


def _either(choose: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    """The chosen one of two bounds of which one is enough."""
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)
