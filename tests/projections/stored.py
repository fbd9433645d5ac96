"""A ledger's file with histories and stored projections in it, for tests."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from domain.envelope import Envelope
from domain.events import Event
from nilometer.storage.application import LedgerApplication
from nilometer.storage.postgres.recorder import PostgresLedgerRecorder
from nilometer.storage.recorder import LedgerRecorder
from nilometer.storage.sqlite.recorder import SQLiteLedgerRecorder
from nilometer.storage.urls import SQLiteLocation, parse_url
from nilometer.views.catching_up import Pace
from nilometer.views.views import Views

QUICK = Pace(page=7, checkpoint=20)
"""Short pages and near checkpoints, so that small histories have many."""


class Stored:
    """A ledger whose events are given, and its stored projections."""

    def __init__(self, recorder: LedgerRecorder, pace: Pace = QUICK) -> None:
        self.recorder = recorder
        self.application = LedgerApplication(recorder)
        self.pace = pace

    def views(self) -> Views:
        """The stored projections, as another program would open them."""
        return Views(self.recorder, self.application.all, self.pace)

    def record(self, history: Sequence[Envelope[Event]]) -> None:
        if history:
            assert self.application.put(history) == tuple(envelope.position for envelope in history)

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Changes or reads the tables behind everybody's back."""
        with self.recorder.transaction(write=True) as db:
            rows = db.execute(statement, parameters)
            return [tuple(row) for row in rows] if statement.startswith("SELECT") else []

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        """All that is stored."""
        selects = {
            "view_streams": "SELECT * FROM view_streams",
            "view_checkpoints": "SELECT * FROM view_checkpoints ORDER BY position",
            "view_timeline": "SELECT * FROM view_timeline ORDER BY position",
            "view_tracking": "SELECT * FROM view_tracking",
        }
        return {table: sorted(self.execute(select), key=str) for table, select in selects.items()}


@contextmanager
def stored_at(url: str, history: Sequence[Envelope[Event]] = (), pace: Pace = QUICK) -> Generator[Stored]:
    """A new ledger there with this history, nothing of which is taken up."""
    place = parse_url(url)
    recorder: LedgerRecorder
    if isinstance(place, SQLiteLocation):
        recorder = SQLiteLedgerRecorder.open(place, create=True, read_only=False, synchronous="OFF")
    else:
        recorder = PostgresLedgerRecorder.open(place, create=True, read_only=False, durable=False)
    try:
        ledger = Stored(recorder, pace)
        ledger.record(history)
        yield ledger
    finally:
        recorder.close()


@contextmanager
def stored(history: Sequence[Envelope[Event]] = (), pace: Pace = QUICK) -> Generator[Stored]:
    """A new file with this history, nothing of which is taken up."""
    with TemporaryDirectory() as folder, stored_at(f"sqlite:///{folder}/ledger.db", history, pace) as ledger:
        yield ledger
