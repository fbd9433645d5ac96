"""The judge of decided histories: what nobody touched holds, and what was changed is told, once, by its rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.decision import Code, Outcome
from domain.events import (
    Event,
    Evidence,
    HostCommandRefused,
    HostMemoryGranted,
    HostMemoryReturned,
    HostReserveSet,
    HostResized,
    VmCommandRefused,
    VmInUseReported,
    VmMemoryAdded,
    VmMemoryRemoved,
    VmMoved,
    VmPaused,
    VmStarted,
)
from domain.guests import Mechanism
from domain.quantities import MiB
from rules.judging.scope import Scope
from tests.domain.given import HOST, SMALL_HOST, START, WEB, do
from tests.oracle.strategies import Drawn, Seeded
from tests.oracle.vectors import VECTORS, Vector
from tests.rules.judging.histories import (
    Recorded,
    causes,
    history,
    judged,
    last,
    random_history,
    renumbered,
    tampered,
    violations,
    with_metadata,
)

LONG = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

DAY = history(
    HOST,
    SMALL_HOST,
    WEB,
    START,
    do("report-in-use", in_use="1GiB"),
    do("add-memory", amount="2GiB"),
    do("add-memory", amount="64GiB"),  # all that is left
    do("remove-memory", amount="62GiB"),  # all that is not in use
    do("pause"),
    do("resume"),
    do("add-memory", amount="1MiB"),  # refused
    do("report-in-use", in_use="32MiB"),
    do("remove-memory", amount="512MiB"),
    do("move-vm", to="hv02"),
    {"command": "set-reserve", "host": "hv02", "reserve": "64MiB"},
    {"command": "resize-host", "host": "hv01", "total": "32GiB"},
    do("stop"),
    do("remove-vm"),
    {"command": "remove-host", "host": "hv01"},
)


def test_a_history_that_nobody_touched_holds() -> None:
    found, coverage = judged(DAY)
    assert found == []
    assert coverage.events == len(DAY)
    assert not any(rule.violated or rule.unknown for rule in coverage.rules.values())
    assert coverage.rules["in_use_never_removed"].holds == 4  # two gifts and two removals
    assert coverage.rules["history_is_whole"].holds == len(DAY)


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_every_vector_of_the_model_is_judged_to_hold(vector: Vector) -> None:
    assert violations(history(*vector.given, vector.when)) == []


@LONG
@given(data=st.data())
def test_whatever_is_decided_holds(data: st.DataObject) -> None:
    assert judged(random_history(Drawn(data), 12))[0] == []


@pytest.mark.parametrize("seed", range(12))
def test_long_random_histories_hold(seed: int) -> None:
    assert judged(random_history(Seeded(seed), 400))[0] == []


# One thing is wrong


def _granted_more(event: VmMemoryAdded) -> VmMemoryAdded:
    return replace(event, granted=event.granted + 2 * MiB) if event.granted is not None else event


ONE_THING: dict[str, tuple[type[Event], Callable[[Any], Event], str]] = {
    "granted": (VmMemoryRemoved, lambda e: replace(e, granted=e.granted - 2 * MiB), "outcome_is_honest"),
    "more than fits": (VmMemoryAdded, _granted_more, "host_never_overcommitted"),
    "outcome": (VmMemoryAdded, lambda e: replace(e, outcome=Outcome.COMPLETED, code=None), "outcome_is_honest"),
    "code": (VmMemoryAdded, lambda e: replace(e, code=Code.SIZE_LIMIT), "outcome_is_honest"),
    "hot added": (VmMemoryAdded, lambda e: replace(e, hot_added=0), "effects"),
    "mechanism": (VmMemoryRemoved, lambda e: replace(e, mechanism=Mechanism.BALLOON), "event_tells_all"),
    "paged out": (VmMemoryRemoved, lambda e: replace(e, paged=2 * MiB), "effects"),
    "free of the host": (
        VmMemoryAdded,
        lambda e: replace(e, evidence=replace(e.evidence, host=replace(e.evidence.host, free=1))),
        "event_tells_all",
    ),
    "the version read": (
        VmMemoryAdded,
        lambda e: replace(e, evidence=replace(e.evidence, host=replace(e.evidence.host, stream_version=1))),
        "event_tells_all",
    ),
    "before": (VmStarted, lambda e: replace(e, before=replace(e.before, session=7)), "event_tells_all"),
    "after": (VmPaused, lambda e: replace(e, after=replace(e.after, visible=0)), "event_tells_all"),
    "in use": (VmInUseReported, lambda e: replace(e, in_use=0), "event_tells_all"),
    "half: bytes": (HostMemoryGranted, lambda e: replace(e, bytes=e.bytes + 1), "conserved"),
    "half: vm": (HostMemoryReturned, lambda e: replace(e, vm="db01"), "conserved"),
    "half: asked": (HostMemoryReturned, lambda e: replace(e, granted=1), "halves_agree"),
    "half: after": (HostMemoryGranted, lambda e: replace(e, after=replace(e.after, free=0)), "event_tells_all"),
    "refused for": (VmCommandRefused, lambda e: replace(e, code=Code.WRONG_POWER_STATE), "outcome_is_honest"),
    "arguments": (VmCommandRefused, lambda e: replace(e, arguments={"amount": 2 * MiB}), "outcome_is_honest"),
    "moved to": (VmMoved, lambda e: replace(e, source="hv02"), "event_tells_all"),
    "resized to": (HostResized, lambda e: replace(e, total=e.total + 1), "event_tells_all"),
    "command": (VmPaused, lambda e: replace(e, command="resume"), "events_where_due"),
    "host command": (HostResized, lambda e: replace(e, command="set-reserve"), "events_where_due"),
}


def _values(event: Event, kind: type[Event]) -> dict[str, Any]:
    return {field.name: getattr(event, field.name) for field in fields(cast("Any", kind)) if hasattr(event, field.name)}


def _refused(event: VmPaused) -> VmCommandRefused:
    values: dict[str, Any] = {**_values(event, VmPaused), "after": event.before}
    return VmCommandRefused(**values, arguments={}, size=None)


def _refused_on_host(event: HostReserveSet) -> HostCommandRefused:
    values: dict[str, Any] = {**_values(event, HostCommandRefused), "after": event.before}
    return HostCommandRefused(**values, arguments={"reserve": event.reserve}, evidence=Evidence())


def _paused(event: VmCommandRefused) -> VmPaused:
    return VmPaused(**_values(event, VmPaused))


RESERVE: dict[str, object] = {"command": "set-reserve", "host": "hv01", "reserve": "64MiB"}
WRONG_KIND: dict[str, tuple[list[Recorded], Callable[[Any], Event]]] = {
    "done as refused": (history(HOST, WEB, START, do("pause")), _refused),
    "refused as done": (history(HOST, WEB, START, do("pause"), do("pause")), _paused),
    "done as refused, on a host": (history(HOST, RESERVE), _refused_on_host),
}


@pytest.mark.parametrize("what", WRONG_KIND)
def test_an_event_of_the_other_outcome_is_found_though_all_in_it_is_right(what: str) -> None:
    recorded, change = WRONG_KIND[what]
    index = max(index for index, envelope in enumerate(recorded) if not isinstance(envelope.event, HostMemoryGranted))
    assert violations(recorded) == []
    assert causes(tampered(recorded, index, change)) == [("events_where_due", index + 1)]


@pytest.mark.parametrize("what", ONE_THING)
def test_one_wrong_thing_is_one_first_cause(what: str) -> None:
    kind, change, rule = ONE_THING[what]
    index = last(DAY, kind)
    envelopes = tampered(DAY, index, change)
    found = causes(envelopes)
    assert (rule, DAY[index].position) in found
    assert len(found) <= 2, found  # its halves may each say so


def test_a_grant_that_the_host_did_not_have_is_told_with_its_figures() -> None:
    envelopes = tampered(DAY, last(DAY, VmMemoryAdded), _granted_more)
    first = violations(envelopes)[0]
    assert (first.rule, first.at.place) == ("host_never_overcommitted", "history.jsonl:9")
    assert first.expected == {"granted": 56 * 1024 * MiB}
    assert first.found == {"granted": 56 * 1024 * MiB + 2 * MiB}
    assert first.let["host.free"] == 56 * 1024 * MiB
    assert first.then == "add-memory of 64 GiB had the outcome partially-completed"


# Halves


def test_a_missing_half_is_told_and_explains_what_follows() -> None:
    index = last(DAY, HostMemoryReturned)
    assert ("halves_agree", DAY[index - 1].position) in causes(renumbered([*DAY[:index], *DAY[index + 1 :]]))


def test_a_half_alone_is_told() -> None:
    index = last(DAY, VmMemoryRemoved)
    found = causes(renumbered([*DAY[:index], *DAY[index + 1 :]]))
    assert ("halves_agree", index + 1) in found


def test_halves_are_by_one_hand_and_at_one_time() -> None:
    index = last(DAY, HostMemoryReturned)
    for what in ({"actor": "eve"}, {"via": "x"}, {"correlation": "x"}, {"causation": "vm/x/1"}, {"reason": "x"}):
        assert causes(with_metadata(DAY, index, **what)) == [("halves_agree", DAY[index].position)], what


def test_a_history_that_ends_within_a_change_is_told() -> None:
    index = last(DAY, VmMemoryRemoved)
    assert causes(DAY[: index + 1]) == [("halves_agree", DAY[index].position)]


# Evidence


def test_a_refusal_is_judged_against_the_host_as_it_read_it_though_others_wrote_in_between() -> None:
    envelopes = history(HOST, WEB, {**WEB, "vm": "web02"}, START, do("restore", vm="web02"), do("start", vm="web02"))
    refusal = next(index for index, envelope in enumerate(envelopes) if isinstance(envelope.event, VmCommandRefused))
    late = [*envelopes[:refusal], *envelopes[refusal + 1 : refusal + 1], envelopes[refusal]]
    assert violations(envelopes) == []
    # web02 was refused on what the host was before web01 started: recorded after it, as another writer would
    event = envelopes[refusal].event
    assert isinstance(event, VmCommandRefused)
    host = event.evidence.host
    assert host is not None
    older = replace(host, stream_version=1, held=0, free=host.total - host.reserve)
    read_before = tampered(late, refusal, lambda e: replace(e, evidence=replace(e.evidence, host=older)))
    assert violations(read_before) == []
    wrong = replace(older, held=1, free=host.total - host.reserve - 1)
    assert causes(tampered(late, refusal, lambda e: replace(e, evidence=replace(e.evidence, host=wrong)))) == [
        ("event_tells_all", envelopes[refusal].position)
    ]


# Places and times


def test_a_gap_a_double_and_disorder_are_told() -> None:
    whole = "history_is_whole"
    assert causes([*DAY[:5], *DAY[6:]])[0] == (whole, 7)
    assert causes([*DAY[:5], DAY[4], *DAY[5:]]) == [(whole, 5)]
    early = [*DAY[:3], DAY[10], *DAY[3:10], *DAY[11:]]
    assert causes(early) == [(whole, 11)]
    assert causes(DAY[4:])[0] == (whole, 5)


def test_an_event_of_another_ledger_is_told() -> None:
    from rules.judging.judge import Judge

    judge = Judge()
    found = [
        finding
        for number, envelope in enumerate(DAY)
        for finding in judge.take(envelope, "", "urn:uuid:a" if number < 5 else "urn:uuid:b")
    ]
    assert [(finding.rule, finding.at.position) for finding in found] == [("history_is_whole", 6)]


def test_a_time_before_the_last_of_its_stream_is_told() -> None:
    index = last(DAY, VmPaused)
    envelopes = with_metadata(DAY, index, happened="2026-11-22T00:00:00.000000Z")
    assert causes(envelopes) == [("time_goes_forward", DAY[index].position)]


def test_an_id_is_never_used_again() -> None:
    again = [replace(DAY[0], position=len(DAY) + 1, version=DAY[-1].version + 1)]
    assert ("history_is_whole", len(DAY) + 1) in causes([*DAY, *again])


# What is asked about


def test_only_what_is_asked_about_is_judged() -> None:
    wrong = tampered(DAY, last(DAY, VmMemoryAdded), _granted_more)
    position = DAY[last(DAY, VmMemoryAdded)].position
    at = DAY[position - 1].metadata.happened
    assert judged(wrong, Scope(rules=frozenset(("maximal",))))[0][0].rule == "maximal"
    assert judged(wrong, Scope(rules=frozenset(("whole_quanta",))))[0] == []
    assert judged(wrong, Scope(vms=frozenset(("web02",))))[0] == []
    assert judged(wrong, Scope(hosts=frozenset(("hv02",))))[0] == []
    assert judged(wrong, Scope(hosts=frozenset(("hv01",))))[0][0].at.position == position
    assert judged(wrong, Scope(since=at))[0][0].at.position == position
    assert judged(wrong, Scope(until=DAY[3].metadata.happened))[0] == []
