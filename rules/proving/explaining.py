"""An obligation explained: what it claims, of which code, under which assumptions, and which of them its proof used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Final, cast

from domain.changes import VM_CHANGES
from domain.commands import NAMES
from domain.deciding.steps import STEPS
from domain.rule import Rule
from domain.state import Host, Site
from rules.catalogue import KINDS, predicate_named, says
from rules.obligations import Obligation, Obligations
from rules.pages import formula
from rules.solving.prover import BUDGET, VERDICTS, ProofVerdict, Prover
from rules.specification.invariants import INVARIANTS
from rules.symbolic import terms
from rules.symbolic.source import source_of
from rules.symbolic.terms import ZERO, Op, Term, show, subterms
from rules.symbolic.values import SymbolicRecord, anything
from rules.transitions.vm_commands import SITE

LONG: Final = 12
"""A part of a formula that comes twice and is longer than so many terms gets a name."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """What an obligation may take for granted, and whether its proof needs it."""

    says: str
    used: bool
    """Without it, and with the other used ones alone, the proof fails. Of what is not proved: false."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is to be said of an obligation."""

    name: str
    kind: str
    rule: str
    command: str | None
    verdict: ProofVerdict
    says: str
    kind_says: str
    place: str | None
    """File and line of the sentence of the specification; ``None`` of a goal that is put together from terms."""
    source: str | None
    """The sentence itself."""
    program: tuple[str, ...]
    """The rules of the program that it is about, each with file and line."""
    assumes: tuple[Assumption, ...]
    where: tuple[str, ...]
    """Names for parts of the formula that come more than once."""
    goal: str
    """The formula, over the figures before the command and its arguments."""


def explain(obligation: Obligation, budget: int = BUDGET) -> Explanation:
    """Explains an obligation, and proves it anew to see what the proof needs."""
    predicate = predicate_named(obligation.rule)
    verdict, used = needed(obligation, budget)
    names = _Names()
    goal = names.text(obligation.goal)
    labels = _labels()
    assumes = [Assumption(labels.get(each) or show(each), each in used) for each in dict.fromkeys(obligation.assumes)]
    return Explanation(
        obligation.name,
        obligation.kind,
        obligation.rule,
        obligation.command,
        verdict,
        says(obligation),
        KINDS.get(obligation.kind, obligation.kind),
        None if predicate is None else place(predicate),
        None if predicate is None else formula(predicate),
        tuple(_program(obligation)),
        tuple(assumes),
        tuple(names.told),
        goal,
    )


def needed(obligation: Obligation, budget: int = BUDGET) -> tuple[ProofVerdict, frozenset[Term]]:
    """The verdict, and of a proved one a least set of assumptions: without any of them the proof fails."""
    solver = Prover(budget).solver
    negated = terms.negation(obligation.goal)
    left = list(dict.fromkeys(obligation.assumes))
    with solver.assuming(left):
        verdict = VERDICTS[solver.ask(negated).holds]
    if verdict is not ProofVerdict.PROVED:
        return verdict, frozenset()
    for each in list(left):
        rest = [other for other in left if other is not each]
        with solver.assuming(rest):
            if solver.ask(negated).holds is False:
                left = rest
    return verdict, frozenset(left)


def place(function: Rule) -> str:
    """File and line of a function, from the folder that its package stands in."""
    file = function.__module__.replace(".", "/")
    return f"{file}.py:{source_of(cast('FunctionType', function)).tree.lineno}"


def _program(obligation: Obligation) -> Iterator[str]:
    """The rules that decide the command of an obligation, and replay its event."""
    command = (obligation.command or "").partition(" ")[0]
    for kind, step in STEPS.items():
        if NAMES[kind] == command:
            yield f"{place(step.rule)} {step.rule.__name__} decides it"
            change = VM_CHANGES[step.event].rule
            yield f"{place(change)} {change.__name__} says what it changes"


def _labels() -> Mapping[Term, str]:
    """Names for assumptions that are invariants: of the VM, of another VM, or of a host alone."""
    made = Obligations()
    other = cast("SymbolicRecord", anything("other", Site))
    there = anything("destination", Host)
    sites = {
        "": SITE,
        " of the destination": SymbolicRecord(Site, {**SITE.fields, "host": there, "entry": ZERO}),
        " of the other VM": SymbolicRecord(Site, {**other.fields, "host": SITE["host"]}),
        " of the other VM on the destination": SymbolicRecord(Site, {**other.fields, "host": there}),
        " of the host": SymbolicRecord(Site, {**SITE.fields, "entry": ZERO}),
    }
    labels: dict[Term, str] = {}
    for whose, site in sites.items():
        for invariant, said in zip(INVARIANTS, made.invariants(site), strict=True):
            labels.setdefault(said, f"{invariant.__name__}{whose}")
    return labels


class _Names:
    """Writes terms, with names for what comes more than once."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def text(self, term: Term) -> str:
        """A term, after what it is written with was told."""
        parts = subterms(term)
        times: dict[Term, int] = {}
        for part in parts:
            for inner in part.parts:
                times[inner] = times.get(inner, 0) + 1
        written: dict[Term, Term] = {}
        for part in parts:
            anew = _over(part, written)
            if times.get(part, 0) > 1 and len(subterms(anew)) > LONG and part is not term:
                name = f"x{len(self.told) + 1}"
                self.told.append(f"{name} = {show(anew)}")
                anew = terms.variable(name, part.sort)
            written[part] = anew
        return show(written[term])


def _over(part: Term, written: Mapping[Term, Term]) -> Term:
    """A term made of what its parts are written as; nothing is simplified."""
    if part.op in (Op.CONSTANT, Op.VARIABLE):
        return part
    return Term(part.op, part.sort, tuple(written[inner] for inner in part.parts), part.leaf)
