"""The fate of a wrong program: refused, refuted, proved to be the same, or, which must not be, survived."""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from domain.rule import RULES, Rule
from mutants.behaviour import Told, behaviour
from mutants.program import Mutant
from rules.obligations import Obligation, ObligationBuilder, build_all
from rules.solving.prover import Proof, ProofVerdict, Prover
from rules.specification.predicate import PREDICATES, is_predicate
from rules.symbolic.reader import RuleReader
from rules.symbolic.source import UnreadableRule
from rules.symbolic.terms import Term
from rules.symbolic.values import SymbolicRecord, Value, equal


class Fate(StrEnum):
    """What became of a wrong program."""

    REFUSED = "refused"
    """The reader does not take it."""
    REFUTED = "refuted"
    """An obligation fails."""
    EQUIVALENT = "equivalent"
    """It is proved to do the same."""
    SURVIVED = "survived"
    """It does something else, and no obligation says so."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A fate, and by what: the refusal, the obligation, or what is done otherwise."""

    fate: Fate
    by: str = ""


class Patched(RuleReader):
    """Reads some rules by other definitions, and has all rules that do not come to them read already."""

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
        """What a rule answers to arguments."""
        if rule in self._anew:
            return super().call(rule, arguments)
        return self._original.call(rule, arguments)


class Readers:
    """Readers of programs, or of specifications, that differ a little from the one that there is."""

    def __init__(self, marked: Sequence[Rule], readable: Callable[[Rule], bool]) -> None:
        self.original = RuleReader(readable)
        self._readable = readable
        self._callers = _callers(marked, readable)

    def patched(self, definitions: Mapping[Rule, ast.FunctionDef]) -> RuleReader:
        """A reader of the same with other definitions of some rules."""
        if not definitions:
            return self.original
        return Patched(self.original, self._callers, definitions, self._readable)


def _callers(marked: Sequence[Rule], readable: Callable[[Rule], bool]) -> dict[Rule, frozenset[Rule]]:
    """Of each rule, itself and all that come to it."""
    found: dict[Rule, set[Rule]] = {rule: {rule} for rule in marked}
    for rule in marked:
        reader = RuleReader(readable)
        reader.read(rule)
        for reached in reader.reached.values():
            found[reached].add(rule)
    return {rule: frozenset(callers) for rule, callers in found.items()}


class Judge:
    """Judges wrong programs, one after the other. Only what a change changes is proved again."""

    def __init__(self, predicates: Mapping[Rule, ast.FunctionDef] | None = None) -> None:
        self.programs = Readers(RULES, RuleReader().readable)
        self._specification = Readers(PREDICATES, is_predicate).patched(predicates or {})
        self.right = ObligationBuilder(self.programs.original, self._specification)
        self.obligations = {obligation.name: obligation for obligation in build_all(self.right)}
        self._reached = frozenset(self.programs.original.reached.values())
        self._does = {told.name: told for told in behaviour(self.programs.original, self.right)}
        self.prover = Prover()

    def judge(self, mutant: Mutant) -> Judged:
        """The fate of a wrong program."""
        try:
            with mutant.in_place():
                return self._judge(mutant)
        except UnreadableRule as refusal:
            return Judged(Fate.REFUSED, str(refusal).splitlines()[0])

    def changed(self, mutant: Mutant) -> list[Obligation]:
        """What has to be proved of a wrong program that is not what has to be proved of the right one.

        Raises ``Refusal`` if the wrong program cannot be read.
        """
        with mutant.in_place():
            builder = ObligationBuilder(self.programs.patched(mutant.definitions), self._specification)
            return [obligation for obligation in build_all(builder) if self.is_changed(obligation)]

    def is_changed(self, obligation: Obligation) -> bool:
        """Whether an obligation is not the one of the same name that the right program has."""
        known = self.obligations.get(obligation.name)
        return known is None or known.goal is not obligation.goal or known.assumes != obligation.assumes

    def _judge(self, mutant: Mutant) -> Judged:
        if not self._reached.issuperset(mutant.definitions):
            return Judged(Fate.SURVIVED, "no obligation comes to this rule at all")
        program = self.programs.patched(mutant.definitions)
        builder = ObligationBuilder(program, self._specification)
        changed = [obligation for obligation in build_all(builder) if self.is_changed(obligation)]
        unknown = ""
        with closing(cast("Generator[Proof]", self.prover.prove(changed))) as proofs:
            for proof in proofs:
                if proof.verdict is ProofVerdict.REFUTED:
                    return Judged(Fate.REFUTED, proof.obligation.name)
                if proof.verdict is ProofVerdict.UNKNOWN:
                    unknown = f", and {proof.obligation.name} is unknown"
        differs = self._difference(behaviour(program, builder))
        return Judged(Fate.EQUIVALENT) if differs is None else Judged(Fate.SURVIVED, f"{differs}{unknown}")

    def _difference(self, does: Iterable[Told]) -> str | None:
        """What a program does otherwise than the right one; ``None`` if it is proved that there is nothing."""
        alike: list[Obligation] = []
        for told in does:
            right = self._does[told.name]
            if _kind(told.value) is not _kind(right.value):
                return told.name
            goal = equal(right.value, told.value)
            alike.append(Obligation("same", told.name, None, right.assumes, goal))
        for proof in self.prover.prove(each for each in alike if not _is_true(each.goal)):
            if proof.verdict is not ProofVerdict.PROVED:
                return proof.obligation.rule
        return None


def _kind(value: Value) -> type:
    return value.kind if isinstance(value, SymbolicRecord) else value.sort


def _is_true(term: Term) -> bool:
    return term.leaf is True
