"""Reads histories for the judge, line by line, without checking that they are complete: the judge does that.

Only a line that is no event is refused here; gaps, duplicates and disorder are read as they are. Each event comes with
its place, ``file:line``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, Protocol, TypeVar

from domain.envelope import Envelope
from domain.errors import InputError, NilometerError
from domain.events import Event
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import source_uri, to_cloudevent
from nilometer.history.opening import is_parquet
from nilometer.history.parquet.manifest import EXPORT_AGAIN
from nilometer.history.parsing import LineReader, UnreadableLine
from nilometer.ledger.reader import LedgerReader
from nilometer.storage.bodies import decode, encode
from nilometer.storage.reader import StoredRow
from nilometer.textio.identifying.kind import AUDIT, EXPORT_A_HISTORY, empty_file
from nilometer.textio.streaming import BATCH_EVENTS, in_batches
from nilometer.textio.texts import ByteStream, read_lines
from rules.judging.completeness import PlacedEvent

OnError = Callable[[NilometerError], None]
"""Is called with an error in the input, which is then skipped; without one, the first error ends the reading."""
NumberedLines = Sequence[tuple[int, bytes]]
"""Lines that are not blank, each with its number."""
K = TypeVar("K")
"""Where a line stands, as whoever reads lines has it."""


class PassesLines(Protocol):
    """Whoever knows of lines that their events need not be read."""

    @property
    def is_ready(self) -> bool:
        """Whether it passes any lines now."""
        ...

    def pass_lines(self, lines: Sequence[bytes], begin: int) -> int:
        """Passes lines from an index on; returns that of the first line whose event has to be judged."""
        ...


HINT: Final = "nilo audit reads what nilo export writes"
KEEP_GOING: Final = "nilo audit --keep-going skips such lines"


class LineEvents(Iterator[PlacedEvent], Generic[K]):
    """The events of lines, each with its place; or, for the judge, all but those that are as predicted.

    ``place_of`` says the place of a line in words. A line that is no event raises ``InputError`` with place, reason and
    hint, unless ``on_error`` takes that; ``hint`` is for lines that stand in no text file. Without ``has_places``,
    events come without places: nobody could look them up.
    """

    def __init__(
        self,
        batches: Iterator[Sequence[tuple[K, bytes]]],
        place_of: Callable[[K], str],
        on_error: OnError | None = None,
        *,
        has_places: bool = True,
        hint: str = "",
    ) -> None:
        self._batches, self._place_of, self._on_error = batches, place_of, on_error
        self._hint = hint
        self._has_places = has_places
        self.most_together = BATCH_EVENTS
        """So many lines are parsed together at most: the next one after them may be passed."""
        self._reader = LineReader()
        self._keys: list[K] = []
        self._lines: list[bytes] = []
        """Lines that are still to be parsed, beginning at an index; and where these lines stand."""
        self._begin = 0
        self._events = deque[PlacedEvent]()
        self._error: NilometerError | None = None
        """The error of the line behind those events."""

    def __next__(self) -> PlacedEvent:
        return self._next(self.most_together)

    def peek(self) -> PlacedEvent | None:
        """The next event, which is given again afterwards; ``None`` if there is none."""
        try:
            event = self._next(1)
        except StopIteration:
            return None
        self._events.appendleft(event)
        return event

    def in_batches(self, passing: PassesLines | None = None) -> Iterator[list[PlacedEvent]]:
        """The events in batches, some of them empty. Each is to be judged before the next one is asked for.

        The events of lines that are passed are left out.
        """
        together = 1
        while True:
            yield self._take_events()
            if self._error is not None:
                raise self._error
            is_passing, begin = passing is not None and passing.is_ready, self._begin
            if is_passing and passing is not None:
                self._begin = passing.pass_lines(self._lines, begin)
            left = len(self._lines) - self._begin
            if left <= is_passing and self._add_lines():  # the last line may be the first one of a change
                continue
            if not left:
                yield []  # what was passed is counted
                return
            together = 1 if self._begin > begin else min(2 * together, self.most_together)
            self._parse(together if is_passing else self.most_together)

    def _next(self, together: int) -> PlacedEvent:
        while not self._events:
            if self._error is not None:
                raise self._error
            if self._begin == len(self._lines) and not self._add_lines():
                raise StopIteration
            self._parse(together)
        return self._events.popleft()

    def _take_events(self) -> list[PlacedEvent]:
        events = list(self._events)
        self._events.clear()
        return events

    def _add_lines(self) -> bool:
        """Reads more lines; returns whether there were any."""
        batch = next(self._batches, None)
        if batch is None:
            return False
        self._keys = [*self._keys[self._begin :], *[key for key, _ in batch]]
        self._lines = [*self._lines[self._begin :], *[line for _, line in batch]]
        self._begin = 0
        return True

    def _parse(self, together: int) -> None:
        """Parses the next lines, up to the first that is no event."""
        begin, end = self._begin, self._begin + together
        self._begin = min(end, len(self._lines))
        for read in self._read(self._keys[begin:end], self._lines[begin:end]):
            if isinstance(read, PlacedEvent):
                self._events.append(read)
            elif self._on_error is None:
                self._error = read
                return
            else:
                self._on_error(read)

    def _read(self, keys: Sequence[K], lines: Sequence[bytes]) -> Iterator[PlacedEvent | NilometerError]:
        """The events of lines, with the error in the place of one that is none."""
        for key, line in zip(keys, self._reader.read_all(lines), strict=True):
            place = self._place_of(key)
            if isinstance(line, UnreadableLine):
                yield unreadable(place, line, self._hint)
            else:
                yield PlacedEvent(line.envelope, place if self._has_places else "", line.source)


def read_events(stream: ByteStream, name: str, on_error: OnError | None = None) -> LineEvents[int]:
    """Reads the events of a file, each with its place. Raises ``InputError`` with place, reason and hint."""
    return events_of_file(name, numbered_lines(stream, name, on_error), on_error)


def events_of_file(name: str, batches: Iterator[NumberedLines], on_error: OnError | None = None) -> LineEvents[int]:
    """The events of lines of a file, or of an export as Parquet."""
    hint = EXPORT_AGAIN if is_parquet(name) else ""
    return LineEvents(batches, lambda number: f"{name}:{number}", on_error, hint=hint)


def numbered_lines(stream: ByteStream, name: str, on_error: OnError | None) -> Iterator[NumberedLines]:
    """The lines of a file in batches, each with its number. Raises ``InputError`` if there are none."""
    has_lines = False
    for batch in _batches(read_lines(stream, name, AUDIT), on_error):
        numbered = [(number, content) for number, content in batch if content.strip()]
        if numbered:
            has_lines = True
            yield numbered
    if not has_lines:
        raise empty_file(name, "there is nothing to judge", EXPORT_A_HISTORY)


def unreadable(place: str, error: UnreadableLine, hint: str = "") -> InputError:
    """The error for a line that is no event; ``hint`` says what to do, unless that is said of lines."""
    if hint:
        return InputError(f"{place}: {error}", hint=hint)
    hint = error.hint or HINT
    return InputError(f"{place}: {error}", hint=f"{hint}{'' if hint.endswith('?') else ';'} {KEEP_GOING}")


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
