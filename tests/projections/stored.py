"""A ledger's file with histories and stored projections in it, for tests."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.envelope import Envelope
from domain.events import Event
from nilometer.application import LedgerApplication
from nilometer.places import SQLitePlace
from nilometer.recorders import LedgerRecorder
from nilometer.sqlite_recorder import SQLiteLedgerRecorder
from nilometer.views import Pace, Views

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


@contextmanager
def stored(history: Sequence[Envelope[Event]] = (), pace: Pace = QUICK) -> Generator[Stored]:
    """A new file with this history, nothing of which is taken up."""
    with TemporaryDirectory() as folder:
        place = SQLitePlace(Path(folder) / "ledger.db")
        recorder = SQLiteLedgerRecorder.open(place, create=True, read_only=False, synchronous="OFF")
        try:
            ledger = Stored(recorder, pace)
            ledger.record(history)
            yield ledger
        finally:
            recorder.close()
