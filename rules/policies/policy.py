"""A policy: a sentence over a VM, its host, two VMs, a group of VMs, or a change of a VM; and to which it applies."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from domain.identifiers import UtcTime
from rules.policies.window import PolicyWindow
from rules.symbolic.terms import Term

ALL: Final = "*"
ROLES: Final = ("vm", "host", "before", "command", "one", "other", "group")
"""What a policy may be about: a VM, its host, the VM before a command, the command; two VMs; a group of VMs."""


@dataclass(frozen=True, slots=True)
class PolicyScope:
    """To which VMs and hosts a policy applies: patterns of names or ids, as ``db*``; one of each kind is enough."""

    vms: tuple[str, ...] = (ALL,)
    hosts: tuple[str, ...] = (ALL,)
    one: str = ""
    """The one VM of a policy over two, by its name or id."""
    other: str = ""
    group: str = ""
    """The group of a policy over the sum of its VMs, which ``vms`` says."""
    window: PolicyWindow | None = None
    """When it applies; always without one."""

    def has_vm(self, *names: str) -> bool:
        """Whether it has a VM of one of these names: its id and its name."""
        return any(fnmatchcase(name, pattern) for pattern in self.vms for name in names)

    def has_pair(self, one: tuple[str, ...], other: tuple[str, ...]) -> bool:
        """Whether these are the two VMs that it names, each given by its id and its name."""
        return self.one in one and self.other in other

    def has_host(self, name: str) -> bool:
        """Whether it has a host."""
        return any(fnmatchcase(name, pattern) for pattern in self.hosts)

    def covers(self, other: PolicyScope) -> bool:
        """Whether all that is in the other scope is in this one, at any time, as far as the patterns show."""
        always = self.window is None or self.window.covers(other.window)
        return always and _covers(self.vms, other.vms) and _covers(self.hosts, other.hosts)

    def meets(self, other: PolicyScope) -> bool:
        """Whether something may be in both, at some time: unless the patterns and windows show that nothing is."""
        return self.meets_in_time(other) and _meet(self.vms, other.vms) and _meet(self.hosts, other.hosts)

    def meets_in_time(self, other: PolicyScope) -> bool:
        """Whether both may apply at one time."""
        return self.window is None or other.window is None or self.window.meets(other.window)

    def __str__(self) -> str:
        parts = [
            f"{kind} {', '.join(patterns)}"
            for kind, patterns in (("VMs", self.vms), ("hosts", self.hosts))
            if patterns != (ALL,)
        ]
        shown = " on ".join(parts)
        if self.one:
            shown = f"{self.one} and {self.other}"
        if self.group:
            shown = f"group {self.group}: {shown or 'all VMs'}"
        if self.window is not None:
            shown = f"{shown}, {self.window.text}" if shown else self.window.text
        return shown or "all"


def _covers(patterns: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return all(any(pattern in (ALL, other) for pattern in patterns) for other in others)


def _meet(patterns: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return any(_may_meet(one, other) for one in patterns for other in others)


def find_odd_brackets(pattern: str) -> str:
    """What is wrong with the brackets of a pattern, which then matches other names than it seems to; else nothing."""
    at = pattern.find("[")
    while at >= 0:
        begin = at + 2 if pattern[at + 1 : at + 2] == "!" else at + 1
        end = pattern.find("]", begin + 1)  # a ] directly after the [ is one of the characters
        if end < 0:
            return f"the [ in {pattern!r} is not closed"
        within = pattern[begin:end]
        for place in range(1, len(within) - 1):
            if within[place] == "-" and within[place - 1] > within[place + 1]:
                return f"no character is in the range {within[place - 1 : place + 2]} of {pattern!r}"
        at = pattern.find("[", end)
    return ""


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
    """What it is about, of ``ROLES``: ``vm``, ``host``, …; ``one`` and ``other``; or ``group``."""
    term: Term
    """Over the variables of ``arguments``: ``site.vm.assigned``, ``site.host.total``. ``one`` is ``site.vm``."""
    text: str = field(repr=False)
    """Its source, from its first line to its last."""
    place: str
    """File and line, as ``policies.py:4``."""

    @property
    def is_over_vms(self) -> bool:
        """Whether it is about one VM, and perhaps its host and what changes it."""
        return not self.over.isdisjoint(("vm", "before", "command"))

    @property
    def is_over_hosts(self) -> bool:
        """Whether it is about a host."""
        return "host" in self.over

    @property
    def is_over_pairs(self) -> bool:
        """Whether it is about two VMs."""
        return "one" in self.over

    @property
    def is_over_groups(self) -> bool:
        """Whether it is about what VMs hold together."""
        return "group" in self.over

    @property
    def is_over_changes(self) -> bool:
        """Whether it is about a change of a VM (the VM before, or the command), and so is not asked of states."""
        return not self.over.isdisjoint(("before", "command"))

    def applies_at(self, time: UtcTime) -> bool:
        """Whether it applies at a time."""
        return self.scope.window is None or self.scope.window.applies_at(time)
