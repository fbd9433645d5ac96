"""What Hyper-V tells that a guest sees, judged beside what the VM is assigned: by whatever way memory was taken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.observed.events import VmMemoryMoved
from domain.settings import MemorySetting
from rules.judging.findings import Verdict
from rules.judging.observed.guest_count import MOVES
from tests.rules.judging.histories import judged, moment
from tests.rules.judging.observed.test_days import GIB, RUNS, Fact, days, dynamic, moved, vm


def sees(visible: float, assigned: float) -> Fact:
    return vm(assigned=int(assigned * GIB), visible=int(visible * GIB))


def moves(size_from: float, size_to: float) -> Fact:
    return moved(int(size_from * GIB), int(size_to * GIB))


def asked(*facts: Fact) -> tuple[int, int, int]:
    """How many movements it holds of, is violated by, and is unknown of."""
    envelopes = days(vm(**RUNS, session=1, assigned=4 * GIB, visible=4 * GIB), sees(4, 4), *facts)
    findings, coverage = judged(envelopes)
    assert {finding.rule for finding in findings if finding.verdict is Verdict.VIOLATED} <= {MOVES}
    rule = coverage.rules.get(MOVES)
    return (0, 0, 0) if rule is None else (rule.holds, rule.violated, rule.unknown)


@pytest.mark.parametrize(
    ("what", "facts"),
    [
        ("it was hot-removed", [moves(4, 2), sees(2, 2)]),
        ("a balloon took it, which the guest counts", [moves(4, 2), sees(4, 2)]),
        ("it was hot-added", [moves(4, 8), sees(8, 8)]),
        ("a balloon gave it back", [moves(4, 2), sees(4, 2), moves(2, 4), sees(4, 4)]),
        ("a balloon gave it back, and more was hot-added", [moves(4, 2), sees(4, 2), moves(2, 6), sees(6, 6)]),
        ("it moved up and down meanwhile, and the balloon remembers", [moves(4, 8), moves(8, 3), sees(8, 3)]),
        ("it moved up and down meanwhile, and nothing is left of it", [moves(4, 8), moves(8, 3), sees(3, 3)]),
    ],
)
def test_it_moves_as_the_memory_did_whatever_way_it_went(what: str, facts: list[Fact]) -> None:
    holds, violated, unknown = asked(*facts)
    assert (holds, violated, unknown) == (sum(is_a_move(fact) for fact in facts), 0, 0), what


def is_a_move(fact: Fact) -> bool:
    return fact[1].KIND == "vm.memory-moved"


def test_what_lies_between_the_ways_proves_nothing() -> None:
    assert asked(moves(4, 2), sees(3, 2)) == (0, 0, 1)


def test_a_guest_that_starts_again_unnoticed_sees_what_it_is_assigned() -> None:
    assert asked(moves(4, 2), sees(4, 2), sees(2, 2), sees(2, 2)) == (1, 0, 0)


@pytest.mark.parametrize("wrong", [1.5, 4.5, 8])
def test_what_no_way_leads_to_is_a_violation_if_it_is_measured_twice(wrong: float) -> None:
    assert asked(moves(4, 2), sees(wrong, 2)) == (0, 0, 1)
    assert asked(moves(4, 2), sees(wrong, 2), sees(wrong, 2)) == (0, 1, 0)
    on_its_way = moves(4, 2), sees(wrong, 2), moves(2, 3), sees(wrong + 1, 3)
    assert asked(*on_its_way) == (0, 0, 2)
    assert asked(*on_its_way, sees(wrong + 1, 3)) == (0, 1, 1)


def seen_by_polls(*facts: Fact, memory: MemorySetting | None = None) -> set[Verdict]:
    """What is said of a VM whose moves are known by the poll before and the poll after them."""
    begun = vm(**RUNS, session=1, memory=memory, assigned=4 * GIB, visible=4 * GIB)
    envelopes = [
        replace(each, metadata=replace(each.metadata, earliest=moment(60 * number)))
        if isinstance(each.event, VmMemoryMoved)
        else each
        for number, each in enumerate(days(begun, *facts))
    ]
    return {finding.verdict for finding in judged(envelopes)[0] if finding.rule == MOVES}


def test_what_a_vm_had_between_two_polls_its_guest_may_see_still() -> None:
    peaks = moves(4, 2), sees(6, 2), sees(6, 2)
    assert seen_by_polls(*peaks) == {Verdict.UNKNOWN}
    assert asked(*peaks) == (0, 1, 0), "a move of which the moment is known leaves no room for another"
    assert asked(sees(6, 4), sees(6, 4)) == (0, 0, 0), "without a move it may have had more and lost it again"


def test_a_vm_under_dynamic_memory_never_had_more_than_its_maximum() -> None:
    peaks = moves(4, 2), sees(6, 2), sees(6, 2)
    assert seen_by_polls(*peaks, memory=dynamic(1, 2, 6)) == {Verdict.UNKNOWN}
    assert Verdict.VIOLATED in seen_by_polls(*peaks, memory=dynamic(1, 2, 5))


def test_a_counter_that_lags_is_no_violation() -> None:
    assert asked(moves(4, 8), sees(4, 8), sees(8, 8)) == (1, 0, 0)
    assert asked(moves(4, 8), sees(4, 8), moves(8, 9), sees(8, 9), sees(9, 9)) == (2, 0, 0)


def test_a_counter_that_lags_twice_by_as_much_is_no_violation() -> None:
    begun = vm(session=2, assigned=2 * GIB, visible=2 * GIB)
    lags = moves(2, 3), sees(2, 3), moves(3, 4), sees(3, 4), sees(4, 4), moves(4, 6), sees(6, 6)
    assert asked(begun, *lags) == (3, 0, 0)


def test_a_counter_that_lags_when_a_saved_vm_runs_again_with_more_is_no_violation() -> None:
    begun = vm(session=2, assigned=4 * GIB, visible=4 * GIB)
    assert asked(begun, sees(4, 5), sees(5, 5), sees(5, 5), moves(5, 6), sees(6, 6)) == (1, 0, 1)


def test_a_first_measure_may_be_the_one_that_lags() -> None:
    begun = vm(session=2, assigned=6 * GIB, visible=4 * GIB)
    assert asked(begun, sees(6, 6), moves(6, 8), sees(8, 8)) == (1, 0, 0)
    assert asked(begun, sees(6, 6), moves(6, 4), sees(9, 4), sees(9, 4)) == (0, 1, 0)


def test_what_a_guest_leaves_out_of_its_count_stays_left_out() -> None:
    kept = vm(**RUNS, assigned=4 * GIB, visible=4 * GIB - 1)
    envelopes = days(kept, moves(4, 2), vm(assigned=2 * GIB, visible=2 * GIB - 1))
    assert judged(envelopes)[1].rules[MOVES].holds == 1


def test_another_session_is_compared_with_nothing_of_the_last() -> None:
    assert asked(moves(4, 2), sees(4, 2), vm(session=2, assigned=8 * GIB, visible=8 * GIB)) == (1, 0, 0)
    assert asked(vm(session=2, assigned=8 * GIB), moves(8, 9), sees(1, 9), sees(1, 9)) == (0, 0, 1)


def after(seconds: float, *facts: Fact) -> tuple[int, int, int]:
    """What is asked of facts that are so many seconds apart."""
    begun = vm(**RUNS, session=1, assigned=4 * GIB, visible=4 * GIB)
    rule = judged(days(begun, *facts, seconds=seconds))[1].rules[MOVES]
    return rule.holds, rule.violated, rule.unknown


def test_a_guest_has_ten_minutes_to_see_what_it_was_given() -> None:
    given = moves(4, 8), sees(4, 8), sees(4, 8)
    assert after(240, *given) == (0, 0, 1), "until then it is pending"
    assert after(300, *given) == (0, 1, 0)
    assert after(600, *given[:2]) == (0, 0, 1), "one measure is not enough"
    assert after(240, *given, sees(8, 8)) == (1, 0, 0)


def test_what_a_guest_comes_to_see_later_closes_the_finding() -> None:
    given = moves(4, 8), sees(4, 8), sees(4, 8)
    findings, coverage = judged(
        days(vm(**RUNS, session=1, assigned=4 * GIB, visible=4 * GIB), *given, sees(6, 8), sees(8, 8), seconds=300)
    )
    assert [finding.verdict for finding in findings if finding.rule == MOVES] == [
        Verdict.VIOLATED,
        Verdict.REMARK,
        Verdict.REMARK,
    ]
    assert coverage.rules[MOVES].violated == 1


def test_after_a_finding_it_goes_on_from_what_was_seen() -> None:
    given = moves(4, 8), sees(4, 8), sees(4, 8)
    assert after(300, *given, moves(8, 9), sees(5, 9), sees(5, 9)) == (1, 1, 0)
    assert after(300, *given, moves(8, 6), sees(2, 6)) == (1, 1, 0)
