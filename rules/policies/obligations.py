"""What has to be proved of a policy: that each command keeps it, of every VM and host whose figures it changes.

Nothing is assumed but that the policy holds before, on the very VM and host of which it is asked afterwards, and what
is proved of the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from domain.state import Site
from rules.obligations.builder import Obligation, ObligationBuilder, can_be_written
from rules.policies.policy import Policy
from rules.symbolic import terms
from rules.symbolic.terms import TRUE, ZERO, Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, as_term, choose, leaves, symbolic
from rules.transitions.vm_commands import SITE, Transition

KIND = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A host, and perhaps a VM on it, at one moment: what a policy is asked of."""

    vm: SymbolicRecord | None
    host: SymbolicRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyObligation:
    """That a command keeps a policy."""

    policy: Policy
    command: str
    about: str
    """Of whom: ``the VM``, ``the host``, ``another VM on the host``, …"""
    obligation: Obligation
    accepted: Term
    before: Sight | None
    """``None`` where there was nothing before."""
    after: Sight


def policy_at(policy: Policy, sight: Sight) -> Term:
    """The policy, asked of a VM and a host."""
    known: dict[str, Term] = {}
    if sight.vm is not None:
        known |= dict(leaves(sight.vm, "site.vm"))
    known |= dict(leaves(sight.host, "site.host"))
    return terms.substitute(policy.term, known)


def policy_obligations(builder: ObligationBuilder, policy: Policy) -> Iterator[PolicyObligation]:
    """All obligations of a policy."""
    for transition in builder.transitions.values():
        yield from _of_transition(builder, policy, transition)
    yield from _of_hosts(builder, policy)


def _of_transition(builder: ObligationBuilder, policy: Policy, transition: Transition) -> Iterator[PolicyObligation]:
    assumes = builder.command_assumptions(transition)
    vm, host = as_record(SITE["vm"]), as_record(SITE["host"])
    after_vm, after_host = as_record(transition.after["vm"]), as_record(transition.after["host"])

    def make(about: str, before: Sight, after: Sight, more: list[Term] | None = None) -> PolicyObligation:
        return _make(
            policy,
            transition.command,
            about,
            assumes=[*assumes, *(more or [])],
            accepted=transition.accepted,
            before=before,
            after=after,
            transition=transition,
        )

    if policy.is_over_vms and transition.command != "remove-vm":  # a VM that is gone keeps everything
        yield make("the VM", Sight(vm=vm, host=host), Sight(vm=after_vm, host=after_host))
    if not policy.is_over_hosts:
        return
    sights = [("", host, after_host, as_term(SITE["entry"]))]
    if transition.left is not None:
        destination = as_record(transition.arguments["destination"])
        arrived = as_record(choose(transition.accepted, transition.after["host"], destination))
        sights = [("left ", host, transition.left, as_term(SITE["entry"])), ("new ", destination, arrived, ZERO)]
    for which, before, after, entry in sights:
        if not policy.is_over_vms:
            yield make(f"the {which}host", Sight(vm=None, host=before), Sight(vm=None, host=after))
            continue
        other = as_record(symbolic("other", Site))
        site = SymbolicRecord(Site, {**other.fields, "host": before})
        room = terms.at_most(terms.add(entry, other.term("entry")), before.term("held"))
        beside = as_record(other["vm"])
        yield make(
            f"another VM on the {which}host",
            Sight(vm=beside, host=before),
            Sight(vm=beside, host=after),
            [*builder.invariants(site), room],
        )


def _of_hosts(builder: ObligationBuilder, policy: Policy) -> Iterator[PolicyObligation]:
    vm, host = as_record(SITE["vm"]), as_record(SITE["host"])
    if policy.is_over_vms:
        define = builder.host_commands["define-vm"]
        defined = as_record(define.after)
        yield _make(
            policy,
            "define-vm",
            "the new VM",
            assumes=[*builder.host_invariants(host), *can_be_written(define.arguments)],
            accepted=define.accepted,
            before=None,
            after=Sight(vm=as_record(defined["vm"]), host=as_record(defined["host"])),
        )
    if not policy.is_over_hosts:
        return
    if not policy.is_over_vms:
        register = builder.host_commands["register-host"]
        yield _make(
            policy,
            "register-host",
            "the new host",
            assumes=can_be_written(register.arguments),
            accepted=register.accepted,
            before=None,
            after=Sight(vm=None, host=as_record(register.after)),
        )
    on_it = vm if policy.is_over_vms else None
    known = builder.invariants(SITE) if policy.is_over_vms else builder.host_invariants(host)
    for name in ("resize-host", "set-reserve"):
        command = builder.host_commands[name]
        yield _make(
            policy,
            name,
            "a VM on the host" if on_it is not None else "the host",
            assumes=[*known, *can_be_written(command.arguments)],
            accepted=command.accepted,
            before=Sight(vm=on_it, host=host),
            after=Sight(vm=on_it, host=as_record(command.after)),
        )


def _make(
    policy: Policy,
    command: str,
    about: str,
    *,
    assumes: list[Term],
    accepted: Term,
    before: Sight | None,
    after: Sight,
    transition: Transition | None = None,
) -> PolicyObligation:
    held = TRUE if before is None else policy_at(policy, before)
    return PolicyObligation(
        policy=policy,
        command=command,
        about=about,
        obligation=Obligation(
            kind=KIND,
            rule=policy.name,
            command=command,
            assumes=(*assumes, accepted, held),
            goal=policy_at(policy, after),
            transition=transition,
        ),
        accepted=accepted,
        before=before,
        after=after,
    )


def sight_values(sight: Sight) -> list[Value]:
    """The symbolic values of a sight."""
    return [sight.host] if sight.vm is None else [sight.vm, sight.host]
