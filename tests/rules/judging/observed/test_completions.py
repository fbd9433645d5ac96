"""Each *unknown* can be checked: with some values of the missing figures its statement is true, with others false."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from random import Random

import pytest

from domain.quantities import LARGEST, GiB
from domain.rule import Rule
from domain.settings import Mode
from domain.state import Power
from rules.judging.findings import Finding, Question, Verdict, ask
from rules.judging.unknowns import certain, complete, evaluate, formula_of, holds_with
from rules.specification.invariants import (
    INVARIANTS,
    current_is_visible,
    in_use_is_assigned,
    settings_valid,
    within_bounds,
)
from rules.specification.observations import OBSERVATIONS, free_is_the_rest
from tests.nilometer.importers.hyperv.synthetic import Store
from tests.nilometer.importers.hyperv.test_any_history import Fleet
from tests.nilometer.importers.qemu.reading import NAMES, lines_of
from tests.rules.judging.any_events import KINDS, any_history
from tests.rules.judging.histories import judged
from tests.rules.judging.observed.made_up import several_vms
from tests.rules.judging.observed.recordings import judged_lines
from tests.rules.judging.observed.test_days import NORMAL, WRONG, days

STATEMENTS = [*(invariant for invariant in INVARIANTS if invariant is not current_is_visible), *OBSERVATIONS]
"""All that can be true and false: what such a guest sees is assigned by definition."""


def check(findings: Iterable[Finding]) -> Counter[str]:
    """Runs the statement of each finding on both completions; counts the findings about figures by verdict."""
    counts = Counter[str]()
    for finding in findings:
        if finding.verdict is Verdict.UNKNOWN:
            assert finding.about is not None, finding
        if finding.about is None:
            continue
        question, completions = certain(finding.about), complete(finding.about)
        if finding.verdict is Verdict.UNKNOWN:
            assert completions.keeps is not None, finding
            assert completions.breaks is not None, finding
            check_completion(question, completions.keeps)
            check_completion(question, completions.breaks)
            assert holds_with(question, completions.keeps) is True
            assert holds_with(question, completions.breaks) is False
        else:
            assert completions.keeps is None, finding
            assert completions.breaks is not None, finding
            assert holds_with(question, completions.breaks) is False
        counts[finding.verdict] += 1
    return counts


def check_completion(question: Question, completion: Mapping[str, object]) -> None:
    """It gives a value in range to missing figures, and to no known one."""
    assert not completion.keys() & question.known.keys()
    for value in completion.values():
        assert isinstance(value, bool | StrEnum) or (isinstance(value, int) and 0 <= value <= LARGEST)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_unknown_of_a_recording_can_be_completed_both_ways(name: str) -> None:
    assert check(judged_lines(lines_of(name))[0])[Verdict.UNKNOWN] > 0


def test_what_is_unknown_of_many_polls_can_be_completed_both_ways() -> None:
    counts = Counter[str]()
    for seed in range(20):
        counts += check(judged_lines(several_vms(seed))[0])
    for seed in range(3):
        fleet, store = Fleet(seed), Store()
        fleet.live(30)
        store.take(*fleet.spools.values(), final=True)
        counts += check(store.findings())
    assert counts[Verdict.UNKNOWN] > 50


def test_what_is_unknown_of_a_day_can_be_completed_both_ways() -> None:
    counts = Counter[str]()
    for facts in (*NORMAL.values(), *(facts for _, facts in WRONG.values())):
        counts += check(judged(days(*facts))[0])
    assert counts[Verdict.UNKNOWN] > 20
    assert counts[Verdict.VIOLATED] >= 6


def test_what_is_unknown_of_any_events_can_be_completed_both_ways() -> None:
    counts = Counter[str]()
    for seed in range(80):
        counts += check(judged(any_history(Random(seed), 30, KINDS))[0])
    assert counts[Verdict.UNKNOWN] > 50
    assert counts[Verdict.VIOLATED] > 5


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: str(statement.__name__))
def test_of_nothing_known_every_statement_can_be_completed_both_ways(statement: Rule) -> None:
    question = ask(statement)
    completions = complete(question)
    assert completions.keeps is not None
    assert completions.breaks is not None
    assert holds_with(question, completions.keeps)
    assert not holds_with(question, completions.breaks)
    assert formula_of(question.statement)


def test_what_is_decided_whatever_is_missing_has_one_completion() -> None:
    known = {"site.vm.in_use": 2 * GiB, "site.vm.in_use_reported": True, "site.vm.assigned": GiB}
    assert complete(ask(in_use_is_assigned, known)).keeps is None
    assert evaluate(in_use_is_assigned, known) is Verdict.VIOLATED
    assert complete(ask(in_use_is_assigned, {**known, "site.vm.assigned": 2 * GiB})).breaks is None


def test_a_generation_that_is_not_known_is_one_that_there_is() -> None:
    completions = complete(ask(within_bounds, {"site.vm.power": Power.RUNNING, "site.vm.assigned": GiB}))
    for found in (completions.keeps, completions.breaks):
        assert found is not None
        assert found["site.vm.generation"] in (1, 2)


def test_a_completion_meets_a_sum_and_a_bound() -> None:
    asked = ask(free_is_the_rest, {"total": 64 * GiB, "held": 10 * GiB, "free": 50 * GiB, "others": 0, "returned": 0})
    assert complete(asked).keeps == {"reserve": 4 * GiB}
    bound = ask(within_bounds, {"site.vm.power": Power.RUNNING, "site.vm.memory.mode": Mode.DYNAMIC})
    completions = complete(bound)
    assert completions.keeps is not None
    assert holds_with(bound, completions.keeps)
    setting = ask(settings_valid, {"site.vm.memory.mode": Mode.DYNAMIC, "site.vm.memory.buffer": 20})
    assert None not in (complete(setting).keeps, complete(setting).breaks)
