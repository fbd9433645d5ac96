"""Spools of what happens on every fleet, and what must be said of each. All files in ``cases`` are synthetic."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from domain.decision import Outcome
from domain.envelope import Envelope
from domain.events import Event
from domain.observed.events import VmChangeRequested, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.quantities import GiB, MiB
from domain.state import Power
from rules.judging.findings import Finding, Verdict
from rules.judging.observed.visible import MOVES
from tests.nilometer.importers.hyperv.synthetic import WEB, Store, imported

CASES = Path(__file__).parent / "cases"
BEN, CARL = "CONTOSO\\ben", "CONTOSO\\carl"


def case(name: str) -> bytes:
    """A file of a case."""
    data = (CASES / name).read_bytes()
    return gzip.decompress(data) if name.endswith(".gz") else data


def envelopes(store: Store, kind: type[Event], vm: str = WEB) -> list[Envelope[Event]]:
    """The events of one kind of a VM, with who and when."""
    return [envelope for envelope in store.of(f"vm/{vm}") if isinstance(envelope.event, kind)]


# Who and when


@pytest.mark.parametrize("name", ["sp_twoowners.jsonl", "sp_twoowners3.jsonl"])
def test_each_of_two_changes_is_by_the_owner_of_the_job_that_the_poll_lists_which_saw_it(name: str) -> None:
    requested = envelopes(imported(case(name)), VmChangeRequested)
    amounts = [
        (event.target - (event.size_from or 0)) // GiB
        for event in (envelope.event for envelope in requested)
        if isinstance(event, VmChangeRequested)
    ]
    assert list(zip(amounts, (envelope.metadata.actor for envelope in requested), strict=True)) == [
        (4, BEN),
        (-2, CARL),
    ]


@pytest.mark.parametrize("name", ["sp_stop13.jsonl", "sp_stop16.jsonl"])
def test_who_stops_a_vm_is_the_owner_of_a_job_that_turns_off_or_shuts_down(name: str) -> None:
    store = imported(case(name))
    (stop,) = [
        envelope
        for envelope in envelopes(store, VmObserved)
        if isinstance(envelope.event, VmObserved) and envelope.event.power is Power.OFF
    ]
    assert stop.metadata.actor == BEN


def test_what_a_slow_poll_shows_of_a_change_was_not_there_before_it() -> None:
    store = imported(case("sp_slow.jsonl"))
    (requested,) = envelopes(store, VmChangeRequested)
    since = requested.metadata.earliest or requested.metadata.happened
    for envelope in envelopes(store, VmObserved):
        assert isinstance(envelope.event, VmObserved)
        if envelope.event.assigned == 8 * GiB:
            assert envelope.metadata.happened > since


def test_a_job_with_warnings_is_a_grant_in_part() -> None:
    store = imported(case("sp_partial.jsonl"))
    (settled,) = store.events(VmRequestSettled)
    assert (settled.outcome, settled.granted) == (Outcome.PARTIALLY_COMPLETED, 2992 * MiB)
    assert {envelope.metadata.actor for envelope in envelopes(store, VmRequestSettled)} == {BEN}


def test_jobs_without_an_id_are_read() -> None:
    store = imported(case("sp_nullid.jsonl"))
    assert [event.size_to for event in store.events(VmMemoryMoved)] != []


# What the guest sees


MK01 = "eeeeeeee-0000-4000-8000-000000000001"


def violations(store: Store) -> list[Finding]:
    """What the judge finds violated."""
    return [finding for finding in store.findings() if finding.verdict is Verdict.VIOLATED]


@pytest.mark.parametrize(
    ("name", "vm"), [("spool-1h-5h.jsonl.gz", MK01), ("counters-20h.csv", "mk01"), ("counters-5h.csv", "mk01")]
)
def test_a_guest_that_does_not_see_what_it_was_given_is_found(name: str, vm: str) -> None:
    store = Store()
    store.take(case(name), final=True)
    (finding,) = violations(store)
    assert (finding.rule, finding.expected, finding.found) == (MOVES, {"visible": 4 * GiB}, {"visible": 1 * GiB})
    in_use = [event.in_use for event in store.events(VmObserved, vm) if event.assigned == 4 * GiB]
    assert len(in_use) >= 3
    assert set(in_use) == {None}, "what the guest does not see, it does not use"


def test_a_change_that_was_taken_back_before_ten_minutes_is_not_judged_as_unseen() -> None:
    store = imported(case("counters.csv"))
    assert all((event.in_use or 0) <= 1 * GiB for event in store.events(VmObserved, "mk01"))


def test_a_guest_that_sees_its_memory_after_eight_minutes_is_no_violation() -> None:
    store = imported(case("lateonline.jsonl.gz"))
    measures = [event for event in store.events(VmObserved) if event.assigned == 8 * GiB]
    assert [event.in_use is not None for event in measures] == [event.visible == 8 * GiB for event in measures]
    assert MOVES not in {finding.rule for finding in store.findings()}
