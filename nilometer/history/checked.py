"""Histories to be restored into a ledger: each line must be as Nilometer writes it, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from domain.aggregates import HistoryError
from domain.envelope import Envelope
from domain.errors import InputError
from domain.events import Event
from nilometer.history.cloudevents import ATTRIBUTES, to_canonical_json
from nilometer.history.opening import is_parquet
from nilometer.history.parquet.manifest import EXPORT_AGAIN
from nilometer.history.parsing import LineReader, UnreadableLine
from nilometer.storage.reader import StoredRow
from nilometer.textio.identifying.kind import EXPORT_A_HISTORY, IMPORT, empty_file
from nilometer.textio.texts import ByteStream, read_lines
from projections.fleet import Fleet

_HINT: Final = "import what nilo export wrote; it may have been cut off or changed"


@dataclass(frozen=True, slots=True)
class CheckedLine:
    """A line that was checked: its place (``file:line``), the ledger it came from, and the event as it is stored."""

    place: str
    ledger: str
    stored: StoredRow


def read_history(stream: ByteStream, file: str) -> Iterator[CheckedLine]:
    """The events of a history, each checked. Raises ``InputError`` with ``file:line`` and what is wrong.

    Positions count from 1 without a gap, and so do the versions of each stream. All lines are of one ledger, each event
    can follow on those before it, and the last line has its end.
    """
    versions: dict[str, int] = {}
    fleet, reader = Fleet(), LineReader()
    source = ""
    position = 0
    lines = read_lines(stream, file, IMPORT)
    for number, content in lines:
        if not content.strip():
            continue
        position += 1
        place = f"{file}:{number}"
        try:
            if not lines.ended:
                raise UnreadableLine("the line has no end")
            line_source, event = reader.read(content)
            _expect("position", event.position, position)
            _expect("version", event.version, versions.get(event.stream, 0) + 1)
            _expect("source", line_source, source or line_source)
            stored = _stored(content, event)
            fleet.apply(event)
        except UnreadableLine as error:
            raise InputError(f"{place}: {error}", hint=_hint(file, error.hint)) from None
        except HistoryError as error:
            raise InputError(f"{place}: {error.message}", hint=_hint(file, error.hint)) from None
        source, versions[event.stream] = line_source, event.version
        yield CheckedLine(place, line_source.removeprefix("urn:uuid:"), stored)
    if not position:
        raise empty_file(file, "there are no events in it", EXPORT_A_HISTORY)


def _hint(file: str, hint: str) -> str:
    return EXPORT_AGAIN if is_parquet(file) else hint or _HINT


def _stored(content: bytes, event: Envelope[Event]) -> StoredRow:
    """The event of a line as it is stored: in the version in which it was written. Raises ``UnreadableLine``."""
    line: dict[str, Any] = json.loads(content)
    if to_canonical_json(line) != content:
        raise UnreadableLine("is not written as Nilometer writes it: keys sorted, no space between tokens")
    kind, _, shape = str(line["type"]).removeprefix("nilometer.").rpartition(".v")
    body = {name: line.get(name) for name in ATTRIBUTES} | {"data": line["data"], "happened": line["time"]}
    return StoredRow(
        position=event.position,
        stream=event.stream,
        version=event.version,
        topic=f"{kind}/{shape}",
        body=to_canonical_json(body),
    )


def _expect(name: str, found: object, expected: object) -> None:
    if found != expected:
        raise UnreadableLine(f"{name} is {found}, not {expected}")
