"""The library's own test cases for recorders, on ours, and what ours do beyond them."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent

from nilometer.errors import LedgerError
from nilometer.storage.postgres.recorder import PostgresLedgerRecorder, translated
from nilometer.storage.recorder import ExpectedVersions, LedgerRecorder, StaleRead
from nilometer.storage.sqlite.recorder import SQLiteLedgerRecorder
from nilometer.storage.store import Receipt
from nilometer.storage.urls import SQLiteLocation, parse_url
from tests.nilometer.databases import Server
from tests.nilometer.storage.library_cases import persistence as cases


@contextmanager
def no_reader_left() -> Generator[None]:
    """Waits for the threads that a case has begun: it tells its readers to stop, and does not wait until they have.

    A SQLite connection that is closed under a thread that reads takes the whole process with it.
    """
    before = set(threading.enumerate())
    yield
    for thread in threading.enumerate():
        if thread not in before and not thread.daemon:
            thread.join(60)


class SQLiteWithoutPositions(SQLiteLedgerRecorder):
    """As an aggregate recorder is expected to answer: nothing."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        super().insert_events(stored_events, **kwargs)


class PostgresWithoutPositions(PostgresLedgerRecorder):
    """As an aggregate recorder is expected to answer: nothing."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        super().insert_events(stored_events, **kwargs)


class OnSQLite(cases.RecorderTestCase):
    """A new ledger in a file for each test."""

    kind: type[SQLiteLedgerRecorder] = SQLiteLedgerRecorder

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> Iterator[None]:
        self.place = SQLiteLocation(tmp_path / "ledger.db")
        self.opened: list[LedgerRecorder] = []
        with no_reader_left():
            yield
        for recorder in self.opened:
            recorder.close()

    def new_originator_id(self) -> UUID | str:
        return str(uuid4())

    def create_recorder(self) -> SQLiteLedgerRecorder:
        recorder = self.kind.open(self.place, create=True, read_only=False)
        self.opened.append(recorder)
        return recorder


class OnPostgres(cases.RecorderTestCase):
    """A new ledger in a schema for each test."""

    kind: type[PostgresLedgerRecorder] = PostgresLedgerRecorder

    @pytest.fixture(autouse=True)
    def _place(self, postgres: Server, schema: str) -> Iterator[None]:
        self.url = postgres.url(schema)
        self.opened: list[LedgerRecorder] = []
        with no_reader_left():
            yield
        for recorder in self.opened:
            recorder.close()

    def new_originator_id(self) -> UUID | str:
        return str(uuid4())

    def create_recorder(self) -> PostgresLedgerRecorder:
        place = parse_url(self.url)
        assert not isinstance(place, SQLiteLocation)
        recorder = self.kind.open(place, create=True, read_only=False)
        self.opened.append(recorder)
        return recorder


class TestSQLiteAsAggregateRecorder(OnSQLite, cases.AggregateRecorderTestCase):
    kind = SQLiteWithoutPositions


class TestPostgresAsAggregateRecorder(OnPostgres, cases.AggregateRecorderTestCase):
    kind = PostgresWithoutPositions


class TestSQLiteAsApplicationRecorder(OnSQLite, cases.ApplicationRecorderTestCase[SQLiteLedgerRecorder]):
    pass


class TestPostgresAsApplicationRecorder(OnPostgres, cases.ApplicationRecorderTestCase[PostgresLedgerRecorder]):
    pass


class TestSQLiteNeverInterleaves(OnSQLite, cases.NonInterleavingNotificationIDsBaseCase):
    pass


class TestPostgresNeverInterleaves(OnPostgres, cases.NonInterleavingNotificationIDsBaseCase):
    pass


# What ours do beyond the library's


@pytest.fixture
def recorder(url: str) -> Iterator[LedgerRecorder]:
    """The recorder of a new ledger, on both databases."""
    place = parse_url(url)
    kind = SQLiteLedgerRecorder if isinstance(place, SQLiteLocation) else PostgresLedgerRecorder
    opened: LedgerRecorder = kind.open(place, create=True, read_only=False)  # type: ignore[arg-type]
    yield opened
    opened.close()


def event(stream: str, version: int) -> StoredEvent:
    return StoredEvent(stream, version, "vm.tested/1", b"{}")


def positions(recorder: LedgerRecorder) -> list[int]:
    return [found.id for found in recorder.select_notifications(None, 100)]


def test_a_write_that_failed_leaves_no_gap(recorder: LedgerRecorder) -> None:
    recorder.record([event("vm/a", 1), event("vm/b", 1)])
    with pytest.raises(IntegrityError):
        recorder.record([event("vm/a", 2), event("vm/b", 1)])
    assert list(recorder.record([event("vm/a", 2), event("vm/b", 2)])) == [3, 4]
    assert positions(recorder) == [1, 2, 3, 4]


def test_a_receipt_tells_where_its_events_are(recorder: LedgerRecorder) -> None:
    recorder.record([event("vm/z", 1)])
    batch = [event("vm/a", 1), event("vm/b", 1), event("vm/a", 2)]
    recorder.record(batch, [Receipt("one", 0, 2), Receipt("none", 2, 0, '["told"]'), Receipt("two", 2, 1)])
    found = {receipt.key: receipt for receipt in recorder.receipts(["two", "one", "none", "never"])}
    assert found == {
        "one": Receipt("one", 2, 2),
        "none": Receipt("none", 4, 0, '["told"]'),
        "two": Receipt("two", 4, 1),
    }
    assert recorder.receipts([]) == []


def test_a_key_is_taken_once_and_nothing_is_written_with_it_again(recorder: LedgerRecorder) -> None:
    recorder.record([event("vm/a", 1)], [Receipt("one", 0, 1)])
    with pytest.raises(IntegrityError):
        recorder.record([event("vm/b", 1)], [Receipt("one", 0, 1)])
    with pytest.raises(IntegrityError):
        recorder.record([], [Receipt("new", 0, 0, "[]"), Receipt("one", 0, 0, "[]")])
    assert positions(recorder) == [1]
    assert recorder.receipts(["new"]) == []


@pytest.mark.parametrize(
    ("expected", "fresh"),
    [
        (ExpectedVersions({"vm/a": 2}), True),
        (ExpectedVersions({"vm/a": 1}), False),
        (ExpectedVersions({"vm/none": 0}), True),
        (ExpectedVersions({"vm/none": 0, "vm/a": 3}), False),
        (ExpectedVersions({}, 2), True),
        (ExpectedVersions({}, 1), False),
        (ExpectedVersions({"vm/a": 2}, 3), False),
    ],
)
def test_what_was_read_must_not_have_changed(recorder: LedgerRecorder, expected: ExpectedVersions, fresh: bool) -> None:
    recorder.record([event("vm/a", 1), event("vm/a", 2)])
    if fresh:
        recorder.record([event("vm/b", 1)], [Receipt("one", 0, 1)], expected)
    else:
        with pytest.raises(StaleRead):
            recorder.record([event("vm/b", 1)], [Receipt("one", 0, 1)], expected)
    assert positions(recorder) == ([1, 2, 3] if fresh else [1, 2])
    assert len(recorder.receipts(["one"])) == fresh


def test_an_empty_ledger_takes_the_id_of_another_and_one_with_events_keeps_its_own(recorder: LedgerRecorder) -> None:
    recorder.adopt("b1946ac9-0000-4000-8000-000000000000")
    recorder.record([event("vm/a", 1)])
    with pytest.raises(LedgerError, match="keeps its id"):
        recorder.adopt("0")
    assert recorder.facts()["id"] == "b1946ac9-0000-4000-8000-000000000000"


def test_tables_beside_the_events_are_written_whole_or_not_at_all(recorder: LedgerRecorder) -> None:
    with recorder.transaction(write=True) as database:
        database.execute(f"CREATE TABLE beside (name TEXT PRIMARY KEY, body {database.blob_type})")
        database.execute("INSERT INTO beside VALUES (?, ?), ('what? 100 %', NULL)", ("one", b"\x00\xff"))

    def empty_it_and_fail() -> None:
        with recorder.transaction(write=True) as database:
            database.execute("DELETE FROM beside WHERE name LIKE '%n%'")
            database.execute("INSERT INTO beside VALUES ('twice', NULL), ('twice', NULL)")

    with pytest.raises(IntegrityError):
        empty_it_and_fail()
    with recorder.transaction(write=False) as database:
        rows = [tuple(row) for row in database.execute("SELECT name, body FROM beside WHERE name <> ?", ("two",))]
    assert sorted(rows) == [("one", b"\x00\xff"), ("what? 100 %", None)]


def test_a_key_that_is_there_already_in_a_table_beside_is_an_integrity_error(recorder: LedgerRecorder) -> None:
    with recorder.transaction(write=True) as database:
        database.execute("CREATE TABLE beside (name TEXT PRIMARY KEY)")
        database.execute("INSERT INTO beside VALUES (?)", ("one",))
    with pytest.raises(IntegrityError), recorder.transaction(write=True) as database:
        database.execute("INSERT INTO beside VALUES (?)", ("one",))


def test_a_ledger_that_grows_takes_more_bytes(recorder: LedgerRecorder) -> None:
    before = recorder.bytes_used()
    recorder.record([StoredEvent("vm/a", n, "vm.tested/1", b"x" * 1000) for n in range(1, 200)])
    assert recorder.bytes_used() > before + 100_000


def test_question_marks_are_parameters_but_for_those_in_quotes() -> None:
    statement = "SELECT '?%', \"a?\", 5 % 3 WHERE name = ? AND note = 'it''s ?' LIMIT ?"
    assert translated(statement) == (b"SELECT '?%%', \"a?\", 5 %% 3 WHERE name = %s AND note = 'it''s ?' LIMIT %s")
