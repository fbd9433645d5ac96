"""History lines: events as CloudEvents 1.0 in structured JSON, one a line, for other programs and other ledgers.

A line holds all that is stored of an event, so that the event can be stored again byte for byte. ``data`` is the stored
event, in the version in which it was stored. Keys are sorted, and there is no space between tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, cast

from pydantic_core import from_json, to_json

from domain.envelope import Envelope
from domain.events import Event
from nilometer.errors import UnreadableEvent
from nilometer.storage.bodies import encode
from nilometer.storage.canonical import BODIES, BodyMatcher, BodyParts
from nilometer.storage.reader import StoredRow

_CANONICAL: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))

TYPE: Final = re.compile(r"nilometer\.([a-z.-]+)\.v([1-9][0-9]{0,5})")
ATTRIBUTES: Final = ("actor", "causation", "correlation", "earliest", "reason", "recorded", "via")


def source_uri(ledger: str) -> str:
    """The ``source`` of a ledger's events, as ``urn:uuid:…``."""
    return f"urn:uuid:{ledger}"


def to_cloudevent(stored: StoredRow, ledger: str) -> dict[str, Any]:
    """A stored event as a CloudEvent. Raises ``UnreadableEvent`` for a body that is not as Nilometer writes it."""
    body = _body(stored)
    kind, _, shape = stored.topic.rpartition("/")
    stream, version = stored.stream, stored.version
    line = {  # in the order of the names, as it is written
        "actor": body.get("actor"),
        "causation": body.get("causation"),
        "correlation": body.get("correlation"),
        "data": body["data"],
        "datacontenttype": "application/json",
        "earliest": body.get("earliest"),
        "id": f"{stream}/{version}",
        "position": stored.position,
        "reason": body.get("reason"),
        "recorded": body.get("recorded"),
        "source": f"urn:uuid:{ledger}",
        "specversion": "1.0",
        "subject": stream,
        "time": body["happened"],
        "type": f"nilometer.{kind}.v{shape}",
        "version": version,
        "via": body.get("via"),
    }
    for name in ATTRIBUTES:
        if line[name] is None:
            del line[name]
    return line


def envelope_to_cloudevent(envelope: Envelope[Event], ledger: str) -> dict[str, Any]:
    """An event as a CloudEvent, in the current version of its kind; who and why come first, as people read it."""
    topic, body = encode(envelope.event, envelope.metadata)
    row = StoredRow(
        position=envelope.position, stream=envelope.stream, version=envelope.version, topic=topic, body=body
    )
    line = to_cloudevent(row, ledger)
    return {name: line.pop(name) for name in ATTRIBUTES if name in line} | line


def unreadable_to_document(event: UnreadableEvent, ledger: str) -> dict[str, Any]:
    """What stands in a list of events in the place of one that cannot be read."""
    stream, version = cast("object", event.stream), cast("object", event.version)
    return {
        "id": event.id,
        "position": event.position,
        "source": source_uri(ledger),
        "subject": str(stream),  # in a row that was damaged it may be anything, as the version
        "unreadable": event.why,
        "version": version if isinstance(version, int) else str(version),
    }


def write_lines(rows: Iterable[StoredRow], ledger: str, matcher: BodyMatcher = BODIES) -> Iterator[bytes]:
    """The history lines of stored events. Raises ``UnreadableEvent`` for a body that is not as Nilometer writes it."""
    source = to_json(source_uri(ledger))
    for stored in rows:
        yield (line_as_stored(stored, source, matcher) or to_json(to_cloudevent(stored, ledger))) + b"\n"


def line_as_stored(stored: StoredRow, source: bytes, matcher: BodyMatcher = BODIES) -> bytes | None:
    """The history line, without its end, of an event in the current version of its kind, cut out of its body.

    ``None`` if the body has to be read to know that it can be read. ``source`` is in JSON.
    """
    parts = matcher.match(stored.topic, stored.body)
    return _line(stored, source, parts) if parts is not None and is_place(stored) else None


def is_place(stored: StoredRow) -> bool:
    """Whether a row that may be damaged says where its event stands."""
    return type(stored.stream) is str and type(stored.version) is int


def _line(stored: StoredRow, source: bytes, parts: BodyParts) -> bytes:
    """The line of an event, from the parts of its body and the source, which are in JSON."""
    actor, causation, correlation, data, earliest, happened, reason, recorded, via = parts
    subject, version = _quoted(stored.stream), stored.version
    return b"".join(
        (
            b'{"actor":',
            actor,
            b"" if causation is None else b',"causation":' + causation,
            b',"correlation":',
            correlation,
            b',"data":',
            data,
            b',"datacontenttype":"application/json"',
            b"" if earliest is None else b',"earliest":' + earliest,
            b',"id":%b/%d","position":%d' % (subject[:-1], version, stored.position),
            b"" if reason is None else b',"reason":' + reason,
            b',"recorded":',
            recorded,
            b',"source":',
            source,
            b',"specversion":"1.0","subject":',
            subject,
            b',"time":',
            happened,
            b',"type":',
            _quoted_type(stored.topic),
            b',"version":%d,"via":' % version,
            via,
            b"}",
        )
    )


@lru_cache(maxsize=4096)
def _quoted(text: str) -> bytes:
    return to_json(text)


@lru_cache(maxsize=256)
def _quoted_type(topic: str) -> bytes:
    kind, _, shape = topic.rpartition("/")
    return to_json(f"nilometer.{kind}.v{shape}")


def _body(stored: StoredRow) -> dict[str, Any]:
    """The stored body, if it is as Nilometer writes it: sorted, so that what is made of it in order is sorted too."""
    body: Any = None
    try:
        body = from_json(stored.body, allow_inf_nan=False)
        fields = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
        has_types = [type(value) for value in (stored.stream, stored.version, stored.topic)] == [str, int, str]
        is_event = has_types and isinstance(fields["data"], dict) and "happened" in fields
        if is_event and to_json(fields) == stored.body and _is_canonical(fields):
            return fields
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    why = "it is not as Nilometer writes events: it was changed after it was recorded"
    if isinstance(body, dict) and _has_fraction(cast("dict[str, object]", body)):
        why = "it has a number with a fraction, and sizes are whole bytes"
    raise UnreadableEvent.at(stored.stream, stored.version, stored.position, why)


def _has_fraction(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_fraction, cast("dict[str, object]", value).values()))
    if isinstance(value, list):
        return any(map(_has_fraction, cast("list[object]", value)))
    return isinstance(value, float)


def _is_canonical(fields: dict[str, object]) -> bool:
    """Whether the keys of a JSON object, and of all objects inside it, are sorted, and all its numbers are whole."""
    names = tuple(fields)
    if names not in _SORTED:
        if list(names) != sorted(names):
            return False
        if len(_SORTED) < _MOST_SORTED:
            _SORTED.add(names)
    for value in fields.values():  # as in a list, but without a call for each object
        kind = type(value)
        if kind is dict:
            if not _is_canonical(cast("dict[str, object]", value)):
                return False
        elif kind is float or (kind is list and not _are_canonical(cast("list[object]", value))):
            return False
    return True


def _are_canonical(values: list[object]) -> bool:
    for value in values:
        kind = type(value)
        if kind is dict:
            if not _is_canonical(cast("dict[str, object]", value)):
                return False
        elif kind is float or (kind is list and not _are_canonical(cast("list[object]", value))):
            return False
    return True


_SORTED: Final[set[tuple[str, ...]]] = set()
"""Names of fields that were found to be sorted."""
_MOST_SORTED: Final = 1000


def to_canonical_json(value: object) -> bytes:
    """A JSON value as Nilometer writes it."""
    return _CANONICAL.encode(value).encode()
