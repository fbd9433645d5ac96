"""Histories to be judged: read line by line, without the claim that they are whole. What is amiss is for the judge.

A line that is no event is unreadable, and that is all that is refused here: gaps, doubles and disorder are read as they
stand. Each event comes with its place, ``file:line``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from domain.envelope import Envelope
from domain.errors import InputError, NilometerError
from domain.events import Event
from nilometer.history.cloudevents import source_uri, to_cloudevent
from nilometer.history.parsing import LineReader, ParsedLine, UnreadableLine
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import StoredRow
from nilometer.storage.bodies import UnreadableEvent, decode, encode
from nilometer.textio.identifying.kind import AUDIT, EXPORT_A_HISTORY, empty_file
from nilometer.textio.streaming import in_batches
from nilometer.textio.texts import read_lines

Placed = tuple[Envelope[Event], str, str]
"""An event, where it was read (``file:line``, or nothing of a ledger), and the ledger that it names as its source."""
PassOver = Callable[[NilometerError], None]
"""Is told what cannot be read; then the next is read. Where there is none, the first such thing ends the reading."""
Open = Callable[[str], AbstractContextManager[BinaryIO]]

HINT: Final = "nilo audit reads what nilo export writes"
GOES_ON: Final = "nilo audit --keep-going passes over such lines"


def read_events(stream: BinaryIO, name: str, pass_over: PassOver | None = None) -> Iterator[tuple[ParsedLine, str]]:
    """The events of a file, each with its place. Raises ``InputError`` with place, reason and hint."""
    reader, found = LineReader(), False
    for some in _turns(read_lines(stream, name, AUDIT), pass_over):
        numbered = [(number, content) for number, content in some if content.strip()]
        for (number, _), told in zip(numbered, reader.read_all([content for _, content in numbered]), strict=True):
            place = f"{name}:{number}"
            if isinstance(told, UnreadableLine):
                problem = unreadable(place, told)
                if pass_over is None:
                    raise problem
                pass_over(problem)
            else:
                yield told, place
            found = True
    if not found:
        raise empty_file(name, "there is nothing to judge", EXPORT_A_HISTORY)


def unreadable(place: str, error: UnreadableLine) -> InputError:
    """The error of a line that is no event."""
    return InputError(f"{place}: {error}", hint=f"{error.hint or HINT}; {GOES_ON}")


def _turns(found: Iterator[tuple[int, bytes]], pass_over: PassOver | None) -> Iterator[list[tuple[int, bytes]]]:
    """The lines that can be read at all: of a bad one it is told, and the next is read."""
    while True:
        try:
            yield from in_batches(found)
        except InputError as error:
            if pass_over is None:
                raise
            pass_over(error)
        else:
            return


def read_ledger(
    ledger: Ledger, after: int = 0, upto: int | None = None, pass_over: PassOver | None = None
) -> Iterator[Placed]:
    """The events of a ledger, as they are stored. Raises ``UnreadableEvent``."""
    source = source_uri(ledger.id)
    for row in ledger.rows(after, upto):
        try:
            envelope = read_row(row, ledger.id)
        except UnreadableEvent as error:
            if pass_over is None:
                raise
            pass_over(error)
        else:
            yield envelope, "", source


def read_row(row: StoredRow, ledger: str) -> Envelope[Event]:
    """An event as it is stored. Raises ``UnreadableEvent``."""
    envelope = decode(row.stream, row.version, row.topic, row.body, row.position)
    if encode(envelope.event, envelope.metadata) != (row.topic, row.body):
        to_cloudevent(row, ledger)  # of an older shape; or changed, which this says
    return envelope


# Files that continue one another


@dataclass(frozen=True, slots=True)
class History:
    """One history: the ledger that it names as its source, and its events, in the order in which they stand."""

    source: str
    events: Iterator[Placed]


@dataclass(frozen=True, slots=True)
class _File:
    source: str
    """Empty where nothing can be read."""
    first: int
    """The position of the first event."""
    events: Iterator[tuple[ParsedLine, str]]


def histories(names: Sequence[str], open: Open, pass_over: PassOver | None = None) -> Iterator[History]:
    """The histories in some files. One file is one history; files of one ledger that go on where another ends are too.

    Each history has to be read to its end before the next one is asked for. Raises as ``read_events`` does.
    """
    alone = len(names) == 1
    files = [_alone(name, open, pass_over) if alone else _begun(name, open, pass_over) for name in names]
    sources = list(dict.fromkeys(file.source for file in files))
    waiting = deque(sorted(files, key=lambda file: (sources.index(file.source), file.first)))
    while waiting:
        begun = next(waiting[0].events, None) if alone else None
        source = waiting[0].source if begun is None else begun[0].source
        yield History(source, _joined(waiting, [] if begun is None else [begun]))


def _joined(waiting: deque[_File], begun: Iterable[tuple[ParsedLine, str]]) -> Iterator[Placed]:
    file, last = waiting.popleft(), 0
    for judged, place in chain(begun, file.events):
        last = judged.envelope.position
        yield judged.envelope, place, judged.source
    while waiting and file.source and (waiting[0].source, waiting[0].first) == (file.source, last + 1):
        file = waiting.popleft()
        for judged, place in file.events:
            last = judged.envelope.position
            yield judged.envelope, place, judged.source


def _alone(name: str, open: Open, pass_over: PassOver | None) -> _File:
    return _File("", 0, _opened(name, open, pass_over))


def _begun(name: str, open: Open, pass_over: PassOver | None) -> _File:
    """A file, and how it begins; the file is opened anew to be read, but what can be read only once stays open."""
    if Path(name).is_file():
        first = _first(_opened(name, open, _pass_over_quietly))
        events = _opened(name, open, pass_over)
    else:
        events = _opened(name, open, pass_over)
        begin = list(_take_one(events))
        first, events = (begin[0][0] if begin else None), chain(begin, events)
    return _File("", 0, events) if first is None else _File(first.source, first.envelope.position, events)


def _first(events: Iterator[tuple[ParsedLine, str]]) -> ParsedLine | None:
    try:
        return next((judged for judged, _ in events), None)
    except NilometerError:
        return None  # said when it is read


def _take_one(events: Iterator[tuple[ParsedLine, str]]) -> Iterator[tuple[ParsedLine, str]]:
    for each in events:
        yield each
        return


def _pass_over_quietly(_: NilometerError) -> None:
    pass


def _opened(name: str, open: Open, pass_over: PassOver | None) -> Iterator[tuple[ParsedLine, str]]:
    try:
        with open(name) as stream:
            yield from read_events(stream, "stdin" if name == "-" else name, pass_over)
    except InputError as error:
        if pass_over is None:
            raise
        pass_over(error)
