"""What is proved of a change assumes a sound state before it: nothing is counted as holding that was not asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.aggregates import HistoryError
from domain.decision import done
from domain.events import (
    Event,
    HostCommandRefused,
    HostMemoryGranted,
    HostRead,
    HostReserveSet,
    VmCommandRefused,
    VmMemoryAdded,
    VmMemoryRemoved,
    VmMoved,
    VmPaused,
    VmRemoved,
)
from domain.hosts import set_reserve
from domain.observed.events import VmObserved
from domain.quantities import MiB
from domain.settings import HostVersion
from domain.state import Host
from projections.fleet import Fleet
from rules.judging.findings import Verdict
from rules.judging.scope import Scope
from tests.domain.breaking import rebind
from tests.domain.given import HOST, SMALL_HOST, START, WEB, do
from tests.oracle.shapes import Line
from tests.rules.judging.histories import (
    Recorded,
    causes,
    history,
    judged,
    last,
    renumbered,
    tampered,
    violations,
    with_metadata,
)

REMOVE_HOST: Line = {"command": "remove-host", "host": "hv02"}
MOVES = history(HOST, SMALL_HOST, WEB, START, do("move-vm", to="hv02"), REMOVE_HOST)


# What the ledger can write


def test_a_refusal_that_read_a_host_which_was_removed_before_it_was_recorded_holds() -> None:
    assert isinstance(MOVES[-2].event, VmCommandRefused)
    assert violations(renumbered([*MOVES[:-2], MOVES[-1], MOVES[-2]])) == []


def test_a_refusal_cannot_read_a_host_after_it_was_removed() -> None:
    def read_later(event: VmCommandRefused) -> VmCommandRefused:
        there = event.evidence.destination
        assert there is not None
        return replace(event, evidence=replace(event.evidence, destination=replace(there, stream_version=2)))

    late = tampered(renumbered([*MOVES[:-2], MOVES[-1], MOVES[-2]]), -1, read_later)
    assert causes(late) == [("event_tells_all", len(late))]


# A state of which nothing is proved


def _uses_more(event: Any) -> Event:
    """It says that the guest uses more than it has, before and after it."""
    more = {"in_use": event.before.assigned + 1024 * MiB}
    uses: Event = replace(event, before=replace(event.before, **more), after=replace(event.after, **more))
    return uses


def test_a_vm_whose_beginning_is_missing_is_asked_for_its_invariants_though_nothing_changed() -> None:
    envelopes = history(HOST, WEB, do("add-memory", amount="2MiB"))
    found, coverage = judged([envelopes[0], replace(tampered(envelopes, -1, _uses_more)[-1], position=2, version=1)])
    assert [finding.rule for finding in found if finding.rule == "off_means_nothing"] == ["off_means_nothing"]
    assert coverage.rules["off_means_nothing"].holds == 0


def test_of_a_state_that_no_decision_led_to_each_claim_is_asked_by_itself() -> None:
    envelopes = history(HOST, WEB, START, do("report-in-use", in_use="1GiB"), do("add-memory", amount="2MiB"))
    index = last(envelopes, VmMemoryAdded)
    stranger = renumbered([envelopes[0], *tampered(envelopes, index, _uses_more)[index:]])
    found, coverage = judged(stranger)
    rules = {finding.rule for finding in found}
    assert "in_use_never_removed" in rules
    assert coverage.rules["in_use_never_removed"].holds == 0
    assert all(finding.follows is not None for finding in found if finding.rule == "in_use_never_removed")


def test_a_host_that_is_not_there_holds_nothing() -> None:
    envelopes = history(HOST, WEB, START, do("pause"))
    coverage = judged(renumbered(envelopes[1:2]))[1]
    assert "host_never_overcommitted" not in coverage.rules
    assert "within_bounds" not in coverage.rules


@pytest.mark.parametrize("leave", [do("move-vm", to="hv01"), do("remove-vm")], ids=["moved", "removed"])
def test_a_host_that_is_promised_twice_is_told_of_until_it_is_not(leave: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    def reserves_anything(host: Host, reserve: int) -> object:
        return done()

    small: Line = {**WEB, "host": "hv02", "memory": {"static": {"size": "512MiB"}}}
    with monkeypatch.context() as patch:
        rebind(patch, set_reserve, reserves_anything)
        reserve: Line = {"command": "set-reserve", "host": "hv02", "reserve": "2GiB"}
        envelopes = history(HOST, SMALL_HOST, small, {**small, "vm": "db01"}, reserve, leave)
    kind = VmRemoved if leave["command"] == "remove-vm" else VmMoved
    broken = [finding.at.position for finding in violations(envelopes) if finding.rule == "host_never_overcommitted"]
    assert envelopes[last(envelopes, kind)].position in broken


# What is counted


def test_a_rule_that_is_broken_does_not_also_hold_of_the_same_event() -> None:
    envelopes = history(HOST, WEB, START, do("pause"))
    whole, late = judged(envelopes)[1], judged(with_metadata(envelopes, -1, happened="2026-11-22T00:00:00.000000Z"))[1]
    assert late.rules["time_goes_forward"].violated == 1
    assert late.rules["time_goes_forward"].holds == whole.rules["time_goes_forward"].holds - 1


# What refusals say


READ = HostRead("hv02", 1, HostVersion.V2022, 1024 * MiB, 0, 0, 1024 * MiB, None)
REFUSED: dict[str, tuple[Line, Callable[[Any], Event], str]] = {
    "how much another size is away": (
        do("set-memory", size="8GiB"),
        lambda e: replace(e, requested=2 * MiB),
        "event_tells_all",
    ),
    "an amount where none is asked": (do("resume"), lambda e: replace(e, requested=5, granted=0), "event_tells_all"),
    "where to": (do("move-vm", to="hv02"), lambda e: replace(e, arguments={"to": "hv01"}), "event_tells_all"),
    "an argument too many": (do("move-vm", to="hv02"), lambda e: replace(e, arguments={"to": "hv02", "size": 1}), ""),
    "a host that was not read": (
        {"command": "remove-host", "host": "hv01"},
        lambda e: replace(e, evidence=replace(e.evidence, destination=READ)),
        "event_tells_all",
    ),
    "how many VMs were there": (
        {"command": "remove-host", "host": "hv01"},
        lambda e: replace(e, evidence=replace(e.evidence, vms=2)),
        "event_tells_all",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_refusal_says_is_compared_with_what_was_asked(what: str) -> None:
    line, change, rule = REFUSED[what]
    dynamic = {"dynamic": {"minimum": "1GiB", "startup": "4GiB", "maximum": "8GiB", "buffer": 20, "weight": 50}}
    envelopes = history(HOST, SMALL_HOST, {**WEB, "memory": dynamic}, START, line)
    assert isinstance(envelopes[-1].event, VmCommandRefused | HostCommandRefused)
    assert violations(envelopes) == []
    assert causes(tampered(envelopes, -1, change)) == [(rule or "event_tells_all", envelopes[-1].position)]


def test_a_hosts_event_that_changes_nothing_is_none_that_is_due() -> None:
    envelopes = history(HOST, {"command": "set-reserve", "host": "hv01", "reserve": "1GiB"})
    nothing = tampered(envelopes, -1, lambda e: replace(e, before=e.after))
    assert [(finding.rule, finding.at.position) for finding in violations(tampered(nothing, 0, _reserved))] == [
        ("events_where_due", 2)
    ]
    assert isinstance(envelopes[-1].event, HostReserveSet)


def _reserved(event: Any) -> Event:
    after = replace(event.after, reserve=1024 * MiB, free=event.total - 1024 * MiB)
    reserved: Event = replace(event, reserve=1024 * MiB, after=after)
    return reserved


# Where an event stands


def on(envelopes: list[Recorded], index: int, **changes: Any) -> list[Recorded]:
    """The same history, with one event elsewhere."""
    changed = list(envelopes)
    changed[index] = replace(envelopes[index], **changes)
    return renumbered(changed)


def test_an_event_of_a_vm_does_not_stand_on_a_hosts_stream() -> None:
    envelopes = history(HOST, WEB, START, do("pause"))
    assert isinstance(envelopes[-1].event, VmPaused)
    assert causes(on(envelopes, -1, stream="host/web01")) == [("events_where_due", envelopes[-1].position)]


def test_what_is_decided_is_never_observed_and_the_other_way_round() -> None:
    envelopes = history(HOST, WEB, START, do("pause"))
    assert causes(on(envelopes, -1, event=VmObserved(in_use=1))) == [("events_where_due", envelopes[-1].position)]
    observed = on(envelopes, 1, event=VmObserved(in_use=1))
    assert causes(observed)[0] == ("events_where_due", 3)


# What is asked about


def test_the_half_of_a_move_on_a_host_that_is_asked_about_is_judged() -> None:
    big: Line = {**SMALL_HOST, "total": "16GiB"}
    envelopes = history(HOST, big, WEB, START, do("move-vm", to="hv02"))
    wrong = tampered(
        envelopes, last(envelopes, HostMemoryGranted), lambda e: replace(e, after=replace(e.after, free=0))
    )
    found = judged(wrong, Scope(hosts=frozenset(("hv02",))))[0]
    assert ("event_tells_all", len(envelopes)) in [(finding.rule, finding.at.position) for finding in found]


def test_what_follows_from_something_that_is_not_shown_is_shown_itself() -> None:
    envelopes = history(HOST, WEB, START, do("report-in-use", in_use="1GiB"), do("pause"), do("resume"))
    wrong = tampered(envelopes, -3, lambda e: replace(e, in_use=2**50, after=replace(e.after, in_use=2**50)))
    everything = [finding for finding in judged(wrong)[0] if finding.verdict is Verdict.VIOLATED]
    assert everything[0].at.position == envelopes[-3].position
    since = Scope(since=envelopes[-1].metadata.happened)
    found = judged(wrong, since)[0]
    assert {finding.follows for finding in found} == ({None} if found else set())
    assert {finding.at.position for finding in found} <= {envelopes[-1].position}
    rules = Scope(rules=frozenset(("in_use_is_assigned",)))
    assert judged(wrong, rules)[0][0].follows is None


def test_how_a_host_was_before_its_history_begins_is_unknown() -> None:
    envelopes = history(HOST, SMALL_HOST, WEB, START, do("report-in-use", in_use="1GiB"), do("move-vm", to="hv02"))
    index = len(envelopes) - 1

    def read_before(event: VmCommandRefused) -> VmCommandRefused:
        there = event.evidence.host
        assert there is not None
        before = replace(there, stream_version=1, held=0, free=there.free + there.held)
        return replace(event, evidence=replace(event.evidence, host=before))

    begun_later = tampered(envelopes, index, read_before)[4:]
    assert all(finding.rule == "history_is_whole" or finding.follows is not None for finding in violations(begun_later))


def test_only_events_that_are_asked_about_are_counted() -> None:
    big: Line = {**SMALL_HOST, "total": "16GiB"}
    envelopes = history(
        HOST, big, WEB, {**WEB, "vm": "db01", "host": "hv02"}, START, do("move-vm", to="hv02"), do("pause")
    )
    on_vm = judged(envelopes, Scope(vms=frozenset(("web01",))))[1]
    assert (on_vm.events, on_vm.rules["history_is_whole"].holds) == (4, 4)
    there = judged(envelopes, Scope(hosts=frozenset(("hv02",))))[1]
    assert (there.events, there.rules["history_is_whole"].holds) == (4, 4)  # hv02, db01, what it gave, the pause
    late = judged(envelopes, Scope(since=envelopes[-1].metadata.happened))[1]
    assert (late.events, late.rules["history_is_whole"].holds) == (1, 1)


def test_a_removal_that_does_not_say_how_much_is_told_and_cannot_be_replayed() -> None:
    remove = do("remove-memory", amount="2MiB")
    envelopes = history(HOST, WEB, START, do("report-in-use", in_use="1GiB"), remove, do("pause"))
    index = last(envelopes, VmMemoryRemoved)
    silent = tampered(envelopes, index, lambda e: replace(e, granted=None))
    assert causes(silent)[0] == ("event_tells_all", envelopes[index].position)
    assert {finding.at.position for finding in violations(silent)} <= {
        envelopes[index].position,
        envelopes[index].position + 1,
    }
    fleet = Fleet()
    for envelope in silent[:index]:
        fleet.apply(envelope)
    with pytest.raises(HistoryError, match="does not carry"):
        fleet.apply(silent[index])
