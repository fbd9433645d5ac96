"""Stored projections: what is read of them at any moment is what the events come to, whoever wrote them, whenever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregates import VmAggregate
from domain.envelope import Envelope
from domain.errors import InputError
from domain.events import Event
from domain.observed.events import ImportRecorded
from nilometer.views.tables import Events, ViewError
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

    def __call__(self, after: int, upto: int | None) -> Iterator[Envelope[Event]]:
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
def test_a_damaged_state_is_told_not_believed(change: str) -> None:
    with stored(told(HOST, WEB)) as ledger:
        ledger.views().catch_up()
        ledger.execute(change)
        for read in (ledger.views().fleet, lambda: ledger.views().load("vm/web01")):
            with pytest.raises(ViewError, match="stored view is damaged") as caught:
                read()
            assert "nilo replay" in caught.value.hint


def test_a_damaged_checkpoint_is_told_not_believed() -> None:
    history, _ = decided(3, 60)
    with stored(history) as ledger:
        ledger.views().catch_up()
        ledger.execute("UPDATE view_checkpoints SET fleet = ?", (b"nonsense",))
        with pytest.raises(ViewError, match="the checkpoint at position 20 is unreadable"):
            ledger.views().fleet(25)
