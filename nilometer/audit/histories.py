"""Files that are parts of one history: the events of all of them, in the order of their positions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path
from typing import Final

from domain.errors import InputError, NilometerError
from nilometer.audit.reading import LineEvents, NumberedLines, OnError, events_of_file, numbered_lines
from nilometer.textio.texts import ByteStream
from rules.judging.completeness import PlacedEvent

OpenFile = Callable[[str], AbstractContextManager[ByteStream]]
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
        events = _read_file(names[0], open, on_error)
        first = events.peek()
        yield History("" if first is None else first.source, events)
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


def _file_with_start(name: str, open: OpenFile, on_error: OnError | None) -> _File:
    """A file with its source and first position. It is opened again to be read; a pipe, read only once, stays open."""
    if Path(name).is_file():
        first = _first_event(_read_file(name, open, _ignore))
        events = _read_file(name, open, on_error)
    else:
        events = _read_file(name, open, on_error)
        first = events.peek()
    return _File("", 0, events) if first is None else _File(first.source, first.envelope.position, events)


def _first_event(events: Iterator[PlacedEvent]) -> PlacedEvent | None:
    try:
        return next(events, None)
    except NilometerError:
        return None  # reported when the file is read


def _ignore(_: NilometerError) -> None:
    pass


def _read_file(name: str, open: OpenFile, on_error: OnError | None) -> LineEvents[int]:
    shown = "stdin" if name == "-" else name
    return events_of_file(shown, _lines_of_file(name, shown, open, on_error), on_error)


def _lines_of_file(name: str, shown: str, open: OpenFile, on_error: OnError | None) -> Iterator[NumberedLines]:
    try:
        with open(name) as stream:
            yield from numbered_lines(stream, shown, on_error)
    except InputError as error:
        if on_error is None:
            raise
        on_error(error)
