"""The histories that several processes can judge: a file of history lines, or a ledger.

Each process reads the history for itself. The headers of its events are read without decoding the events.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from nilometer.audit.reading import read_row, unreadable
from nilometer.history.cloudevents import source_uri
from nilometer.history.parsing import LineReader, UnreadableLine
from nilometer.ledger.reader import open_reader
from nilometer.textio.streaming import in_batches
from nilometer.textio.texts import read_lines
from rules.judging.completeness import PlacedEvent

StreamFilter = Callable[[bytes], bool]
"""Whether the events of a stream are wanted."""

_SUBJECT: Final = b'"subject":"'
_POSITION: Final = b'"position":'
_TAIL: Final = re.compile(
    rb'"position":(\d+),(?:"reason":"(?:[^"\\]|\\.)*+",)?"recorded":"([^"\\]+)","source":"([^"\\]+)",'
    rb'"specversion":"1\.0","subject":"([^"\\]+)","time":"[^"\\]+","type":"nilometer\.([^"\\]+)\.v\d+",'
    rb'"version":(\d+),"via":'
)
"""What follows the data in a line as Nilometer writes it."""


_RECORDED: Final = re.compile(rb'"recorded":"([^"\\]+)"')
"""When a stored event was recorded; within a text its quotes would be escaped."""


class EventHeader(NamedTuple):
    """An event that was not decoded."""

    stream: bytes
    version: int
    position: int
    kind: bytes
    """Such as ``vm.defined``."""
    source: bytes
    recorded: bytes
    """When it was recorded."""
    text: bytes
    """JSON that contains its data."""


class HistorySource(Protocol):
    """A history that several processes can read."""

    def headers(self) -> Iterator[EventHeader | None]:
        """The headers of all events; ``None`` for an event that must be decoded."""
        ...

    def events(self, is_wanted: StreamFilter) -> Iterator[PlacedEvent]:
        """The events of some streams. Raises ``InputError`` or ``UnreadableEvent``."""
        ...


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file that can be read more than once."""

    name: str

    def headers(self) -> Iterator[EventHeader | None]:
        """The headers of all events."""
        with Path(self.name).open("rb") as stream:
            for _, content in read_lines(stream, self.name):
                yield _header_of(content)

    def events(self, is_wanted: StreamFilter) -> Iterator[PlacedEvent]:
        """The events of some streams."""
        reader = LineReader()
        with Path(self.name).open("rb") as stream:
            for batch in in_batches(_wanted_lines(read_lines(stream, self.name), is_wanted)):
                lines = reader.read_all([content for _, content in batch])
                for (number, _), line in zip(batch, lines, strict=True):
                    place = f"{self.name}:{number}"
                    if isinstance(line, UnreadableLine):
                        raise unreadable(place, line)
                    yield PlacedEvent(line.envelope, place, line.source)


def _wanted_lines(numbered: Iterator[tuple[int, bytes]], is_wanted: StreamFilter) -> Iterator[tuple[int, bytes]]:
    for number, content in numbered:
        begin = content.find(_SUBJECT) + len(_SUBJECT)
        if is_wanted(content[begin : content.find(b'"', begin)]):
            yield number, content


def _header_of(line: bytes) -> EventHeader | None:
    tail = _TAIL.match(line, max(0, line.rfind(_POSITION)))  # within a text its quotes would be escaped
    if tail is None:
        return None
    position, recorded, source, stream, kind, version = tail.groups()
    return EventHeader(
        stream=stream,
        version=int(version),
        position=int(position),
        kind=kind,
        source=source,
        recorded=recorded,
        text=line,
    )


@dataclass(frozen=True, slots=True)
class LedgerSource:
    """A ledger, up to a position."""

    url: str
    upto: int

    def headers(self) -> Iterator[EventHeader | None]:
        """The headers of all events."""
        with open_reader(self.url) as ledger:
            source = source_uri(ledger.id).encode()
            for row in ledger.rows(0, self.upto):
                recorded = _RECORDED.search(row.body)
                if recorded is None:
                    yield None
                    continue
                yield EventHeader(
                    stream=row.stream.encode(),
                    version=row.version,
                    position=row.position,
                    kind=row.topic.rpartition("/")[0].encode(),
                    source=source,
                    recorded=recorded[1],
                    text=row.body,
                )

    def events(self, is_wanted: StreamFilter) -> Iterator[PlacedEvent]:
        """The events of some streams."""
        with open_reader(self.url) as ledger:
            source = source_uri(ledger.id)
            for row in ledger.rows(0, self.upto):
                if is_wanted(row.stream.encode()):
                    yield PlacedEvent(read_row(row, ledger.id), "", source)
