"""History lines: events as CloudEvents 1.0 in structured JSON, one a line, for other programs and other ledgers.

A line holds all that is stored of an event: what is read back from it is stored again byte for byte. ``data`` is what
was stored, in the version in which it was stored. Keys are sorted, there is no space between tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

from domain.aggregates import HistoryError
from domain.envelope import Envelope
from domain.errors import InputError
from domain.events import Event
from nilometer.bodies import UnreadableEvent, decode, encode
from nilometer.results import Stored
from projections.fleet import Fleet

_CANONICAL: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))

TYPE: Final = re.compile(r"nilometer\.([a-z.-]+)\.v([1-9][0-9]{0,5})")
LONGEST_LINE: Final = 2**24
"""Bytes; a longer line is no event."""

_ATTRIBUTES: Final = ("actor", "causation", "correlation", "earliest", "reason", "recorded", "via")
_ALWAYS: Final = {
    "actor", "correlation", "data", "datacontenttype", "id", "position", "recorded", "source", "specversion", "subject",
    "time", "type", "version", "via",
}  # fmt: skip
_HINT: Final = "import what nilo export wrote; it may have been cut off or changed"


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """A line that was read: where (``file:line``), the ledger it came from, and the event as it is stored."""

    place: str
    ledger: str
    stored: Stored


def source_of(ledger: str) -> str:
    """How a ledger is named in its history."""
    return f"urn:uuid:{ledger}"


def event_document(stored: Stored, ledger: str) -> dict[str, Any]:
    """A stored event as a CloudEvent. Raises ``UnreadableEvent`` for a body that is not as Nilometer writes it."""
    body = _body(stored)
    kind, _, shape = stored.topic.rpartition("/")
    said = {name: body[name] for name in _ATTRIBUTES if body.get(name) is not None}
    return said | {
        "data": body["data"],
        "datacontenttype": "application/json",
        "id": f"{stored.stream}/{stored.version}",
        "position": stored.position,
        "source": source_of(ledger),
        "specversion": "1.0",
        "subject": stored.stream,
        "time": body["happened"],
        "type": f"nilometer.{kind}.v{shape}",
        "version": stored.version,
    }


def envelope_document(envelope: Envelope[Event], ledger: str) -> dict[str, Any]:
    """An event as a CloudEvent, in the version in which it is written now."""
    topic, body = encode(envelope.event, envelope.metadata)
    return event_document(Stored(envelope.position, envelope.stream, envelope.version, topic, body), ledger)


def write_lines(rows: Iterable[Stored], ledger: str) -> Iterator[bytes]:
    """Stored events as history lines."""
    for stored in rows:
        yield _canonical(event_document(stored, ledger)) + b"\n"


def _body(stored: Stored) -> dict[str, Any]:
    try:
        body: Any = json.loads(stored.body)
    except ValueError:
        body = None
    whole = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    if not whole.keys() >= {"data", "happened"} or _canonical(whole) != stored.body:
        raise UnreadableEvent(
            f"event {stored.stream}/{stored.version} at position {stored.position} is not as Nilometer writes events: "
            "it was changed after it was recorded",
            hint="restore the ledger from a copy",
        )
    return whole


def _canonical(value: object) -> bytes:
    return _CANONICAL.encode(value).encode()


# Reading


def read_lines(stream: BinaryIO, file: str) -> Iterator[HistoryLine]:
    """The events of a history, each checked. Raises ``InputError`` with ``file:line`` and what is wrong.

    Positions count from 1 without a gap, versions of each stream too, all lines are of one ledger, and each event can
    follow on those before it.
    """
    versions: dict[str, int] = {}
    fleet = Fleet()
    ledger = ""
    number = position = 0
    while content := stream.readline(LONGEST_LINE):
        number += 1
        if not content.strip():
            continue
        position += 1
        place = f"{file}:{number}"
        if not content.endswith(b"\n"):
            why = (
                "the line has no end" if len(content) < LONGEST_LINE else f"the line is over {LONGEST_LINE} bytes long"
            )
            raise InputError(f"{place}: {why}", hint=_HINT)
        try:
            line = _read(content, place)
            stored = line.stored
            _expect("position", stored.position, position)
            _expect("version", stored.version, versions.get(stored.stream, 0) + 1)
            _expect("source", source_of(line.ledger), source_of(ledger or line.ledger))
            fleet.apply(decode(stored.stream, stored.version, stored.topic, stored.body, stored.position))
        except (UnreadableEvent, HistoryError) as error:
            raise InputError(f"{place}: {error.message}", hint=error.hint or _HINT) from None
        except ValueError as error:
            raise InputError(f"{place}: {error}", hint=_HINT) from None
        ledger, versions[stored.stream] = line.ledger, stored.version
        yield line


def _read(content: bytes, place: str) -> HistoryLine:
    try:
        value: Any = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")
    line = cast("dict[str, Any]", value)
    for name in sorted(_ALWAYS - line.keys()):
        raise ValueError(f"lacks {name!r}")
    for name in sorted(line.keys() - _ALWAYS - set(_ATTRIBUTES)):
        raise ValueError(f"has the unknown attribute {name!r}")
    if line["specversion"] != "1.0" or line["datacontenttype"] != "application/json":
        raise ValueError("is not a CloudEvent 1.0 with JSON data")
    kind = TYPE.fullmatch(_text(line, "type"))
    if kind is None:
        raise ValueError(f"type: {line['type']!r} is not one of Nilometer's")
    source = _text(line, "source")
    if not re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", source):
        raise ValueError(f"source: {source!r} is not the id of a ledger")
    stream, version = _text(line, "subject"), _number(line, "version")
    _expect("id", _text(line, "id"), f"{stream}/{version}")
    body = {name: line.get(name) for name in _ATTRIBUTES} | {"data": line["data"], "happened": _text(line, "time")}
    stored = Stored(_number(line, "position"), stream, version, f"{kind[1]}/{kind[2]}", _canonical(body))
    if _canonical(line) != content.rstrip(b"\r\n"):
        raise ValueError("is not written as Nilometer writes it: keys sorted, no space between tokens")
    return HistoryLine(place, source.removeprefix("urn:uuid:"), stored)


def _text(line: Mapping[str, Any], name: str) -> str:
    if not isinstance(line[name], str):
        raise ValueError(f"{name}: {line[name]!r} is not a text")
    return str(line[name])


def _number(line: Mapping[str, Any], name: str) -> int:
    if isinstance(line[name], bool) or not isinstance(line[name], int):
        raise ValueError(f"{name}: {line[name]!r} is not a whole number")
    return int(line[name])


def _expect(name: str, found: object, expected: object) -> None:
    if found != expected:
        raise ValueError(f"{name} is {found}, not {expected}")
