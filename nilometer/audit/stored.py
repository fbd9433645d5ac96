"""The events of a ledger for the judge: their rows as the lines that an export has, so that they are predicted too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pydantic_core import to_json

from domain.errors import NilometerError
from nilometer.audit.reading import LineEvents, OnError, read_row
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import source_uri
from nilometer.history.cutting import cut_line
from nilometer.ledger.reader import LedgerReader
from nilometer.storage.reader import StoredRow
from nilometer.textio.streaming import in_batches
from rules.judging.completeness import PlacedEvent


class RowEvents(LineEvents[StoredRow]):
    """The events of stored rows; or, for the judge, all but those that are as predicted.

    An event is read from its row, never from its line. One that cannot be read raises ``UnreadableEvent``, unless
    ``on_error`` takes that.
    """

    def __init__(self, rows: Iterable[StoredRow], ledger: str, on_error: OnError | None = None) -> None:
        self._ledger, self._source = ledger, source_uri(ledger)
        source = to_json(self._source)
        lines = ((row, cut_line(row, source) or b"") for row in rows)  # no line that is empty is as predicted
        super().__init__(in_batches(lines), str, on_error)

    def _read(self, keys: Sequence[StoredRow], lines: Sequence[bytes]) -> Iterator[PlacedEvent | NilometerError]:
        for row in keys:
            try:
                yield PlacedEvent(read_row(row, self._ledger), "", self._source)
            except UnreadableEvent as error:
                yield error


def ledger_events(
    ledger: LedgerReader, after: int = 0, upto: int | None = None, on_error: OnError | None = None
) -> RowEvents:
    """The events of a ledger as they are stored."""
    return RowEvents(ledger.rows(after, upto), ledger.id, on_error)
