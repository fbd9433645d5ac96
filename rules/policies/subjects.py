"""Of whom a policy is asked in a world: a VM with its host, a host, two VMs, or a group with its running total."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Final, cast

from domain.aggregates import VmAggregate
from domain.deciding.world import World
from domain.identifiers import StreamName, host_stream, split_stream, subject_id, vm_stream
from domain.recording.vms.records import VmCommandName
from domain.state import Group, Host, Vm
from rules.policies.compiling import Measure
from rules.policies.policy import Policy
from rules.symbolic.terms import Literal, variables
from rules.symbolic.values import constants, leaves

GROUP: Final = "group/"
"""What the name of a group's book begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectState:
    """What a policy is asked of, and under which name: the stream of a VM or host, or the book of a group."""

    stream: StreamName
    other_stream: StreamName | None = None
    """The stream of the second of two VMs."""
    vm: Vm | None = None
    host: Host | None = None
    other: Vm | None = None
    group: Group | None = None
    before: Vm | None = None
    command: VmCommandName | None = None

    @property
    def name(self) -> str:
        """The subject as people say it."""
        if self.other_stream is not None:
            return f"{subject_id(self.stream)} and {subject_id(self.other_stream)}"
        return f"the group {self.stream.removeprefix(GROUP)}" if self.group is not None else subject_id(self.stream)

    @property
    def key(self) -> str:
        """The same for the same VMs, host or group at any time."""
        return self.stream if self.other_stream is None else f"{self.stream} {self.other_stream}"

    def measure(self, measure: Measure) -> int:
        """How far it is from keeping a policy."""
        return measure(self.vm, self.host, self.other, self.group, self.before, self.command)

    def figures(self, policy: Policy) -> dict[str, Literal]:
        """The figures that a policy reads, by their paths: ``vm.assigned``; of two VMs ``one.assigned``."""
        parts = {"vm": self.vm, "host": self.host, "other": self.other, "group": self.group, "before": self.before}
        known: dict[str, Literal | None] = {"site.command": self.command}
        for name, value in parts.items():
            if value is not None:
                known |= {path: cast("Literal", term.leaf) for path, term in leaves(constants(value), f"site.{name}")}
        found = {name: known.get(name) for name in variables(policy.term)}
        return {path_of(policy, name): value for name, value in found.items() if value is not None}


def path_of(policy: Policy, variable: str) -> str:
    """The path of a variable, as a policy says it: ``vm.assigned``; of two VMs ``one.assigned``."""
    path = variable.removeprefix("site.")
    return f"one.{path.removeprefix('vm.')}" if policy.is_over_pairs and path.startswith("vm.") else path


def subjects_in(policy: Policy, world: World, vms: Iterable[str] | None = None) -> Iterator[SubjectState]:
    """All in a world that a policy is about, with their figures now; or of some VMs only, each alone."""
    if policy.is_over_groups:
        held = [vm.state.held for id, vm in world.vms.items() if policy.scope.has_vm(id, vm.name)]
        yield SubjectState(stream=StreamName(GROUP + policy.scope.group), group=Group(sum(held)))
    elif policy.is_over_pairs:
        for one, other in permutations(world.vms.values(), 2):
            if policy.scope.has_pair((one.id, one.name), (other.id, other.name)):
                yield _pair(one, other)
    elif not policy.is_over_vms:
        for id, host in world.hosts.items():
            if policy.scope.has_host(id):
                yield SubjectState(stream=host_stream(id), host=host.state)
    else:
        for id in world.vms if vms is None else vms:
            vm = world.vms.get(id)
            if vm and vm.host in world.hosts and policy.scope.has_vm(id, vm.name) and policy.scope.has_host(vm.host):
                yield SubjectState(stream=vm_stream(id), vm=vm.state, host=world.hosts[vm.host].state)


def _pair(one: VmAggregate, other: VmAggregate) -> SubjectState:
    return SubjectState(stream=vm_stream(one.id), other_stream=vm_stream(other.id), vm=one.state, other=other.state)


@dataclass(slots=True)
class GroupBook:
    """What each VM of a group holds, and the running total."""

    held: int = 0
    entries: dict[str, int] = field(default_factory=dict[str, int])

    def set(self, vm: str, held: int) -> None:
        """Sets what a VM holds; 0 takes its entry out."""
        self.held += held - self.entries.pop(vm, 0)
        if held:
            self.entries[vm] = held


class Subjects:
    """Finds of whom policies are asked after a command that touched some streams of a world."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._groups = {policy.scope.group: policy.scope for policy in policies if policy.is_over_groups}
        self.books: defaultdict[str, GroupBook] = defaultdict(GroupBook)
        """By the name of the group."""
        self._on: defaultdict[str, set[str]] = defaultdict(set)
        self._named: defaultdict[str, set[str]] = defaultdict(set)
        """The ids of VMs by each of their names, of which one is the id."""

    def place(self, id: str, name: str, was_on: str | None, vm: VmAggregate | None) -> None:
        """A VM began, changed, moved, or is gone (``None``). ``was_on`` is its host before."""
        if was_on is not None:
            self._on[was_on].discard(id)
        if vm is not None:
            self._on[vm.host].add(id)
        for known_as in {id, name}:
            (self._named[known_as].discard if vm is None else self._named[known_as].add)(id)
        for group, scope in self._groups.items():
            if scope.has_vm(id, name):
                self.books[group].set(id, 0 if vm is None else vm.state.held)

    def find(self, policy: Policy, world: World, touched: Iterable[StreamName]) -> Iterator[SubjectState]:
        """The VMs, hosts, pairs and groups that were touched and that a policy is about, with their figures now."""
        named = [split_stream(stream) for stream in sorted(touched)]
        vms = [id for kind, id in named if kind == "vm" and id in world.vms]
        if policy.is_over_groups:
            yield from self._group(policy, world, [id for kind, id in named if kind == "vm"])
        elif policy.is_over_pairs:
            yield from self._pairs(policy, world, vms)
        elif not policy.is_over_vms:
            for kind, id in named:
                if kind == "host" and id in world.hosts and policy.scope.has_host(id):
                    yield SubjectState(stream=host_stream(id), host=world.hosts[id].state)
        else:
            ids = set(vms)
            if policy.is_over_hosts and not policy.is_over_changes:
                ids |= {vm for kind, id in named if kind == "host" for vm in self._on.get(id, ())}
            yield from subjects_in(policy, world, sorted(ids))

    def _group(self, policy: Policy, world: World, touched: Iterable[str]) -> Iterator[SubjectState]:
        name, scope = policy.scope.group, policy.scope
        if any(id not in world.vms or scope.has_vm(id, world.vms[id].name) for id in touched):
            yield SubjectState(stream=StreamName(GROUP + name), group=Group(self.books[name].held))

    def _pairs(self, policy: Policy, world: World, touched: Sequence[str]) -> Iterator[SubjectState]:
        for one in sorted(self._named.get(policy.scope.one, ())):
            for other in sorted(self._named.get(policy.scope.other, ())):
                if one != other and (one in touched or other in touched):
                    yield _pair(world.vms[one], world.vms[other])
