"""Asking a claim of values, in CPython: the sentences that are proved are called as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from domain.decision import Decision, accepted
from domain.rule import Rule
from domain.state import Host, Site
from rules.claims.binding import PARTS, Parameter, parameters_of
from rules.claims.claim import Claim

Moment = Site | Host | None
"""What is there: of a command on a VM its site; of one on a host the host, or nothing. ``define-vm`` finds a host, and
leaves a site."""

_Get = Callable[[Moment, Moment, Decision, Mapping[str, object]], object]


def holds(
    claim: Claim, *, before: Moment, after: Moment, decision: Decision, arguments: Mapping[str, object]
) -> bool | None:
    """Whether a claim holds of what happened; ``None`` if it is not asked of that.

    ``arguments`` are those of the command, by name, and what ``rules.claims.binding`` says of ``move-vm`` and
    ``remove-host``; more than a claim asks for does no harm. Raises ``KeyError`` for one that is missing.
    """
    given = told(claim, before=before, after=after, decision=decision, arguments=arguments)
    return None if given is None else bool(claim.predicate(**given))


def told(
    claim: Claim, *, before: Moment, after: Moment, decision: Decision, arguments: Mapping[str, object]
) -> dict[str, Any] | None:
    """What the sentence of a claim is given, by name; ``None`` if it is not asked. Say what was expected by it:
    ``why`` is the code that a rejection should have, ``most`` and ``least`` the bounds of a grant.
    """
    if claim.accepted is not None and accepted(decision) is not claim.accepted:
        return None
    if claim.when is not None and not _answer(claim.when, before, after, decision, arguments):
        return None
    return {
        name: _answer(claim.given[name], before, after, decision, arguments)
        if name in claim.given
        else get(before, after, decision, arguments)
        for name, get in _getters(claim.predicate)
    }


def _answer(
    predicate: Rule, before: Moment, after: Moment, decision: Decision, arguments: Mapping[str, object]
) -> object:
    return predicate(*[get(before, after, decision, arguments) for _, get in _getters(predicate)])


@cache
def _getters(predicate: Rule) -> tuple[tuple[str, _Get], ...]:
    return tuple((each.name, _getter(each)) for each in parameters_of(predicate))


def _getter(parameter: Parameter) -> _Get:
    name, kind = parameter.name, parameter.kind
    part = PARTS.get(kind, "")

    def of_moment(moment: Moment) -> object:
        return moment if isinstance(moment, kind) else getattr(moment, part)

    match parameter.of:
        case "before":
            return lambda before, after, decision, arguments: of_moment(before)
        case "after":
            return lambda before, after, decision, arguments: of_moment(after)
        case "decision":
            return lambda before, after, decision, arguments: decision
        case _:
            return lambda before, after, decision, arguments: arguments[name]
