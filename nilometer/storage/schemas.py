"""Schemas of records, from the annotations of their fields, as the core of pydantic takes them.

They say the same as those that ``pydantic.TypeAdapter`` makes. They are made here because that takes 10 ms an event
class, and because importing pydantic itself takes longer than everything else that one command does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NewType, Union, cast, get_args, get_origin, get_type_hints

from pydantic_core import CoreConfig, CoreSchema, core_schema

from nilometer.storage.annotations import Kind, class_of, field_types

_PLAIN: Final[dict[object, Callable[[], CoreSchema]]] = {
    str: core_schema.str_schema,
    int: core_schema.int_schema,
    bool: core_schema.bool_schema,
    bytes: core_schema.bytes_schema,
    Any: core_schema.any_schema,
    NoneType: core_schema.none_schema,
}


@dataclass(frozen=True, slots=True)
class SchemaBuilder:
    """Makes schemas of records of whole numbers, texts, enums, and records, tuples, lists, sets and dicts of them.

    A model of pydantic in a field is written and read as it always is.

    A field whose metadata say ``stored=False`` is left out: whoever reads such a record sets it.
    """

    config: CoreConfig = field(default_factory=CoreConfig)
    """Of every record."""
    sorts_fields: bool = False
    """Whether a record is written in the order of the names of its fields, not in that of their definitions."""
    writes_enums_as_texts: bool = False
    """For writing alone: members of a ``StrEnum`` are the texts that they are, and nobody asks for their values."""
    largest: int | None = None
    """For reading alone: a whole number is at most so large, and at least so large negated."""
    _built: dict[Kind, CoreSchema] = field(default_factory=dict[Kind, CoreSchema], init=False, compare=False)
    """The schemas of records that were made, which others share."""

    def build(self, kind: Kind) -> CoreSchema:
        """The schema of a type. Raises ``TypeError`` for one that no record here has."""
        if isinstance(kind, NewType):
            return self.build(kind.__supertype__)
        if kind is int and self.largest is not None:
            return core_schema.int_schema(ge=-self.largest, le=self.largest)
        if kind in _PLAIN:
            return _PLAIN[kind]()
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return core_schema.str_schema() if self.writes_enums_as_texts else _enum(kind)
        if isinstance(kind, type) and issubclass(kind, tuple):
            return self._named_tuple(kind)
        if isinstance(kind, type) and "__pydantic_core_schema__" in vars(kind):  # a model, which has its schema
            return cast("CoreSchema", vars(kind)["__pydantic_core_schema__"])
        record = class_of(kind)
        return self._record(kind, record) if is_dataclass(record) else self._form(kind)

    def _form(self, kind: Kind) -> CoreSchema:
        origin: Any = get_origin(kind)
        args = get_args(kind)
        if origin is Annotated:
            return self.annotated(args[0], args[1:])
        if origin is Literal:
            return core_schema.literal_schema(list(args))
        if origin in (Union, UnionType):
            members = [self.build(arg) for arg in args if arg is not NoneType]
            one = members[0] if len(members) == 1 else core_schema.union_schema(cast("Any", members))
            return core_schema.nullable_schema(one) if NoneType in args else one
        if origin is tuple and args[1:] == (...,):
            return core_schema.tuple_schema([self.build(args[0])], variadic_item_index=0)
        if origin is tuple:
            return core_schema.tuple_schema([self.build(arg) for arg in args])
        if origin is list:
            return core_schema.list_schema(self.build(args[0]))
        if origin is set:
            return core_schema.set_schema(self.build(args[0]))
        if origin is dict:
            return core_schema.dict_schema(self.build(args[0]), self.build(args[1]))
        raise TypeError(f"no record has a field of {kind!r}")

    def _named_tuple(self, kind: Any) -> CoreSchema:
        """A ``NamedTuple``, which is written as an array."""
        if kind not in self._built:
            defaults: dict[str, Any] = kind._field_defaults
            parts = [
                core_schema.arguments_parameter(
                    name,
                    core_schema.with_default_schema(self.build(part), default=defaults[name])
                    if name in defaults
                    else self.build(part),
                    mode="positional_only",
                )
                for name, part in get_type_hints(kind).items()
            ]
            self._built[kind] = core_schema.call_schema(core_schema.arguments_schema(parts), kind)
        return self._built[kind]

    def annotated(self, kind: Kind, annotations: tuple[Any, ...]) -> CoreSchema:
        """The schema of a type with annotations such as those of ``domain.shapes``."""
        if not annotations:
            return self.build(kind)
        *inner, outermost = annotations
        schema: CoreSchema = outermost.__get_pydantic_core_schema__(kind, _Handler(self, tuple(inner)))
        return schema

    def _record(self, kind: Kind, record: Any) -> CoreSchema:
        if kind not in self._built:
            types = field_types(kind)
            parts = {
                part.name: core_schema.dataclass_field(part.name, self._field(part, types[part.name]))
                for part in fields(record)
                if part.metadata.get("stored", True)
            }
            names = sorted(parts) if self.sorts_fields else list(parts)
            arguments = core_schema.dataclass_args_schema(record.__name__, [parts[name] for name in names])
            config = CoreConfig({**self.config, "title": record.__name__})
            self._built[kind] = core_schema.dataclass_schema(record, arguments, names, slots=True, config=config)
        return self._built[kind]

    def _field(self, part: Field[Any], kind: Kind) -> CoreSchema:
        schema = self.build(kind)
        if part.default is not MISSING:
            return core_schema.with_default_schema(schema, default=part.default)
        if part.default_factory is not MISSING:
            return core_schema.with_default_schema(schema, default_factory=part.default_factory)
        return schema


@dataclass(frozen=True, slots=True)
class _Handler:
    """What is handed to an annotation: it gives the schema of what is annotated."""

    builder: SchemaBuilder
    inner: tuple[Any, ...]
    """The annotations that stand before it."""

    def __call__(self, source: Kind, /) -> CoreSchema:
        return self.builder.annotated(source, self.inner)

    def generate_schema(self, source: Kind, /) -> CoreSchema:
        return self.builder.build(source)


def _enum(kind: type[StrEnum]) -> CoreSchema:
    return core_schema.enum_schema(kind, list(kind), sub_type="str")
