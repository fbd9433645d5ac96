"""Keeping stored projections: rebuilt, compared, interrupted, and written by several programs at once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.envelope import Envelope
from domain.events import Event
from nilometer.storage.store import Database
from nilometer.views.tables import SHAPE, ViewError, ViewStore
from nilometer.views.views import Views
from projections.fleet import Fleet
from tests.oracle.shapes import Line
from tests.projections.histories import HOST, START, WEB, decided, told
from tests.projections.mortal import Killed, Mortal
from tests.projections.stored import QUICK, stored


class Overtaken:
    """A store to which somebody else writes just before it is first written."""

    def __init__(self, store: ViewStore, others: Callable[[], None]) -> None:
        self._store = store
        self._others = others
        self.overtaken = False

    @contextmanager
    def transaction(self, *, write: bool) -> Generator[Database]:
        if write and not self.overtaken:
            self.overtaken = True
            self._others()
        with self._store.transaction(write=write) as db:
            yield db


@given(st.integers(0, 2**20), st.integers(1, 60), st.integers(0, 120), st.booleans())
@settings(max_examples=40, deadline=None)
def test_killed_at_any_statement_what_is_stored_is_right_and_the_next_one_goes_on(
    seed: int, lines: int, statements: int, rebuilding: bool
) -> None:
    history, _ = decided(seed, lines, observations=True)
    with stored(history) as ledger:
        if rebuilding:
            ledger.views().catch_up()
        mortal = Views(Mortal(ledger.recorder, statements), ledger.application.all, QUICK)
        try:
            if rebuilding:
                mortal.rebuild()
            else:
                mortal.catch_up()
        except Killed:
            pass

        assert ledger.views().fleet() == Fleet().apply_all(history)
        assert ledger.views().compare().equal

        if rebuilding:
            ledger.views().rebuild()
        ledger.views().catch_up()
        kept = ledger.tables()
    with stored(history) as undisturbed:
        undisturbed.views().catch_up()
        assert kept == undisturbed.tables()


@given(st.integers(0, 2**20), st.integers(0, 80), st.data())
@settings(max_examples=20, deadline=None)
def test_a_rebuild_brings_back_what_was_there(seed: int, lines: int, data: st.DataObject) -> None:
    history, _ = decided(seed, lines, observations=True)
    with stored(history) as ledger:
        ledger.views().catch_up()
        due = ledger.tables()
        for table in data.draw(st.lists(st.sampled_from(sorted(due)), unique=True)):
            ledger.execute(f"DELETE FROM {table}")

        for _ in range(2):
            ledger.views().rebuild()
            assert ledger.tables() == due
        assert ledger.execute("SELECT name FROM sqlite_master WHERE name LIKE 'view%fresh%'") == []


def test_a_rebuild_that_others_overtake_catches_up_with_them_before_it_takes_their_place() -> None:
    history, _ = decided(5, 80)
    half = len(history) // 2
    with stored(history[:half]) as ledger:
        ledger.views().catch_up()
        reached: list[int] = []

        def meanwhile(position: int) -> None:
            reached.append(position)
            if position == half:
                ledger.record(history[half:])
                ledger.views().catch_up()

        ledger.views().rebuild(meanwhile)

        assert reached[-1] == len(history)
        assert ledger.views().compare().equal


def test_of_two_rebuilds_at_once_one_gives_way() -> None:
    with stored(told(HOST, WEB, START)) as ledger:
        with pytest.raises(ViewError, match="another program is rebuilding the views"):
            ledger.views().rebuild(lambda _: ledger.views().rebuild())
        assert ledger.views().compare().equal


def test_stored_views_of_another_shape_are_not_read_and_the_next_writer_makes_them_anew() -> None:
    history = told(HOST, WEB, START)
    with stored(history) as ledger:
        ledger.views().catch_up()
        ledger.execute("UPDATE view_tracking SET name = 'views/0'")
        ledger.execute("UPDATE view_streams SET state = 'of another shape'")

        assert ledger.views().load("vm/web01") is None
        for read in (ledger.views().fleet(), ledger.views().fleet(4), ledger.views().fleet_at("9")):
            assert read == Fleet().apply_all(history)

        ledger.views().catch_up()
        assert ledger.execute("SELECT name, position FROM view_tracking") == [(SHAPE, 4)]
        assert ledger.views().compare().equal


def test_a_writer_that_was_overtaken_between_reading_and_writing_goes_on_from_there() -> None:
    history, _ = decided(7, 60, observations=True)
    with stored(history) as ledger:
        calls: list[int] = []

        def events(after: int, upto: int | None) -> Iterator[Envelope[Event]]:
            for envelope in ledger.application.all(after, upto):
                if not calls and envelope.position == 3:
                    calls.append(1)
                    Views(ledger.recorder, lambda low, _: ledger.application.all(low, 15), QUICK).catch_up()
                yield envelope

        Views(ledger.recorder, events, QUICK).catch_up()

        assert calls
        assert ledger.views().compare().equal


def test_a_writer_that_was_overtaken_just_before_it_writes_leaves_it_at_that() -> None:
    history, _ = decided(7, 60, observations=True)
    with stored(history) as ledger:
        store = Overtaken(ledger.recorder, ledger.views().catch_up)
        Views(ledger.recorder, lambda low, _: ledger.application.all(low, 5), QUICK).catch_up()

        Views(store, ledger.application.all, QUICK).catch_up()

        assert store.overtaken
        assert ledger.views().compare().equal


CORRUPTIONS = {
    "UPDATE view_streams SET state = replace(state, '\"version\":22', '\"version\":4') WHERE stream = 'vm/web01'": (
        "hosts-and-vms",
        "vm/web01: state is",
    ),
    "UPDATE view_streams SET version = 9 WHERE stream = 'vm/web01'": (
        "hosts-and-vms",
        "vm/web01: version is 9, and by the events 22",
    ),
    "DELETE FROM view_streams WHERE stream = 'host/hv01'": ("hosts-and-vms", "host/hv01 is missing"),
    "INSERT INTO view_streams VALUES ('vm/ghost', 'decided-vm', 1, 0, '{}', 0)": (
        "hosts-and-vms",
        "vm/ghost does not belong there",
    ),
    "UPDATE view_tracking SET latest = '2099'": ("hosts-and-vms", "stored is 2099"),
    "UPDATE view_timeline SET actor = 'nobody' WHERE position = 17": (
        "timeline",
        "position 17: actor is 'nobody', and by the events 'CONTOSO\\\\ops'",
    ),
    "DELETE FROM view_timeline WHERE position = 3": ("timeline", "position 3 is missing"),
    "INSERT INTO view_timeline SELECT 999, stream, happened, latest, vm, host, actor, outcome, asked, correlation, 0 "
    "FROM view_timeline WHERE position = 1": ("timeline", "position 999 does not belong there"),
    "UPDATE view_checkpoints SET fleet = (SELECT fleet FROM view_checkpoints WHERE position = 20) "
    "WHERE position = 40": ("checkpoints", "the one at position 40 is not what the events come to"),
    "UPDATE view_checkpoints SET latest = '2099' WHERE position = 20": ("checkpoints", "position 20 is not"),
    "DELETE FROM view_checkpoints WHERE position = 20": ("checkpoints", "position 20 is missing"),
    "UPDATE view_checkpoints SET position = 39 WHERE position = 40": ("checkpoints", "position 40 is missing"),
    "INSERT INTO view_checkpoints SELECT 39, latest, fleet, 0 FROM view_checkpoints WHERE position = 20": (
        "checkpoints",
        "position 39 does not belong there",
    ),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_comparing_notices_what_was_changed_by_hand(corruption: str) -> None:
    turns: list[Line] = [{"command": "start" if turn % 2 == 0 else "stop", "vm": "web01"} for turn in range(21)]
    with stored(told(HOST, WEB, *turns)) as ledger:
        ledger.views().catch_up()
        assert ledger.views().compare().equal

        ledger.execute(corruption)
        replay = ledger.views().compare()

        name, difference = CORRUPTIONS[corruption]
        assert not replay.equal
        [found] = [each for each in replay.projections if not each.equal]
        assert found.name == name
        assert difference in (found.difference or "")

        ledger.views().rebuild()
        assert ledger.views().compare().equal


def test_comparing_counts_all_events_taken_up_or_not() -> None:
    history = told(HOST, WEB, START)
    with stored(history[:2]) as ledger:
        ledger.views().catch_up()
        ledger.record(history[2:])
        reached: list[int] = []
        replay = ledger.views().compare(reached.append)
        assert (replay.events, replay.equal, reached) == (4, True, [2, 4])
        assert [each.name for each in replay.projections] == ["hosts-and-vms", "checkpoints", "timeline"]
