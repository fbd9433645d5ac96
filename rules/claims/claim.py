"""A claim: one predicate of the specification, asked of one command, and how its parameters are bound.

The prover binds parameters to terms (``rules.obligations.claims``), the judge binds them to values (``holds``), both by
these names:

``before`` and ``after`` are the site, VM or host before and after the command, whichever the predicate takes; ``site``,
``vm`` and ``host`` are those before; ``decision`` is the decision; every other name is an argument of the command.
``move-vm`` also has ``destination`` (the other host, before), ``same_host`` (whether that is the VM's own host) and
``left`` (the site that the VM left, afterwards). ``remove-host`` also has ``vms``, the number of VMs on the host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, cast, get_type_hints

from domain.decision import Decision, accepted
from domain.rule import Rule
from domain.state import Host, Site, Vm

CommandState = Site | Host | None
"""The state before or after a command: the site for a command on a VM; the host, or nothing, for one on a host.
``define-vm`` has a host before and a site after."""


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """What a predicate says of a command: proved for every state, and judged for every recorded event."""

    kind: str
    """As in ``rules.kinds.KINDS``."""
    command: str
    """As ``add-memory``."""
    predicate: Rule
    given: Mapping[str, Rule] = field(default_factory=dict[str, Rule])
    """Parameters of the predicate whose values other functions of the specification give, as ``most``."""
    when: Rule | None = None
    """A predicate of the state before: the claim is asked only where it is true; ``None``: always."""
    accepted: bool | None = None
    """``True``: asked only of accepted commands; ``False``: only of those that are not; ``None``: of both."""
    any_state: bool = False
    """Whether it holds in any state, reachable or not, so that its proof needs no invariant."""
    about: Rule | None = None
    """The function that it is named after, if not ``predicate``: a reason, for the claim that the reason is given."""

    @property
    def rule(self) -> str:
        """The name of the function that it is named after."""
        return (self.about or self.predicate).__name__

    @property
    def name(self) -> str:
        """Kind, command and rule, as its obligation is named."""
        return f"{self.kind}/{self.command}/{self.rule}"


# Parameters

STATE_FIELDS: Final[dict[type, str]] = {Vm: "vm", Host: "host"}
"""The field of a site that has this type."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a predicate, and what it is bound to."""

    name: str
    source: str
    """``before``, ``after``, ``decision``, or ``arguments``."""
    kind: type


@cache
def parameters_of(predicate: Rule) -> tuple[Parameter, ...]:
    """The parameters of a predicate, in order."""
    hints = get_type_hints(predicate)
    return tuple(Parameter(name, _source(name), cast("type", kind)) for name, kind in hints.items() if name != "return")


def _source(name: str) -> str:
    if name in ("site", "vm", "host"):
        return "before"
    return name if name in ("before", "after", "decision") else "arguments"


# Values

_Getter = Callable[[CommandState, CommandState, Decision, Mapping[str, object]], object]


def holds(
    claim: Claim, *, before: CommandState, after: CommandState, decision: Decision, arguments: Mapping[str, object]
) -> bool | None:
    """Whether a claim holds for what happened; ``None`` if it is not asked of that.

    CPython calls the predicate that is proved. ``arguments`` are those of the command, by name, and those that this
    module names for ``move-vm`` and ``remove-host``; others are ignored. Raises ``KeyError`` for a missing one.
    """
    bound = bind(claim, before=before, after=after, decision=decision, arguments=arguments)
    return None if bound is None else bool(claim.predicate(**bound))


def bind(
    claim: Claim, *, before: CommandState, after: CommandState, decision: Decision, arguments: Mapping[str, object]
) -> dict[str, Any] | None:
    """The arguments of the claim's predicate, by name; ``None`` if it is not asked.

    They show what was expected: ``why`` is the code that a rejection should have, ``most`` and ``least`` are the bounds
    of a grant.
    """
    if claim.accepted is not None and accepted(decision) is not claim.accepted:
        return None
    if claim.when is not None and not _call(claim.when, before, after, decision, arguments):
        return None
    return {
        name: _call(claim.given[name], before, after, decision, arguments)
        if name in claim.given
        else get(before, after, decision, arguments)
        for name, get in _getters(claim.predicate)
    }


def _call(
    predicate: Rule, before: CommandState, after: CommandState, decision: Decision, arguments: Mapping[str, object]
) -> object:
    return predicate(*[get(before, after, decision, arguments) for _, get in _getters(predicate)])


@cache
def _getters(predicate: Rule) -> tuple[tuple[str, _Getter], ...]:
    return tuple((parameter.name, _getter(parameter)) for parameter in parameters_of(predicate))


def _getter(parameter: Parameter) -> _Getter:
    name, kind = parameter.name, parameter.kind
    state_field = STATE_FIELDS.get(kind, "")

    def select(state: CommandState) -> object:
        return state if isinstance(state, kind) else getattr(state, state_field)

    match parameter.source:
        case "before":
            return lambda before, after, decision, arguments: select(before)
        case "after":
            return lambda before, after, decision, arguments: select(after)
        case "decision":
            return lambda before, after, decision, arguments: decision
        case _:
            return lambda before, after, decision, arguments: arguments[name]
