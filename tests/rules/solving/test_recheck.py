"""Another solver judges what is written for it, and both say the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

import pytest

from domain.decision import Code, Outcome
from domain.guests import Guest, Mechanism
from domain.settings import HostVersion, Mode
from domain.state import Power
from rules.obligations import Obligation
from rules.proving.explaining import explain, used_assumptions
from rules.proving.run import obligations_named
from rules.solving.prover import Prover
from rules.solving.recheck import check, recheck, second_solver
from rules.solving.smtlib import exports
from rules.solving.verdict import ProofVerdict
from rules.symbolic import terms
from rules.symbolic.terms import Literal, Term

ENUMS: Final = (Code, Guest, HostVersion, Mechanism, Mode, Outcome, Power)


@pytest.fixture(scope="module")
def some() -> list[Obligation]:
    """Obligations of all kinds."""
    return obligations_named()[::12]


def refutable(obligation: Obligation) -> Iterator[Obligation]:
    """The same claim under each part of what is assumed, which need not be enough."""
    for left_out in range(0, len(obligation.assumes), 5):
        yield replace(obligation, assumes=obligation.assumes[:left_out])


def test_both_solvers_say_the_same(some: list[Obligation]) -> None:
    obligations = [*some, *[less for obligation in some[::6] for less in refutable(obligation)]]
    first = {(obligation.name, obligation.assumes): obligation for obligation in obligations}
    ours = [proof.verdict for obligation in first.values() for proof in Prover().prove([obligation])]
    assert [opinion.verdict for opinion in recheck(first.values())] == ours
    assert {ProofVerdict.PROVED, ProofVerdict.REFUTED} == set(ours)


def test_processes_say_the_same(some: list[Obligation]) -> None:
    opinions = list(recheck(some[:30], cores=2))
    assert [opinion.name for opinion in opinions] == [opinion.name for opinion in some[:30]]
    assert {opinion.verdict for opinion in opinions} == {ProofVerdict.PROVED}


def test_a_solver_that_gives_up_says_neither() -> None:
    [export] = exports(obligations_named(["keeps/grow/within_bounds"]))
    opinion = check("x", export.text, budget=1)
    assert opinion.verdict is ProofVerdict.UNKNOWN
    assert opinion.reason
    assert check("x", export.text).verdict is ProofVerdict.PROVED


def test_what_is_no_question_is_unknown() -> None:
    assert check("x", "(set-logic QF_LIA)\n").verdict is ProofVerdict.UNKNOWN
    assert second_solver().startswith("cvc5 ")


def test_files_have_names_of_their_own_on_any_system() -> None:
    all = obligations_named()
    files = {export.file.casefold() for export in exports(all)}  # each is written
    assert len(files) == len(all)
    assert all
    assert not any(set(file) - set("abcdefghijklmnopqrstuvwxyz0123456789_-.") for file in files)


def test_what_a_proof_needs_is_least(some: list[Obligation]) -> None:
    for obligation in some[::8]:
        verdict, used = used_assumptions(obligation)
        assert verdict is ProofVerdict.PROVED
        assert used <= set(obligation.assumes)
        enough = replace(obligation, assumes=tuple(used))
        assert [proof.verdict for proof in Prover().prove([enough])] == [ProofVerdict.PROVED]
        for each in used:
            less = replace(obligation, assumes=tuple(used - {each}))
            assert [proof.verdict for proof in Prover().prove([less])] == [ProofVerdict.REFUTED]


def test_a_formula_that_is_shown_is_python_and_means_what_it_meant() -> None:
    chance = random.Random(3)
    answers: set[bool] = set()
    for obligation in obligations_named(["keeps/add-memory/within_bounds", "keeps/reclaim/balloon_is_the_rest"]):
        explanation = explain(obligation)
        assert len(explanation.where) > 2
        assert len(explanation.goal) < len(terms.show(obligation.goal)) / 4
        for _ in range(300):
            values = {name: anyhow(variable, chance) for name, variable in terms.variables(obligation.goal).items()}
            names: dict[str, object] = {enum.__name__: enum for enum in ENUMS}
            names["site"] = Paths(values, "site")
            names |= {name: value for name, value in values.items() if "." not in name}
            for line in explanation.where:
                exec(line, names)
            meant = terms.evaluate(obligation.goal, values)
            assert eval(explanation.goal, names) is meant
            answers.add(bool(meant))
    assert answers == {True, False}


class Paths:
    """Values by their dotted names, as attributes."""

    def __init__(self, values: Mapping[str, Literal], path: str) -> None:
        self._values, self._path = values, path

    def __getattr__(self, name: str) -> object:
        path = f"{self._path}.{name}"
        return self._values[path] if path in self._values else Paths(self._values, path)


def anyhow(variable: Term, chance: random.Random) -> Literal:
    """Any value of a sort; of numbers those that are likely to matter."""
    if variable.sort is bool:
        return chance.random() < 0.5
    if issubclass(variable.sort, StrEnum):
        return chance.choice(list(variable.sort))
    return chance.choice([0, 1, 2, 7, 2**21, 2**25, 2**26, 2**40, -(2**21), chance.randrange(2**30)])


def test_every_assumption_of_every_obligation_has_a_short_name(some: list[Obligation]) -> None:
    for obligation in some[::8]:
        assert all(len(assumption.says) < 100 for assumption in explain(obligation).assumes)
