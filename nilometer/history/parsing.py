"""One line of a history, however it is spelled: read and checked by pydantic in one pass, without what stands before.

A line as Nilometer writes it is known by writing it again: the same bytes prove that no key stands there twice. One
that another program wrote, with its own order and spaces, is looked through for that.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple, cast

from pydantic import ValidationError

from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.events import Event
from domain.identifiers import StreamName, UtcTime
from nilometer.history.cloudevents import TYPE
from nilometer.history.codecs import CloudEvent, EventCodec, EventCodecs
from nilometer.storage.bodies import first_problem
from nilometer.storage.upcasters import UPCASTERS, Json
from nilometer.textio.strict_json import parse_strict_json
from nilometer.times import parse_time

_CODECS: Final = EventCodecs()
_TYPES: Final = (b'"type":"nilometer.', b'"type": "nilometer.')


class ParsedLine(NamedTuple):
    """A line that was read: the ledger that it names as its source, and the event in its place there."""

    source: str
    """As ``urn:uuid:…``."""
    envelope: Envelope[Event]


class UnreadableLine(ValueError):
    """A line is no event: ``str(error)`` says why."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


class LineReader:
    """Reads the lines of one file."""

    def __init__(self) -> None:
        self._ours = True
        """All lines so far were as Nilometer writes them. From the first that is not, writing again is in vain."""

    def read_all(self, contents: Sequence[bytes]) -> Sequence[ParsedLine | UnreadableLine]:
        """The events of some lines, and in the place of one that is none, why."""
        return self._at_once(contents) or [self._one(content) for content in contents]

    def _at_once(self, contents: Sequence[bytes]) -> list[ParsedLine] | None:
        """If all are as Nilometer writes them: step by step for all of them, which is quicker than one by one."""
        if not self._ours:
            return None
        try:
            codecs = [_CODECS[_kind(content)] for content in contents]
            read = [codec.read(content) for codec, content in zip(codecs, contents, strict=True)]
            if [codec.write(line) for codec, line in zip(codecs, read, strict=True)] != contents:
                return None
            return [_judged(line) for line in read]
        except (KeyError, ValidationError, UnreadableLine):
            return None

    def _one(self, content: bytes) -> ParsedLine | UnreadableLine:
        try:
            return self.read(content)
        except UnreadableLine as error:
            return error

    def read(self, content: bytes) -> ParsedLine:
        """The event of a line. Raises ``Unreadable``."""
        kind = _kind(content)
        codec = _CODECS.get(kind) or _CODECS.find(kind)
        if codec is None:
            return _judged(_look_closer(content))
        try:
            line = codec.read(content)
        except ValidationError:
            return _judged(_look_closer(content))
        if line.type != codec.type:  # what was found stood in the arguments of a refused command
            return _judged(_look_closer(content))
        if self._ours:
            self._ours = codec.write(line) == content
        if not self._ours:
            parse_object(content)
        return _judged(line)


def _kind(content: bytes) -> bytes:
    for spelled in _TYPES:
        at = content.rfind(spelled)  # no text holds this: in a text the quotes are escaped
        if at >= 0:
            start = at + len(spelled) - len(b"nilometer.")
            return content[start : content.find(b'"', start)]
    return b""


def _judged(line: CloudEvent[Event]) -> ParsedLine:
    happened = _time("time", line.time)
    stream, version = StreamName(line.subject), line.version
    if line.id != f"{stream}/{version}":
        raise UnreadableLine(f"id is {line.id!r}, not {f'{stream}/{version}'!r}, as subject and version say")
    metadata = Metadata(
        line.actor,
        line.via,
        happened,
        line.recorded if line.recorded == happened else _time("recorded", line.recorded),
        line.correlation,
        None if line.earliest is None else _time("earliest", line.earliest),
        line.reason,
        line.causation,
    )
    return ParsedLine(line.source, Envelope(stream, version, line.data, metadata, line.position))


@lru_cache(maxsize=16)
def _time(name: str, text: str) -> UtcTime:
    """A time as it is kept inside; other programs write the same moment otherwise."""
    if len(text) == 27 and text[10] == "T" and text[19] == "." and text[26] == "Z" and text[4] == "-":
        try:
            datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return UtcTime(text)
    try:
        return parse_time(text)
    except InputError as error:
        raise UnreadableLine(f"{name}: {error.message}", error.hint) from None


# Lines of others, and lines that are none


def _look_closer(content: bytes) -> CloudEvent[Event]:
    whole = parse_object(content)
    kind = whole.get("type")
    named = TYPE.fullmatch(kind) if isinstance(kind, str) else None
    if named is None:
        raise UnreadableLine("has no type" if kind is None else f"its type {kind!r} is not one of Nilometer's")
    shape = int(named[2])
    codec = _CODECS.find(str(kind).encode())
    if codec is None:
        if (named[1], shape) not in UPCASTERS:
            hint = "read it with the version that wrote it, or a newer one"
            raise UnreadableLine(f"its type {kind!r} is unknown to this version of Nilometer", hint)
        content, codec = _upcast(whole, named[1], shape)
    try:
        return codec.read(content)
    except ValidationError as error:
        raise UnreadableLine(first_problem(error)) from None


def _upcast(whole: Json, kind: str, shape: int) -> tuple[bytes, EventCodec]:
    try:
        while (kind, shape) in UPCASTERS:
            whole["data"] = UPCASTERS[kind, shape](whole["data"], str(whole["subject"]))
            shape += 1
    except (KeyError, TypeError, AttributeError):
        raise UnreadableLine("has no subject, or no data") from None
    whole["type"] = f"nilometer.{kind}.v{shape}"
    codec = _CODECS.find(whole["type"].encode())
    assert codec is not None  # upcasters end at what is written now
    return json.dumps(whole).encode(), codec


def parse_object(content: bytes) -> Json:
    """A line as a JSON object in which no key stands twice. Raises ``Unreadable``."""
    try:
        value = parse_strict_json(content, "")
    except InputError as error:
        raise UnreadableLine(error.message.removeprefix(": "), error.hint) from None
    if not isinstance(value, dict):
        raise UnreadableLine("is not a JSON object")
    return cast("Json", value)
