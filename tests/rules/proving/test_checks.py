"""What keeps a verdict honest is itself able to say no."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import replace

import pytest

from domain import evolve, lifecycle
from domain.errors import InternalError
from domain.rule import RULES
from rules.obligations import ObligationBuilder
from rules.proving.checks import DEAD, Checks
from rules.proving.run import prove
from rules.search.reachability import Search
from rules.solving.prover import BUDGET, ProofVerdict, Prover
from rules.specification.invariants import INVARIANTS, THEOREMS
from rules.specification.predicate import is_predicate
from rules.symbolic import terms
from tests.rules.running import checks, misread, named, program, search


def test_every_check_is_passed_and_listed_once() -> None:
    found = list(checks().all())
    assert {each.verdict for each in found} == {ProofVerdict.PROVED}
    assert len({each.name for each in found}) == len(found)
    kinds = Counter(each.kind for each in found)
    assert kinds["redundancy"] == len(INVARIANTS)
    assert kinds["dead"] == len(DEAD)
    assert kinds["canary"] >= 3
    assert kinds["independence"] == 2
    assert kinds["reached"] > 90
    assert kinds["guard"] > 100
    assert kinds["vacuity"] > 100


def test_a_check_is_called_the_same_whatever_else_is_proved() -> None:
    """Programs compare runs by these names: they carry no counts, and hang on nothing that was chosen."""
    made = [each for each in program().obligations if each.assumes]
    names = [each.name for each in checks().vacuity()]
    assert names == list(dict.fromkeys(f"vacuity/{each.command}/{each.kind}" for each in made))
    for chosen in (made[::2], made[1::2], made[::-7]):
        fewer = [each.name for each in Checks(program(), chosen, search(), BUDGET).vacuity()]
        assert set(fewer) <= set(names)
        assert len(set(fewer)) == len(fewer)
    everything = {each.name for each in checks().all()}
    assert {each.name for each in checks().all(commands=["start"])} <= everything


def test_assumptions_that_cannot_be_are_refuted() -> None:
    start = named("keeps/start/book_agrees")
    nothing = replace(start, assumes=(*start.assumes, terms.less(terms.ZERO, terms.ZERO)))
    among = [named("keeps/start/host_is_real"), nothing, named("keeps/stop/book_agrees")]
    check, other = Checks(program(), among, search(), BUDGET).vacuity()
    assert check.name == "vacuity/start/keeps"
    assert check.verdict is ProofVerdict.REFUTED
    assert other.verdict is ProofVerdict.PROVED
    assert "proved of nothing" in check.reason


def test_a_guard_that_never_decides_is_refuted() -> None:
    def ask_twice(definition: ast.FunctionDef) -> ast.FunctionDef:
        again = ast.parse(
            "if site.vm.power is Power.OFF and site.vm.power is Power.SAVED:\n    return rejected(Code.IMPLAUSIBLE)"
        )
        definition.body.insert(1, again.body[0])
        return definition

    wrong = misread(lifecycle.stop, ask_twice)
    found = Checks(wrong, wrong.obligations, Search(wrong, BUDGET), BUDGET).guards(["stop"])
    assert [each.rule for each in found if each.verdict is ProofVerdict.REFUTED] == ["(site.vm.power is Power.SAVED)"]


def test_a_redundant_invariant_is_refuted_and_a_theorem_is_not() -> None:
    verdicts = {each.rule: each.verdict for each in checks().redundancy()}
    assert set(verdicts.values()) == {ProofVerdict.PROVED}
    assert {each.__name__ for each in THEOREMS} < verdicts.keys()
    solver = Prover().solver
    said = dict(zip(INVARIANTS, program().invariants(program().transitions["stop"].before), strict=True))
    others = [says for each, says in said.items() if each not in THEOREMS]
    for theorem in THEOREMS:
        assert solver.ask(*others, terms.negation(said[theorem])).holds is False


def test_an_answer_that_no_short_history_gives_is_unknown() -> None:
    found = {each.name: each.verdict for each in checks().reached(["restore"], most=4)}
    assert found == {
        "reached/restore/rejected wrong-power-state": ProofVerdict.PROVED,
        "reached/restore/done": ProofVerdict.UNKNOWN,
        "reached/restore/failed insufficient-host-memory": ProofVerdict.UNKNOWN,
    }


def test_a_decider_that_does_otherwise_than_its_rules_is_an_internal_error() -> None:
    def nothing_held(definition: ast.FunctionDef) -> ast.FunctionDef:
        definition.body[1:] = ast.parse("return 0").body
        return definition

    wrong = misread(evolve.book_change, nothing_held)
    with pytest.raises(InternalError, match="start comes to"):
        list(Checks(wrong, [], Search(wrong, BUDGET), BUDGET).reached(["start"]))


def test_a_specification_that_calls_the_program_is_found() -> None:
    builder = ObligationBuilder()
    builder.specification.reached["a rule"] = RULES[0]
    [reaches, _] = Checks(builder, [], search(), BUDGET).independence()
    assert reaches.verdict is ProofVerdict.REFUTED
    assert is_predicate(RULES[0]) is False


def test_without_a_budget_nothing_is_proved() -> None:
    results = list(prove(["host_never_overcommitted", "why_not_start"], budget=1))
    hard = [each for each in results if each.kind in ("keeps", "bystander")]
    assert {each.verdict for each in hard} == {ProofVerdict.UNKNOWN}
    assert all(each.reason for each in hard)
    assert all(each.counterexample is None for each in results)


def test_a_check_without_a_budget_is_unknown() -> None:
    found = list(checks(1).redundancy())
    assert {each.verdict for each in found} == {ProofVerdict.UNKNOWN}
