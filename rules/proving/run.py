"""Proving the running program: every obligation, and every check that keeps the verdicts honest.

for result in prove():
    print(result.verdict, result.name)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache

from rules.concrete.replay import TracingReader
from rules.obligations import Obligation, ObligationBuilder, build_all
from rules.obligations.builder import base_command
from rules.proving.beside import beside, is_worthwhile
from rules.proving.checks import Checks
from rules.proving.refuting import Refuter
from rules.proving.result import ProofResult
from rules.search.reachability import Search
from rules.solving.prover import BUDGET, Prover
from rules.solving.solver import Solver
from rules.solving.verdict import ProofVerdict
from rules.specification.predicate import is_predicate


def prove(
    rules: Collection[str] = (), commands: Collection[str] = (), *, cores: int | None = None, budget: int = BUDGET
) -> Iterator[ProofResult]:
    """Proves obligations, then runs checks. Yields each result as it is known.

    ``rules`` and ``commands`` select by name; without any, everything is proved. ``budget`` is the number of solver
    steps (``rlimit``) for one obligation; if more are needed, the verdict is unknown. The checks run in a second
    process where there is a second core, unless ``cores`` is 1; the results and their order are the same. Raises
    ``UnreadableRule`` for a rule that cannot be read, and ``InternalError`` if CPython does not do what a model says.
    """
    if is_worthwhile() if cores is None else cores > 1:
        _builder()  # so that a fork has it too
        with beside(_check, rules, commands, budget) as checks:
            yield from _prove(rules, commands, Prover(budget))
            yield from checks
    else:
        prover = Prover(budget)
        yield from _prove(rules, commands, prover)
        yield from _check(rules, commands, budget, prover.solver)


def _prove(rules: Collection[str], commands: Collection[str], prover: Prover) -> Iterator[ProofResult]:
    builder = _builder()
    refuter = Refuter(prover, Search(builder, prover.budget), _program_reader(), _specification_reader())
    for proof in prover.prove(select_obligations(rules, commands)):
        obligation = proof.obligation
        yield ProofResult(
            name=obligation.name,
            kind=obligation.kind,
            rule=obligation.rule,
            command=obligation.command,
            verdict=proof.verdict,
            seconds=proof.seconds,
            counterexample=refuter.refute(obligation) if proof.verdict is ProofVerdict.REFUTED else None,
            reason=proof.reason,
        )


def _check(
    rules: Collection[str], commands: Collection[str], budget: int, solver: Solver | None = None
) -> Iterator[ProofResult]:
    builder = _builder()
    search = Search(builder, budget)
    obligations = select_obligations(rules, commands)
    for check in Checks(builder, obligations, search, budget, solver).all(rules, commands):
        yield ProofResult(
            name=check.name,
            kind=check.kind,
            rule=check.rule,
            command=check.command,
            verdict=check.verdict,
            seconds=check.seconds,
            reason=check.reason,
        )


def select_obligations(rules: Collection[str] = (), commands: Collection[str] = ()) -> list[Obligation]:
    """The obligations about these predicates or goals and these commands, by name; without names, all."""
    return [
        obligation
        for obligation in _builder().obligations
        if (not rules or obligation.rule in rules)
        and (not commands or base_command(obligation.command or "") in commands)
    ]


def obligations_named(names: Collection[str] = ()) -> list[Obligation]:
    """The obligations of these names; without names, all. Raises ``KeyError`` for an unknown name."""
    by_name = {obligation.name: obligation for obligation in _builder().obligations}
    return [by_name[name] for name in names] if names else list(by_name.values())


def smtlib(obligation: Obligation) -> str:
    """An obligation in SMT-LIB, for any solver: ``unsat`` means proved."""
    return Prover().smtlib(obligation)


@cache
def _program_reader() -> TracingReader:
    return TracingReader()


@cache
def _specification_reader() -> TracingReader:
    return TracingReader(is_predicate)


@cache
def _builder() -> ObligationBuilder:
    """The builder of the running program, with all obligations, which are built once."""
    builder = ObligationBuilder(_program_reader(), _specification_reader())
    build_all(builder)
    return builder
