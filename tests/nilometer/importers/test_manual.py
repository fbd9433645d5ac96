"""What another tool did, as ``nilo record`` writes it down. Sizes are MiB here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.decision import Code, Outcome
from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.events import Event
from domain.identifiers import UtcTime, vm_stream
from domain.observed.events import VmChangeRequested, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.observed.words import CauseIs, ObservedCode, WhyMoved
from nilometer.importers.manual import ReportedChange, build_change
from nilometer.ledger.requests import Fact
from tests.nilometer.importers.qemu.reading import S2, lines_of
from tests.nilometer.importers.qemu.reading import facts as facts_of_a_recording

NOON, LATER = UtcTime("2026-11-23T12:00:00.000000Z"), UtcTime("2026-11-23T13:00:00.000000Z")


def stored(facts: list[Fact]) -> list[Envelope[Event]]:
    """Facts as a ledger has them."""
    return [
        Envelope(fact.stream, n, fact.event, Metadata("a", "b", fact.happened, LATER, "c", fact.earliest), n)
        for n, fact in enumerate(facts, start=1)
    ]


def recorded(asked: int, before: int, after: int, known: list[Fact] | None = None, **more: Any) -> list[Fact]:
    change = ReportedChange("web01", asked=asked, before=before, after=after, happened=LATER)
    observation = build_change(replace(change, **more), stored(known or [])).observation
    assert {fact.stream for fact in observation.facts} == {"vm/web01"}
    return list(observation.facts)


def settled(asked: int, before: int, after: int, **more: Any) -> VmRequestSettled:
    last = recorded(asked, before, after, **more)[-1].event
    assert isinstance(last, VmRequestSettled)
    return last


def kinds(facts: list[Fact]) -> list[type[Event]]:
    return [type(fact.event) for fact in facts]


def test_a_change_is_asked_moved_and_settled() -> None:
    assert kinds(recorded(8, 4, 6)) == [VmObserved, VmChangeRequested, VmMemoryMoved, VmRequestSettled]


def test_the_outcome_follows_from_the_figures_alone() -> None:
    full, part, none, away = (settled(8, 4, after) for after in (8, 6, 4, 3))
    assert [(one.outcome, one.granted, one.remaining) for one in (full, part, none, away)] == [
        (Outcome.COMPLETED, 4, 0),
        (Outcome.PARTIALLY_COMPLETED, 2, 2),
        (Outcome.FAILED, 0, 4),
        (Outcome.FAILED, 0, 4),
    ]
    assert (full.code, full.cause_is) == (None, None)
    assert (part.code, part.cause_is, part.still_open) == (ObservedCode.NOT_REPORTED, CauseIs.UNKNOWN, False)


def test_what_the_hypervisor_said_is_kept_and_decides_nothing() -> None:
    for text in ("The memory change was only partially completed", "alles in Ordnung"):
        short = settled(8, 4, 6, error=text)
        assert (short.told, short.cause_is, short.outcome) == (text, CauseIs.REPORTED, Outcome.PARTIALLY_COMPLETED)


def test_an_error_and_nothing_moved_is_a_refusal() -> None:
    refused = settled(8, 4, 4, error="The operation failed.")
    assert (refused.outcome, refused.code) == (Outcome.REJECTED, ObservedCode.REFUSED_BY_HYPERVISOR)


def test_a_removal_that_left_only_what_is_in_use_was_short_because_of_that() -> None:
    short = settled(2, 8, 6, in_use=5)
    assert (short.code, short.cause_is) == (Code.MEMORY_IN_USE, CauseIs.INFERRED)


def test_the_next_change_is_the_next_request_and_tells_no_news_of_the_vm() -> None:
    facts = recorded(6, 8, 6, recorded(8, 4, 8, happened=NOON))
    assert kinds(facts) == [VmChangeRequested, VmMemoryMoved, VmRequestSettled]
    assert isinstance(facts[0].event, VmChangeRequested)
    assert facts[0].event.request == 2


def test_memory_that_moved_between_two_changes_was_moved_unasked_in_that_time() -> None:
    first = recorded(6, 7, 6, recorded(8, 4, 8, happened=NOON))[0]
    assert isinstance(first.event, VmMemoryMoved)
    assert (first.event.why, first.event.size_from, first.event.size_to) == (WhyMoved.UNASKED, 8, 7)
    assert (first.earliest, first.happened) == (NOON, LATER)


@pytest.mark.parametrize(
    ("before", "granted", "outcome"), [(6, 2, Outcome.PARTIALLY_COMPLETED), (8, 4, Outcome.COMPLETED)]
)
def test_a_request_that_a_later_one_supersedes_settles_by_what_was_granted(
    before: int, granted: int, outcome: Outcome
) -> None:
    [observed, request] = [fact for fact in recorded(8, 4, 4) if isinstance(fact.event, VmObserved | VmChangeRequested)]
    settlements = [fact.event for fact in recorded(10, before, 10, [observed, request])]
    first = next(event for event in settlements if isinstance(event, VmRequestSettled))
    assert (first.request, first.granted, first.outcome) == (1, granted, outcome)
    assert first.code == (None if outcome is Outcome.COMPLETED else ObservedCode.SUPERSEDED)


def test_a_move_away_from_the_target_was_not_asked_for() -> None:
    [move] = [fact.event for fact in recorded(8, 4, 3) if isinstance(fact.event, VmMemoryMoved)]
    assert (move.why, move.request) == (WhyMoved.UNASKED, None)


def test_a_vm_that_is_known_device_by_device_cannot_be_recorded_as_a_whole() -> None:
    imported = [
        Fact(vm_stream("web01"), fact.event, NOON) for fact in facts_of_a_recording(lines_of(S2)) if "vm" in fact.stream
    ]
    with pytest.raises(InputError, match="by device") as error:
        recorded(8, 4, 6, imported)
    assert error.value.hint
