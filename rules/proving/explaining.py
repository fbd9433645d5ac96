"""An explained obligation: what it says, of which code, under which assumptions, and which of them its proof used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from domain.changes import VM_CHANGES
from domain.commands import NAMES
from domain.deciding.steps import STEPS
from domain.decision import Outcome
from domain.state import Host, Site
from rules.catalogue import describe, predicate_named
from rules.kinds import KINDS
from rules.obligations import Obligation
from rules.obligations.builder import base_command
from rules.pages import formula
from rules.solving.prover import BUDGET, VERDICTS, Prover
from rules.solving.verdict import ProofVerdict
from rules.specification.invariants import INVARIANTS
from rules.specification.predicate import is_predicate
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader
from rules.symbolic.source import source_of
from rules.symbolic.terms import ZERO, Op, Term, show, subterms
from rules.symbolic.values import SymbolicRecord, as_term, symbolic
from rules.transitions.vm_commands import SITE

LONG: Final = 12
"""A part of a formula that occurs twice and has more than this many subterms gets a name."""
WIDE: Final = 100
"""An assumption of so many characters is said in words."""
_WITHIN: Final = re.compile(r"\(\((?P<figure>[\w.]+) <= (?P<bound>\d+)\) and \(-(?P=figure) <= (?P=bound)\)\)")


@dataclass(frozen=True, slots=True)
class Assumption:
    """An assumption of an obligation, and whether its proof needs it."""

    says: str
    used: bool
    """Whether the proof fails without it, given only the other used ones; ``False`` if there is no proof."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that can be said about an obligation."""

    name: str
    kind: str
    rule: str
    command: str | None
    verdict: ProofVerdict
    says: str
    kind_says: str
    place: str | None
    """File and line of the predicate; ``None`` for a goal that is built from terms."""
    source: str | None
    """The source of the predicate."""
    program: tuple[str, ...]
    """The rules of the program that it is about, each with file and line."""
    assumes: tuple[Assumption, ...]
    where: tuple[str, ...]
    """Names for parts of the formula that occur more than once."""
    goal: str
    """The formula, over the figures before the command and its arguments."""


def explain(obligation: Obligation, budget: int = BUDGET) -> Explanation:
    """Explains an obligation. Proves it again, to see which assumptions the proof needs."""
    predicate = predicate_named(obligation.rule)
    verdict, used = used_assumptions(obligation, budget)
    writer = _FormulaWriter()
    goal = writer.write(obligation.goal)
    labels = _labels()
    return Explanation(
        name=obligation.name,
        kind=obligation.kind,
        rule=obligation.rule,
        command=obligation.command,
        verdict=verdict,
        says=describe(obligation),
        kind_says=KINDS.get(obligation.kind, obligation.kind),
        place=None if predicate is None else source_of(predicate).location,
        source=None if predicate is None else formula(predicate),
        program=tuple(_program(obligation)),
        assumes=tuple(
            Assumption(labels.get(condition) or _name(obligation, condition), condition in used)
            for condition in dict.fromkeys(obligation.assumes)
        ),
        where=tuple(writer.definitions),
        goal=goal,
    )


def used_assumptions(obligation: Obligation, budget: int = BUDGET) -> tuple[ProofVerdict, frozenset[Term]]:
    """The verdict and, if proved, a minimal set of assumptions: without any one of them the proof fails."""
    solver = Prover(budget).solver
    negated = terms.negation(obligation.goal)
    kept = list(dict.fromkeys(obligation.assumes))
    with solver.assuming(kept):
        verdict = VERDICTS[solver.ask(negated, with_values=False).holds]
    if verdict is not ProofVerdict.PROVED:
        return verdict, frozenset()
    for condition in list(kept):
        rest = [other for other in kept if other is not condition]
        with solver.assuming(rest):
            if solver.ask(negated, with_values=False).holds is False:
                kept = rest
    return verdict, frozenset(kept)


def _program(obligation: Obligation) -> Iterator[str]:
    """The rules that decide the command of an obligation and replay its event."""
    command = base_command(obligation.command or "")
    for kind, step in STEPS.items():
        if NAMES[kind] == command:
            yield f"{source_of(step.rule).location} {step.rule.__name__} decides it"
            change = VM_CHANGES[step.event].rule
            yield f"{source_of(change).location} {change.__name__} says what it changes"


def _name(obligation: Obligation, condition: Term) -> str:
    """An assumption that is no invariant, in few words if its formula is long."""
    text = show(condition)
    if len(text) < WIDE:
        return text
    if text.startswith("(not ") and text.endswith(f" is {Outcome.__name__}.{Outcome.REJECTED.name}))"):
        return f"{obligation.command} is not rejected"
    if match := _WITHIN.fullmatch(text):
        return f"{match['figure']} is at most {match['bound']}, either way"
    return text


def _labels() -> Mapping[Term, str]:
    """Names for the assumptions that are invariants: of the VM, of another VM, or of a host alone."""
    reader = RuleReader(is_predicate)
    other = cast("SymbolicRecord", symbolic("other", Site))
    there = symbolic("destination", Host)
    sites = {
        "": SITE,
        " of the destination": SymbolicRecord(Site, {**SITE.fields, "host": there, "entry": ZERO}),
        " of the other VM": SymbolicRecord(Site, {**other.fields, "host": SITE["host"]}),
        " of the other VM on the destination": SymbolicRecord(Site, {**other.fields, "host": there}),
        " of the host": SymbolicRecord(Site, {**SITE.fields, "entry": ZERO}),
    }
    labels: dict[Term, str] = {}
    for owner, site in sites.items():
        for invariant in INVARIANTS:
            labels.setdefault(as_term(reader.call(invariant, [site])), f"{invariant.__name__}{owner}")
    return labels


class _FormulaWriter:
    """Writes terms as text, with names for parts that occur more than once."""

    def __init__(self) -> None:
        self.definitions: list[str] = []

    def write(self, term: Term) -> str:
        """A term as text; adds a definition for each name that the text uses."""
        parts = subterms(term)
        occurrences: dict[Term, int] = {}
        for part in parts:
            for inner in part.parts:
                occurrences[inner] = occurrences.get(inner, 0) + 1
        written: dict[Term, Term] = {}
        for part in parts:
            short = _with_parts(part, written)
            if occurrences.get(part, 0) > 1 and len(subterms(short)) > LONG and part is not term:
                name = f"x{len(self.definitions) + 1}"
                self.definitions.append(f"{name} = {show(short)}")
                short = terms.variable(name, part.sort)
            written[part] = short
        return show(written[term])


def _with_parts(term: Term, written: Mapping[Term, Term]) -> Term:
    """A term with its parts as they are written. Nothing is simplified."""
    if term.op in (Op.CONSTANT, Op.VARIABLE):
        return term
    return Term(op=term.op, sort=term.sort, parts=tuple(written[part] for part in term.parts), leaf=term.leaf)
