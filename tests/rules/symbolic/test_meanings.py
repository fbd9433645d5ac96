"""One text, several meanings: what CPython computes, what the terms say, and what Z3 makes of them is the same."""

from __future__ import annotations

from functools import cache
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.deciding import decider, redecide
from domain.rule import RULES, Rule
from rules.solving.prover import BUDGET
from rules.solving.solver import Solver
from rules.symbolic.definition import parameter_types
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import Literal, Term, constant, equal, variables
from rules.symbolic.values import Value, concretize, constants, leaves, symbolic
from tests.rules.symbolic.values import anything_of

assert redecide  # with these two all rules are loaded
assert decider


def by_name(rule: Rule) -> str:
    return f"{rule.__module__.rpartition('.')[2]}.{rule.__qualname__}"


@pytest.mark.parametrize("rule", RULES, ids=by_name)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_cpython_and_the_terms_and_z3_agree(rule: Rule, data: st.DataObject) -> None:
    answer, by_z3 = meanings(rule)
    arguments = {name: data.draw(anything_of(kind), name) for name, kind in parameter_types(rule).items()}
    values = {path: leaf for name, value in arguments.items() for path, leaf in plain(constants(value), name).items()}

    ran = rule(*arguments.values())

    assert concretize(answer, values) == ran
    assert by_z3.compute(values) == plain(constants(ran))


def plain(value: Value, name: str = "") -> dict[str, Literal]:
    """The constants of a value by their paths."""
    return {path: cast("Literal", term.leaf) for path, term in leaves(value, name)}


@cache
def meanings(rule: Rule) -> tuple[Value, ByZ3]:
    """What a rule answers to anything, as terms and for Z3."""
    answer = RuleReader().call(rule, [symbolic(name, kind) for name, kind in parameter_types(rule).items()])
    return answer, ByZ3(answer)


class ByZ3:
    """An answer, as Z3 computes it where every variable has its value."""

    def __init__(self, answer: Value) -> None:
        self._solver = Solver(BUDGET)
        self._answers: dict[str, str] = {}
        self._equalities: list[Term] = []
        for path, term in leaves(answer):
            result = symbolic(f"the answer's {path}", term.sort)
            assert isinstance(result, Term)
            self._equalities.append(equal(term, result))
            self._answers[path] = f"the answer's {path}"
        self._variables = variables(*self._equalities)

    def compute(self, values: dict[str, Literal]) -> dict[str, Literal]:
        known = self._variables
        given = [equal(known[name], constant(value)) for name, value in values.items() if name in known]
        result = self._solver.ask(*self._equalities, *given)
        assert result.holds
        return {path: result.values[name] for path, name in self._answers.items()}
