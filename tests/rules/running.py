"""The running program, its obligations and what asks about them, made once for all tests."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from typing import cast

from domain.rule import Rule
from rules.concrete.replay import TracingReader
from rules.obligations import Obligation, ObligationBuilder, build_all
from rules.proving.checks import Checks
from rules.proving.refuting import Refuter
from rules.search.reachability import Search
from rules.solving.prover import BUDGET, Prover
from rules.specification.predicate import is_predicate
from rules.symbolic.source import source_of


@cache
def program() -> ObligationBuilder:
    builder = ObligationBuilder(TracingReader(), TracingReader(is_predicate))
    build_all(builder)
    return builder


@cache
def search() -> Search:
    return Search(program(), BUDGET)


def checks(budget: int = BUDGET) -> Checks:
    return Checks(program(), program().obligations, search(), budget)


def named(name: str, of: ObligationBuilder | None = None) -> Obligation:
    """The obligation of this name."""
    [found] = [each for each in (of or program()).obligations if each.name == name]
    return found


def refuter(of: ObligationBuilder) -> Refuter:
    """What makes counterexamples about a program."""
    assert isinstance(of.program, TracingReader)
    assert isinstance(of.specification, TracingReader)
    return Refuter(Prover(), Search(of, BUDGET), of.program, of.specification)


def misread(rule: Rule, change: Callable[[ast.FunctionDef], ast.FunctionDef]) -> ObligationBuilder:
    """The obligations of a program of which one rule is read otherwise than it runs."""
    definition = source_of(rule).tree
    changed = change(cast("ast.FunctionDef", ast.parse(ast.unparse(definition)).body[0]))
    builder = ObligationBuilder(TracingReader(definitions={rule: changed}), TracingReader(is_predicate))
    build_all(builder)
    return builder
