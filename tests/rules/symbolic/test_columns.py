"""The rules as columns of DuckDB come to what CPython computes; that this is what the terms and Z3 say, others test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import cast

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.deciding import decider, redecide
from domain.quantities import LARGEST
from domain.rule import RULES, Rule
from rules.obligations import ObligationBuilder
from rules.symbolic import terms
from rules.symbolic.columns import column_type, decode, encode, quote, write_query
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


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def computed(
    database: duckdb.DuckDBPyConnection, results: dict[str, Term], rows: Sequence[dict[str, Literal]]
) -> list[dict[str, Literal]]:
    """What the query gives for each row."""
    names = {name: term.sort for name, term in variables(*results.values()).items()} or {"nothing": bool}
    declared = ", ".join(f"{quote(name)} {column_type(sort)} NOT NULL" for name, sort in names.items())
    database.execute(f"CREATE OR REPLACE TABLE given ({declared})")
    values = [[encode(row.get(name, False)) for name in names] for row in rows]
    database.executemany(f"INSERT INTO given VALUES ({', '.join('?' * len(names))})", values)
    found = database.execute(write_query(results, "given")).fetchall()
    return [
        {name: decode(value, term.sort) for (name, term), value in zip(results.items(), row, strict=True)}
        for row in found
    ]


@cache
def answer_of(rule: Rule) -> Value:
    return RuleReader().call(rule, [symbolic(name, kind) for name, kind in parameter_types(rule).items()])


@pytest.mark.parametrize("rule", RULES, ids=by_name)
@settings(max_examples=2, deadline=None)
@given(data=st.data())
def test_columns_are_what_cpython_computes(
    database: duckdb.DuckDBPyConnection, rule: Rule, data: st.DataObject
) -> None:
    anything = st.fixed_dictionaries({name: small_of(kind) for name, kind in parameter_types(rule).items()})
    given = data.draw(st.lists(anything, min_size=6, max_size=10))
    rows = [
        {path: leaf for name, value in arguments.items() for path, leaf in plain(constants(value), name).items()}
        for arguments in given
    ]
    results = {f"result {path}": term for path, term in leaves(answer_of(rule))}
    answers = [rule(*[arguments[name] for name in parameter_types(rule)]) for arguments in given]
    expected = [{f"result {path}": leaf for path, leaf in plain(constants(answer)).items()} for answer in answers]
    assert computed(database, results, rows) == expected


@cache
def program() -> ObligationBuilder:
    return ObligationBuilder()


@pytest.mark.parametrize("command", sorted(program().transitions))
@settings(max_examples=2, deadline=None)
@given(data=st.data())
def test_a_whole_command_as_columns_is_what_its_terms_come_to(
    database: duckdb.DuckDBPyConnection, command: str, data: st.DataObject
) -> None:
    transition = program().transitions[command]
    parts = {"decision": transition.decision, "recorded": transition.recorded, "after": transition.after}
    results = {f"{part} {path}": term for part, value in parts.items() for path, term in leaves(value)}
    given = {name: small_of(cast("type", term.sort)) for name, term in variables(*results.values()).items()}
    rows = cast("list[dict[str, Literal]]", data.draw(st.lists(st.fixed_dictionaries(given), min_size=6, max_size=10)))
    expected = [dict(zip(results, evaluate_all(list(results.values()), row), strict=True)) for row in rows]
    assert computed(database, results, rows) == expected


@settings(max_examples=30, deadline=None)
@given(number=SMALL, by=st.integers(1, LARGEST))
def test_division_and_remainder_are_pythons(database: duckdb.DuckDBPyConnection, number: int, by: int) -> None:
    part = variable("number", int)
    results = {"//": terms.divide(part, constant(by)), "%": terms.remainder(part, constant(by))}
    assert computed(database, results, [{"number": number}]) == [{"//": number // by, "%": number % by}]


def test_a_term_that_is_part_of_several_is_computed_once() -> None:
    shared = terms.add(variable("a", int), variable("b", int))
    product = terms.multiply(constant(3), shared)
    query = write_query({"least": terms.least(shared, product), "most": terms.most(shared, product)}, "given")
    assert query.count('"a" + "b"') == 1
    assert query.count(" * ") == 1
    assert query.count(" AS (SELECT *") == 2  # the product is one deeper than the sum


def test_a_number_that_does_not_fit_ends_the_query(database: duckdb.DuckDBPyConnection) -> None:
    part = variable("number", int)
    with pytest.raises(duckdb.OutOfRangeException):
        computed(database, {"twice": terms.add(part, part)}, [{"number": 2**62}])


def test_a_name_with_quotes_is_a_name(database: duckdb.DuckDBPyConnection) -> None:
    name = 'a "quoted" name; DROP TABLE given'
    assert computed(database, {name: variable(name, int)}, [{name: 7}]) == [{name: 7}]
