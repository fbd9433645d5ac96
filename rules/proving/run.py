"""Proving the running program: every obligation, and every check that keeps the verdicts honest.

for result in prove():
    print(result.verdict, result.name)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from rules.concrete.replay import TracingReader
from rules.kinds import CHECKS
from rules.obligations import Obligation, ObligationBuilder
from rules.obligations.all import KINDS
from rules.obligations.builder import base_command
from rules.obligations.definitions import overflow
from rules.obligations.induction import bystanders
from rules.obligations.progress import generations
from rules.obligations.replay import recorded
from rules.proving.beside import beside, is_worthwhile
from rules.proving.check import Check
from rules.proving.checks import Checks
from rules.proving.refuting import Refuter
from rules.proving.result import ProofResult
from rules.search.reachability import Search
from rules.solving.prover import BUDGET, Prover
from rules.solving.verdict import ProofVerdict
from rules.specification.predicate import is_predicate


def prove(
    rules: Collection[str] = (), commands: Collection[str] = (), *, cores: int | None = None, budget: int = BUDGET
) -> Iterator[ProofResult]:
    """Proves obligations, then runs checks. Yields each result as it is known.

    ``rules`` and ``commands`` select by name; without any, everything is proved. ``budget`` is the number of solver
    steps (``rlimit``) for one obligation; if more are needed, the verdict is unknown. Where there is a second core, a
    second process has the second part of the work, unless ``cores`` is 1; the results and their order are the same.
    Raises ``UnreadableRule`` for a rule that cannot be read, and ``InternalError`` if CPython does not do what a model
    says.
    """
    if is_worthwhile() if cores is None else cores > 1:
        _program()  # so that a fork has it too; the obligations are built while it works already
        with beside(_second_part, rules, commands, budget) as others:
            yield from _obligations_first(_first_part(rules, commands, Prover(budget)), others)
    else:
        prover = Prover(budget)
        second = _second_part(rules, commands, budget, prover)
        yield from _obligations_first(_first_part(rules, commands, prover), second)


_Kind = Callable[[ObligationBuilder], None]
"""Builds the obligations of one kind."""
_IN_SECOND_PART: Final = (generations, overflow, bystanders, recorded)
"""What the second part proves, by what builds it: with the checks, half of the work. No other obligation has the
assumptions of these, which each process would have to tell its solver; ``recorded`` has none."""
_IN_FIRST_PART: Final = tuple(build for build in KINDS if build not in _IN_SECOND_PART)


def _first_part(rules: Collection[str], commands: Collection[str], prover: Prover) -> Iterator[ProofResult]:
    yield from _proved_and_not_vacuous(_chosen(_built(*_IN_FIRST_PART), rules, commands), prover)


def _second_part(
    rules: Collection[str], commands: Collection[str], budget: int, prover: Prover | None = None
) -> Iterator[ProofResult]:
    prover = prover or Prover(budget)
    yield from _proved_and_not_vacuous(_chosen(_built(*_IN_SECOND_PART), rules, commands), prover)
    yield from _results(_checks([], prover).all(rules, commands))


def _proved_and_not_vacuous(obligations: Sequence[Obligation], prover: Prover) -> Iterator[ProofResult]:
    """The results of obligations, then the checks of their assumptions."""
    yield from _prove(obligations, prover)
    yield from _results(_checks(obligations, prover).vacuity())


def _obligations_first(first: Iterable[ProofResult], second: Iterable[ProofResult]) -> Iterator[ProofResult]:
    """The results of both parts: those of obligations, then those of checks."""
    checks: list[ProofResult] = []
    for result in first:
        if result.kind in CHECKS:
            checks.append(result)
        else:
            yield result
    for result in second:
        if result.kind in CHECKS:
            yield from checks
            checks = []
        yield result
    yield from checks


def _prove(obligations: Iterable[Obligation], prover: Prover) -> Iterator[ProofResult]:
    refuter = Refuter(prover, Search(_program(), prover.budget), _program_reader(), _specification_reader())
    for proof in prover.prove(obligations):
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


def _checks(obligations: Sequence[Obligation], prover: Prover) -> Checks:
    search = Search(_program(), prover.budget)
    return Checks(_program(), obligations, search, prover.budget, prover.solver)


def _results(checks: Iterable[Check]) -> Iterator[ProofResult]:
    for check in checks:
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
    return _chosen(_built(*KINDS), rules, commands)


def _chosen(obligations: Iterable[Obligation], rules: Collection[str], commands: Collection[str]) -> list[Obligation]:
    return [
        obligation
        for obligation in obligations
        if (not rules or obligation.rule in rules)
        and (not commands or base_command(obligation.command or "") in commands)
    ]


def obligations_named(names: Collection[str] = ()) -> list[Obligation]:
    """The obligations of these names; without names, all. Raises ``KeyError`` for an unknown name."""
    by_name = {obligation.name: obligation for obligation in _built(*KINDS)}
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
def _program() -> ObligationBuilder:
    """The builder of the running program, with no obligations yet."""
    return ObligationBuilder(_program_reader(), _specification_reader())


def _built(*kinds: _Kind) -> list[Obligation]:
    """The obligations of some kinds, by what builds them."""
    return [obligation for kind in kinds for obligation in _of_kind(kind)]


@cache
def _of_kind(build: _Kind) -> list[Obligation]:
    """The obligations of one kind, which are built once."""
    builder = _program()
    builder.obligations = []
    build(builder)
    return builder.obligations
