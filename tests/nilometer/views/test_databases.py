"""Stored projections on each database, and several programs writing them at once."""

from __future__ import annotations

import threading

import pytest

from nilometer.views.log import Filter
from nilometer.views.tables import missing_indexes
from nilometer.views.views import Views
from projections.fleet import Fleet
from tests.projections.histories import decided, time
from tests.projections.mortal import Killed, Mortal
from tests.projections.stored import QUICK, stored, stored_at

HISTORY, _ = decided(11, 200, observations=True)


def test_every_moment_is_read_as_the_events_tell_it(url: str) -> None:
    with stored_at(url, HISTORY[:150]) as ledger:
        ledger.views().catch_up()
        ledger.record(HISTORY[150:])
        for catching_up in (False, True):
            if catching_up:
                ledger.views().catch_up()
            views = ledger.views()
            for position in range(0, len(HISTORY) + 1, 23):
                assert views.fleet(position) == Fleet().apply_all(HISTORY[:position])
            for seconds in (0, 1, 20, 300, 1000, 3000, 10**6):
                happened = [each for each in HISTORY if each.metadata.happened <= time(seconds)]
                assert views.fleet_at(time(seconds)) == Fleet().apply_all(happened)
            asked = [each.position for each in views.log(Filter(asked=True, vm="a"), limit=5)]
            assert asked == [each.position for each in views.log(Filter(asked=True, vm="a"))][-5:]
            assert len(list(views.between(time(20), 200))) > 100
            assert views.compare().equal


def test_on_both_databases_the_same_is_stored(url: str) -> None:
    with stored_at(url, HISTORY) as ledger, stored(HISTORY) as other:
        ledger.views().catch_up()
        other.views().catch_up()
        assert ledger.tables() == other.tables()


@pytest.mark.parametrize("statements", [0, 1, 2, 9, 10, 11, 30, 60])
def test_killed_at_a_statement_what_is_stored_is_right_and_the_next_one_goes_on(url: str, statements: int) -> None:
    with stored_at(url, HISTORY) as ledger:
        for change in (Views.catch_up, Views.rebuild):
            with pytest.raises(Killed):
                change(Views(Mortal(ledger.recorder, statements), ledger.application.all, QUICK))
            assert ledger.views().fleet() == Fleet().apply_all(HISTORY)
            assert ledger.views().compare().equal
            ledger.views().catch_up()
        ledger.views().rebuild()
        assert ledger.views().compare().equal


def test_many_writers_catching_up_at_once_store_every_event_once(url: str) -> None:
    with stored_at(url, HISTORY) as ledger:
        everybody = threading.Barrier(4)
        errors: list[BaseException] = []

        def writer() -> None:
            everybody.wait()
            try:
                ledger.views().catch_up()
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=writer) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert errors == []
        assert ledger.views().compare().equal
        assert ledger.execute("SELECT COUNT(*) FROM view_timeline") == [(len(HISTORY),)]


def test_an_index_that_an_earlier_version_did_not_make_is_made_by_the_next_writer(url: str) -> None:
    with stored_at(url, HISTORY[:150]) as ledger:
        ledger.views().catch_up()
        by_ann = [event.position for event in ledger.views().log(Filter(actor="ann"))]
        with ledger.recorder.transaction(write=True) as db:
            assert missing_indexes(db) == []
            names = f"SELECT {'name' if db.blob_type == 'BLOB' else 'indexname'} FROM "
            names += "sqlite_master" if db.blob_type == "BLOB" else "pg_indexes WHERE schemaname = current_schema()"
            [actor] = [str(name) for (name,) in list(db.execute(names)) if str(name).endswith("_actor")]
            db.execute(f"DROP INDEX {actor}")
            assert missing_indexes(db) == ["actor"]
        reader = ledger.views()
        assert [event.position for event in reader.log(Filter(actor="ann"))] == by_ann
        assert list(reader.log(Filter(actor="nobody"))) == []
        with ledger.recorder.transaction(write=False) as db:
            assert missing_indexes(db) == ["actor"], "to read makes nothing"
        ledger.record(HISTORY[150:])
        ledger.views().catch_up()
        with ledger.recorder.transaction(write=False) as db:
            assert missing_indexes(db) == []
            if db.blob_type == "BLOB":
                explain = (
                    "EXPLAIN QUERY PLAN SELECT position FROM view_timeline WHERE actor = 'nobody' ORDER BY position"
                )
                assert "_actor (actor=?)" in str([tuple(row) for row in db.execute(explain)])
        ledger.views().rebuild()
        with ledger.recorder.transaction(write=False) as db:
            assert missing_indexes(db) == []


def test_everybody_who_did_something_is_found_by_the_index(url: str) -> None:
    with stored_at(url, HISTORY) as ledger:
        assert ledger.views().actors() == []
        ledger.views().catch_up()
        assert ledger.views().actors() == sorted({envelope.metadata.actor for envelope in HISTORY})
