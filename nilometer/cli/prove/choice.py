"""Which obligations are meant by the names that somebody typed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from domain.errors import InputError
from nilometer.suggesting import did_you_mean
from rules.catalogue import RULE_NAMES, filter_by_rule
from rules.concrete.replay import bare
from rules.obligations import Obligation
from rules.proving.run import obligations_named


@dataclass(frozen=True, slots=True)
class Choice:
    """The obligations that are meant, and the names by which the prover finds them; no names mean all."""

    rules: Collection[str]
    commands: Collection[str]
    obligations: Sequence[Obligation]


def choose(rules: Collection[str], commands: Collection[str]) -> Choice:
    """The obligations about these rules and these commands. Raises ``InputError`` for a name that there is not."""
    all = obligations_named()
    predicates: dict[str, None] = {}
    for name in rules:
        meant = filter_by_rule(name, all)
        if not meant:
            names = [*RULE_NAMES, *[each.rule for each in all]]
            raise InputError(f"there is no rule {name!r}", hint=did_you_mean(name, names, "docs/rules.md lists them"))
        predicates.update((each.rule, None) for each in meant)
    known = {bare(each.command) for each in all if each.command}
    for name in commands:
        if bare(name) not in known:
            raise InputError(f"nothing is to be proved of a command {name!r}", hint=did_you_mean(name, known))
    told = {bare(name): None for name in commands}
    left = [
        each
        for each in all
        if (not rules or each.rule in predicates) and (not commands or bare(each.command or "") in told)
    ]
    if not left:
        of = dict.fromkeys(bare(each.command) for each in all if each.rule in predicates and each.command)
        hint = f"it is proved of {', '.join(of)}" if of else "it is about no command: leave --command out"
        raise InputError(f"nothing is to be proved of {', '.join(rules)} and {', '.join(commands)}", hint=hint)
    return Choice(list(predicates), list(told), left)


def obligation_named(name: str) -> Obligation:
    """The obligation of that name. Raises ``InputError`` if there is none."""
    try:
        return obligations_named([name])[0]
    except KeyError:
        known = [each.name for each in obligations_named()]
        hint = did_you_mean(name, known, "nilo prove lists them")
        raise InputError(f"there is no obligation {name!r}", hint=hint) from None
