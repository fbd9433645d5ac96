"""Stored projections: what is read of them at any moment is what the events come to, whoever wrote them, whenever."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregates import VmAggregate
from domain.envelope import Envelope
from domain.errors import InputError
from domain.events import Event
from domain.observed.imports import ImportRecorded
from nilometer.errors import LedgerWarning
from nilometer.storage.reader import ReadEvent
from nilometer.views.tables import Events, EventsMissing
from nilometer.views.views import Views
from projections.fleet import Fleet
from projections.view import view
from tests.oracle.shapes import Line
from tests.projections.histories import HOST, START, WEB, Recorder, add, decided, time, told
from tests.projections.stored import stored

seeds = st.integers(0, 2**20)
lengths = st.integers(0, 120)


def replayed(history: Sequence[Envelope[Event]]) -> Fleet:
    return Fleet().apply_all(history)


class Counting:
    """Events, and how many of them were fetched."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self.fetched = 0

    def __call__(self, after: int, upto: int | None) -> Iterator[ReadEvent]:
        for envelope in self._events(after, upto):
            self.fetched += 1
            yield envelope


def seen(fleet: Fleet) -> object:
    return view(fleet), {host: fleet.on(host) for host in fleet.hosts}, fleet


@given(seeds, lengths, st.data())
@settings(max_examples=25, deadline=None)
def test_however_catching_up_interleaves_with_recording_the_fleet_is_what_the_events_come_to(
    seed: int, lines: int, data: st.DataObject
) -> None:
    history, _ = decided(seed, lines, observations=True)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(history)), max_size=4)))
    with stored() as ledger:
        at = 0
        for cut in [*cuts, len(history)]:
            ledger.record(history[at:cut])
            at = cut
            if data.draw(st.booleans()):
                ledger.views().catch_up()
            assert seen(ledger.views().fleet()) == seen(replayed(history[:cut]))
        ledger.views().catch_up()
        assert seen(ledger.views().fleet()) == seen(replayed(history))
        assert ledger.views().compare().equal


@given(seeds, lengths, st.data())
@settings(max_examples=25, deadline=None)
def test_the_fleet_as_known_at_any_position_is_the_fold_of_the_events_up_to_it(
    seed: int, lines: int, data: st.DataObject
) -> None:
    history, _ = decided(seed, lines, observations=True)
    taken_up = data.draw(st.integers(0, len(history)))
    with stored(history[:taken_up]) as ledger:
        views = ledger.views()
        views.catch_up()
        ledger.record(history[taken_up:])
        for _ in range(5):
            position = data.draw(st.integers(0, len(history)))
            assert seen(views.fleet(position)) == seen(replayed(history[:position]))


@given(seeds, lengths, st.data())
@settings(max_examples=40, deadline=None)
def test_the_fleet_at_any_time_is_the_fold_of_the_events_that_had_happened(
    seed: int, lines: int, data: st.DataObject
) -> None:
    history, _ = decided(seed, lines, observations=True)
    taken_up = data.draw(st.integers(0, len(history)))
    times = sorted({envelope.metadata.happened for envelope in history} | {time(0), time(10**6)})
    with stored(history[:taken_up]) as ledger:
        views = ledger.views()
        views.catch_up()
        ledger.record(history[taken_up:])
        for _ in range(5):
            moment = data.draw(st.sampled_from(times))
            happened = [envelope for envelope in history if envelope.metadata.happened <= moment]
            assert seen(views.fleet_at(moment)) == seen(replayed(happened))


def test_histories_of_the_same_days_recorded_one_after_the_other_start_from_near_checkpoints() -> None:
    turns: list[Line] = [{"command": command, "vm": "?"} for command in ("start", "stop") * 25]
    first, second = (
        told(
            {**HOST, "host": name},
            {**WEB, "vm": name, "host": name},
            *({**turn, "vm": name} for turn in turns),
        )
        for name in ("a", "b")
    )
    second = [replace(each, position=each.position + len(first)) for each in second]
    with stored([*first, *second]) as ledger:
        ledger.views().catch_up()
        counting = Counting(ledger.application.all)
        fleet = Views(ledger.recorder, counting, ledger.pace).fleet_at(time(26))

    assert fleet == replayed([each for each in [*first, *second] if each.metadata.happened <= time(26)])
    assert 0 < counting.fetched <= 2 * ledger.pace.checkpoint


def test_the_position_at_a_time_is_of_the_last_event_that_had_happened_whatever_it_concerned() -> None:
    recorder = Recorder()
    recorder.run(HOST)
    noted = ImportRecorded(
        file="s1", format="qemu", sha256="0", prefix="s1", records=0, telling=0, events=0, repeats=0, not_needed=()
    )
    recorder.append("import/1", noted, 5, "import")
    with stored(recorder.history) as ledger:
        for _ in range(2):
            positions = [ledger.views().fleet_at(time(seconds)).position for seconds in (0, 1, 4, 5)]
            assert positions == [0, 1, 1, 2]
            ledger.views().catch_up()


def test_a_reader_writes_nothing() -> None:
    with stored(told(HOST, WEB, START)) as ledger:
        views = ledger.views()
        assert len(views.fleet().vms) == len(views.fleet(4).vms) == len(views.fleet_at(time(9)).vms) == 1
        assert len(list(views.log())) == 4
        assert views.load("vm/web01") is None
        assert ledger.execute("SELECT name FROM sqlite_master WHERE name LIKE 'view%'") == []


def test_a_stored_vm_is_loaded_at_its_version_removed_or_not() -> None:
    history = told(
        HOST, WEB, START, add("1GiB"), {"command": "stop", "vm": "web01"}, {"command": "remove-vm", "vm": "web01"}
    )
    with stored(history[:6]) as ledger:
        ledger.views().catch_up()
        web = ledger.views().load("vm/web01")
        assert web is not None
        assert isinstance(web.subject, VmAggregate)
        assert (web.subject.version, web.subject.state.assigned, web.subject.removed) == (3, 5 * 2**30, False)

        ledger.record(history[6:])
        ledger.views().catch_up()
        web = ledger.views().load("vm/web01")
        assert web is not None
        assert (web.subject.version, web.subject.removed) == (5, True)
        assert ledger.views().load("vm/nobody") is None


def test_a_position_that_the_ledger_has_not_is_an_input_error() -> None:
    with stored(told(HOST, WEB)) as ledger:
        for taken_up in (False, True):
            if taken_up:
                ledger.views().catch_up()
            with pytest.raises(InputError, match="there is no position 3: the last event is at 2"):
                ledger.views().fleet(3)
            with pytest.raises(InputError, match="there is no position -1"):
                ledger.views().fleet(-1)


def test_an_empty_ledger_has_an_empty_fleet() -> None:
    with stored() as ledger:
        for _ in range(2):
            assert ledger.views().fleet() == ledger.views().fleet(0) == ledger.views().fleet_at(time(0)) == Fleet()
            assert ledger.views().compare().equal
            ledger.views().catch_up()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE view_streams SET state = 'nonsense' WHERE stream = 'vm/web01'",
        "UPDATE view_streams SET kind = 'nonsense' WHERE stream = 'vm/web01'",
        "UPDATE view_streams SET state = replace(state, '\"name\"', '\"nome\"') WHERE stream = 'vm/web01'",
    ],
)
def test_a_state_that_was_changed_is_reported_not_believed_and_mended_by_the_next_writer(change: str) -> None:
    history = told(HOST, WEB)
    with stored(history) as ledger:
        ledger.views().catch_up()
        ledger.execute(change)
        reads: list[Callable[[Views], Fleet]] = [
            Views.fleet,
            lambda of: of.fleet_at(time(1000)),
            lambda of: of.fleet(2),
        ]
        for read in reads:
            with pytest.warns(LedgerWarning, match="what is stored of vm/web01 was changed; the events were read"):
                assert read(ledger.views()) == replayed(history)
        with pytest.warns(LedgerWarning, match="vm/web01"):
            assert ledger.views().load("vm/web01") is None

        more = told(HOST, WEB, START)[2:]
        ledger.record(more)
        with pytest.warns(LedgerWarning, match="vm/web01"):
            ledger.views().catch_up()
        assert ledger.views().compare().equal
        assert ledger.views().fleet() == replayed([*history, *more])


@pytest.mark.parametrize("change", ["fleet = ?", "latest = '2099', fleet = ?"])
def test_a_checkpoint_that_was_changed_is_reported_not_believed(change: str) -> None:
    history, _ = decided(3, 60)
    with stored(history) as ledger:
        ledger.views().catch_up()
        ledger.execute(f"UPDATE view_checkpoints SET {change}", (b"nonsense",))
        with pytest.warns(LedgerWarning, match="the checkpoint at position 20 was changed; the events were read"):
            assert ledger.views().fleet(25) == replayed(history[:25])


def test_a_missing_state_is_noticed_when_its_next_event_is_taken_up() -> None:
    history, _ = decided(5, 80, observations=True)
    for cut in range(len(history) // 2, len(history)):
        stream = history[cut].stream
        if history[cut].version > 1 and stream.startswith(("vm/", "host/")):
            with stored(history[:cut]) as ledger:
                ledger.views().catch_up()
                ledger.execute("DELETE FROM view_streams WHERE stream = ?", (stream,))
                ledger.record(history[cut:])
                with pytest.warns(LedgerWarning, match=f"{stream} is not of the version before"):
                    ledger.views().catch_up()
                assert ledger.views().compare().equal
            return


@pytest.mark.parametrize("change", ["position = position - 3", "latest = '2099'", "checksum = 7"])
def test_how_far_the_views_are_is_not_believed_when_it_was_changed(change: str) -> None:
    history, _ = decided(3, 60)
    with stored(history) as ledger:
        ledger.views().catch_up()
        ledger.execute(f"UPDATE view_tracking SET {change}")
        with pytest.warns(LedgerWarning, match="how far the views are was changed"):
            assert ledger.views().fleet() == replayed(history)
        with pytest.warns(LedgerWarning, match="how far the views are was changed"):
            ledger.views().catch_up()
        assert ledger.views().compare().equal


def test_a_ledger_that_ends_before_its_views_is_read_with_a_warning_and_not_caught_up() -> None:
    history, _ = decided(3, 60)
    with stored(history) as ledger:
        ledger.views().catch_up()
        for trigger in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            ledger.execute(f"DROP TRIGGER {trigger[0]}")
        ledger.execute("DELETE FROM stored_events WHERE rowid > 20")
        with pytest.warns(
            LedgerWarning, match=f"ends at position 20, and its views had come to position {len(history)}"
        ):
            assert ledger.views().fleet() == replayed(history[:20])
        with pytest.raises(EventsMissing, match="events were removed from it"):
            ledger.views().catch_up()
        ledger.views().rebuild()
        assert ledger.views().compare().equal
