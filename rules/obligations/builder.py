"""How obligations are written down: what the program does, what is known before, and what a sentence says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Final

from domain.rule import Rule
from domain.state import Site
from rules.obligations.obligation import Obligation
from rules.specification.invariants import INVARIANTS, host_is_real, host_never_overcommitted
from rules.specification.predicate import is_predicate
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader, sorts_of
from rules.symbolic.terms import ZERO, Term
from rules.symbolic.values import SymbolicRecord, Value, leaves
from rules.transitions.host_commands import host_commands
from rules.transitions.vm_commands import SITE, Transition, term, transitions


class ObligationBuilder:
    """A program and a specification, and the obligations that were made of them so far."""

    def __init__(self, program: RuleReader | None = None, specification: RuleReader | None = None) -> None:
        self.program = program or RuleReader()
        self.specification = specification or RuleReader(is_predicate)
        self.transitions = {each.command: each for each in transitions(self.program)}
        self.host_commands = host_commands(self.program)
        self.made: list[Obligation] = []
        self._reachable: dict[str, list[Term]] = {}

    def under(self, specification: RuleReader) -> ObligationBuilder:
        """The same program under another specification, and nothing made yet."""
        other = copy(self)
        other.specification, other.made, other._reachable = specification, [], {}
        return other

    def prove(
        self,
        kind: str,
        rule: Rule | str,
        goal: Term,
        *,
        command: str | None = None,
        assumes: Sequence[Term] = (),
        transition: Transition | None = None,
    ) -> None:
        """Writes one down."""
        name = rule if isinstance(rule, str) else rule.__name__
        self.made.append(Obligation(kind, name, command, tuple(assumes), goal, transition))

    def says(self, predicate: Rule, **given: Value) -> Term:
        """What a sentence says of what it is given, by the names of its parameters."""
        return term(self.specification.call(predicate, [given[name] for name in sorts_of(predicate)]))

    # What is known before

    def invariants(self, site: SymbolicRecord) -> list[Term]:
        """That all invariants hold of a site."""
        return [self.says(invariant, site=site) for invariant in INVARIANTS]

    def real(self, host: Value) -> list[Term]:
        """That what holds of a host without VMs does: of its site with no entry."""
        site = SymbolicRecord(Site, {**SITE.fields, "host": host, "entry": ZERO})
        return [self.says(each, site=site) for each in (host_is_real, host_never_overcommitted)]

    def reachable(self, transition: Transition) -> list[Term]:
        """That the state before is one that can be, and the arguments can be written."""
        known = self._reachable.get(transition.command)
        if known is None:
            known = [*self.invariants(transition.before), *written(transition.arguments)]
            self._reachable[transition.command] = known
        return [*known]

    def moving(self, transition: Transition) -> list[Term]:
        """What is known before a command; of a move also that the other host is one, and knows nothing of the VM."""
        assumes = self.reachable(transition)
        if transition.left is not None:
            assumes += self.real(transition.arguments["destination"])
        return assumes


_SIZES: Final = frozenset(
    ("amount", "size", "in_use", "total", "reserve", "startup", "minimum", "maximum", "assigned", "high_watermark")
)


def is_size(path: str) -> bool:
    """Whether a figure is a size, by its path."""
    return path.rpartition(".")[2] in _SIZES


def written_sizes(arguments: Mapping[str, Value]) -> list[Term]:
    """The sizes among the arguments of a command: what somebody wrote, not what a host that it names has."""
    return [
        part
        for name, value in arguments.items()
        if name != "destination"
        for path, part in leaves(value, name)
        if part.sort is int and is_size(path)
    ]


def written(arguments: Mapping[str, Value]) -> list[Term]:
    """That the sizes among the arguments can be written: none is negative."""
    return [terms.at_most(ZERO, part) for part in written_sizes(arguments)]


def number(name: str) -> Term:
    """Any whole number."""
    return terms.variable(name, int)
