"""What an obligation is, and the builder that all kinds of them are built with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from domain.rule import Rule
from domain.settings import Mode
from domain.state import Site
from rules.specification.invariants import INVARIANTS, host_is_real, host_never_overcommitted
from rules.specification.predicate import is_predicate
from rules.symbolic import terms
from rules.symbolic.definition import parameter_types
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import ZERO, Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, as_term, leaves
from rules.transitions.host_commands import host_commands
from rules.transitions.vm_commands import SITE, Transition, transitions


@dataclass(frozen=True, slots=True)
class Obligation:
    """A goal that must be true wherever the assumptions are."""

    kind: str
    """As in ``rules.kinds.KINDS``."""
    rule: str
    """The name of the predicate that it is about, or of a goal in ``rules.catalogue.GOALS``."""
    command: str | None
    assumes: tuple[Term, ...]
    goal: Term
    transition: Transition | None = field(default=None, compare=False)
    """The transition of the command, to show a counterexample by."""

    @property
    def name(self) -> str:
        """Kind, command and rule, as ``keeps/start/book_agrees``."""
        return "/".join(part for part in (self.kind, self.command, self.rule) if part)


def base_command(command: str) -> str:
    """The command of an obligation, without the role in brackets: ``move-vm`` for ``move-vm (source)``."""
    return command.partition(" (")[0]


class ObligationBuilder:
    """Builds obligations of a program and a specification: those that run, unless other readers are given."""

    def __init__(self, program: RuleReader | None = None, specification: RuleReader | None = None) -> None:
        self.program = program or RuleReader()
        self.specification = specification or RuleReader(is_predicate)
        self.transitions = {transition.command: transition for transition in transitions(self.program)}
        self.host_commands = host_commands(self.program)
        self.obligations: list[Obligation] = []
        self._state_assumptions: dict[str, list[Term]] = {}

    def with_specification(self, specification: RuleReader) -> ObligationBuilder:
        """A builder for the same program and another specification, without obligations yet."""
        other = copy(self)
        other.specification, other.obligations, other._state_assumptions = specification, [], {}
        return other

    def add(
        self,
        kind: str,
        rule: Rule | str,
        goal: Term,
        *,
        command: str | None = None,
        assumes: Sequence[Term] = (),
        transition: Transition | None = None,
    ) -> None:
        """Adds an obligation."""
        self.obligations.append(
            Obligation(
                kind=kind,
                rule=rule if isinstance(rule, str) else rule.__name__,
                command=command,
                assumes=tuple(assumes),
                goal=goal,
                transition=transition,
            )
        )

    def apply(self, predicate: Rule, **arguments: Value) -> Term:
        """The term of a predicate for these arguments, which are given by name."""
        return as_term(self.specification.call(predicate, [arguments[name] for name in parameter_types(predicate)]))

    # Assumptions

    def invariants(self, site: SymbolicRecord) -> list[Term]:
        """Terms that are true if all invariants hold for a site."""
        return [self.apply(invariant, site=site) for invariant in INVARIANTS]

    def host_invariants(self, host: Value) -> list[Term]:
        """Terms that are true if the invariants of a host without VMs hold: those of its site without an entry."""
        site = SymbolicRecord(Site, {**SITE.fields, "host": host, "entry": ZERO})
        return [self.apply(invariant, site=site) for invariant in (host_is_real, host_never_overcommitted)]

    def state_assumptions(self, transition: Transition) -> list[Term]:
        """The assumptions that the state before is reachable and that the arguments can be written."""
        known = self._state_assumptions.get(transition.command)
        if known is None:
            known = [*self.invariants(transition.before), *can_be_written(transition.arguments)]
            self._state_assumptions[transition.command] = known
        return [*known]

    def command_assumptions(self, transition: Transition) -> list[Term]:
        """``state_assumptions``; for ``move-vm`` also that the invariants of the destination hold, without the VM."""
        assumes = self.state_assumptions(transition)
        if transition.left is not None:
            assumes += self.host_invariants(transition.arguments["destination"])
        return assumes


@cache
def running_rules() -> ObligationBuilder:
    """The rules that run, read once in a process, for whoever adds no obligation to them."""
    return ObligationBuilder()


_SIZES: Final = frozenset(
    ("amount", "size", "in_use", "total", "reserve", "startup", "minimum", "maximum", "assigned", "high_watermark")
)


def is_size(path: str) -> bool:
    """Whether a figure is a size, by its path."""
    return path.rpartition(".")[2] in _SIZES


def size_arguments(arguments: Mapping[str, Value]) -> list[Term]:
    """The sizes among the arguments of a command, without the figures of a destination host."""
    return [
        part
        for name, value in arguments.items()
        if name != "destination"
        for path, part in leaves(value, name)
        if part.sort is int and is_size(path)
    ]


def can_be_written(arguments: Mapping[str, Value]) -> list[Term]:
    """The assumptions that arguments can be written: no size is negative, and a static setting is only a size."""
    assumptions = [terms.at_most(ZERO, part) for part in size_arguments(arguments)]
    memory = arguments.get("memory")
    if memory is not None:
        setting = as_record(memory)
        is_dynamic = terms.equal(setting.term("mode"), terms.constant(Mode.DYNAMIC))
        zeros = [terms.equal(setting.term(name), ZERO) for name in ("minimum", "maximum", "buffer", "weight")]
        assumptions.append(terms.either(is_dynamic, terms.both(*zeros)))
    return assumptions


def integer(name: str) -> Term:
    """A variable for any integer."""
    return terms.variable(name, int)
