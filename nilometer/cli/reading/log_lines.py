"""``nilo log --format json``: the lines of events, out of stored rows where all of them are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic_core import to_json

from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import line_as_stored, source_uri, to_canonical_json, unreadable_to_document
from nilometer.storage.bodies import decode
from nilometer.storage.canonical import BODIES, BodyMatcher
from nilometer.storage.reader import ReadEvent, StoredRow


def rows_to_lines(rows: Iterable[StoredRow], ledger: str, matcher: BodyMatcher = BODIES) -> Iterator[bytes]:
    """The lines of stored events. A body that is right by its form is not read."""
    source = to_json(source_uri(ledger))
    for row in rows:
        yield line_as_stored(row, source, matcher) or event_to_line(_read(row), ledger)


def event_to_line(event: ReadEvent, ledger: str) -> bytes:
    """The line of an event, in the current version of its kind; or where it is, and why it cannot be read."""
    if isinstance(event, UnreadableEvent):
        return to_canonical_json(unreadable_to_document(event, ledger))
    from nilometer.history.codecs import envelope_to_line  # here, because it loads pydantic

    return envelope_to_line(event, ledger)


def _read(row: StoredRow) -> ReadEvent:
    try:
        return decode(row.stream, row.version, row.topic, row.body, row.position)
    except UnreadableEvent as error:
        return error
