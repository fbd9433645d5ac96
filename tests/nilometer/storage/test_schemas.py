"""Our schemas say what pydantic's say, field for field: of every event, every command, and every stored state."""

from __future__ import annotations

from dataclasses import dataclass
from types import GenericAlias
from typing import Any, cast

import pytest
from pydantic import ConfigDict, TypeAdapter

from domain.commands import COMMANDS
from domain.events import Event
from domain.kinds import EVENTS
from nilometer.storage.schemas import SchemaBuilder

STRICT = SchemaBuilder(config={"extra_fields_behavior": "forbid", "strict": True})


UNSAID: dict[str, Any] = {
    "collect_init_only": False,
    "computed_fields": [],
    "default_factory_takes_data": False,
    "frozen": False,
    "info_arg": False,
    "init": True,
    "kw_only": False,
    "post_init": False,
}
"""Defaults of the core, which pydantic writes out."""


def essence(part: Any, shared: dict[str, Any]) -> Any:
    """A schema without the names of its parts, and with what it shares put in its places."""
    if isinstance(part, dict):
        part = cast("dict[str, Any]", part)
        if part.get("type") == "definition-ref":
            return essence(shared[part["schema_ref"]], shared)
        named = ("metadata", "ref")
        return {
            key: essence(value, shared)
            for key, value in part.items()
            if key not in named and not (key in UNSAID and value == UNSAID[key])
        }
    if isinstance(part, list | tuple):
        return [essence(item, shared) for item in cast("list[Any]", part)]
    return part


def ours(schema: Any) -> Any:
    return essence(schema, {})


def pydantics(kind: type, config: ConfigDict) -> Any:
    """Of a type in a tuple, because pydantic takes no configuration for a dataclass alone."""
    several: Any = GenericAlias(tuple, (kind, ...))
    schema: Any = TypeAdapter[Any](several, config=config).core_schema
    shared = {part["ref"]: part for part in schema.get("definitions", [])}
    return essence(schema.get("schema", schema)["items_schema"][0], shared)


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: f"{event.KIND}/{event.VERSION}")
def test_the_schema_of_an_event_is_pydantics(event: type[Event]) -> None:
    assert ours(STRICT.build(event)) == pydantics(event, ConfigDict(extra="forbid", strict=True))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_schema_of_a_command_is_pydantics(name: str) -> None:
    assert ours(SchemaBuilder().build(COMMANDS[name])) == pydantics(COMMANDS[name], ConfigDict())


def test_what_no_record_has_is_refused() -> None:
    @dataclass
    class Odd:
        share: float

    with pytest.raises(TypeError, match="no record has a field of <class 'float'>"):
        SchemaBuilder().build(Odd)
