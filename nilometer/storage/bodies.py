"""Stored bodies: an event and its metadata as canonical JSON, written and checked by pydantic in one pass.

What is stored is RFC 8785 by construction: keys are ASCII and sorted, there are no floats, whole numbers stay below
2**53, there is no space between tokens. Stored bytes are never rewritten; an older shape is upcast when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, SchemaSerializer, SchemaValidator

from domain.envelope import Envelope, Metadata
from domain.errors import NilometerError
from domain.events import Event
from domain.identifiers import StreamName, UtcTime, subject_id
from domain.kinds import EVENTS

E = TypeVar("E", bound=Event)


class UnreadableEvent(NilometerError):
    """A stored event cannot be read: of an unknown kind or version, or not in its shape. It may have been changed."""


@dataclass(slots=True)
class Body(Generic[E]):
    """What is stored of one event beside its stream, version and topic. Nobody keeps one, so it need not be frozen."""

    actor: str
    causation: str | None
    correlation: str
    data: E
    earliest: UtcTime | None
    happened: UtcTime
    reason: str | None
    recorded: UtcTime
    via: str

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)


def sorted_fields(schema: CoreSchema) -> CoreSchema:
    """The same schema, writing the fields of every record in the order of their names."""

    def walk(part: Any) -> Any:
        if isinstance(part, list):
            items = cast("list[object]", part)
            return [walk(item) for item in items]
        if not isinstance(part, dict):
            return part
        walked = {key: walk(value) for key, value in cast("dict[str, Any]", part).items()}
        if walked.get("type") == "dataclass-args":
            walked["fields"] = sorted(walked["fields"], key=lambda field: field["name"])
        if walked.get("type") == "dataclass":
            walked["fields"] = sorted(walked["fields"])
        return walked

    return cast("CoreSchema", walk(schema))


def texts_for_enums(schema: CoreSchema) -> CoreSchema:
    """The same schema, writing members of a ``StrEnum`` as the texts that they are, without asking for their values."""

    def walk(part: Any) -> Any:
        if isinstance(part, list):
            items = cast("list[object]", part)
            return [walk(item) for item in items]
        if not isinstance(part, dict):
            return part
        whole = cast("dict[str, Any]", part)
        if whole.get("type") == "enum" and issubclass(whole["cls"], StrEnum):
            return {"type": "str"} | ({"ref": whole["ref"]} if "ref" in whole else {})
        return {key: walk(value) for key, value in whole.items()}

    return cast("CoreSchema", walk(schema))


class _Codec:
    """Writes and reads the bodies of one event class."""

    def __init__(self, event: type[Event]) -> None:
        schema = sorted_fields(TypeAdapter(Body[event]).core_schema)  # type: ignore[valid-type]
        self.write: Callable[[Body[Event]], bytes] = SchemaSerializer(texts_for_enums(schema)).to_json
        self.read: Callable[[bytes], Body[Event]] = SchemaValidator(schema).validate_json


def topic_of(event: type[Event]) -> str:
    """The name under which events of this class are stored: ``kind/version``."""
    return f"{event.KIND}/{event.VERSION}"


Json = dict[str, Any]
Upcaster = Callable[[Json, str], Json]


def _define_vm_with_a_name(data: Json, stream: str) -> Json:
    """Until version 2 a VM had no name beside its id."""
    return data | {"name": subject_id(stream)}


def _move_without_a_mechanism(data: Json, stream: str) -> Json:
    """Until version 2 nobody told how the guest's own total follows a move."""
    return data | {"mechanism": None}


def _measure_without_mechanisms(data: Json, stream: str) -> Json:
    """Until version 2 nobody told how the guest's own total follows a device, nor what the guest left offline."""
    devices = [device | {"mechanism": None} for device in data["devices"]]
    return data | {"devices": devices, "guest_offline": None}


def _import_without_remarks(data: Json, stream: str) -> Json:
    """Until version 2 nobody remarked on what was odd about the records."""
    return data | {"remarks": []}


def _half_without_the_request(data: Json, stream: str) -> Json:
    """Until version 2 the host's half of a change did not tell what was asked and granted."""
    return data | {"granted": None, "requested": None}


UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {
    ("host.memory-granted", 1): _half_without_the_request,
    ("host.memory-returned", 1): _half_without_the_request,
    ("import.recorded", 1): _import_without_remarks,
    ("vm.defined", 1): _define_vm_with_a_name,
    ("vm.memory-moved", 1): _move_without_a_mechanism,
    ("vm.observed", 1): _measure_without_mechanisms,
}
"""How the data of a (kind, version) is brought to the next version. It is given the stream's name too."""


class _Codecs(dict[str, _Codec]):
    """Codecs by topic, each made when it is first needed: making them all takes a third of a second."""

    def __missing__(self, topic: str) -> _Codec:
        kind, _, version = topic.rpartition("/")
        event = EVENTS.get((kind, int(version))) if version.isdecimal() and version.isascii() else None
        if event is None:
            raise KeyError(topic)
        self[topic] = codec = _Codec(event)
        return codec


_CODECS: Final = _Codecs()
_TOPICS: Final[dict[type[Event], str]] = {event: topic_of(event) for event in EVENTS.values()}


def encode(event: Event, metadata: Metadata) -> tuple[str, bytes]:
    """The topic and the stored body of an event."""
    topic = _TOPICS[type(event)]
    body = Body(
        metadata.actor,
        metadata.causation,
        metadata.correlation,
        event,
        metadata.earliest,
        metadata.happened,
        metadata.reason,
        metadata.recorded,
        metadata.via,
    )
    return topic, _CODECS[topic].write(body)


def decode(stream: str, version: int, topic: str, body: bytes, position: int = 0) -> Envelope[Event]:
    """Reads a stored event, upcasting an older shape. Raises ``UnreadableEvent`` saying which and why."""
    try:
        codec = _CODECS[topic]
    except KeyError:
        topic, body, codec = _upcast(stream, version, topic, body, position)
    try:
        read = codec.read(body)
    except ValidationError as error:
        raise _unreadable(stream, version, position, in_words(error)) from None
    metadata = Metadata(
        read.actor,
        read.via,
        read.happened,
        read.recorded,
        read.correlation,
        read.earliest,
        read.reason,
        read.causation,
    )
    return Envelope(StreamName(stream), version, read.data, metadata, position)


def _upcast(stream: str, version: int, topic: str, body: bytes, position: int) -> tuple[str, bytes, _Codec]:
    kind, _, text = topic.rpartition("/")
    shape = int(text) if text.isdecimal() and text.isascii() else 0
    if (kind, shape) not in UPCASTERS:
        raise _unreadable(
            stream,
            version,
            position,
            f"its type {topic!r} is unknown to this version of Nilometer",
            hint="read it with the version that wrote it, or a newer one",
        )
    try:
        whole: Json = json.loads(body)
        while (kind, shape) in UPCASTERS:
            whole["data"] = UPCASTERS[kind, shape](whole["data"], stream)
            shape += 1
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _unreadable(stream, version, position, "its body is not a JSON object with data") from None
    topic = f"{kind}/{shape}"
    return topic, json.dumps(whole).encode(), _CODECS[topic]


def _unreadable(stream: str, version: int, position: int, why: str, hint: str = "") -> UnreadableEvent:
    place = f"event {stream}/{version}" + (f" at position {position}" if position else "")
    return UnreadableEvent(f"{place} cannot be read: {why}", hint=hint)


def in_words(error: ValidationError) -> str:
    """The first thing that is wrong with a value, and where in it."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "unexpected_keyword_argument":
        return f"has the unknown attribute {place!r}"
    return f"{place}: {first['msg']}" if place else first["msg"]
