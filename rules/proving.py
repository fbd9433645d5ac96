"""Proving the running program: every obligation and every check that keeps a verdict honest, as results.

for result in prove():
    print(result.verdict, result.name)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache

from rules.counterexample import Counterexample
from rules.obligations import Obligation, Obligations
from rules.prover import BUDGET, Prover, Verdict


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one obligation, or of one check."""

    name: str
    """``kind/command/rule``, without a command where there is none; each name once."""
    kind: str
    """As ``keeps``, ``reason``, ``maximal``; of checks ``vacuity``, ``reached``, ``guard``, ``redundancy``, ``canary``,
    ``dead``, ``independence``."""
    rule: str
    command: str | None
    verdict: Verdict
    seconds: float
    counterexample: Counterexample | None = None
    """Of a refuted obligation."""
    reason: str = ""
    """Of an unknown one, why the solver gave up; of a refuted check, what is wrong; else empty."""


def prove(
    rules: Collection[str] = (), commands: Collection[str] = (), *, cores: int = 1, budget: int = BUDGET
) -> Iterator[Result]:
    """The verdict of every obligation and check, as each is reached: obligations first, then checks.

    ``rules`` and ``commands`` leave only those of these names; nothing means all. ``budget`` is in steps of the solver
    (its ``rlimit``) for one obligation: what needs more is unknown. Raises ``Refusal`` for a rule that cannot be read,
    ``InternalError`` if CPython does not do what a model says.
    """
    for proof in Prover(budget).prove(_chosen(rules, commands)):
        made = proof.obligation
        yield Result(made.name, made.kind, made.rule, made.command, proof.verdict, proof.seconds, None, proof.reason)


def obligations_named(names: Collection[str] = ()) -> list[Obligation]:
    """The obligations of these names, all if none is given. Raises ``KeyError`` for a name that there is not."""
    made = {each.name: each for each in _obligations().all()}
    return [made[name] for name in names] if names else list(made.values())


def smtlib(obligation: Obligation) -> str:
    """An obligation as SMT-LIB that any solver reads: ``unsat`` means proved."""
    return Prover().smtlib(obligation)


@cache
def _obligations() -> Obligations:
    return Obligations()


def _chosen(rules: Collection[str], commands: Collection[str]) -> list[Obligation]:
    return [
        each
        for each in _obligations().all()
        if (not rules or each.rule in rules) and (not commands or each.command in commands)
    ]
