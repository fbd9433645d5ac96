"""The histories that can be judged in parts: files of history lines, or a ledger.

Each process reads the history for itself. The headers of its events are read without decoding the events.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Final, NamedTuple, Protocol

from nilometer.audit.histories import OpenFile
from nilometer.audit.reading import LineEvents, NumberedLines, events_of_file
from nilometer.audit.stored import RowEvents
from nilometer.history.cloudevents import source_uri
from nilometer.history.opening import open_history
from nilometer.history.parquet.manifest import EXPORT_AGAIN
from nilometer.ledger.reader import open_reader
from nilometer.storage.reader import StoredRow
from nilometer.textio.identifying.kind import AUDIT
from nilometer.textio.streaming import in_batches
from nilometer.textio.texts import read_lines
from rules.judging.completeness import PlacedEvent

StreamFilter = Callable[[bytes], bool]
"""Whether the events of a stream are wanted."""

_MOMENT: Final = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
"""A time as Nilometer writes it: those of two events can be compared as they stand."""
_SUBJECT: Final = b'"subject":"'
POSITION: Final = b'"position":'
"""The last one in a line is the line's own: within a text its quotes would be escaped."""
TO_SOURCE: Final = (
    rb'(?P<position>\d{1,19}),"re(?:ason":"(?:[^"\\]|\\.)*","re)?corded":"(?P<recorded>%b)","source":"(?P<source>[^"\\]+)",'
    % _MOMENT
)
TO_VERSION: Final = (
    rb'"specversion":"1\.0","subject":"(?P<stream>[^"\\]+)","time":"[^"\\]+",'
    rb'"type":"nilometer\.(?P<kind>[^"\\.]+\.[^"\\.]+)\.v\d+","version":(?P<version>\d{1,19}),"via":'
)
"""What follows the data in a line as Nilometer writes it, in two pieces, behind ``POSITION``.

They are written for RE2 as well, which Arrow has, and so that it never has two ways to go on: that takes a third.
"""
_TAIL: Final = re.compile(POSITION + TO_SOURCE + TO_VERSION)


_RECORDED: Final = re.compile(rb'.*"recorded":"(%b)"' % _MOMENT, re.DOTALL)
"""When a stored event was recorded, behind its data; within a text its quotes would be escaped."""


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


class EventSource(Protocol):
    """A history of which each process reads its own events."""

    @property
    def absent(self) -> Collection[str]:
        """The hosts that the events that were read name, and of which the history has no event, where that counts."""
        ...

    def events(self, is_wanted: StreamFilter) -> Iterator[PlacedEvent]:
        """The events of some streams. Raises ``InputError`` or ``UnreadableEvent``."""
        ...


class HistorySource(EventSource, Protocol):
    """A history whose events have to be looked at to see which of them belong together."""

    def headers(self) -> Iterator[EventHeader | None]:
        """The headers of all events; ``None`` for an event that must be decoded."""
        ...


@dataclass(frozen=True, slots=True)
class FileSource:
    """Files, or exports as Parquet, that can be read more than once: each has a part of one history, in order."""

    names: Sequence[str]
    open: OpenFile = open_history

    @property
    def absent(self) -> Collection[str]:
        """None: the headers show them."""
        return ()

    def headers(self) -> Iterator[EventHeader | None]:
        """The headers of all events."""
        files = [_headers_in(name, self.open) for name in self.names]
        return merge(*files, key=_position_of) if len(files) > 1 else files[0]

    def events(self, is_wanted: StreamFilter) -> Iterator[PlacedEvent]:
        """The events of some streams."""
        files = [events_of_file(name, _lines_in(name, self.open, is_wanted)) for name in self.names]
        return merge(*files, key=lambda placed: placed.envelope.position) if len(files) > 1 else files[0]


def _headers_in(name: str, open: OpenFile) -> Iterator[EventHeader | None]:
    with open(name) as stream:
        for _, content in read_lines(stream, name, AUDIT):
            yield header_of(content)


def _position_of(header: EventHeader | None) -> int:
    return 0 if header is None else header.position  # what has no header comes first: it is looked at no further


def _lines_in(name: str, open: OpenFile, is_wanted: StreamFilter) -> Iterator[NumberedLines]:
    with open(name) as stream:
        yield from in_batches(_wanted_lines(read_lines(stream, name, AUDIT), is_wanted))


def read_lines_as_events(lines: Iterable[tuple[str, bytes]]) -> LineEvents[str]:
    """The events of the history lines of an export as Parquet, each with its place. Raises ``InputError``."""
    return LineEvents(in_batches(lines), str, hint=EXPORT_AGAIN)


def _wanted_lines(numbered: Iterator[tuple[int, bytes]], is_wanted: StreamFilter) -> Iterator[tuple[int, bytes]]:
    for number, content in numbered:
        begin = content.find(_SUBJECT, max(0, content.rfind(POSITION))) + len(_SUBJECT)  # where its header was read
        if is_wanted(content[begin : content.find(b'"', begin)]):
            yield number, content


def header_of(line: bytes) -> EventHeader | None:
    """The header of a history line; ``None`` if it is not written as Nilometer writes it."""
    tail = match_tail(line)
    if tail is None:
        return None
    position, recorded, source, stream, kind, version = tail.groups()
    return EventHeader(stream, int(version), int(position), kind, source, recorded, line)  # by position: for each line


def match_tail(line: bytes) -> re.Match[bytes] | None:
    """Position, time of recording, source, stream, kind and version, which stand behind the data in a line."""
    return _TAIL.match(line, max(0, line.rfind(POSITION)))


@dataclass(frozen=True, slots=True)
class LedgerSource:
    """A ledger, up to a position."""

    url: str
    upto: int

    @property
    def absent(self) -> Collection[str]:
        """None: the headers show them."""
        return ()

    def headers(self) -> Iterator[EventHeader | None]:
        """The headers of all events."""
        with open_reader(self.url) as ledger:
            source = source_uri(ledger.id).encode()
            for row in ledger.rows(0, self.upto):
                recorded = _RECORDED.match(row.body)
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

    def events(self, is_wanted: StreamFilter) -> RowEvents:
        """The events of some streams."""
        with open_reader(self.url) as ledger:
            id = ledger.id
        return RowEvents(self._rows(is_wanted), id)

    def _rows(self, is_wanted: StreamFilter) -> Iterator[StoredRow]:
        with open_reader(self.url) as ledger:
            for row in ledger.rows(0, self.upto):
                if is_wanted(row.stream.encode()):
                    yield row
