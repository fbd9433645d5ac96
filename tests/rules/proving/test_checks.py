"""What keeps a verdict honest is itself able to say no."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import replace
from typing import cast

import pytest

from domain import evolve, lifecycle
from domain.errors import InternalError
from domain.rule import RULES
from rules.obligations import ObligationBuilder
from rules.proving.checks import DEAD, Checks
from rules.proving.run import prove
from rules.search.guards import check_guards
from rules.search.reachability import Search
from rules.solving.prover import BUDGET, Prover
from rules.solving.verdict import ProofVerdict
from rules.specification.invariants import INVARIANTS, THEOREMS, host_is_real
from rules.specification.predicate import is_predicate
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader
from rules.symbolic.source import source_of
from tests.rules.running import checks, misread, named, program, search


def test_every_check_is_passed_and_listed_once() -> None:
    found = list(checks().all())
    assert {check.verdict for check in found} == {ProofVerdict.PROVED}
    assert len({check.name for check in found}) == len(found)
    kinds = Counter(check.kind for check in found)
    assert kinds["redundancy"] == len(INVARIANTS)
    assert kinds["dead"] == len(DEAD)
    assert kinds["canary"] >= 3
    assert kinds["independence"] == 2
    assert kinds["reached"] > 90
    assert kinds["guard"] > 100
    assert kinds["vacuity"] > 100


def test_a_check_is_called_the_same_whatever_else_is_proved() -> None:
    """Programs compare runs by these names: they carry no counts, and hang on nothing that was chosen."""
    obligations = [obligation for obligation in program().obligations if obligation.assumes]
    names = [check.name for check in checks().vacuity()]
    assert names == list(dict.fromkeys(f"vacuity/{obligation.command}/{obligation.kind}" for obligation in obligations))
    for chosen in (obligations[::2], obligations[1::2], obligations[::-7]):
        fewer = [check.name for check in Checks(program(), chosen, search(), BUDGET).vacuity()]
        assert set(fewer) <= set(names)
        assert len(set(fewer)) == len(fewer)
    everything = {check.name for check in checks().all()}
    assert {check.name for check in checks().all(commands=["start"])} <= everything


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
        second = ast.parse(
            "if site.vm.power is Power.OFF and site.vm.power is Power.SAVED:\n    return rejected(Code.IMPLAUSIBLE)"
        )
        definition.body.insert(1, second.body[0])
        return definition

    wrong = misread(lifecycle.stop, ask_twice)
    found = Checks(wrong, wrong.obligations, Search(wrong, BUDGET), BUDGET).guards(["stop"])
    assert [check.rule for check in found if check.verdict is ProofVerdict.REFUTED] == [
        "(site.vm.power is Power.SAVED)"
    ]


def test_known_states_only_save_the_solver_work() -> None:
    """The verdict on each condition is the same if the solver has to find all states itself."""
    solver, actions = Prover().solver, search().actions
    alone = [
        (atom, result.holds) for action in actions.values() for atom, result in check_guards(program(), action, solver)
    ]
    found = list(checks().guards())
    assert [check.rule for check in found] == [terms.show(atom) for atom, _ in alone]
    assert {holds for _, holds in alone} == {True}
    assert {check.verdict for check in found} == {ProofVerdict.PROVED}


def test_a_state_that_the_invariants_forbid_shows_nothing() -> None:
    [never] = cast("list[ast.FunctionDef]", ast.parse('def host_is_real():\n    "Never."\n    return False').body)
    never.args = source_of(host_is_real).tree.args
    forbidding = RuleReader(is_predicate, {host_is_real: never})
    wrong = program().with_specification(forbidding)
    found = Checks(wrong, [], Search(wrong, BUDGET), BUDGET)
    assert {check.verdict for check in found.guards(["stop"])} == {ProofVerdict.REFUTED}
    assert list(found.reached(["stop"])) == []


def test_a_redundant_invariant_is_refuted_and_a_theorem_is_not() -> None:
    verdicts = {check.rule: check.verdict for check in checks().redundancy()}
    assert set(verdicts.values()) == {ProofVerdict.PROVED}
    assert {theorem.__name__ for theorem in THEOREMS} < verdicts.keys()
    solver = Prover().solver
    terms_of = dict(zip(INVARIANTS, program().invariants(program().transitions["stop"].before), strict=True))
    others = [term for invariant, term in terms_of.items() if invariant not in THEOREMS]
    for theorem in THEOREMS:
        assert solver.ask(*others, terms.negation(terms_of[theorem])).holds is False


def test_an_answer_that_no_short_history_gives_is_unknown() -> None:
    found = {check.name: check.verdict for check in checks().reached(["restore"], most=4)}
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
    with pytest.raises(InternalError, match="The state after start"):
        list(Checks(wrong, [], Search(wrong, BUDGET), BUDGET).reached(["start"]))


def test_a_specification_that_calls_the_program_is_found() -> None:
    builder = ObligationBuilder()
    builder.specification.reached["a rule"] = RULES[0]
    [reaches, _] = Checks(builder, [], search(), BUDGET).independence()
    assert reaches.verdict is ProofVerdict.REFUTED
    assert is_predicate(RULES[0]) is False


def test_without_a_budget_nothing_is_proved() -> None:
    results = list(prove(["host_never_overcommitted", "why_not_start"], budget=1))
    hard = [result for result in results if result.kind in ("keeps", "bystander")]
    assert {result.verdict for result in hard} == {ProofVerdict.UNKNOWN}
    assert all(result.reason for result in hard)
    assert all(result.counterexample is None for result in results)


def test_a_check_without_a_budget_is_unknown() -> None:
    found = list(checks(1).redundancy())
    assert {check.verdict for check in found} == {ProofVerdict.UNKNOWN}
