"""Which obligations to prove, by the names of rules and commands that somebody typed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from domain.errors import InputError
from nilometer.suggesting import did_you_mean
from rules.catalogue import RULE_NAMES, filter_by_rule
from rules.obligations import Obligation
from rules.obligations.builder import base_command
from rules.proving.run import obligations_named, select_obligations


@dataclass(frozen=True, slots=True)
class Selection:
    """The names to give to ``prove`` for what is selected; no names mean all."""

    rules: Collection[str]
    commands: Collection[str]

    @property
    def obligations(self) -> Sequence[Obligation]:
        """The selected obligations."""
        return select_obligations(self.rules, self.commands)


def select(rules: Collection[str], commands: Collection[str]) -> Selection:
    """Selects the obligations about these rules and commands. Raises ``InputError`` for an unknown name."""
    if not rules and not commands:
        return Selection((), ())  # nothing has to be built to know that
    obligations = select_obligations()
    predicates = dict.fromkeys(predicate for rule in rules for predicate in _predicates_of(rule, obligations))
    known_commands = {base_command(known.command) for known in obligations if known.command}
    for name in commands:
        if base_command(name) not in known_commands:
            hint = did_you_mean(name, known_commands)
            raise InputError(f"there is nothing to prove about a command {name!r}", hint=hint)
    names = dict.fromkeys(map(base_command, commands))
    if not select_obligations(predicates, names):
        of_rules = dict.fromkeys(
            base_command(known.command) for known in obligations if known.rule in predicates and known.command
        )
        hint = f"it is proved of {', '.join(of_rules)}" if of_rules else "it is about no command: leave --command out"
        raise InputError(f"there is nothing to prove about {', '.join(rules)} and {', '.join(commands)}", hint=hint)
    return Selection(list(predicates), list(names))


def _predicates_of(rule: str, obligations: Sequence[Obligation]) -> list[str]:
    """The names of the predicates that prove a rule."""
    proving = filter_by_rule(rule, obligations)
    if not proving:
        names = [*RULE_NAMES, *[known.rule for known in obligations]]
        hint = did_you_mean(rule, names, f"the rules are {', '.join(RULE_NAMES)}")
        raise InputError(f"there is no rule {rule!r}", hint=hint)
    return [obligation.rule for obligation in proving]


def obligation_named(name: str) -> Obligation:
    """The obligation of this name. Raises ``InputError`` if there is none."""
    try:
        return obligations_named([name])[0]
    except KeyError:
        known = [obligation.name for obligation in obligations_named()]
        hint = did_you_mean(name, known, "nilo prove lists them")
        raise InputError(f"there is no obligation {name!r}", hint=hint) from None
