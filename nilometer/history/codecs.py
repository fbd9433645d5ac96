"""Codecs of history lines: each event class in a whole CloudEvent, read and written by pydantic's core in one pass."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from types import GenericAlias
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, cast

from pydantic_core import CoreSchema, SchemaSerializer, SchemaValidator

from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import UtcTime
from domain.kinds import EVENTS
from domain.shapes import Handler
from nilometer.history.cloudevents import TYPE, source_uri
from nilometer.storage.schemas import SchemaBuilder

E = TypeVar("E", bound=Event)

LARGEST: Final = 2**53 - 1
"""The largest figure, and negated the smallest: beyond it, programs that count in doubles read another number."""
NOT_WRITTEN: Final = ("causation", "earliest", "reason")
"""Attributes that a line leaves out where they are unknown."""


class Within:
    """A value is within what the core of pydantic knows as limits, such as ``min_length``."""

    def __init__(self, **limits: int | str) -> None:
        self.limits = limits

    def __get_pydantic_core_schema__(self, source: object, handler: Handler) -> CoreSchema:
        """The schema of such a value."""
        return cast("CoreSchema", {**handler(source), **self.limits})


Positive = Annotated[int, Within(ge=1)]
Text = Annotated[str, Within(min_length=1)]


@dataclass(slots=True)
class CloudEvent(Generic[E]):
    """A history line as it is read. It is dropped at once, so it is not frozen, which is quicker."""

    actor: Text
    correlation: Text
    data: E
    datacontenttype: Literal["application/json"]
    id: str
    position: Positive
    recorded: UtcTime
    source: Annotated[str, Within(pattern="^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    specversion: Literal["1.0"]
    subject: Annotated[str, Within(pattern="^(vm|host|group|import|policy|policies)/.")]
    time: UtcTime
    type: str
    version: Positive
    via: Text
    causation: str | None = None
    earliest: UtcTime | None = None
    reason: str | None = None


_READING: Final = SchemaBuilder(config={"extra_fields_behavior": "forbid", "strict": True}, largest=LARGEST)
_WRITING: Final = SchemaBuilder(sorts_fields=True, writes_enums_as_texts=True)


class EventCodec:
    """Reads the lines of one event class, and writes what it read as Nilometer writes it."""

    def __init__(self, event: type[Event]) -> None:
        self.type = f"nilometer.{event.KIND}.v{event.VERSION}"
        self._line = GenericAlias(CloudEvent, (event,))
        self._writers: dict[tuple[bool, ...], Callable[[CloudEvent[Event]], bytes]] = {}

    @cached_property
    def read(self) -> Callable[[bytes], CloudEvent[Event]]:
        """A line from its JSON. Raises ``ValidationError``."""
        return SchemaValidator(_READING.build(self._line)).validate_json

    def write(self, line: CloudEvent[Event]) -> bytes:
        """A line as Nilometer writes it, without its end."""
        known = (line.causation is not None, line.earliest is not None, line.reason is not None)
        write = self._writers.get(known)
        if write is None:
            unknown = {name for name, is_known in zip(NOT_WRITTEN, known, strict=True) if not is_known}
            schema = _without(_WRITING.build(self._line), unknown)
            write = self._writers[known] = SchemaSerializer(schema).to_json
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


def _without(schema: Any, unknown: Collection[str]) -> CoreSchema:
    """The same schema of a line, which leaves out attributes that are not known."""
    arguments = schema["schema"]
    written = [field for field in arguments["fields"] if field["name"] not in unknown]
    return cast("CoreSchema", schema | {"schema": arguments | {"fields": written}})
