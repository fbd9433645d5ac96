"""How two policies meet: what of both must hold at once of one VM, pair or group, and what one says of the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from domain.quantities import LARGEST
from domain.state import Site
from rules.obligations.builder import ObligationBuilder
from rules.policies.arguments import BEFORE, GROUP, OTHER
from rules.policies.policy import Policy
from rules.specification.figures import held_by
from rules.symbolic import terms
from rules.symbolic.terms import Term
from rules.symbolic.values import SymbolicRecord, as_record, leaves, symbolic
from rules.transitions.vm_commands import SITE

_SECOND: Final = cast("SymbolicRecord", symbolic("second", Site))
"""The host of the other VM of a pair, and what its book says."""
_SECOND_GROUP: Final = terms.variable("second.group.held", int)


class Known:
    """What the rules say of all that policies are about: a VM and its host, another VM, a VM before, and a group."""

    def __init__(self, builder: ObligationBuilder) -> None:
        vm = as_record(SITE["vm"])
        beside = SymbolicRecord(Site, {**_SECOND.fields, "vm": OTHER})
        earlier = SymbolicRecord(Site, {**SITE.fields, "vm": BEFORE, "entry": terms.variable("second.before", int)})
        held = builder.apply(held_by, vm=vm)
        self._always = [*builder.invariants(SITE), _is_a_size(as_record(SITE["host"]))]
        self._of_pairs = [*builder.invariants(beside), _is_a_size(as_record(beside["host"]))]
        self._of_changes = builder.invariants(earlier)
        self._of_groups = [terms.at_most(held, group) for group in (GROUP.term("held"), _SECOND_GROUP)]

    def about(self, *policies: Policy) -> list[Term]:
        """What they are about, and no more."""
        known = [*self._always]
        if any(policy.is_over_pairs for policy in policies):
            known += self._of_pairs
        if any(policy.is_over_changes for policy in policies):
            known += self._of_changes
        if any(policy.is_over_groups for policy in policies):
            known += self._of_groups
        return known


def _is_a_size(host: SymbolicRecord) -> Term:
    """That a host has no more memory than can be written: what needs more is kept by nothing."""
    return terms.at_most(host.term("total"), terms.constant(LARGEST))


def together(one: Policy, other: Policy) -> list[Term] | None:
    """What holds if both policies do, of what both apply to; ``None`` if that is nothing."""
    if not one.scope.meets_in_time(other.scope):
        return None
    if one.is_over_pairs and other.is_over_pairs:
        return _of_two_pairs(one, other)
    if one.is_over_pairs or other.is_over_pairs:
        pair, single = (one, other) if one.is_over_pairs else (other, one)
        if single.is_over_groups:
            return None
        met = list(_of_each(single, pair))
        return [pair.term, *met] if met else None
    if not one.scope.meets(other.scope):
        return None
    if one.is_over_groups and other.is_over_groups and one.scope.group != other.scope.group:
        return [one.term, _of_second_group(other), *_sums(one, other)]
    return [one.term, other.term]


def implying(one: Policy, other: Policy) -> list[Term] | None:
    """What the first policy says of all that the second applies to; ``None`` if it is not about all of that."""
    if one.is_over_changes or other.is_over_changes:
        same = one.is_over_changes and other.is_over_changes and one.scope.covers(other.scope)
        return [one.term] if same else None
    always = one.scope.window is None or one.scope.window.covers(other.scope.window)
    if other.is_over_pairs:
        if one.is_over_pairs:
            met = _of_two_pairs(other, one)
            return met[1:] if always and met else None
        met = [] if one.is_over_groups or one.is_over_hosts else list(_of_each(one, other))
        return met if always and len(met) == 2 else None
    if one.is_over_pairs or one.is_over_groups is not other.is_over_groups or not one.scope.covers(other.scope):
        return None
    if one.is_over_groups and one.scope.group != other.scope.group:
        return [_of_second_group(one), *_sums(other, one)]
    return [one.term]


def _same_pair(one: Policy, other: Policy) -> bool:
    return {one.scope.one, one.scope.other} == {other.scope.one, other.scope.other}


def _of_two_pairs(one: Policy, other: Policy) -> list[Term] | None:
    """Both of one pair, whichever way each names it."""
    if not _same_pair(one, other):
        return None
    return [one.term, other.term if one.scope.one == other.scope.one else _exchanged(other.term)]


def _exchanged(term: Term) -> Term:
    return terms.substitute(
        term, {**dict(leaves(OTHER, "site.vm")), **dict(leaves(as_record(SITE["vm"]), "site.other"))}
    )


def _of_each(single: Policy, pair: Policy) -> Iterator[Term]:
    """What a policy over a VM or a host says of each of two VMs that it applies to."""
    if not single.is_over_vms or single.scope.has_vm(pair.scope.one):
        yield single.term
    if not single.is_over_vms or single.scope.has_vm(pair.scope.other):
        known = dict(leaves(OTHER, "site.vm")) | dict(leaves(as_record(_SECOND["host"]), "site.host"))
        yield terms.substitute(single.term, known)


def _of_second_group(policy: Policy) -> Term:
    return terms.substitute(policy.term, {"site.group.held": _SECOND_GROUP})


def _sums(first: Policy, second: Policy) -> Iterator[Term]:
    """A group that has all VMs of another one holds at least as much."""
    if second.scope.covers(first.scope):
        yield terms.at_most(GROUP.term("held"), _SECOND_GROUP)
    if first.scope.covers(second.scope):
        yield terms.at_most(_SECOND_GROUP, GROUP.term("held"))
