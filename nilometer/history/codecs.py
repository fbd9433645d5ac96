"""Codecs of history lines: each event class in a whole CloudEvent, read and written by pydantic in one pass."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, cast

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic_core import CoreSchema, SchemaSerializer, SchemaValidator

from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import UtcTime
from domain.kinds import EVENTS
from nilometer.history.cloudevents import TYPE, source_uri

E = TypeVar("E", bound=Event)

LARGEST: Final = 2**53 - 1
"""The largest figure, and negated the smallest: beyond it, programs that count in doubles read another number."""
NOT_WRITTEN: Final = ("causation", "earliest", "reason")
"""Attributes that a line leaves out where they are unknown."""
Positive = Annotated[int, Field(ge=1)]


@dataclass(slots=True)
class CloudEvent(Generic[E]):
    """A history line as it is read. It is dropped at once, so it is not frozen, which is quicker."""

    actor: Annotated[str, Field(min_length=1)]
    correlation: Annotated[str, Field(min_length=1)]
    data: E
    datacontenttype: Literal["application/json"]
    id: str
    position: Positive
    recorded: UtcTime
    source: Annotated[str, Field(pattern="^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    specversion: Literal["1.0"]
    subject: Annotated[str, Field(pattern="^(vm|host|group|import|policy|policies)/.")]
    time: UtcTime
    type: str
    version: Positive
    via: Annotated[str, Field(min_length=1)]
    causation: str | None = None
    earliest: UtcTime | None = None
    reason: str | None = None

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)


class EventCodec:
    """Reads the lines of one event class, and writes what it read as Nilometer writes it."""

    def __init__(self, event: type[Event]) -> None:
        schema = _sorted_fields(TypeAdapter(CloudEvent[event]).core_schema)  # type: ignore[valid-type]
        self.type = f"nilometer.{event.KIND}.v{event.VERSION}"
        self.read: Callable[[bytes], CloudEvent[Event]] = SchemaValidator(_bounded(schema)).validate_json
        self._schema = _texts_for_enums(schema)
        self._writers: dict[tuple[bool, ...], Callable[[CloudEvent[Event]], bytes]] = {}

    def write(self, line: CloudEvent[Event]) -> bytes:
        """A line as Nilometer writes it, without its end."""
        known = (line.causation is not None, line.earliest is not None, line.reason is not None)
        write = self._writers.get(known)
        if write is None:
            unknown = {name for name, is_known in zip(NOT_WRITTEN, known, strict=True) if not is_known}
            write = self._writers[known] = SchemaSerializer(_without(self._schema, unknown)).to_json
        return write(line)


class EventCodecs(dict[bytes, EventCodec]):
    """Codecs by type, each made when it is first needed."""

    def find(self, type: bytes) -> EventCodec | None:
        """The codec of a type; ``None`` if there is none."""
        named = TYPE.fullmatch(type.decode("utf-8", "replace"))
        event = None if named is None else EVENTS.get((named[1], int(named[2])))
        if event is None:
            return None
        self[type] = codec = self.get(type) or EventCodec(event)
        return codec


def envelope_to_line(envelope: Envelope[Event], ledger: str) -> bytes:
    """An event as a history line, without its end, in the current version of its kind."""
    kind = type(envelope.event)
    codec = _CODECS.get(kind)
    if codec is None:
        codec = _CODECS[kind] = EventCodec(kind)
    metadata = envelope.metadata
    return codec.write(
        CloudEvent(  # by position, as this is done for every event
            metadata.actor,
            metadata.correlation,
            envelope.event,
            "application/json",
            f"{envelope.stream}/{envelope.version}",
            envelope.position,
            metadata.recorded,
            source_uri(ledger),
            "1.0",
            envelope.stream,
            metadata.happened,
            codec.type,
            envelope.version,
            metadata.via,
            metadata.causation,
            metadata.earliest,
            metadata.reason,
        )
    )


_CODECS: Final[dict[type[Event], EventCodec]] = {}


def _bounded(schema: CoreSchema) -> CoreSchema:
    """The same schema for figures that every program can read."""

    def bound(part: dict[str, Any]) -> dict[str, Any]:
        return {"ge": -LARGEST, "le": LARGEST} | part if part.get("type") == "int" else part

    return _changed(schema, bound)


def _without(schema: CoreSchema, unknown: Collection[str]) -> CoreSchema:
    """The same schema of a line, which leaves out attributes that are not known."""

    def leave_out(part: dict[str, Any]) -> dict[str, Any]:
        if part.get("type") == "dataclass-args" and part.get("dataclass_name") == CloudEvent.__name__:
            return part | {"fields": [field for field in part["fields"] if field["name"] not in unknown]}
        return part

    return _changed(schema, leave_out)


def _changed(schema: CoreSchema, change: Callable[[dict[str, Any]], dict[str, Any]]) -> CoreSchema:
    def walk(part: Any) -> Any:
        if isinstance(part, list):
            return [walk(item) for item in cast("list[object]", part)]
        if not isinstance(part, dict):
            return part
        return change({key: walk(value) for key, value in cast("dict[str, Any]", part).items()})

    return cast("CoreSchema", walk(schema))


def _sorted_fields(schema: CoreSchema) -> CoreSchema:
    """The same schema, writing the fields of every record in the order of their names."""

    def sort(part: dict[str, Any]) -> dict[str, Any]:
        if part.get("type") == "dataclass":
            return part | {"fields": sorted(part["fields"])}
        return part

    return _changed(schema, sort)


def _texts_for_enums(schema: CoreSchema) -> CoreSchema:
    """The same schema, writing members of a ``StrEnum`` as the texts that they are, without asking for their values."""

    def write_text(part: dict[str, Any]) -> dict[str, Any]:
        if part.get("type") == "enum" and issubclass(part["cls"], StrEnum):
            return {"type": "str"} | ({"ref": part["ref"]} if "ref" in part else {})
        return part

    return _changed(schema, write_text)
