"""Where the events come from that several processes judge: a file of history lines, or a ledger.

It can be looked through without decoding anything, and read by each process for itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from nilometer.audit.reading import Placed, read_row, unreadable
from nilometer.history.cloudevents import source_uri
from nilometer.history.parsing import LineReader, UnreadableLine
from nilometer.ledger.ledger import Ledger
from nilometer.textio.streaming import in_batches
from nilometer.textio.texts import read_lines

Mine = Callable[[bytes], bool]
"""Whether the events of a stream are asked for."""

_SUBJECT: Final = b'"subject":"'
_POSITION: Final = b'"position":'
_TAIL: Final = re.compile(
    rb'"position":(\d+),(?:"reason":"(?:[^"\\]|\\.)*+",)?"recorded":"[^"\\]+","source":"([^"\\]+)",'
    rb'"specversion":"1\.0","subject":"([^"\\]+)","time":"[^"\\]+","type":"nilometer\.([^"\\]+)\.v\d+",'
    rb'"version":(\d+),"via":'
)
"""What follows on the data in a line as Nilometer writes it."""


class Looked(NamedTuple):
    """An event, looked at from outside."""

    stream: bytes
    version: int
    position: int
    kind: bytes
    """As ``vm.defined``."""
    source: bytes
    text: bytes
    """JSON in which its data stands."""


class Source(Protocol):
    """A history that several processes can read."""

    def look(self) -> Iterator[Looked | None]:
        """All its events from outside; ``None`` for one that has to be read to be understood."""
        ...

    def events(self, mine: Mine) -> Iterator[Placed]:
        """The events of some streams. Raises ``InputError`` or ``UnreadableEvent``."""
        ...


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file that can be read again and again."""

    name: str

    def look(self) -> Iterator[Looked | None]:
        """All its events from outside."""
        with Path(self.name).open("rb") as stream:
            for _, content in read_lines(stream, self.name):
                yield _look(content)

    def events(self, mine: Mine) -> Iterator[Placed]:
        """The events of some streams."""
        reader = LineReader()
        with Path(self.name).open("rb") as stream:
            for some in in_batches(_of(read_lines(stream, self.name), mine)):
                told = reader.read_all([content for _, content in some])
                for (number, _), each in zip(some, told, strict=True):
                    place = f"{self.name}:{number}"
                    if isinstance(each, UnreadableLine):
                        raise unreadable(place, each)
                    yield each.envelope, place, each.source


def _of(numbered: Iterator[tuple[int, bytes]], mine: Mine) -> Iterator[tuple[int, bytes]]:
    """The lines of some streams."""
    for number, content in numbered:
        begin = content.find(_SUBJECT) + len(_SUBJECT)
        if mine(content[begin : content.find(b'"', begin)]):
            yield number, content


def _look(line: bytes) -> Looked | None:
    tail = _TAIL.match(line, max(0, line.rfind(_POSITION)))  # in a text its quotes would be escaped
    if tail is None:
        return None
    position, source, stream, kind, version = tail.groups()
    return Looked(stream, int(version), int(position), kind, source, line)


@dataclass(frozen=True, slots=True)
class LedgerSource:
    """A ledger, up to a position."""

    url: str
    upto: int

    def look(self) -> Iterator[Looked | None]:
        """All its events from outside."""
        with Ledger.open(self.url, read_only=True) as ledger:
            source = source_uri(ledger.id).encode()
            for row in ledger.rows(0, self.upto):
                kind = row.topic.rpartition("/")[0].encode()
                yield Looked(row.stream.encode(), row.version, row.position, kind, source, row.body)

    def events(self, mine: Mine) -> Iterator[Placed]:
        """The events of some streams."""
        with Ledger.open(self.url, read_only=True) as ledger:
            source = source_uri(ledger.id)
            for row in ledger.rows(0, self.upto):
                if mine(row.stream.encode()):
                    yield read_row(row, ledger.id), "", source
