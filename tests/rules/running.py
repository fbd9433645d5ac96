"""The running program, its obligations, checks and searches, made once for all tests."""

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


def named(name: str, builder: ObligationBuilder | None = None) -> Obligation:
    """The obligation of this name."""
    [found] = [obligation for obligation in (builder or program()).obligations if obligation.name == name]
    return found


def refuter(builder: ObligationBuilder) -> Refuter:
    """A refuter for a program."""
    assert isinstance(builder.program, TracingReader)
    assert isinstance(builder.specification, TracingReader)
    return Refuter(Prover(), Search(builder, BUDGET), builder.program, builder.specification)


def misread(rule: Rule, change: Callable[[ast.FunctionDef], ast.FunctionDef]) -> ObligationBuilder:
    """The obligations of a program with one rule that is read differently from how it runs."""
    definition = source_of(rule).tree
    changed = change(cast("ast.FunctionDef", ast.parse(ast.unparse(definition)).body[0]))
    builder = ObligationBuilder(TracingReader(definitions={rule: changed}), TracingReader(is_predicate))
    build_all(builder)
    return builder
