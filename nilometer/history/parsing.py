"""Parses one line of a history, however it is spelled; the core of pydantic reads and checks it in one pass.

A key that stands twice is refused. If the event, written again, gives the same bytes, no key stands twice. A line that
another program wrote, in its own order and with its own spaces, is parsed once more to find out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple, cast

from pydantic_core import ValidationError

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
    """A parsed line: the ledger that it names as its source, and the event in its envelope."""

    source: str
    """As ``urn:uuid:…``."""
    envelope: Envelope[Event]


class UnreadableLine(ValueError):
    """The line is no event: ``str(error)`` says why."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


class LineReader:
    """Reads the lines of one file."""

    def __init__(self) -> None:
        self._ours = True
        """All lines so far were as Nilometer writes them. After one that is not, rewriting is not tried any more."""

    def read_all(self, contents: Sequence[bytes]) -> Sequence[ParsedLine | UnreadableLine]:
        """The events of some lines; in the place of a line that is no event, the reason."""
        return self._at_once(contents) or [self._one(content) for content in contents]

    def _at_once(self, contents: Sequence[bytes]) -> list[ParsedLine] | None:
        """All at once, step by step, which is quicker; ``None`` unless all are as Nilometer writes them."""
        if not self._ours:
            return None
        try:
            codecs = [_CODECS[_kind(content)] for content in contents]
            read = [codec.read(content) for codec, content in zip(codecs, contents, strict=True)]
            if [codec.write(line) for codec, line in zip(codecs, read, strict=True)] != contents:
                return None
            return [_to_parsed_line(line) for line in read]
        except (KeyError, ValidationError, UnreadableLine):
            return None

    def _one(self, content: bytes) -> ParsedLine | UnreadableLine:
        try:
            return self.read(content)
        except UnreadableLine as error:
            return error

    def read(self, content: bytes) -> ParsedLine:
        """The event of a line. Raises ``UnreadableLine``."""
        kind = _kind(content)
        codec = _CODECS.get(kind) or _CODECS.find(kind)
        if codec is None:
            return _to_parsed_line(_look_closer(content))
        try:
            line = codec.read(content)
        except ValidationError:
            return _to_parsed_line(_look_closer(content))
        if line.type != codec.type:  # what was found stood in the arguments of a refused command
            return _to_parsed_line(_look_closer(content))
        if self._ours:
            self._ours = codec.write(line) == content
        if not self._ours:
            parse_object(content)
        return _to_parsed_line(line)


def _kind(content: bytes) -> bytes:
    for spelled in _TYPES:
        at = content.rfind(spelled)  # no text holds this: in a text the quotes are escaped
        if at >= 0:
            start = at + len(spelled) - len(b"nilometer.")
            return content[start : content.find(b'"', start)]
    return b""


def _to_parsed_line(line: CloudEvent[Event]) -> ParsedLine:
    happened = _time("time", line.time)
    stream, version = StreamName(line.subject), line.version
    if line.id != f"{stream}/{version}":
        raise UnreadableLine(f"id is {line.id!r}, not {f'{stream}/{version}'!r}, as subject and version say")
    # Both by position: this is done for every line, and building them by keyword takes a third longer.
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
    """A time in the form of ``nilometer.times``; other programs write the same moment in other forms."""
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


# Lines that other programs wrote, and lines that are no event


def _look_closer(content: bytes) -> CloudEvent[Event]:
    document = parse_object(content)
    kind = document.get("type")
    named = TYPE.fullmatch(kind) if isinstance(kind, str) else None
    if named is None:
        raise UnreadableLine("has no type" if kind is None else f"its type {kind!r} is not one of Nilometer's")
    shape = int(named[2])
    codec = _CODECS.find(str(kind).encode())
    if codec is None:
        if (named[1], shape) not in UPCASTERS:
            hint = "read it with the version that wrote it, or a newer one"
            raise UnreadableLine(f"its type {kind!r} is unknown to this version of Nilometer", hint)
        content, codec = _upcast(document, named[1], shape)
    try:
        return codec.read(content)
    except ValidationError as error:
        raise UnreadableLine(first_problem(error)) from None


def _upcast(document: Json, kind: str, shape: int) -> tuple[bytes, EventCodec]:
    try:
        while (kind, shape) in UPCASTERS:
            document["data"] = UPCASTERS[kind, shape](document["data"], str(document["subject"]))
            shape += 1
    except (KeyError, TypeError, AttributeError):
        raise UnreadableLine("has no subject, or no data") from None
    document["type"] = f"nilometer.{kind}.v{shape}"
    codec = _CODECS.find(document["type"].encode())
    assert codec is not None  # upcasters end at what is written now
    return json.dumps(document).encode(), codec


def parse_object(content: bytes) -> Json:
    """A line as a JSON object in which no key stands twice. Raises ``UnreadableLine``."""
    try:
        value = parse_strict_json(content, "")
    except InputError as error:
        raise UnreadableLine(error.message.removeprefix(": "), error.hint) from None
    if not isinstance(value, dict):
        raise UnreadableLine("is not a JSON object")
    return cast("Json", value)
