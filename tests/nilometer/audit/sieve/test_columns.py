"""The rules as columns come to what CPython computes; that this is what the terms and Z3 say, others test."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import cast

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands import NAMES
from domain.deciding import decider, redecide
from domain.deciding.steps import RECORDINGS
from domain.quantities import LARGEST
from domain.rule import RULES, Rule
from nilometer.audit.sieve.columns import Program, decode, encode, type_of
from rules.obligations.builder import running_rules
from rules.symbolic import terms
from rules.symbolic.definition import parameter_types
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import Literal, Term, constant, evaluate_all, variable, variables
from rules.symbolic.values import Value, constants, field_types, is_record, leaves, symbolic
from tests.rules.symbolic.test_meanings import by_name, plain
from tests.rules.symbolic.values import NUMBERS, anything_of

assert redecide  # with these two all rules are loaded
assert decider

SMALL = NUMBERS.map(lambda number: number if abs(number) <= LARGEST else number % LARGEST)
"""Sizes that events can have: of them no rule comes to a number of more than 64 bits."""


@cache
def small_of(kind: type) -> st.SearchStrategy[object]:
    """Any value of a type, of such sizes."""
    if is_record(kind):
        return st.builds(kind, **{name: small_of(of) for name, of in field_types(kind).items()})
    return SMALL if kind is int else anything_of(kind)


def computed(results: dict[str, Term], rows: Sequence[dict[str, Literal]]) -> list[dict[str, Literal]]:
    """What the columns have for each row."""
    given = {
        name: numpy.array([encode(row[name]) for row in rows], type_of(term.sort))
        for name, term in variables(*results.values()).items()
    }
    columns = Program(list(results.values())).run(given, len(rows))
    found = [
        [decode(value, term.sort) for value in column.tolist()]
        for term, column in zip(results.values(), columns, strict=True)
    ]
    return [dict(zip(results, row, strict=True)) for row in zip(*found, strict=True)]


@cache
def answer_of(rule: Rule) -> Value:
    return RuleReader().call(rule, [symbolic(name, kind) for name, kind in parameter_types(rule).items()])


@pytest.mark.parametrize("rule", RULES, ids=by_name)
@settings(max_examples=2, deadline=None)
@given(data=st.data())
def test_columns_are_what_cpython_computes(rule: Rule, data: st.DataObject) -> None:
    anything = st.fixed_dictionaries({name: small_of(kind) for name, kind in parameter_types(rule).items()})
    given = data.draw(st.lists(anything, min_size=6, max_size=10))
    rows = [
        {path: leaf for name, value in arguments.items() for path, leaf in plain(constants(value), name).items()}
        for arguments in given
    ]
    results = {f"result {path}": term for path, term in leaves(answer_of(rule))}
    answers = [rule(*[arguments[name] for name in parameter_types(rule)]) for arguments in given]
    expected = [{f"result {path}": leaf for path, leaf in plain(constants(answer)).items()} for answer in answers]
    assert computed(results, rows) == expected


@pytest.mark.parametrize("command", sorted(NAMES[command] for command in RECORDINGS))
@settings(max_examples=2, deadline=None)
@given(data=st.data())
def test_a_whole_command_as_columns_is_what_its_terms_come_to(command: str, data: st.DataObject) -> None:
    transition = running_rules().transitions[command]
    parts = {"decision": transition.decision, "recorded": transition.recorded, "after": transition.after}
    results = {f"{part} {path}": term for part, value in parts.items() for path, term in leaves(value)}
    given = {name: small_of(cast("type", term.sort)) for name, term in variables(*results.values()).items()}
    rows = cast("list[dict[str, Literal]]", data.draw(st.lists(st.fixed_dictionaries(given), min_size=6, max_size=10)))
    expected = [dict(zip(results, evaluate_all(list(results.values()), row), strict=True)) for row in rows]
    assert computed(results, rows) == expected


@settings(max_examples=30, deadline=None)
@given(number=SMALL, by=st.integers(1, LARGEST))
def test_division_and_remainder_are_pythons(number: int, by: int) -> None:
    part = variable("number", int)
    results = {"//": terms.divide(part, constant(by)), "%": terms.remainder(part, constant(by))}
    assert computed(results, [{"number": number}]) == [{"//": number // by, "%": number % by}]


def test_what_is_known_before_is_the_same_in_all_rows() -> None:
    results: dict[str, Term] = {"three": constant(3), "number": variable("number", int)}
    assert computed(results, [{"number": 1}, {"number": 2}]) == [
        {"three": 3, "number": 1},
        {"three": 3, "number": 2},
    ]


def test_a_result_that_is_part_of_another_is_kept() -> None:
    total = terms.add(variable("a", int), variable("b", int))
    results = {"sum": total, "twice": terms.multiply(constant(2), total), "again": total}
    assert computed(results, [{"a": 1, "b": 2}]) == [{"sum": 3, "twice": 6, "again": 3}]
