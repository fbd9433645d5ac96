"""No wrong program that is one change away from the one that runs goes unnoticed: shown here of a sample."""

from __future__ import annotations

import pytest

from domain.changes import VM_CHANGES
from domain.commands import Start
from domain.deciding.steps import STEPS
from domain.rule import RULES
from mutants.__main__ import main
from mutants.clauses import Worth, clauses, worth
from mutants.judging import Fate, Judge
from mutants.program import Mutant
from mutants.running import all_mutants, the_judge

pytestmark = pytest.mark.xdist_group("mutants")  # one list of all wrong programs and one judge serve all of these


@pytest.fixture(scope="module")
def known() -> list[Mutant]:
    """All wrong programs."""
    return all_mutants()


def named(known: list[Mutant], *texts: str) -> Mutant:
    """The one wrong program whose line has all of these texts, or the first of them that differ in their column."""
    found = [mutant for mutant in known if all(text in mutant.name for text in texts)]
    assert len({mutant.what for mutant in found}) == 1, [mutant.name for mutant in found]
    return found[0]


def test_every_rule_and_every_row_of_the_tables_is_changed_somewhere(known: list[Mutant]) -> None:
    changed = {rule for mutant in known for rule in mutant.definitions}
    right = {"mechanism"}  # nothing in it could be another thing of its type
    assert {rule.__name__ for rule in RULES if rule not in changed} == right
    rows = {(id(mutant.row.table), mutant.row.key) for mutant in known if mutant.row is not None}
    assert {(id(STEPS), command) for command in STEPS} <= rows
    assert {(id(VM_CHANGES), event) for event in VM_CHANGES} <= rows


def test_no_two_are_the_same(known: list[Mutant]) -> None:
    assert len(known) > 4500
    assert len({mutant.name for mutant in known}) == len(known)


@pytest.mark.parametrize(
    ("change", "fate", "by"),
    [
        (
            "forgotten field: done: & → …t_added=0, unballooned=0)",
            Fate.REFUSED,
            "is left to a default",
        ),
        ("min for max: most: min(amount", Fate.REFUTED, ""),
        ("valid_size: FLOOR → FLOOR - 1", Fate.EQUIVALENT, ""),
        ("whole: size % QUANTUM == 0 → size % QUANTUM <= 0", Fate.EQUIVALENT, ""),
        ("refused_or_done: rejected(code) → refused_or_done(code)", Fate.REFUSED, "comes to call itself"),
        ("field too much: unchanged: vm → replace(vm, in_use=", Fate.REFUTED, ""),
        ("field too much: saved: & session=vm.session", Fate.REFUTED, "effect/save/save_does"),
        ("field too much: memory_added: & hot_pluggable, power=Power.RUNNING", Fate.EQUIVALENT, ""),
        ("Grow is decided by grow → reclaim", Fate.REFUTED, "/grow/"),
        ("Start is followed by VmStarted → VmRebooted", Fate.REFUTED, "event/start/is_followed_by_its_own"),
        ("VmCommandRefused changes by unchanged → stopped", Fate.REFUTED, "replay/refused_command_changes_no_vm"),
    ],
)
def test_a_wrong_program_has_its_fate(known: list[Mutant], change: str, fate: Fate, by: str) -> None:
    judged = the_judge().judge(named(known, *change.split(" & ")))
    assert judged.fate is fate
    assert by in judged.by


def test_a_table_is_as_it_was_afterwards(known: list[Mutant]) -> None:
    before = dict(STEPS)
    mutant = named(known, "Start is followed by VmStarted → VmRebooted")
    with mutant.in_place():
        assert STEPS[Start] != before[Start]
    assert before == STEPS


def test_a_hole_in_the_specification_lets_a_wrong_program_survive(known: list[Mutant]) -> None:
    mutant = named(known, "take: 0 → 1")
    assert the_judge().judge(mutant).fate is Fate.REFUTED
    hole = next(each.change for each in clauses() if "taking_has_no_parts: decision.hot_added == 0 and" in each.name)

    judged = Judge({hole.rule: hole.definition}).judge(mutant)

    assert judged.fate is Fate.SURVIVED
    assert judged.by == "remove-memory is decided"


def test_a_rule_that_no_obligation_comes_to_is_a_hole(known: list[Mutant]) -> None:
    wrong = named(known, "take: 0 → 1")
    elsewhere = Mutant(
        wrong.kind, wrong.place, wrong.what, {clauses()[0].change.rule: next(iter(wrong.definitions.values()))}
    )
    assert the_judge().judge(elsewhere).fate is Fate.SURVIVED


@pytest.mark.parametrize(
    ("clause", "good_for"),
    [
        ("taking_has_no_parts: decision.hot_added == 0 and", Worth.BITES),
        ("book_changes_when_due: ", Worth.NEEDED),
        ("has_the_driver: ", Worth.NEEDED),
    ],
)
def test_a_clause_bites_or_is_needed(known: list[Mutant], clause: str, good_for: Worth) -> None:
    place = next(place for place, each in enumerate(clauses()) if clause in each.name)
    assert worth(place, [named(known, "take: 0 → 1")])[1] is good_for


def test_a_clause_that_no_program_needs_is_decoration(known: list[Mutant]) -> None:
    place = next(place for place, each in enumerate(clauses()) if "taking_has_no_parts" in each.name)
    assert worth(place, [named(known, "min for max: most: min(amount")])[1] is Worth.DECORATION


def test_a_sample_is_judged_and_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rules", "--sample", "20", "--seed", "5", "--cores", "1"]) == 0
    told = capsys.readouterr()
    assert "survived: " not in told.out
    assert told.out.splitlines()[-1].split()[0] == "all"
    assert sum(map(int, told.out.splitlines()[-1].split()[1:])) == 20
