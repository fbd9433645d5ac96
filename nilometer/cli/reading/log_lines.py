"""``nilo log`` of all events: out of stored rows their lines in JSON, and for people the first of each command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pydantic_core import to_json

from domain.envelope import Envelope
from domain.events import Decided, Event, HostMemoryGranted, HostMemoryReturned
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import (
    is_place,
    line_as_stored,
    source_uri,
    to_canonical_json,
    unreadable_to_document,
)
from nilometer.history.codecs import envelope_to_line
from nilometer.storage.bodies import decode, topic_of
from nilometer.storage.canonical import BODIES, BodyMatcher
from nilometer.storage.reader import ReadEvent, StoredRow

_SECOND: Final = frozenset((topic_of(HostMemoryGranted), topic_of(HostMemoryReturned)))
"""The topics of events that only follow on another of the same command."""


def rows_to_lines(rows: Iterable[StoredRow], ledger: str, matcher: BodyMatcher = BODIES) -> Iterator[bytes]:
    """The lines of stored events. A body that is right by its form is not read."""
    source = to_json(source_uri(ledger))
    for row in rows:
        yield line_as_stored(row, source, matcher) or event_to_line(_read(row), ledger)


def event_to_line(event: ReadEvent, ledger: str) -> bytes:
    """The line of an event, in the current version of its kind; or where it is, and why it cannot be read."""
    if isinstance(event, UnreadableEvent):
        return to_canonical_json(unreadable_to_document(event, ledger))
    return envelope_to_line(event, ledger)


def first_of_rows(rows: Iterable[StoredRow], matcher: BodyMatcher = BODIES) -> Iterator[ReadEvent]:
    """Of stored events the first of each command. What only follows on it is not read if it is right by its form."""

    def read() -> Iterator[ReadEvent]:
        root = ""
        for row in rows:
            parts = matcher.match(row.topic, row.body) if row.topic in _SECOND else None
            if parts is None or not is_place(row) or parts.causation != to_json(root):
                event = _read(row)
                root = root if isinstance(event, UnreadableEvent) else root_of(event)
                yield event

    return first_of_commands(read())


def first_of_commands(found: Iterable[ReadEvent]) -> Iterator[ReadEvent]:
    """The first event of each command. An observation is shown for itself, and what cannot be read."""
    previous = ""
    for event in found:
        if isinstance(event, UnreadableEvent):
            yield event
            continue
        root = root_of(event)
        if not isinstance(event.event, Decided) or root != previous:
            yield event
        previous = root


def root_of(event: Envelope[Event]) -> str:
    """The id of the event that caused an event, or else its own."""
    return event.metadata.causation or event.id


def _read(row: StoredRow) -> ReadEvent:
    try:
        return decode(row.stream, row.version, row.topic, row.body, row.position)
    except UnreadableEvent as error:
        return error
