"""A policy: a sentence over a VM, a host, or a VM and its host, and to which of them it applies."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from rules.symbolic.terms import Term

ALL: Final = "*"


@dataclass(frozen=True, slots=True)
class PolicyScope:
    """To which VMs and hosts a policy applies: patterns of names or ids, as ``db*``; one of each kind is enough."""

    vms: tuple[str, ...] = (ALL,)
    hosts: tuple[str, ...] = (ALL,)

    def has_vm(self, *names: str) -> bool:
        """Whether it has a VM of one of these names: its id and its name."""
        return any(fnmatchcase(name, pattern) for pattern in self.vms for name in names)

    def has_host(self, name: str) -> bool:
        """Whether it has a host."""
        return any(fnmatchcase(name, pattern) for pattern in self.hosts)

    def covers(self, other: PolicyScope) -> bool:
        """Whether all that is in the other scope is in this one, as far as the patterns show."""
        return _covers(self.vms, other.vms) and _covers(self.hosts, other.hosts)

    def meets(self, other: PolicyScope) -> bool:
        """Whether something may be in both: unless the patterns show that nothing is."""
        return _meet(self.vms, other.vms) and _meet(self.hosts, other.hosts)

    def __str__(self) -> str:
        parts = [
            f"{kind} {', '.join(patterns)}"
            for kind, patterns in (("VMs", self.vms), ("hosts", self.hosts))
            if patterns != (ALL,)
        ]
        return " on ".join(parts) or "all"


def _covers(patterns: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return all(any(pattern in (ALL, other) for pattern in patterns) for other in others)


def _meet(patterns: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return any(_may_meet(one, other) for one in patterns for other in others)


def _may_meet(one: str, other: str) -> bool:
    """Whether a name may match both patterns, by what they begin with."""
    begins = [pattern.partition("*")[0].partition("?")[0].partition("[")[0] for pattern in (one, other)]
    if one == begins[0] and other == begins[1]:
        return one == other
    if one == begins[0] or other == begins[1]:
        exact, pattern = (one, other) if one == begins[0] else (other, one)
        return fnmatchcase(exact, pattern)
    return begins[0].startswith(begins[1]) or begins[1].startswith(begins[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy that was read."""

    name: str
    sentence: str
    """What it says, for an operator."""
    scope: PolicyScope
    over: frozenset[str]
    """Of what it speaks: ``vm``, ``host``, or both."""
    term: Term
    """Over the variables of a site: ``site.vm.assigned``, ``site.host.total``."""
    text: str = field(repr=False)
    """Its source, from its first line to its last."""
    place: str
    """File and line, as ``policies.py:4``."""

    @property
    def is_over_vms(self) -> bool:
        """Whether it speaks of a VM."""
        return "vm" in self.over

    @property
    def is_over_hosts(self) -> bool:
        """Whether it speaks of a host."""
        return "host" in self.over
