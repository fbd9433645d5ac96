"""The claims as obligations: what the judge asks of one recorded event, asked of any state and any arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.rule import Rule
from domain.state import Site
from rules.claims.claim import STATE_FIELDS, Claim, Parameter, parameters_of
from rules.claims.table import CLAIMS
from rules.obligations.builder import ObligationBuilder, can_be_written
from rules.specification.answers import is_rejected_because
from rules.symbolic import terms
from rules.symbolic.terms import Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, as_term, symbolic
from rules.transitions.vm_commands import SITE, Transition


@dataclass(frozen=True, slots=True)
class _Bindings:
    """The values that the parameters of a claim are bound to."""

    before: SymbolicRecord | None
    after: SymbolicRecord | None
    decision: SymbolicRecord
    arguments: Mapping[str, Value]


def claims(builder: ObligationBuilder) -> None:
    """Builds the obligation of each claim of the table."""
    for claim in CLAIMS:
        add_claim(builder, claim)


def add_claim(builder: ObligationBuilder, claim: Claim) -> None:
    """Builds the obligation of one claim."""
    transition = builder.transitions.get(claim.command)
    if transition is None:
        _add_host_claim(builder, claim)
    else:
        _add_vm_claim(builder, claim, transition)


def _add_vm_claim(builder: ObligationBuilder, claim: Claim, transition: Transition) -> None:
    arguments = dict(transition.arguments)
    if transition.left is not None and transition.left_entry is not None:
        left = {**SITE.fields, "host": transition.left, "entry": transition.left_entry}
        arguments["left"] = SymbolicRecord(Site, left)
    bindings = _Bindings(
        before=transition.before, after=transition.after, decision=transition.decision, arguments=arguments
    )
    goal = _goal(builder, claim, bindings)
    if claim.accepted is not None:
        goal = terms.implies(transition.accepted if claim.accepted else terms.negation(transition.accepted), goal)
    builder.add(
        claim.kind,
        claim.rule,
        goal,
        command=claim.command,
        assumes=_assumptions(builder, claim, transition),
        transition=transition,
    )


def _assumptions(builder: ObligationBuilder, claim: Claim, transition: Transition) -> list[Term]:
    """A reason needs no invariant, but its counterexamples are commands that can be written."""
    if claim.any_state:
        return can_be_written(transition.arguments) if claim.predicate is is_rejected_because else []
    is_move = claim.kind == "move"
    return builder.command_assumptions(transition) if is_move else builder.state_assumptions(transition)


def _add_host_claim(builder: ObligationBuilder, claim: Claim) -> None:
    command = builder.host_commands[claim.command]
    bindings = _Bindings(
        before=command.before, after=command.after, decision=command.decision, arguments=command.arguments
    )
    goal = _goal(builder, claim, bindings)
    if claim.accepted is not None:
        goal = terms.implies(command.accepted if claim.accepted else terms.negation(command.accepted), goal)
    builder.add(claim.kind, claim.rule, goal, command=claim.command)


def _goal(builder: ObligationBuilder, claim: Claim, bindings: _Bindings) -> Term:
    """The claim's predicate where its condition is true, whether or not the command is accepted."""
    arguments = [
        _call(builder, claim.given[parameter.name], bindings)
        if parameter.name in claim.given
        else _value(parameter, bindings)
        for parameter in parameters_of(claim.predicate)
    ]
    goal = as_term(builder.specification.call(claim.predicate, arguments))
    return goal if claim.when is None else terms.implies(as_term(_call(builder, claim.when, bindings)), goal)


def _call(builder: ObligationBuilder, predicate: Rule, bindings: _Bindings) -> Value:
    return builder.specification.call(
        predicate, [_value(parameter, bindings) for parameter in parameters_of(predicate)]
    )


def _value(parameter: Parameter, bindings: _Bindings) -> Value:
    match parameter.source:
        case "before":
            return _select(bindings.before, parameter.kind)
        case "after":
            return _select(bindings.after, parameter.kind)
        case "decision":
            return bindings.decision
        case _:  # an argument that the deciding rule does not read may have any value
            value = bindings.arguments.get(parameter.name)
            return symbolic(parameter.name, parameter.kind) if value is None else value


def _select(state: SymbolicRecord | None, kind: type) -> Value:
    record = as_record(state)
    return record if record.kind is kind else record[STATE_FIELDS[kind]]
