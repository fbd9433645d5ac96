"""What the five recordings must come to: totals, accounts, books and figures, as worked out from them by hand."""

from __future__ import annotations

import pytest

from domain.decision import Code, Outcome
from domain.identifiers import subject_id
from domain.observed.events import (
    HostObserved,
    Observed,
    VmChangeRequested,
    VmLost,
    VmMemoryMoved,
    VmObserved,
    VmRequestSettled,
)
from domain.observed.words import CauseIs, ObservedCode, WhyMoved
from domain.quantities import MiB
from domain.state import Power
from nilometer.importers.qemu.records import read_record
from tests.nilometer.importers.qemu.reading import (
    NAMES,
    S1,
    S2,
    S4,
    S5,
    S7,
    Fleet,
    events,
    facts,
    lines_of,
    observations,
    states,
)

KEPT = 40_472_576
"""Bytes that firmware and kernel of these guests keep out of the guest's own count, exactly and always."""


def late(name: str) -> int:
    return sum(moved.late for moved in events(lines_of(name), VmMemoryMoved))


def unasked(name: str) -> int:
    return sum(moved.why is WhyMoved.UNASKED for moved in events(lines_of(name), VmMemoryMoved))


@pytest.mark.parametrize("name", NAMES)
def test_every_record_gave_events_or_repeats_or_was_not_needed(name: str) -> None:
    given, counts = observations(lines_of(name))
    assert counts.records == len(lines_of(name))
    assert counts.records == counts.events + counts.repeats + sum(counts.not_needed.values())
    assert counts.facts == sum(len(observation.facts) for observation in given)
    assert counts.not_needed["meta"] == sum(b'"kind":"meta"' in line.replace(b" ", b"") for line in lines_of(name))
    assert "undecided" not in counts.not_needed


@pytest.mark.parametrize(
    ("name", "requests", "refused", "moves", "settlements", "late_moves", "unasked_moves"),
    [
        (S1, 8, 0, 16, 8, 0, 0),
        (S2, 4, 0, 12, 5, 3, 0),
        (S4, 7, 4, 5, 8, 2, 0),
        (S5, 15, 0, 44, 18, 3, 2),
        (S7, 5, 0, 10, 8, 2, 0),
    ],
)
def test_the_totals(
    name: str, requests: int, refused: int, moves: int, settlements: int, late_moves: int, unasked_moves: int
) -> None:
    lines = lines_of(name)
    asked = events(lines, VmChangeRequested)
    assert (len(asked), sum(not one.accepted for one in asked)) == (requests, refused)
    assert len(events(lines, VmMemoryMoved)) == moves
    assert len(events(lines, VmRequestSettled)) == settlements
    assert (late(name), unasked(name)) == (late_moves, unasked_moves)


def running(name: str) -> Fleet:
    """The fleet before the first VM is shut down."""
    fleet = Fleet()
    for fact in facts(lines_of(name)):
        if isinstance(fact.event, VmObserved) and fact.event.power is Power.OFF:
            break
        fleet.apply(fact)
    return fleet


def silent(name: str) -> list[int]:
    """The records that gave no events, by their number."""
    telling = {event.record for event in events(lines_of(name), Observed)}
    numbers = [read_record(line, name).seq for line in lines_of(name)]
    return [number for number in numbers if f"{name}#{number}" not in telling]


def test_s2_and_s4_repeat_exactly_these_records() -> None:
    assert silent(S2) == [1, 5, 8, 14, 16, 20, 22, 24, 32, 39]
    assert silent(S4) == [1, 10, 15, 23, 25, 27, 32, 37]
    assert observations(lines_of(S4))[1].not_needed == {"meta": 2, "prepared": 3}


def test_s2_settles_in_full_then_short_then_is_superseded() -> None:
    settled = events(lines_of(S2), VmRequestSettled)
    assert [(one.request, one.outcome, one.code) for one in settled] == [
        (1, Outcome.COMPLETED, None),
        (2, Outcome.PARTIALLY_COMPLETED, Code.MEMORY_IN_USE),
        (2, Outcome.PARTIALLY_COMPLETED, ObservedCode.SUPERSEDED),
        (3, Outcome.COMPLETED, None),
        (4, Outcome.COMPLETED, None),
    ]
    short, last = settled[1], settled[2]
    assert (short.granted, short.remaining, short.still_open) == (256 * MiB, 512 * MiB, True)
    assert (short.cause_is, short.told) == (CauseIs.INFERRED, None)
    assert (last.granted, last.amount, last.still_open) == (640 * MiB, 768 * MiB, False)


def test_s4_keeps_what_the_hypervisor_said_word_for_word() -> None:
    refusals = [one for one in events(lines_of(S4), VmRequestSettled) if one.outcome is Outcome.REJECTED]
    assert {one.code for one in refusals} == {ObservedCode.REFUSED_BY_HYPERVISOR}
    assert [one.told for one in refusals] == [
        "'requested-size' cannot exceed the memory backend size(0x30000000)",
        "'requested-size' has to be multiples of 'block-size' (0x200000)",
        "not enough space, currently 0x30000000 in use of total space for memory devices 0x40000000",
        "no free slots available",
    ]
    assert any("preallocating memory failed" in (one.told or "") for one in events(lines_of(S4), VmObserved))


@pytest.mark.parametrize(("name", "watermarks"), [(S2, [1024]), (S4, [896]), (S7, [640, 512, 384])])
def test_the_high_watermarks_before_shutdown(name: str, watermarks: list[int]) -> None:
    most: dict[str, int] = {}
    for _, fleet in states(lines_of(name)):
        for id, vm in fleet.vms.items():
            most[id] = max(most.get(id, 0), vm.high_watermark or 0)
    assert list(most.values()) == [size * MiB for size in watermarks]


@pytest.mark.parametrize("name", [S2, S4, S7])
def test_visible_memory_is_assigned_memory_at_every_measure(name: str) -> None:
    measures = 0
    for fact, fleet in states(lines_of(name)):
        event = fact.event
        if isinstance(event, VmObserved) and event.guest_total is not None:
            vm = fleet.vms[subject_id(fact.stream)]
            assert vm.kept == KEPT
            assert vm.visible == vm.assigned == event.assigned
            measures += 1
    assert measures > 8


def test_s7_book_equals_what_the_kernel_told_at_all_nine_records() -> None:
    compared = [
        (fact.event.free, fleet.account(S7).free)
        for fact, fleet in states(lines_of(S7))
        if isinstance(fact.event, HostObserved)
    ]
    assert compared == [(free * MiB, free * MiB) for free in (1280, 512, 128, 0, 0, 128, 320, 192, 64)]


def test_s7_holds_1216_of_1280_before_shutdown_and_nothing_when_the_processes_are_gone() -> None:
    held = [fleet.account(S7) for _, fleet in states(lines_of(S7))]
    before = held[-7]
    assert (before.total, before.reserve, before.held, before.free) == (1280 * MiB, 0, 1216 * MiB, 64 * MiB)
    assert before.book == {f"{S7}.vm{n}": size * MiB for n, size in enumerate((320, 512, 384))}
    assert held[-6].held == 1216 * MiB, "a VM that was shut down holds its memory until its process is gone"
    assert (held[-1].held, held[-1].free, held[-1].book) == (0, 1280 * MiB, {})


def test_s4_budget_backs_only_virtio_mem() -> None:
    compared = [
        (fact.event.free, fleet.account(S4).free)
        for fact, fleet in states(lines_of(S4))
        if isinstance(fact.event, HostObserved)
    ]
    assert compared == [(free * MiB, free * MiB) for free in (300, 172, 44, 344, 88)]
    last = running(S4)
    account = last.account(S4)
    assert last.vms[f"{S4}.vm0"].assigned == 896 * MiB
    assert account.book == {f"{S4}.vm0": 512 * MiB}
    assert (account.total, account.reserve) == (None, None), "a budget for some of the memory is not the host's total"


def test_s2_has_no_budget_and_so_no_book() -> None:
    fleet = running(S2)
    assert fleet.hosts == {}
    assert fleet.vms[f"{S2}.vm0"].held is None


def test_s7_evidence_of_a_request_is_what_was_measured_before_it() -> None:
    asked = events(lines_of(S7), VmChangeRequested)
    assert [None if one.grounds.free is None else one.grounds.free // MiB for one in asked] == [512, 128, 0, 0, 128]
    assert asked[3].grounds.in_use == round(474.4375 * MiB)


def test_s5_guest_that_panics_is_lost_and_its_request_closed() -> None:
    lines = lines_of(S5)
    [lost] = events(lines, VmLost)
    assert "deadlocked on memory" in (lost.told or "")
    [settled] = [one for one in events(lines, VmRequestSettled) if one.code is ObservedCode.GUEST_LOST]
    assert (settled.granted, settled.amount) == (int(185.875 * MiB), 352 * MiB)
    assert not settled.still_open
    vm = next(fleet.vms[f"{S5}.bal"] for fact, fleet in states(lines) if fact.event == settled)
    assert (vm.power, vm.lost, vm.session) == (Power.OFF, True, 1)


def test_s5_balloon_with_deflate_on_oom_leaves_the_guests_total_unmoved_and_without_it_lowers_it() -> None:
    seen: dict[str, set[tuple[int | None, int | None]]] = {}
    for fact, fleet in states(lines_of(S5)):
        if isinstance(fact.event, VmObserved) and fact.event.guest_total is not None:
            vm = fleet.vms[subject_id(fact.stream)]
            seen.setdefault(vm.id, set()).add((vm.assigned, vm.visible))
    assert (384 * MiB, 384 * MiB) in seen[f"{S5}.bal"]
    assert (384 * MiB, 512 * MiB) in seen[f"{S5}.balO"]


def test_s5_move_known_only_from_a_step_is_dated_before_the_command() -> None:
    whole = facts(lines_of(S5))
    [at] = [n for n, fact in enumerate(whole) if getattr(fact.event, "size_to", None) == int(253.4375 * MiB)]
    moved, asked = whole[at].event, next(f.event for f in whole[at:] if isinstance(f.event, VmChangeRequested))
    assert isinstance(moved, VmMemoryMoved)
    assert (moved.request, moved.late) == (7, True)
    assert (asked.request, asked.size_from) == (8, moved.size_to)


def test_in_use_is_never_more_than_assigned() -> None:
    for name in NAMES:
        for event in events(lines_of(name), VmObserved):
            if event.in_use is not None and event.assigned is not None:
                assert 0 < event.in_use <= event.assigned
