"""Suspects: which of some rules can be the one that is wrong, if only one is.

A rule is put to the test in the state of a counterexample: whatever it answered there, would a specification still be
broken? Then another rule is wrong too, or alone. Its answers are unknowns for that, one for each list of arguments,
and the solver looks for values of them with which all obligations of the command hold in this state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import EnumMeta
from itertools import combinations
from typing import NamedTuple, cast, get_type_hints

from domain.rule import Rule
from rules.obligations.all import build_all
from rules.obligations.builder import ObligationBuilder, base_command
from rules.proving.calls import closure
from rules.proving.result import ProofResult
from rules.solving.prover import BUDGET
from rules.solving.solver import Solver
from rules.specification.predicate import is_predicate
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import Literal, Sort
from rules.symbolic.values import SymbolicRecord, Value, equal, field_types, is_record, leaves


class _Answer(NamedTuple):
    arguments: tuple[Value, ...]
    answer: Value


class _Reader(RuleReader):
    """Reads the program as it is, but that one rule may answer anything; the same for the same arguments.

    What never calls this rule is read by a reader that others have too.
    """

    def __init__(self, unknown: Rule, program: RuleReader) -> None:
        super().__init__()
        self._unknown, self._known = unknown, program
        self.answers: dict[tuple[object, ...], _Answer] = {}

    def call(self, rule: Rule, arguments: Sequence[Value]) -> Value:
        """The result of a rule for these arguments."""
        if rule is not self._unknown:
            return (
                super().call(rule, arguments) if self._unknown in closure(rule) else self._known.call(rule, arguments)
            )
        key = tuple(argument.key for argument in arguments)
        if key not in self.answers:
            name = f"answer {len(self.answers) + 1}"
            self.answers[key] = _Answer(tuple(arguments), _anything(name, get_type_hints(rule)["return"]))
        return self.answers[key].answer


def _anything(name: str, kind: type) -> Value:
    """An unknown value of a type. One of an enum is a choice between the members, for some terms depend on that."""
    if is_record(kind):
        return SymbolicRecord(
            kind, {field: _anything(f"{name}.{field}", sort) for field, sort in field_types(kind).items()}
        )
    variable = terms.variable(name, cast("Sort", kind))
    if not isinstance(kind, EnumMeta):
        return variable
    first, *others = map(terms.constant, cast("Iterable[Literal]", kind))
    for member in others:
        first = terms.choose(terms.equal(variable, member), member, first)
    return first


class Suspects:
    """Tests rules in the states of counterexamples."""

    def __init__(self) -> None:
        self._solver = Solver(BUDGET)
        self._readers = RuleReader(), RuleReader(is_predicate)
        self._programs: dict[Rule, _Program] = {}

    def narrow(self, rules: Iterable[Rule], results: Sequence[ProofResult]) -> list[Rule]:
        """Those of the rules that can be the only wrong one; the more results are known, the fewer."""
        return [rule for rule in rules if all(self._can_mend(rule, result) for result in results)]

    def _can_mend(self, rule: Rule, result: ProofResult) -> bool:
        """Whether the rule could have answered so that nothing is broken in the state of a counterexample."""
        example = result.counterexample
        if example is None or example.command is None:
            return True
        program = self._program(rule)
        known = {name: terms.constant(value) for name, value in example.values.items()}
        conditions = [
            terms.implies(terms.both(*obligation.assumes), obligation.goal)
            for obligation in program.obligations
            if base_command(obligation.command or "") == example.command
        ]
        conditions = terms.substitute_all([*conditions, *program.consistency], known)
        answers = program.variables
        settled = [condition for condition in conditions if terms.variables(condition).keys() <= answers]
        return self._solver.ask(*settled, with_values=False).holds is not False

    def _program(self, rule: Rule) -> _Program:
        if rule not in self._programs:
            self._programs[rule] = _Program(rule, *self._readers)
        return self._programs[rule]


class _Program:
    """The obligations of the program if one rule may answer anything."""

    def __init__(self, unknown: Rule, program: RuleReader, specification: RuleReader) -> None:
        reader = _Reader(unknown, program)
        self.obligations = build_all(ObligationBuilder(reader, specification))
        calls = [*reader.answers.values()]
        self.variables = frozenset(terms.variables(*[part for call in calls for _, part in leaves(call.answer)]))
        self.consistency = [
            terms.implies(terms.both(*map(equal, one.arguments, other.arguments)), equal(one.answer, other.answer))
            for one, other in combinations(calls, 2)
        ]
        """That the rule answers the same to the same arguments."""
