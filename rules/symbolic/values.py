"""Symbolic values, the arguments and results of a rule that is read: terms, and records of terms."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import EnumMeta, StrEnum
from functools import cache, cached_property
from typing import Any, Final, TypeGuard, cast, get_type_hints

from rules.symbolic import terms
from rules.symbolic.terms import Literal, Sort, Term


@dataclass(frozen=True, eq=False)
class SymbolicRecord:
    """A frozen record of the program: its class, and a symbolic value for each field."""

    kind: type
    fields: Mapping[str, Value]

    def __getitem__(self, name: str) -> Value:
        return self.fields[name]

    @cached_property
    def key(self) -> object:
        """Equal for records of the same class with the same values."""
        key = (self.kind, *[value.key for value in self.fields.values()])
        return id(_KEYS.setdefault(key, key))  # a number is quicker to look up than all that is in the record

    def term(self, name: str) -> Term:
        """The value of a field that is a term, not a record."""
        value = self.fields[name]
        assert isinstance(value, Term), f"{self.kind.__name__}.{name} is a record"
        return value


Value = Term | SymbolicRecord

_KEYS: Final[dict[tuple[object, ...], tuple[object, ...]]] = {}
"""What a record's key stands for: its class, and the keys of its values. Each is there for good, as terms are."""


def as_record(value: Value | None) -> SymbolicRecord:
    """The value, where it is known to be a record."""
    assert isinstance(value, SymbolicRecord)
    return value


def as_term(value: Value | None) -> Term:
    """The value, where it is known to be a term."""
    assert isinstance(value, Term)
    return value


@cache
def field_types(kind: type) -> dict[str, type]:
    """The fields of a record class and their types, in the order of its constructor."""
    hints = get_type_hints(kind)
    return {field.name: cast("type", hints[field.name]) for field in dataclasses.fields(kind)}


def is_class(value: object) -> TypeGuard[type]:
    """Whether something is a class, whatever it says of itself."""
    return issubclass(type(value), type)


_PARAMETERS: Final = cast("object", cast("Any", SymbolicRecord).__dataclass_params__)
"""What Python keeps of how a frozen dataclass was asked for."""


def is_record(kind: object) -> bool:
    """Whether a class is a frozen dataclass: the only kind of record that rules may use."""
    parameters: object = getattr(kind, "__dataclass_params__", None) if is_class(kind) else None
    return type(parameters) is type(_PARAMETERS) and cast("Any", parameters).frozen is True


def is_sort(kind: object) -> bool:
    """Whether a class is the sort of a term: ``int``, ``bool``, or an enum of strings."""
    return kind is int or kind is bool or (isinstance(kind, EnumMeta) and issubclass(kind, StrEnum))


def symbolic(name: str, kind: type) -> Value:
    """An unknown value of a type: a variable, or a record of variables that are named ``name.field``."""
    if is_record(kind):
        return SymbolicRecord(
            kind, {field: symbolic(f"{name}.{field}", sort) for field, sort in field_types(kind).items()}
        )
    return terms.variable(name, cast("Sort", kind))


def constants(value: object) -> Value:
    """A Python value as a symbolic one: constants, or a record of constants."""
    if is_record(type(value)):
        kind = cast("type", type(value))
        return SymbolicRecord(kind, {name: constants(getattr(value, name)) for name in field_types(kind)})
    return terms.constant(cast("Literal", value))


def choose(condition: Term, then: Value, otherwise: Value) -> Value | None:
    """``then if condition else otherwise``, field by field; ``None`` if the two have different types."""
    if isinstance(then, Term) and isinstance(otherwise, Term):
        return terms.choose(condition, then, otherwise) if then.sort is otherwise.sort else None
    if isinstance(then, SymbolicRecord) and isinstance(otherwise, SymbolicRecord) and then.kind is otherwise.kind:
        fields = {name: choose(condition, then[name], otherwise[name]) for name in then.fields}
        return SymbolicRecord(then.kind, cast("Mapping[str, Value]", fields))
    return None


def equal(one: Value, other: Value) -> Term:
    """The term that says that two values of one type are equal, field by field."""
    if isinstance(one, Term) and isinstance(other, Term):
        return terms.equal(one, other)
    assert isinstance(one, SymbolicRecord)
    assert isinstance(other, SymbolicRecord)
    assert one.kind is other.kind
    return terms.both(*[equal(one[name], other[name]) for name in one.fields])


def leaves(value: Value, name: str = "") -> Iterator[tuple[str, Term]]:
    """The terms that a value is made of, each with its path, as ``vm.assigned``."""
    if isinstance(value, Term):
        yield name, value
    else:
        for field, inner in value.fields.items():
            yield from leaves(inner, f"{name}.{field}" if name else field)


def substitute(value: SymbolicRecord, known: Mapping[str, Term]) -> SymbolicRecord:
    """A record with terms in place of some variables. Subterms that its fields share are built once."""
    return _with_leaves(value, terms.substitute_all([term for _, term in leaves(value)], known))


def replace_in(value: SymbolicRecord, old: Term, new: Term) -> SymbolicRecord:
    """A record with another term in place of one, wherever it occurs."""
    return _with_leaves(value, terms.replace_all([term for _, term in leaves(value)], old, new))


def _with_leaves(value: SymbolicRecord, replaced: Sequence[Term]) -> SymbolicRecord:
    """A record of the same structure with other terms, in the order of ``leaves``."""
    rest = iter(replaced)

    def rebuilt(value: SymbolicRecord) -> SymbolicRecord:
        fields: dict[str, Value] = {
            name: rebuilt(inner) if isinstance(inner, SymbolicRecord) else next(rest)
            for name, inner in value.fields.items()
        }
        return SymbolicRecord(value.kind, fields)

    return rebuilt(value)


def concretize(value: Value, values: Mapping[str, Literal]) -> Any:
    """The Python value of a symbolic value, given the values of its variables."""
    return concretize_all([value], values)[0]


def concretize_all(symbolic: Sequence[Value], values: Mapping[str, Literal]) -> list[Any]:
    """The Python values of symbolic values. Subterms that they share are computed once."""
    known = iter(terms.evaluate_all([term for value in symbolic for _, term in leaves(value)], values))

    def build(value: Value) -> Any:
        if isinstance(value, Term):
            return next(known)
        return value.kind(**{name: build(inner) for name, inner in value.fields.items()})

    return [build(value) for value in symbolic]
