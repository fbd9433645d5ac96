"""The claims as obligations: what the judge asks of one recorded event, asked of any state and any arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.state import Site
from rules.claims.binding import PARTS, Parameter, is_moment, parameters_of
from rules.claims.claim import Claim
from rules.claims.table import CLAIMS
from rules.obligations.builder import Making, written
from rules.specification.answers import is_rejected_because
from rules.symbolic import terms
from rules.symbolic.reader import Rule
from rules.symbolic.terms import Term
from rules.symbolic.values import Record, Value, anything
from rules.transitions.vm_commands import SITE, Transition, record, term


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a claim is asked of."""

    before: Record | None
    after: Record | None
    decision: Record
    arguments: Mapping[str, Value]


def claims(making: Making) -> None:
    """Every claim of every command."""
    for each in CLAIMS:
        claim_of(making, each)


def claim_of(making: Making, claim: Claim) -> None:
    """One claim."""
    transition = making.transitions.get(claim.command)
    if transition is None:
        _on_host(making, claim)
    else:
        _on_vm(making, claim, transition)


def _on_vm(making: Making, claim: Claim, transition: Transition) -> None:
    arguments = dict(transition.arguments)
    if transition.left is not None and transition.left_entry is not None:
        left = {**SITE.fields, "host": transition.left, "entry": transition.left_entry}
        arguments["left"] = Record(Site, left)
    goal = _says(making, claim, _Asked(transition.before, transition.after, transition.decision, arguments))
    if claim.accepted is not None:
        takes_place = transition.accepted
        goal = terms.implies(takes_place if claim.accepted else terms.negation(takes_place), goal)
    making.prove(
        claim.kind,
        claim.rule,
        goal,
        command=claim.command,
        assumes=_known(making, claim, transition),
        transition=transition,
    )


def _known(making: Making, claim: Claim, transition: Transition) -> list[Term]:
    """What may be assumed. A reason needs no invariant, but is shown by commands that somebody can write."""
    if claim.any_state:
        return written(transition.arguments) if claim.sentence is is_rejected_because else []
    return making.moving(transition) if claim.kind == "move" else making.reachable(transition)


def _on_host(making: Making, claim: Claim) -> None:
    """What a host becomes is claimed of every figure that its event may carry, accepted or not."""
    command = making.host_commands[claim.command]
    goal = _says(making, claim, _Asked(command.before, command.after, command.decision, command.arguments))
    making.prove(claim.kind, claim.rule, goal, command=claim.command)


def _says(making: Making, claim: Claim, of: _Asked) -> Term:
    """What a claim says, whether or not its command takes effect."""
    bound = {
        each.name: _answer(making, claim.given[each.name], of) if each.name in claim.given else _given(each, of)
        for each in parameters_of(claim.sentence)
    }
    goal = term(making.specification.call(claim.sentence, list(bound.values())))
    return goal if claim.when is None else terms.implies(term(_answer(making, claim.when, of)), goal)


def _answer(making: Making, sentence: Rule, of: _Asked) -> Value:
    return making.specification.call(sentence, [_given(each, of) for each in parameters_of(sentence)])


def _given(parameter: Parameter, of: _Asked) -> Value:
    match parameter.of:
        case "before":
            return _part(of.before, parameter.kind)
        case "after":
            return _part(of.after, parameter.kind)
        case "decision":
            return of.decision
        case _:  # what the rule of a command does not ask for may be anything
            found = of.arguments.get(parameter.name)
            return anything(parameter.name, parameter.kind) if found is None else found


def _part(moment: Record | None, kind: type) -> Value:
    assert is_moment(kind)
    whole = record(moment)
    return whole if whole.kind is kind else whole[PARTS[kind]]
