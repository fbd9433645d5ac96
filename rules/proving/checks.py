"""Checks: what keeps a verdict honest. They are part of every run, and listed like obligations.

*vacuity*: what an obligation assumes can be so, else it would be proved of nothing. *reached*: every way in which a
command can be answered is met in a history from an empty host, which CPython replays; what no reachable state answers
is *dead*, by design and by name. *guard*: every condition of every command decides somewhere. *redundancy*: no
invariant follows from the others, but for those that are marked as theorems. *canary*: what is false is refuted.
*independence*: the specification reaches no rule of the program.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Final, cast

from domain.decision import Code, Outcome
from domain.errors import InternalError
from domain.guests import Guest
from domain.rule import RULES
from domain.settings import Mode
from domain.state import Power, Site
from rules.concrete.replay import ran_transition
from rules.obligations import Obligation, Obligations
from rules.proving.check import Check, found, least_first, opposite, verdict
from rules.search.actions import Action
from rules.search.guards import guards_of, where
from rules.search.reachability import MAX_STEPS, CommandHistory, Decided, Search
from rules.solving.prover import ProofVerdict
from rules.solving.solver import SatResult, Solver
from rules.specification.conditions import why_not_start
from rules.specification.invariants import INVARIANTS, THEOREMS, book_agrees
from rules.symbolic import terms
from rules.symbolic.terms import FALSE, TRUE, Term
from rules.symbolic.values import SymbolicRecord, leaves
from rules.transitions.vm_commands import SITE, Transition, record, term


class Checks:
    """All checks of one program and its specification."""

    def __init__(self, obligations: Obligations, made: list[Obligation], search: Search, budget: int) -> None:
        self._obligations = obligations
        self._made = made
        self._search = search
        self._solver = Solver(budget)
        self.met: dict[str, list[CommandHistory]] = {}
        """Histories by the name of their last command."""

    def all(self, rules: Collection[str] = (), commands: Collection[str] = ()) -> Iterator[Check]:
        """The checks, as each is done; with names of rules or commands, those that are about them."""
        yield from self.vacuity()
        if not rules:
            yield from self.reached(commands)
            yield from self.dead(commands)
            yield from self.guards(commands)
        if not commands:
            yield from self.redundancy(rules)
        if not rules and not commands:
            yield from self.independence()
            yield from self.canaries()

    # Assumptions

    def vacuity(self) -> Iterator[Check]:
        """What obligations assume can be so: of each command and kind that assumes anything."""
        groups: dict[tuple[str | None, str], dict[tuple[Term, ...], None]] = {}
        for each in self._made:
            if each.assumes:
                groups.setdefault((each.command, each.kind), {})[each.assumes] = None
        known: dict[tuple[Term, ...], SatResult] = {}
        for (command, kind), assumed in groups.items():
            begun = time.perf_counter()
            for assumes in assumed:
                if assumes not in known:
                    known[assumes] = self._solver.ask(*assumes)
            worst = min((known[assumes] for assumes in assumed), key=least_first)
            wrong = "nothing is as they assume: they are proved of nothing"
            yield found("vacuity", kind, command, begun, worst, wrong)

    def redundancy(self, rules: Collection[str] = ()) -> Iterator[Check]:
        """No invariant says only what the others say, but for theorems, which do."""
        said = dict(zip(INVARIANTS, self._obligations.invariants(SITE), strict=True))
        for invariant, says in said.items():
            if rules and invariant.__name__ not in rules:
                continue
            begun = time.perf_counter()
            others = [each for other, each in said.items() if other is not invariant and other not in THEOREMS]
            answer = self._solver.ask(*others, terms.negation(says))
            if invariant in THEOREMS:  # then it does follow
                yield found(
                    "redundancy",
                    invariant.__name__,
                    None,
                    begun,
                    opposite(answer),
                    "it does not follow from the others",
                )
            else:
                wrong = "it follows from the others: mark it as a theorem, or leave it out"
                yield found("redundancy", invariant.__name__, None, begun, answer, wrong)

    # Answers

    def reached(self, commands: Collection[str] = (), most: int = MAX_STEPS + 1) -> Iterator[Check]:
        """Every way in which a command can be answered is met in a history.

        Raises ``InternalError`` if the decider or the aggregates do otherwise than the transitions say.
        """
        wanted = {name: self._possible(action) for name, action in self._chosen(commands)}
        missing = {(name, decided) for name, each in wanted.items() for decided in each}
        begun = time.perf_counter()
        for name, decided, history in self._search.deciding(wanted, most):
            self.met.setdefault(name, []).append(history)
            transition = self._obligations.transitions.get(name)
            if transition is not None:
                ran_transition(transition, history.values)
            missing.discard((name, decided))
            yield Check("reached", said(decided), name, ProofVerdict.PROVED, time.perf_counter() - begun)
            begun = time.perf_counter()
        for name, decided in sorted(missing):
            reason = "the invariants allow it, and no history that was looked for gets there"
            yield Check("reached", said(decided), name, ProofVerdict.UNKNOWN, 0.0, reason)

    def _chosen(self, commands: Collection[str]) -> list[tuple[str, Action]]:
        return [(name, action) for name, action in self._search.actions.items() if not commands or name in commands]

    def _possible(self, action: Action) -> set[Decided]:
        """All ways in which a command can be answered where the invariants hold."""
        told = [terms.variable("the outcome", Outcome), terms.variable("the code", Code)]
        is_told = [terms.equal(each, action.decision.term(str(each.leaf).removeprefix("the "))) for each in told]
        found: set[Decided] = set()
        others: list[Term] = []
        with self._solver.assuming([*where(self._obligations, action), *is_told]):
            while (answer := self._solver.ask(*others)).holds:
                values = answer.values["the outcome"], answer.values["the code"]
                found.add(cast("Decided", values))
                same = [terms.equal(each, terms.constant(value)) for each, value in zip(told, values, strict=True)]
                others.append(terms.negation(terms.both(*same)))
        if answer.holds is None:
            raise InternalError(f"how {action.name} is answered is not known: {answer.reason}")
        return found

    def dead(self, commands: Collection[str] = ()) -> Iterator[Check]:
        """What no reachable state answers, by design."""
        for name, when, never in DEAD:
            if commands and name not in commands:
                continue
            action = self._search.actions[name]
            begun = time.perf_counter()
            means = [*_fixed(record(SITE["vm"]), when), *_fixed(action.decision, never)]
            answer = self._solver.ask(*where(self._obligations, action), *means)
            words = " ".join(each.value for each in never.values())
            about = words + (f" if {' and '.join(each.value for each in when.values())}" if when else "")
            yield found("dead", about, name, begun, opposite(answer), "some state that keeps the invariants answers so")

    # Conditions

    def guards(self, commands: Collection[str] = ()) -> Iterator[Check]:
        """Every condition of a command decides: in a state that can be, were it otherwise, so were the answer; and
        there are states, reachable or not, in which it holds and decides, and in which it fails and decides.
        """
        for _, action in self._chosen(commands):
            begun = time.perf_counter()
            for atom, answer in guards_of(self._obligations, action, self._solver):
                wrong = "the answer never depends on it"
                yield found("guard", terms.show(atom), action.name, begun, answer, wrong)
                begun = time.perf_counter()

    # What is false

    def canaries(self) -> Iterator[Check]:
        """What is false is refuted: a solver or a reader that lets these through would let anything through."""
        transitions = self._obligations.transitions
        add, start = transitions["add-memory"], transitions["start"]
        kept = self._obligations.reachable(add)
        half = SymbolicRecord(Site, {**add.before.fields, "vm": add.after["vm"]})
        goals: dict[str, tuple[list[Term], Term]] = {
            "a false goal": (kept, FALSE),
            "only the VM's half is saved": (kept, term(self._obligations.specification.call(book_agrees, [half]))),
            "only the host's half is saved": (
                kept,
                term(
                    self._obligations.specification.call(
                        book_agrees, [SymbolicRecord(Site, {**add.after.fields, "vm": add.before["vm"]})]
                    )
                ),
            ),
            "a reader that forgets a case": self._forgetful(start),
        }
        for name, (assumes, goal) in goals.items():
            begun = time.perf_counter()
            answer = self._solver.ask(*assumes, terms.negation(goal))
            yield found(
                "canary", name, None, begun, answer, "it was not refuted: no verdict of this run can be trusted"
            )

    def _forgetful(self, start: Transition) -> tuple[list[Term], Term]:
        """That ``start`` gives its true reasons, read as if it did not ask for the power state."""
        [obligation] = [each for each in self._made if each.name == "reason/start/why_not_start"]
        off = terms.equal(record(SITE["vm"]).term("power"), terms.constant(Power.OFF))
        told = dict(leaves(start.decision))
        read = dict(zip(told, terms.replace_all(list(told.values()), off, TRUE), strict=True))
        why = term(self._obligations.specification.call(why_not_start, [SITE]))
        return list(obligation.assumes), terms.equal(read["code"], why)

    # The specification

    def independence(self) -> Iterator[Check]:
        """The specification reaches no rule of the program, and its source names none."""
        begun = time.perf_counter()
        reached = self._obligations.specification.reached
        rules = [name for name, each in reached.items() if any(each is rule for rule in RULES)]
        reason = f"it reaches {', '.join(rules)}" if rules else ""
        yield Check("independence", "reaches_no_rule", None, verdict(not rules), time.perf_counter() - begun, reason)
        begun = time.perf_counter()
        named = sorted(
            f"{sys.modules[module].__name__}.{name}"
            for module in {each.__module__ for each in reached.values()}
            for name, value in vars(sys.modules[module]).items()
            if any(value is rule for rule in RULES)
        )
        reason = f"it names {', '.join(named)}" if named else ""
        yield Check("independence", "names_no_rule", None, verdict(not named), time.perf_counter() - begun, reason)


DEAD: Final[tuple[tuple[str, dict[str, StrEnum], dict[str, StrEnum]], ...]] = (
    ("reboot-guest", {"memory.mode": Mode.STATIC}, {"outcome": Outcome.FAILED}),
    ("move-vm", {"power": Power.SAVED}, {"outcome": Outcome.FAILED}),
    ("move-vm", {"power": Power.OFF}, {"outcome": Outcome.FAILED}),
    ("reclaim", {"guest": Guest.WINDOWS_LEGACY}, {"code": Code.MEMORY_IN_USE}),
    ("move-vm", {}, {"code": Code.WRONG_POWER_STATE}),
    ("configure-memory", {}, {"code": Code.WRONG_POWER_STATE}),
    ("set-reserve", {}, {"code": Code.INVALID_SETTING}),
)
"""Answers that no reachable state gives, and why that is right: a command, figures of the VM, and the answer."""


def _fixed(whole: SymbolicRecord, figures: Mapping[str, StrEnum]) -> list[Term]:
    places = dict(leaves(whole))
    return [terms.equal(places[path], terms.constant(value)) for path, value in figures.items()]


def said(decided: Decided) -> str:
    """A way to answer, as ``rejected wrong-power-state``; a full one without a code."""
    outcome, code = decided
    return outcome.value if code is Code.NONE else f"{outcome.value} {code.value}"
