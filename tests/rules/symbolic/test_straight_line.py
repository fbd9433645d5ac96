"""The rules as straight-line Python come to what their terms come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.deciding import decider
from domain.rule import RULES, Rule
from rules.symbolic import terms
from rules.symbolic.definition import parameter_types
from rules.symbolic.reader import RuleReader
from rules.symbolic.straight_line import StraightLine
from rules.symbolic.terms import Literal, Term, constant, evaluate_all, variable, variables
from rules.symbolic.values import leaves, symbolic
from tests.rules.symbolic.test_meanings import by_name
from tests.rules.symbolic.values import anything_of

assert decider  # with it all rules are loaded


def function_of(results: list[Term]) -> Callable[[Mapping[str, Literal]], list[Literal]]:
    """The terms as a function of the values of their variables."""
    names = list(variables(*results))
    code = StraightLine(results, {name: f"known[{number}]" for number, name in enumerate(names)})
    written = [code.write(result) for result in results]
    source = "\n ".join(["def compute(known):", *code.statements, f"return [{', '.join(written)}]"])
    made: dict[str, Any] = dict(code.names)
    exec(source, made)
    return lambda values: made["compute"]([values[name] for name in names])


@pytest.mark.parametrize("rule", RULES, ids=by_name)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_rule_comes_to_what_its_terms_come_to(rule: Rule, data: st.DataObject) -> None:
    answer = RuleReader().call(rule, [symbolic(name, kind) for name, kind in parameter_types(rule).items()])
    results = [term for _, term in leaves(answer)]
    drawn = {name: data.draw(anything_of(cast("type", term.sort))) for name, term in variables(*results).items()}
    values = cast("dict[str, Literal]", drawn)
    assert function_of(results)(values) == evaluate_all(results, values)


@pytest.mark.parametrize(("number", "by"), [(7, 2), (-7, 2), (0, 3), (-1, 2**21), (2**53 - 1, 2**21)])
def test_division_and_remainder_are_pythons(number: int, by: int) -> None:
    part = variable("part", int)
    results = [terms.divide(part, constant(by)), terms.remainder(part, constant(by))]
    assert function_of(results)({"part": number}) == [number // by, number % by]


def test_a_term_that_is_part_of_several_is_computed_once() -> None:
    one = terms.add(variable("a", int), variable("b", int))
    code = StraightLine(results := [terms.add(one, one), terms.most(one, terms.negate(one))], {"a": "a", "b": "b"})
    written = " ".join([*map(code.write, results), *code.statements])
    assert written.count("a + b") == 1


def test_numbers_are_compared_by_value_also_within_a_comparison_of_truths() -> None:
    are_equal = terms.equal(variable("one", int), variable("other", int))
    same = terms.equal(are_equal, variable("claimed", bool))
    large = {"one": 2**40, "other": int(str(2**40)), "claimed": True}
    assert function_of([same])(large) == [True]
