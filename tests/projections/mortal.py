"""A program that is killed at some statement, for tests."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager

from nilometer.storage.store import Database, Rows
from nilometer.views.tables import ViewStore


class Killed(Exception):
    """The program was killed here."""


class Mortal:
    """A store whose program is killed at its n-th statement that writes."""

    def __init__(self, store: ViewStore, statements: int) -> None:
        self._store = store
        self.left = statements

    @contextmanager
    def transaction(self, *, write: bool) -> Generator[Database]:
        with self._store.transaction(write=write) as db:
            yield _MortalDatabase(db, self) if write else db


class _MortalDatabase:
    def __init__(self, db: Database, mortal: Mortal) -> None:
        self._db = db
        self._mortal = mortal
        self.blob_type = db.blob_type
        self.events_table = db.events_table
        self.position_column = db.position_column
        self.raw_text_mark = db.raw_text_mark

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> Rows:
        if self._mortal.left == 0:
            raise Killed
        self._mortal.left -= 1
        return self._db.execute(statement, parameters)

    def select_raw(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        return self._db.select_raw(statement, parameters)

    def strict_texts(self) -> AbstractContextManager[None]:
        return self._db.strict_texts()
