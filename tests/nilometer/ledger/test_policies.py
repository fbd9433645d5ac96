"""Which policies are adopted, read from the streams of a ledger: here those of a history that never changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest

from domain.aggregates import HistoryError
from domain.envelope import Envelope
from domain.event import Event
from domain.identifiers import POLICIES, UtcTime, policy_stream
from domain.policy_events import PoliciesChanged, PolicyAdopted
from nilometer.history.parsing import LineReader
from nilometer.ledger.policies import StreamReader, read_policy_set
from tests.nilometer.storage.test_golden_policies import GOLDENS

MONDAY, SATURDAY = UtcTime("2026-11-23T09:00:00.000000Z"), UtcTime("2026-11-28T21:30:00.000000Z")
ALWAYS, IN_WINDOWS = "policies", "policies-2"


@cache
def history(name: str) -> list[Envelope[Event]]:
    """The events of a golden history."""
    lines = LineReader()
    return [lines.read(line)[1] for line in (GOLDENS / f"{name}.jsonl").read_bytes().splitlines()]


def reader(events: Sequence[Envelope[Event]]) -> StreamReader:
    """Reads the streams of a history, as a ledger does."""
    return lambda stream, after: (event for event in events if event.stream == stream and event.version > after)


@pytest.mark.parametrize(
    ("time", "names"),
    [
        (MONDAY, ["erp_stays_small", "growth_on_saturdays", "web_and_erp_together"]),
        (SATURDAY, ["erp_stays_small", "web_and_erp_together"]),
    ],
)
def test_those_that_apply_at_a_time_are_those_in_whose_window_it_is(time: UtcTime, names: list[str]) -> None:
    adopted = read_policy_set(reader(history(IN_WINDOWS)))

    applying = adopted.at(time)

    assert [policy.name for policy in applying.adopted] == names
    assert [policy.name for policy in applying.enforced] == names
    assert applying.version == adopted.version


def test_without_windows_all_apply_always() -> None:
    adopted = read_policy_set(reader(history(ALWAYS)))
    assert adopted.at(MONDAY) is adopted


@pytest.mark.parametrize("name", [ALWAYS, IN_WINDOWS])
def test_each_is_the_event_that_adopted_it(name: str) -> None:
    events = history(name)
    changes = [event for event in events if event.stream == POLICIES]
    last = {change.event.policy: change.event for change in changes if isinstance(change.event, PoliciesChanged)}
    kept = sorted(policy for policy, change in last.items() if change.adopted)

    adopted = read_policy_set(reader(events))

    assert adopted.version == changes[-1].version
    assert [policy.name for policy in adopted.adopted] == kept
    for policy in adopted.adopted:
        own = [event for event in events if event.stream == policy_stream(policy.name)]
        assert policy.envelope == [event for event in own if isinstance(event.event, PolicyAdopted)][-1]
    versions = [(policy.name, policy.envelope.version) for policy in adopted.adopted]
    assert [(policy.name, policy.version) for policy in adopted.enforced] == versions


def test_one_policy_alone_is_read_from_the_first_change_of_all() -> None:
    events = history(IN_WINDOWS)
    first = next(place for place, event in enumerate(events) if event.stream == POLICIES)
    assert [policy.name for policy in read_policy_set(reader(events[: first + 1])).adopted] == ["web_and_erp_together"]


def test_another_event_on_the_common_stream_is_an_error() -> None:
    events = history(ALWAYS)
    other = next(event for event in events if isinstance(event.event, PolicyAdopted))
    wrong = [replace(event, event=other.event) if event.stream == POLICIES else event for event in events]
    with pytest.raises(HistoryError, match=r"event policies/adopted/1: policy\.adopted cannot stand on this stream"):
        read_policy_set(reader(wrong))


def test_an_adoption_that_is_not_there_is_an_error() -> None:
    events = history(ALWAYS)
    missing = [event for event in events if not isinstance(event.event, PolicyAdopted)]
    retired = next(event for event in events if event.stream == POLICIES)
    other = [
        replace(event, event=retired.event) if isinstance(event.event, PolicyAdopted) else event for event in events
    ]
    for wrong in (missing, other):
        with pytest.raises(HistoryError, match=r"has no adoption at version \d, which policies/adopted names"):
            read_policy_set(reader(wrong))
