"""Reads histories for the judge, line by line, without checking that they are complete: the judge does that.

Only a line that is no event is refused here; gaps, duplicates and disorder are read as they are. Each event comes with
its place, ``file:line``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import chain, islice
from pathlib import Path
from typing import Final

from domain.envelope import Envelope
from domain.errors import InputError, NilometerError
from domain.events import Event
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import source_uri, to_cloudevent
from nilometer.history.parsing import LineReader, UnreadableLine
from nilometer.ledger.reader import LedgerReader
from nilometer.storage.bodies import decode, encode
from nilometer.storage.reader import StoredRow
from nilometer.textio.identifying.kind import AUDIT, EXPORT_A_HISTORY, empty_file
from nilometer.textio.streaming import in_batches
from nilometer.textio.texts import ByteStream, read_lines
from rules.judging.completeness import PlacedEvent

OnError = Callable[[NilometerError], None]
"""Is called with an error in the input, which is then skipped; without one, the first error ends the reading."""
OpenFile = Callable[[str], AbstractContextManager[ByteStream]]

HINT: Final = "nilo audit reads what nilo export writes"
KEEP_GOING: Final = "nilo audit --keep-going skips such lines"


def read_events(stream: ByteStream, name: str, on_error: OnError | None = None) -> Iterator[PlacedEvent]:
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


# Files that are parts of one history

MOST_CONFLICTS: Final = 1000
"""Conflicts between files that are kept; when there are more, the files are not copies of one history at all."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two files that have different events at one position of the same ledger."""

    judged: PlacedEvent
    """The event of the file that was named first; it is judged."""
    other: PlacedEvent


@dataclass(frozen=True, slots=True)
class History:
    """One history: the ledger that it names as its source, and its events in the order of their positions."""

    source: str
    events: Iterator[PlacedEvent]
    conflicts: list[Conflict] = field(default_factory=list[Conflict])
    """The conflicts between its files, once all events were read."""


@dataclass(frozen=True, slots=True)
class _File:
    source: str
    """Empty if nothing can be read."""
    first: int
    """The position of the first event."""
    events: Iterator[PlacedEvent]


def histories(names: Sequence[str], open: OpenFile, on_error: OnError | None = None) -> Iterator[History]:
    """The histories in some files: all files of one ledger are parts of one history, in whatever order they are named.

    An event that several files have alike is given once. Each history must be read to its end before the next one is
    requested. Raises as ``read_events`` does.
    """
    if len(names) == 1:
        file = _single_file(names[0], open, on_error)
        first = next(file.events, None)
        yield History("" if first is None else first.source, chain([] if first is None else [first], file.events))
        return
    by_source: dict[str, list[_File]] = {}
    for number, name in enumerate(names):
        file = _file_with_start(name, open, on_error)
        by_source.setdefault(file.source or f"unreadable {number}", []).append(file)
    for files in by_source.values():
        conflicts: list[Conflict] = []
        yield History(files[0].source, _merged(files, conflicts), conflicts)


def _merged(files: Sequence[_File], conflicts: list[Conflict]) -> Iterator[PlacedEvent]:
    """The events of all files by their positions. A file is opened when its first position has come."""
    waiting = deque(sorted(enumerate(files), key=lambda numbered: numbered[1].first))
    heads: list[tuple[int, int, PlacedEvent]] = []
    """The next event of each open file, with its position and the number of the file."""

    def push(number: int) -> None:
        event = next(files[number].events, None)
        if event is not None:
            heappush(heads, (event.envelope.position, number, event))

    last: PlacedEvent | None = None
    last_number = 0
    while heads or waiting:
        while waiting and (not heads or waiting[0][1].first <= heads[0][0]):
            push(waiting.popleft()[0])
        if not heads:
            continue
        position, number, event = heappop(heads)
        if last is not None and number != last_number and position == last.envelope.position:
            if (event.envelope, event.source) != (last.envelope, last.source) and len(conflicts) < MOST_CONFLICTS:
                conflicts.append(Conflict(judged=last, other=event))
        else:
            yield event
            last, last_number = event, number
        push(number)


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
