"""The fate of a wrong program: refused, refuted, proved equivalent, or survived, which must not happen."""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from domain.rule import RULES, Rule
from mutants.behaviour import Observable, observables
from mutants.program import Mutant
from rules.obligations import Obligation, ObligationBuilder, build_all
from rules.solving.prover import Proof, Prover
from rules.solving.verdict import ProofVerdict
from rules.specification.predicate import PREDICATES, is_predicate
from rules.symbolic.reader import RuleReader
from rules.symbolic.source import UnreadableRule
from rules.symbolic.terms import Term
from rules.symbolic.values import SymbolicRecord, Value, equal


class Fate(StrEnum):
    """The fate of a wrong program."""

    REFUSED = "refused"
    """The reader cannot read it."""
    REFUTED = "refuted"
    """An obligation fails."""
    EQUIVALENT = "equivalent"
    """It is proved to behave like the right program."""
    SURVIVED = "survived"
    """It behaves differently, and no obligation fails."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A fate, and the evidence for it: the error, the obligation, or the observable that differs."""

    fate: Fate
    by: str = ""


class Patched(RuleReader):
    """Reads some rules from other definitions; the results for rules that never call them come from another reader."""

    def __init__(
        self,
        original: RuleReader,
        callers: Mapping[Rule, frozenset[Rule]],
        definitions: Mapping[Rule, ast.FunctionDef],
        readable: Callable[[Rule], bool],
    ) -> None:
        super().__init__(readable, definitions)
        self._original = original
        self._anew = frozenset[Rule]().union(*[callers[rule] for rule in definitions])

    def call(self, rule: Rule, arguments: Sequence[Value]) -> Value:
        """The result of a rule for these arguments."""
        if rule in self._anew:
            return super().call(rule, arguments)
        return self._original.call(rule, arguments)


class Readers:
    """Readers of programs, or of specifications, that differ in some definitions from the ones that run."""

    def __init__(self, marked: Sequence[Rule], readable: Callable[[Rule], bool]) -> None:
        self.original = RuleReader(readable)
        self._readable = readable
        self._callers = _callers(marked, readable)

    def patched(self, definitions: Mapping[Rule, ast.FunctionDef]) -> RuleReader:
        """A reader that takes these definitions for some rules."""
        if not definitions:
            return self.original
        return Patched(self.original, self._callers, definitions, self._readable)


def _callers(marked: Sequence[Rule], readable: Callable[[Rule], bool]) -> dict[Rule, frozenset[Rule]]:
    """For each rule, itself and all rules that call it, directly or not."""
    found: dict[Rule, set[Rule]] = {rule: {rule} for rule in marked}
    for rule in marked:
        reader = RuleReader(readable)
        reader.read(rule)
        for reached in reader.reached.values():
            found[reached].add(rule)
    return {rule: frozenset(callers) for rule, callers in found.items()}


class Judge:
    """Judges wrong programs, one after the other. Only the obligations that a change affects are proved again."""

    def __init__(self, predicates: Mapping[Rule, ast.FunctionDef] | None = None) -> None:
        self.programs = Readers(RULES, RuleReader().readable)
        self._specification = Readers(PREDICATES, is_predicate).patched(predicates or {})
        self.right = ObligationBuilder(self.programs.original, self._specification)
        self.obligations = {obligation.name: obligation for obligation in build_all(self.right)}
        self._reached = frozenset(self.programs.original.reached.values())
        self._observables = {
            observable.name: observable for observable in observables(self.programs.original, self.right)
        }
        self.prover = Prover()

    def judge(self, mutant: Mutant) -> Judgement:
        """The fate of a wrong program."""
        try:
            with mutant.in_place():
                return self._judge(mutant)
        except UnreadableRule as error:
            return Judgement(Fate.REFUSED, str(error).splitlines()[0])

    def changed(self, mutant: Mutant) -> list[Obligation]:
        """The obligations of a wrong program that differ from those of the right one.

        Raises ``Refusal`` if the wrong program cannot be read.
        """
        with mutant.in_place():
            builder = ObligationBuilder(self.programs.patched(mutant.definitions), self._specification)
            return [obligation for obligation in build_all(builder) if self.is_changed(obligation)]

    def is_changed(self, obligation: Obligation) -> bool:
        """Whether an obligation differs from the right program's obligation of the same name."""
        known = self.obligations.get(obligation.name)
        return known is None or known.goal is not obligation.goal or known.assumes != obligation.assumes

    def _judge(self, mutant: Mutant) -> Judgement:
        if not self._reached.issuperset(mutant.definitions):
            return Judgement(Fate.SURVIVED, "no obligation reaches this rule")
        program = self.programs.patched(mutant.definitions)
        builder = ObligationBuilder(program, self._specification)
        changed = [obligation for obligation in build_all(builder) if self.is_changed(obligation)]
        unknown = ""
        with closing(cast("Generator[Proof]", self.prover.prove(changed))) as proofs:
            for proof in proofs:
                if proof.verdict is ProofVerdict.REFUTED:
                    return Judgement(Fate.REFUTED, proof.obligation.name)
                if proof.verdict is ProofVerdict.UNKNOWN:
                    unknown = f", and {proof.obligation.name} is unknown"
        difference = self._difference(observables(program, builder))
        return Judgement(Fate.EQUIVALENT) if difference is None else Judgement(Fate.SURVIVED, f"{difference}{unknown}")

    def _difference(self, wrong: Iterable[Observable]) -> str | None:
        """The name of an observable that differs from the right program's; ``None`` if it is proved that none does."""
        equalities: list[Obligation] = []
        for observable in wrong:
            right = self._observables[observable.name]
            if _kind(observable.value) is not _kind(right.value):
                return observable.name
            goal = equal(right.value, observable.value)
            equalities.append(
                Obligation(kind="same", rule=observable.name, command=None, assumes=right.assumes, goal=goal)
            )
        for proof in self.prover.prove(equality for equality in equalities if not _is_true(equality.goal)):
            if proof.verdict is not ProofVerdict.PROVED:
                return proof.obligation.rule
        return None


def _kind(value: Value) -> type:
    return value.kind if isinstance(value, SymbolicRecord) else value.sort


def _is_true(term: Term) -> bool:
    return term.leaf is True
