"""Proving the running program: every obligation, and every check that keeps the verdicts honest.

for result in prove():
    print(result.verdict, result.name)
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache

from rules.concrete.replay import TracingReader
from rules.obligations import Obligation, ObligationBuilder, build_all
from rules.obligations.builder import base_command
from rules.proving.checks import Checks
from rules.proving.refuting import Refuter
from rules.proving.result import ProofResult
from rules.search.reachability import Search
from rules.solving.prover import BUDGET, Proof, Prover, grouped
from rules.solving.verdict import ProofVerdict
from rules.specification.predicate import is_predicate
from rules.symbolic.terms import Literal


def prove(
    rules: Collection[str] = (), commands: Collection[str] = (), *, cores: int = 1, budget: int = BUDGET
) -> Iterator[ProofResult]:
    """Proves obligations, then runs checks. Yields each result as it is known.

    ``rules`` and ``commands`` select by name; without any, everything is proved. ``budget`` is the number of solver
    steps (``rlimit``) for one obligation; if more are needed, the verdict is unknown. With ``cores``, obligations are
    proved in so many processes; the caller must then be in a module that can be imported. Raises ``UnreadableRule``
    for a rule that cannot be read, and ``InternalError`` if CPython does not do what a model says.
    """
    builder = _builder()
    selected = select_obligations(rules, commands)
    prover = Prover(budget)
    search = Search(builder, budget)
    refuter = Refuter(prover, search, _program_reader(), _specification_reader())
    for proof in prover.prove(selected) if cores < 2 else _prove_in_processes(selected, cores, budget):
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
    for check in Checks(builder, selected, search, budget, prover.solver).all(rules, commands):
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


# In several processes

_ProofRow = tuple[str, str, float, Mapping[str, Literal] | None, str]
"""The name of an obligation, then verdict, seconds, model and reason of its proof."""


def _prove_in_processes(obligations: Sequence[Obligation], cores: int, budget: int) -> Iterator[Proof]:
    """Proves obligations in several processes. Yields the proofs of each process when it is done."""
    by_name = {obligation.name: obligation for obligation in obligations}
    groups = [[obligation.name for obligation in group] for group in grouped(obligations).values()]
    shares = [[name for group in groups[part::cores] for name in group] for part in range(cores)]
    ignore_interrupts = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that shares the work
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn"), signal.signal, ignore_interrupts) as pool:
        for done in as_completed([pool.submit(_prove_share, share, budget) for share in shares if share]):
            for name, verdict, seconds, model, reason in done.result():
                yield Proof(
                    obligation=by_name[name],
                    verdict=ProofVerdict(verdict),
                    seconds=seconds,
                    model=model,
                    reason=reason,
                )


def _prove_share(names: Sequence[str], budget: int) -> list[_ProofRow]:
    return [
        (proof.obligation.name, proof.verdict.value, proof.seconds, proof.model, proof.reason)
        for proof in Prover(budget).prove(obligations_named(names))
    ]
