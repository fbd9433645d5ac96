"""What rules take and answer, as the reader knows it: terms, and records of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import EnumMeta, StrEnum
from functools import cache
from typing import Any, cast, get_type_hints

from rules.symbolic import terms
from rules.symbolic.terms import Literal, Sort, Term


@dataclass(frozen=True, slots=True, eq=False)
class SymbolicRecord:
    """A frozen record: its class, and a value for each field."""

    kind: type
    fields: Mapping[str, Value]

    def __getitem__(self, name: str) -> Value:
        return self.fields[name]

    @property
    def key(self) -> object:
        """Equal for records of the same values."""
        return (self.kind, *[value.key for value in self.fields.values()])

    def term(self, name: str) -> Term:
        """A field that is a term."""
        value = self.fields[name]
        assert isinstance(value, Term), f"{self.kind.__name__}.{name} is a record"
        return value


Value = Term | SymbolicRecord


@cache
def fields_of(kind: type) -> dict[str, type]:
    """The fields of a record and their types, in the order of its constructor."""
    hints = get_type_hints(kind)
    return {field.name: cast("type", hints[field.name]) for field in dataclasses.fields(kind)}


def is_record(kind: object) -> bool:
    """Whether a class is a frozen dataclass: what rules may take, make and change."""
    parameters = getattr(kind, "__dataclass_params__", None)
    return isinstance(kind, type) and parameters is not None and parameters.frozen


def is_sort(kind: object) -> bool:
    """Whether a class is a sort of terms."""
    return kind is int or kind is bool or (isinstance(kind, EnumMeta) and issubclass(kind, StrEnum))


def anything(name: str, kind: type) -> Value:
    """Any value of a type: a variable, or a record of variables named ``name.field``."""
    if is_record(kind):
        return SymbolicRecord(kind, {field: anything(f"{name}.{field}", of) for field, of in fields_of(kind).items()})
    return terms.variable(name, cast("Sort", kind))


def exactly(value: object) -> Value:
    """A value of Python, as constants."""
    if is_record(type(value)):
        kind = cast("type", type(value))
        return SymbolicRecord(kind, {name: exactly(getattr(value, name)) for name in fields_of(kind)})
    return terms.constant(cast("Literal", value))


def choose(condition: Term, then: Value, otherwise: Value) -> Value | None:
    """``then if condition else otherwise``, field by field; ``None`` if the two are of different kinds."""
    if isinstance(then, Term) and isinstance(otherwise, Term):
        return terms.choose(condition, then, otherwise) if then.sort is otherwise.sort else None
    if isinstance(then, SymbolicRecord) and isinstance(otherwise, SymbolicRecord) and then.kind is otherwise.kind:
        fields = {name: choose(condition, then[name], otherwise[name]) for name in then.fields}
        return SymbolicRecord(then.kind, cast("Mapping[str, Value]", fields))
    return None


def equal(one: Value, other: Value) -> Term:
    """Two values of one kind are the same, field by field."""
    if isinstance(one, Term) and isinstance(other, Term):
        return terms.equal(one, other)
    assert isinstance(one, SymbolicRecord)
    assert isinstance(other, SymbolicRecord)
    assert one.kind is other.kind
    return terms.both(*[equal(one[name], other[name]) for name in one.fields])


def leaves(value: Value, name: str = "") -> Iterator[tuple[str, Term]]:
    """The terms of a value with their paths."""
    if isinstance(value, Term):
        yield name, value
    else:
        for field, inner in value.fields.items():
            yield from leaves(inner, f"{name}.{field}" if name else field)


def substitute(value: SymbolicRecord, known: Mapping[str, Term]) -> SymbolicRecord:
    """A record with terms in place of some variables; what its fields have in common is made once."""
    made = iter(terms.substitute_all([term for _, term in leaves(value)], known))

    def rebuilt(whole: SymbolicRecord) -> SymbolicRecord:
        fields: dict[str, Value] = {
            name: rebuilt(inner) if isinstance(inner, SymbolicRecord) else next(made)
            for name, inner in whole.fields.items()
        }
        return SymbolicRecord(whole.kind, fields)

    return rebuilt(value)


def bring_back(value: Value, values: Mapping[str, Literal]) -> Any:
    """The value of Python that a value is, under the values of its variables."""
    if isinstance(value, Term):
        return terms.evaluate(value, values)
    return value.kind(**{name: bring_back(inner, values) for name, inner in value.fields.items()})
