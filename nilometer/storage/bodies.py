"""Stored bodies: an event and its metadata as canonical JSON, written and checked by the core of pydantic in one pass.

What is stored is RFC 8785 by construction: keys are ASCII and sorted, there are no floats, whole numbers stay below
2**53, there is no space between tokens. Stored bytes are never rewritten; an older shape is upcast when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from types import GenericAlias
from typing import Final, Generic, TypeVar

from pydantic_core import SchemaSerializer, SchemaValidator, ValidationError

from domain.envelope import Envelope, Metadata
from domain.events import Decided, Event
from domain.identifiers import StreamName, UtcTime
from domain.kinds import EVENTS
from nilometer.errors import UnreadableEvent
from nilometer.storage.restating import NotRestatedError, OfAnotherTypeError, RestateBody, body_restater_of
from nilometer.storage.schemas import SchemaBuilder
from nilometer.storage.upcasters import UPCASTERS, Json
from nilometer.textio.values import describe_value
from nilometer.times import is_utc_time

E = TypeVar("E", bound=Event)


class UnstorableEvent(Exception):
    """An event that would not be read back as it is: nothing was written."""


@dataclass(slots=True)
class EventBody(Generic[E]):
    """What is stored of one event beside its stream, version and topic. It is short-lived, so it need not be frozen."""

    actor: str
    causation: str | None
    correlation: str
    data: E
    earliest: UtcTime | None
    happened: UtcTime
    reason: str | None
    recorded: UtcTime
    via: str


_BUILDER: Final = SchemaBuilder(config={"extra_fields_behavior": "forbid", "strict": True}, sorts_fields=True)
_WRITING_BUILDER: Final = replace(_BUILDER, writes_enums_as_texts=True)


class _Codec:
    """Writes and reads the bodies of one event class. Each half is made when it is first needed."""

    def __init__(self, event: type[Event]) -> None:
        self._event = event
        self._body = GenericAlias(EventBody, (event,))
        self.was_read_back = False
        """Whether the last event of this class that was read back was read as it was written."""

    @cached_property
    def write(self) -> Callable[[EventBody[Event]], bytes]:
        """A body as JSON."""
        return partial(SchemaSerializer(_WRITING_BUILDER.build(self._body)).to_json, warnings="error")

    @cached_property
    def restate(self) -> RestateBody | None:
        """The second writer of the body; ``None`` where there is none."""
        try:
            return body_restater_of(self._event)
        except NotRestatedError:
            return None

    @cached_property
    def read(self) -> Callable[[bytes], EventBody[Event]]:
        """A body from its JSON."""
        return SchemaValidator(_BUILDER.build(self._body)).validate_json


def topic_of(event: type[Event]) -> str:
    """The name under which events of this class are stored: ``kind/version``."""
    return f"{event.KIND}/{event.VERSION}"


def split_topic(topic: str) -> tuple[str, int]:
    """The kind and the version in a topic; version 0 if it names none."""
    kind, _, version = topic.rpartition("/")
    return kind, int(version) if version.isdecimal() and version.isascii() and len(version) < 10 else 0


def is_decided(topic: str) -> bool:
    """Whether events of a topic record decisions, whatever their version; of an unknown kind nobody knows: true."""
    kind, _ = split_topic(topic)
    return kind not in _OBSERVED


class _Codecs(dict[str, _Codec]):
    """Codecs by topic, each made when it is first needed."""

    def __missing__(self, topic: str) -> _Codec:
        event = EVENTS.get(split_topic(topic))
        if event is None:
            raise KeyError(topic)
        self[topic] = codec = _Codec(event)
        return codec


_CODECS: Final = _Codecs()
_OBSERVED: Final = frozenset(kind for (kind, _), event in EVENTS.items() if not issubclass(event, Decided))
_TOPICS: Final[dict[type[Event], str]] = {event: topic_of(event) for event in EVENTS.values()}


def encode(event: Event, metadata: Metadata) -> tuple[str, bytes]:
    """The topic and the stored body of an event."""
    topic = _TOPICS[type(event)]
    body = EventBody(  # by position, as in ``decode``: this is done for every event, and names cost a tenth more
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
    if type(body) is not bytes or type(topic) is not str or type(stream) is not str or type(version) is not int:
        raise UnreadableEvent.at(
            stream, version, position, "its row has values of other types than it was written with"
        )
    try:
        codec = _CODECS[topic]
    except KeyError:
        topic, body, codec = _upcast(stream, version, topic, body, position)
    try:
        read = codec.read(body)
    except ValidationError as error:
        raise UnreadableEvent.at(stream, version, position, first_problem(error)) from None
    for time in (read.happened, read.recorded, read.earliest):
        if time is not None and not _is_utc_time(time):
            raise UnreadableEvent.at(stream, version, position, f"{time!r} is not a time as events have it")
    # Both by position: this is done for every event that is read, and names cost a third more.
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


def find_difference(envelope: Envelope[Event], topic: str, body: bytes) -> str | None:
    """What is lost or changed of an event that is read back from the bytes that are to be stored; ``None`` if nothing.

    Two values that are equal but of different types, such as 1 and ``True``, are told apart by the reading. Where the
    class was read back before, and a second writer comes to the same bytes, that is proof enough.
    """
    codec = _CODECS[topic]
    if codec.was_read_back and _restate(codec.restate, envelope) == body:
        return None
    difference = _read_back(codec, envelope, body)
    codec.was_read_back = difference is None
    return difference


def _restate(restate: RestateBody | None, envelope: Envelope[Event]) -> bytes | None:
    """The body as the second writer writes it; ``None`` where it does not."""
    metadata = envelope.metadata
    if restate is None or not _has_times(metadata):
        return None
    try:
        return restate(envelope.event, metadata).encode()
    except (OfAnotherTypeError, UnicodeEncodeError):
        return None


def _has_times(metadata: Metadata | EventBody[Event]) -> bool:
    """Whether all times are in the form of ``UtcTime``."""
    happened, recorded, earliest = metadata.happened, metadata.recorded, metadata.earliest
    return (
        _is_utc_time(recorded)
        and (happened is recorded or _is_utc_time(happened))
        and (earliest is None or _is_utc_time(earliest))
    )


_is_utc_time: Final = lru_cache(maxsize=1024)(is_utc_time)
"""The events of one command have the same times."""


def _read_back(codec: _Codec, envelope: Envelope[Event], body: bytes) -> str | None:
    try:
        read = codec.read(body)
    except ValidationError as error:
        return first_problem(error)
    for time in (read.happened, read.recorded, read.earliest):
        if time is not None and not _is_utc_time(time):
            return f"{time!r} is not a time as events have it"
    event, metadata = envelope.event, envelope.metadata
    if read.data == event and (
        read.actor == metadata.actor
        and read.via == metadata.via
        and read.happened == metadata.happened
        and read.recorded == metadata.recorded
        and read.correlation == metadata.correlation
        and read.earliest == metadata.earliest
        and read.reason == metadata.reason
        and read.causation == metadata.causation
    ):
        return None
    for got, given in ((read.data, event), (read, metadata)):
        for name in sorted(name for kind in type(given).__mro__ for name in getattr(kind, "__slots__", ())):
            if getattr(got, name) != getattr(given, name):
                return f"{name}: {getattr(given, name)!r} is read back as {getattr(got, name)!r}"
    return "it is read back as another"


def _upcast(stream: str, version: int, topic: str, body: bytes, position: int) -> tuple[str, bytes, _Codec]:
    kind, shape = split_topic(topic)
    if (kind, shape) not in UPCASTERS:
        raise UnreadableEvent.at(
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
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UnreadableEvent.at(stream, version, position, "its body is not a JSON object with data") from None
    topic = f"{kind}/{shape}"
    return topic, json.dumps(whole).encode(), _CODECS[topic]


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong with a value, and where in it."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "unexpected_keyword_argument":
        return f"has the unknown attribute {place!r}"
    return f"{place}: {describe_value(first)}" if place else describe_value(first)
