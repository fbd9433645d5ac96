"""History lines: events as CloudEvents 1.0 in structured JSON, one a line, for other programs and other ledgers.

A line holds all that is stored of an event, so that the event can be stored again byte for byte. ``data`` is the stored
event, in the version in which it was stored. Keys are sorted, and there is no space between tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

from domain.envelope import Envelope
from domain.events import Event
from nilometer.errors import UnreadableEvent
from nilometer.storage.bodies import encode
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
    known = {name: body[name] for name in ATTRIBUTES if body.get(name) is not None}
    return known | {
        "data": body["data"],
        "datacontenttype": "application/json",
        "id": f"{stored.stream}/{stored.version}",
        "position": stored.position,
        "source": source_uri(ledger),
        "specversion": "1.0",
        "subject": stored.stream,
        "time": body["happened"],
        "type": f"nilometer.{kind}.v{shape}",
        "version": stored.version,
    }


def envelope_to_cloudevent(envelope: Envelope[Event], ledger: str) -> dict[str, Any]:
    """An event as a CloudEvent, in the current version of its kind."""
    topic, body = encode(envelope.event, envelope.metadata)
    row = StoredRow(
        position=envelope.position, stream=envelope.stream, version=envelope.version, topic=topic, body=body
    )
    return to_cloudevent(row, ledger)


def unreadable_to_document(event: UnreadableEvent, ledger: str) -> dict[str, Any]:
    """What stands in a list of events in the place of one that cannot be read."""
    return {
        "id": event.id,
        "position": event.position,
        "source": source_uri(ledger),
        "subject": event.stream,
        "unreadable": event.why,
        "version": event.version,
    }


def write_lines(rows: Iterable[StoredRow], ledger: str) -> Iterator[bytes]:
    """The history lines of stored events."""
    for stored in rows:
        yield to_canonical_json(to_cloudevent(stored, ledger)) + b"\n"


def _body(stored: StoredRow) -> dict[str, Any]:
    try:
        body: Any = json.loads(stored.body)
    except (ValueError, TypeError, RecursionError):
        body = None
    has_types = [type(value) for value in (stored.stream, stored.version, stored.topic)] == [str, int, str]
    fields = cast("dict[str, Any]", body) if isinstance(body, dict) and has_types else {}
    if not fields.keys() >= {"data", "happened"} or to_canonical_json(fields) != stored.body:
        raise UnreadableEvent.at(
            stored.stream,
            stored.version,
            stored.position,
            "it is not as Nilometer writes events: it was changed after it was recorded",
        )
    return fields


def to_canonical_json(value: object) -> bytes:
    """A JSON value as Nilometer writes it."""
    return _CANONICAL.encode(value).encode()
