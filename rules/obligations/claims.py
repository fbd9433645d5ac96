"""The claims as obligations: what the judge asks of one recorded event, asked of any state and any arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.rule import Rule
from domain.state import Site
from rules.claims.binding import PARTS, Parameter, is_moment, parameters_of
from rules.claims.claim import Claim
from rules.claims.table import CLAIMS
from rules.obligations.builder import ObligationBuilder, written
from rules.specification.answers import is_rejected_because
from rules.symbolic import terms
from rules.symbolic.terms import Term
from rules.symbolic.values import SymbolicRecord, Value, anything
from rules.transitions.vm_commands import SITE, Transition, record, term


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a claim is asked of."""

    before: SymbolicRecord | None
    after: SymbolicRecord | None
    decision: SymbolicRecord
    arguments: Mapping[str, Value]


def claims(builder: ObligationBuilder) -> None:
    """Every claim of every command."""
    for each in CLAIMS:
        claim_of(builder, each)


def claim_of(builder: ObligationBuilder, claim: Claim) -> None:
    """One claim."""
    transition = builder.transitions.get(claim.command)
    if transition is None:
        _on_host(builder, claim)
    else:
        _on_vm(builder, claim, transition)


def _on_vm(builder: ObligationBuilder, claim: Claim, transition: Transition) -> None:
    arguments = dict(transition.arguments)
    if transition.left is not None and transition.left_entry is not None:
        left = {**SITE.fields, "host": transition.left, "entry": transition.left_entry}
        arguments["left"] = SymbolicRecord(Site, left)
    goal = _says(builder, claim, _Asked(transition.before, transition.after, transition.decision, arguments))
    if claim.accepted is not None:
        takes_place = transition.accepted
        goal = terms.implies(takes_place if claim.accepted else terms.negation(takes_place), goal)
    builder.prove(
        claim.kind,
        claim.rule,
        goal,
        command=claim.command,
        assumes=_known(builder, claim, transition),
        transition=transition,
    )


def _known(builder: ObligationBuilder, claim: Claim, transition: Transition) -> list[Term]:
    """What may be assumed. A reason needs no invariant, but is shown by commands that somebody can write."""
    if claim.any_state:
        return written(transition.arguments) if claim.predicate is is_rejected_because else []
    return builder.moving(transition) if claim.kind == "move" else builder.reachable(transition)


def _on_host(builder: ObligationBuilder, claim: Claim) -> None:
    """What a host becomes is claimed of every figure that its event may carry, accepted or not."""
    command = builder.host_commands[claim.command]
    goal = _says(builder, claim, _Asked(command.before, command.after, command.decision, command.arguments))
    builder.prove(claim.kind, claim.rule, goal, command=claim.command)


def _says(builder: ObligationBuilder, claim: Claim, of: _Asked) -> Term:
    """What a claim says, whether or not its command takes effect."""
    bound = {
        each.name: _answer(builder, claim.given[each.name], of) if each.name in claim.given else _given(each, of)
        for each in parameters_of(claim.predicate)
    }
    goal = term(builder.specification.call(claim.predicate, list(bound.values())))
    return goal if claim.when is None else terms.implies(term(_answer(builder, claim.when, of)), goal)


def _answer(builder: ObligationBuilder, predicate: Rule, of: _Asked) -> Value:
    return builder.specification.call(predicate, [_given(each, of) for each in parameters_of(predicate)])


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


def _part(moment: SymbolicRecord | None, kind: type) -> Value:
    assert is_moment(kind)
    whole = record(moment)
    return whole if whole.kind is kind else whole[PARTS[kind]]
