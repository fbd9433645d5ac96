"""Finding events in the audit trail, whether they are taken up into the stored timeline or not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.decision import Outcome
from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import split_stream
from domain.observed.events import VmChangeRequested, VmRequestSettled
from nilometer.views.log import Filter
from nilometer.views.tables import Moment
from projections.diff import difference
from projections.fleet import Fleet
from projections.timeline import TimelineEntry, entry
from projections.view import view
from tests.projections.histories import HOST, START, WEB, add, decided, in_use, time, told
from tests.projections.stored import stored


def entries(history: list[Envelope[Event]]) -> list[TimelineEntry]:
    """The entries of a history, each with the host that its VM then was on."""
    fleet, found = Fleet(), list[TimelineEntry]()
    for envelope in history:
        fleet.apply(envelope)
        kind, id = split_stream(envelope.stream)
        tracked = fleet.vms.get(id) if kind == "vm" else None
        found.append(entry(envelope, None if tracked is None else tracked.subject.host))
    return found


def ends(history: list[Envelope[Event]]) -> dict[int, Outcome]:
    """What came of each observed request in the end, by its position; a settlement is of the last request before it."""
    found: dict[int, Outcome] = {}
    for request in history:
        if not isinstance(request.event, VmChangeRequested):
            continue
        if not request.event.accepted:
            found[request.position] = Outcome.REJECTED
        for later in history[request.position :]:
            if later.stream != request.stream or getattr(later.event, "request", None) != request.event.request:
                continue
            if isinstance(later.event, VmChangeRequested):
                break
            if isinstance(later.event, VmRequestSettled):
                found[request.position] = later.event.outcome
                if not later.event.still_open:
                    break
    return found


ENDS = (Outcome.COMPLETED, Outcome.PARTIALLY_COMPLETED, Outcome.FAILED)


def otherwise(envelope: Envelope[Event]) -> Envelope[Event]:
    """The same event; requests of one number, settled now so and now so, and every other time still open."""
    event, at = envelope.event, envelope.position
    if isinstance(event, VmChangeRequested):
        event = replace(event, request=1, accepted=at % 4 > 0)
    if isinstance(event, VmRequestSettled):
        event = replace(event, request=1, outcome=ENDS[at % 3], still_open=at % 2 == 0)
    return replace(envelope, event=event)


def accepted(wanted: Filter, each: TimelineEntry, came: dict[int, Outcome]) -> bool:
    outcome = each.outcome or (came.get(each.position) if wanted.asked else None)
    return all(
        (
            wanted.vm is None or each.vm == wanted.vm,
            wanted.host is None or each.host == wanted.host,
            wanted.since is None or each.happened >= wanted.since,
            wanted.until is None or each.happened <= wanted.until,
            wanted.outcome is None or outcome == wanted.outcome,
            wanted.actor is None or each.actor == wanted.actor,
            wanted.correlation is None or each.correlation == wanted.correlation,
            not wanted.asked or each.asked,
        )
    )


@given(st.integers(0, 2**20), st.integers(0, 100), st.data())
@settings(max_examples=40, deadline=None)
def test_a_filter_finds_all_that_it_accepts_and_nothing_else(seed: int, lines: int, data: st.DataObject) -> None:
    history, _ = decided(seed, lines, observations=True)
    told_of = entries(history)

    def one_of(*values: object) -> st.SearchStrategy[object]:
        return st.none() | st.sampled_from(sorted({str(value) for value in values if value is not None}) or ["none"])

    wanted = Filter(
        vm=data.draw(one_of(*(each.vm for each in told_of))),  # type: ignore[arg-type]
        host=data.draw(one_of(*(each.host for each in told_of))),  # type: ignore[arg-type]
        since=data.draw(one_of(*(each.happened for each in told_of))),  # type: ignore[arg-type]
        until=data.draw(one_of(*(each.happened for each in told_of))),  # type: ignore[arg-type]
        outcome=data.draw(st.none() | st.sampled_from(Outcome)),
        asked=data.draw(st.booleans()),
    )
    came = ends(history)
    due = [each.position for each in told_of if accepted(wanted, each, came)]
    taken_up = data.draw(st.integers(0, len(history)))
    limit = data.draw(st.none() | st.integers(0, 10))
    with stored(history[:taken_up]) as ledger:
        if data.draw(st.booleans()):
            ledger.views().catch_up()
        ledger.record(history[taken_up:])

        found = [each.position for each in ledger.views().log(wanted, limit)]

    assert found == (due if limit is None else due[len(due) - min(limit, len(due)) :])


def test_the_newest_are_told_whether_they_are_taken_up_or_not() -> None:
    history = told(HOST, WEB, START, in_use("1GiB"), add("2GiB"))
    for taken_up in range(len(history) + 1):
        with stored(history[:taken_up]) as ledger:
            ledger.views().catch_up()
            ledger.record(history[taken_up:])
            for limit in range(len(history) + 2):
                found = [each.position for each in ledger.views().log(limit=limit)]
                assert found == [each.position for each in history][max(0, len(history) - limit) :]


def test_what_was_asked_for_ended_as_its_last_settlement_says_however_much_of_it_is_taken_up() -> None:
    histories = [[otherwise(each) for each in decided(seed, 150, observations=True)[0]] for seed in range(4)]
    assert {outcome for history in histories for outcome in ends(history).values()} >= set(ENDS)
    for history in histories:
        came, told_of = ends(history), entries(history)
        for taken_up in range(0, len(history) + 1, 40):
            with stored(history[:taken_up]) as ledger:
                ledger.views().catch_up()
                ledger.record(history[taken_up:])
                for outcome in Outcome:
                    wanted = Filter(asked=True, outcome=outcome)
                    due = [each.position for each in told_of if accepted(wanted, each, came)]
                    assert [each.position for each in ledger.views().log(wanted)] == due
                    assert [each.position for each in ledger.views().log(wanted, 2)] == due[-2:]


def test_a_correlation_finds_both_halves_of_a_command() -> None:
    history = told(HOST, WEB, START)
    with stored(history) as ledger:
        for _ in range(2):
            found = list(ledger.views().log(Filter(correlation=history[-1].metadata.correlation)))
            assert [each.event.KIND for each in found if isinstance(each, Envelope)] == [
                "vm.started",
                "host.memory-granted",
            ]
            ledger.views().catch_up()
        assert list(ledger.views().log(Filter(actor="nobody"))) == []


@given(st.integers(0, 2**20), st.integers(0, 80), st.data())
@settings(max_examples=40, deadline=None)
def test_between_two_moments_are_the_events_that_one_of_them_knows_alone(
    seed: int, lines: int, data: st.DataObject
) -> None:
    history, _ = decided(seed, lines, observations=True)
    times = sorted({each.metadata.happened for each in history} | {time(0)})
    moments: st.SearchStrategy[Moment] = st.integers(0, len(history)) | st.sampled_from(times)
    one, other = data.draw(moments), data.draw(moments)

    def known(moment: Moment) -> set[int]:
        return {
            each.position
            for each in history
            if (each.position <= moment if isinstance(moment, int) else each.metadata.happened <= moment)
        }

    taken_up = data.draw(st.integers(0, len(history)))
    with stored(history[:taken_up]) as ledger:
        ledger.views().catch_up()
        ledger.record(history[taken_up:])

        assert [each.position for each in ledger.views().between(one, other)] == sorted(known(one) ^ known(other))


@pytest.mark.parametrize("moments", [(5, 7), (time(3), time(4)), (5, time(4))])
def test_the_difference_of_two_moments_is_the_same_however_they_are_told(moments: tuple[Moment, Moment]) -> None:
    with stored(told(HOST, WEB, START, in_use("1GiB"), add("2GiB"))) as ledger:
        views = ledger.views()
        before, after = (view(views.fleet_of(moment)) for moment in moments)

        found = difference(before, after, views.between(*moments))

    assert "vms.web01.assigned" in [change.path for change in found.changes]
    assert 6 in found.positions
