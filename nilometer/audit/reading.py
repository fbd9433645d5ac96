"""Reads histories for the judge, line by line, without checking that they are complete: the judge does that.

Only a line that is no event is refused here; gaps, duplicates and disorder are read as they are. Each event comes with
its place, ``file:line``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final

from domain.envelope import Envelope
from domain.errors import InputError, NilometerError
from domain.events import Event
from nilometer.history.cloudevents import source_uri, to_cloudevent
from nilometer.history.parsing import LineReader, UnreadableLine
from nilometer.ledger.reader import LedgerReader
from nilometer.storage.bodies import UnreadableEvent, decode, encode
from nilometer.storage.reader import StoredRow
from nilometer.textio.identifying.kind import AUDIT, EXPORT_A_HISTORY, empty_file
from nilometer.textio.streaming import in_batches
from nilometer.textio.texts import read_lines
from rules.judging.completeness import PlacedEvent

OnError = Callable[[NilometerError], None]
"""Is called with an error in the input, which is then skipped; without one, the first error ends the reading."""
OpenFile = Callable[[str], AbstractContextManager[BinaryIO]]

HINT: Final = "nilo audit reads what nilo export writes"
KEEP_GOING: Final = "nilo audit --keep-going skips such lines"


def read_events(stream: BinaryIO, name: str, on_error: OnError | None = None) -> Iterator[PlacedEvent]:
    """Reads the events of a file, each with its place. Raises ``InputError`` with place, reason and hint."""
    reader, has_lines = LineReader(), False
    for batch in _batches(read_lines(stream, name, AUDIT), on_error):
        numbered = [(number, content) for number, content in batch if content.strip()]
        for (number, _), line in zip(numbered, reader.read_all([content for _, content in numbered]), strict=True):
            place = f"{name}:{number}"
            if isinstance(line, UnreadableLine):
                error = unreadable(place, line)
                if on_error is None:
                    raise error
                on_error(error)
            else:
                yield PlacedEvent(line.envelope, place, line.source)
            has_lines = True
    if not has_lines:
        raise empty_file(name, "there is nothing to judge", EXPORT_A_HISTORY)


def unreadable(place: str, error: UnreadableLine) -> InputError:
    """The error for a line that is no event."""
    return InputError(f"{place}: {error}", hint=f"{error.hint or HINT}; {KEEP_GOING}")


def _batches(lines: Iterator[tuple[int, bytes]], on_error: OnError | None) -> Iterator[list[tuple[int, bytes]]]:
    """The lines that can be read, in batches; an error in one of them does not end the reading if it is handled."""
    while True:
        try:
            yield from in_batches(lines)
        except InputError as error:
            if on_error is None:
                raise
            on_error(error)
        else:
            return


def read_ledger(
    ledger: LedgerReader, after: int = 0, upto: int | None = None, on_error: OnError | None = None
) -> Iterator[PlacedEvent]:
    """Reads the events of a ledger as they are stored. Raises ``UnreadableEvent``."""
    source = source_uri(ledger.id)
    for row in ledger.rows(after, upto):
        try:
            envelope = read_row(row, ledger.id)
        except UnreadableEvent as error:
            if on_error is None:
                raise
            on_error(error)
        else:
            yield PlacedEvent(envelope, "", source)


def read_row(row: StoredRow, ledger: str) -> Envelope[Event]:
    """Decodes a stored event. Raises ``UnreadableEvent``."""
    envelope = decode(row.stream, row.version, row.topic, row.body, row.position)
    if encode(envelope.event, envelope.metadata) != (row.topic, row.body):
        to_cloudevent(row, ledger)  # an older version of the event, or one that was changed: then this raises
    return envelope


# Files that continue one another


@dataclass(frozen=True, slots=True)
class History:
    """One history: the ledger that it names as its source, and its events in the order of the files."""

    source: str
    events: Iterator[PlacedEvent]


@dataclass(frozen=True, slots=True)
class _File:
    source: str
    """Empty if nothing can be read."""
    first: int
    """The position of the first event."""
    events: Iterator[PlacedEvent]


def histories(names: Sequence[str], open: OpenFile, on_error: OnError | None = None) -> Iterator[History]:
    """The histories in some files: one per file, or one for several files of one ledger that continue one another.

    Each history must be read to its end before the next one is requested. Raises as ``read_events`` does.
    """
    single = len(names) == 1
    files = [(_single_file if single else _file_with_start)(name, open, on_error) for name in names]
    sources = list(dict.fromkeys(file.source for file in files))
    queue = deque(sorted(files, key=lambda file: (sources.index(file.source), file.first)))
    while queue:
        first = next(queue[0].events, None) if single else None
        source = queue[0].source if first is None else first.source
        yield History(source, _joined(queue, [] if first is None else [first]))


def _joined(queue: deque[_File], start: Iterable[PlacedEvent]) -> Iterator[PlacedEvent]:
    """The events of the next file, and of the files that continue it; ``start`` was already read from the first."""
    file, last = queue.popleft(), 0
    for event in chain(start, file.events):
        last = event.envelope.position
        yield event
    while queue and file.source and (queue[0].source, queue[0].first) == (file.source, last + 1):
        file = queue.popleft()
        for event in file.events:
            last = event.envelope.position
            yield event


def _single_file(name: str, open: OpenFile, on_error: OnError | None) -> _File:
    return _File("", 0, _read_file(name, open, on_error))


def _file_with_start(name: str, open: OpenFile, on_error: OnError | None) -> _File:
    """A file with its source and first position. It is opened again to be read; a pipe, read only once, stays open."""
    if Path(name).is_file():
        first = _first_event(_read_file(name, open, _ignore))
        events = _read_file(name, open, on_error)
    else:
        events = _read_file(name, open, on_error)
        start = list(islice(events, 1))
        first, events = (start[0] if start else None), chain(start, events)
    return _File("", 0, events) if first is None else _File(first.source, first.envelope.position, events)


def _first_event(events: Iterator[PlacedEvent]) -> PlacedEvent | None:
    try:
        return next(events, None)
    except NilometerError:
        return None  # reported when the file is read


def _ignore(_: NilometerError) -> None:
    pass


def _read_file(name: str, open: OpenFile, on_error: OnError | None) -> Iterator[PlacedEvent]:
    try:
        with open(name) as stream:
            yield from read_events(stream, "stdin" if name == "-" else name, on_error)
    except InputError as error:
        if on_error is None:
            raise
        on_error(error)
