"""Proving the running program: every obligation and every check that keeps a verdict honest, as results.

for result in prove():
    print(result.verdict, result.name)
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache

from rules.concrete.counterexample import Counterexample
from rules.concrete.replay import TracingReader, bare
from rules.obligations import Obligation, Obligations
from rules.proving.checks import Checks
from rules.proving.refuting import Refuter
from rules.search.reachability import Search
from rules.solving.prover import BUDGET, Proof, ProofVerdict, Prover, grouped
from rules.specification.predicate import is_predicate
from rules.symbolic.terms import Literal


@dataclass(frozen=True, slots=True)
class ProofResult:
    """What became of one obligation, or of one check."""

    name: str
    """``kind/command/rule``, without a command where there is none; each name once."""
    kind: str
    """As ``keeps``, ``reason``, ``maximal``; of checks ``vacuity``, ``reached``, ``dead``, ``guard``, ``redundancy``,
    ``canary``, ``independence``."""
    rule: str
    command: str | None
    verdict: ProofVerdict
    seconds: float
    counterexample: Counterexample | None = None
    """Of a refuted obligation."""
    reason: str = ""
    """Of an unknown one, why the solver gave up; of a refuted check, what is wrong; else empty."""

    @property
    def evidence(self) -> str:
        """What stands beside the verdict: the counterexample, or why there is no verdict; else nothing."""
        if self.counterexample is not None and self.verdict is ProofVerdict.REFUTED:
            return self.counterexample.text().removeprefix(f"{self.name}: {self.verdict}\n")
        if self.verdict is ProofVerdict.UNKNOWN:
            return f"nothing is claimed: {self.reason or 'no reason was told'}"
        return self.reason


def prove(
    rules: Collection[str] = (), commands: Collection[str] = (), *, cores: int = 1, budget: int = BUDGET
) -> Iterator[ProofResult]:
    """The verdict of every obligation and check, as each is reached: obligations first, then checks.

    ``rules`` and ``commands`` leave only those of these names; nothing means all. ``budget`` is in steps of the solver
    (its ``rlimit``) for one obligation: what needs more is unknown. With ``cores``, obligations are proved in so many
    processes; call it then from a module that can be imported. Raises ``Refusal`` for a rule that cannot be read,
    ``InternalError`` if CPython does not do what a model says.
    """
    program = _program()
    chosen = [
        each
        for each in program.made
        if (not rules or each.rule in rules)
        and (not commands or (each.command is not None and bare(each.command) in commands))
    ]
    prover = Prover(budget)
    search = Search(program, budget)
    refuter = Refuter(prover, search, _program_reader(), _specification_reader())
    for proof in prover.prove(chosen) if cores < 2 else _proved_apart(chosen, cores, budget):
        of = proof.obligation
        found = refuter.refute(of) if proof.verdict is ProofVerdict.REFUTED else None
        yield ProofResult(of.name, of.kind, of.rule, of.command, proof.verdict, proof.seconds, found, proof.reason)
    for check in Checks(program, chosen, search, budget).all(rules, commands):
        yield ProofResult(
            check.name, check.kind, check.rule, check.command, check.verdict, check.seconds, None, check.reason
        )


def obligations_named(names: Collection[str] = ()) -> list[Obligation]:
    """The obligations of these names, all if none is given. Raises ``KeyError`` for a name that there is not."""
    made = {each.name: each for each in _program().made}
    return [made[name] for name in names] if names else list(made.values())


def smtlib(obligation: Obligation) -> str:
    """An obligation as SMT-LIB that any solver reads: ``unsat`` means proved."""
    return Prover().smtlib(obligation)


@cache
def _program_reader() -> TracingReader:
    return TracingReader()


@cache
def _specification_reader() -> TracingReader:
    return TracingReader(is_predicate)


@cache
def _program() -> Obligations:
    """The obligations of the running program, made once."""
    obligations = Obligations(_program_reader(), _specification_reader())
    obligations.all()
    return obligations


# In several processes

_Told = tuple[str, str, float, Mapping[str, Literal] | None, str]


def _proved_apart(obligations: Sequence[Obligation], cores: int, budget: int) -> Iterator[Proof]:
    """The verdicts of obligations that are proved in several processes, each as its process is done."""
    named = {each.name: each for each in obligations}
    groups = [[each.name for each in group] for group in grouped(obligations).values()]
    shares = [[name for group in groups[part::cores] for name in group] for part in range(cores)]
    deaf = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that shares the work
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn"), signal.signal, deaf) as pool:
        for done in as_completed([pool.submit(_share, share, budget) for share in shares if share]):
            for name, verdict, seconds, model, reason in done.result():
                yield Proof(named[name], ProofVerdict(verdict), seconds, model, reason)


def _share(names: Sequence[str], budget: int) -> list[_Told]:
    return [
        (proof.obligation.name, proof.verdict.value, proof.seconds, proof.model, proof.reason)
        for proof in Prover(budget).prove(obligations_named(names))
    ]
