"""How the decided part of a history kept policies: asked after each command, of every VM and host that it changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from domain.aggregates import HistoryError
from domain.deciding.world import World
from domain.envelope import Envelope
from domain.errors import InputError
from domain.event import Event
from domain.events import (
    HostCommandRefused,
    HostEvent,
    HostMemoryGranted,
    HostMemoryReturned,
    VmCommandRefused,
    VmEvent,
)
from domain.identifiers import StreamName, UtcTime, host_stream, split_stream, vm_stream
from domain.state import Host, Vm
from rules.policies.compiling import Measure, compile_measure
from rules.policies.policy import Policy
from rules.symbolic.terms import Literal, variables
from rules.symbolic.values import constants, leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBreach:
    """A command after which a policy does not hold of a VM or host, and which did not find it so, or made it worse."""

    policy: Policy
    position: int
    """Of the first event of the command."""
    command: str
    event: StreamName
    """The stream of that event."""
    stream: StreamName
    """Whose state breaks the policy."""
    figures: Mapping[str, Literal]
    """The figures that the policy reads, after the command."""
    happened: UtcTime
    actor: str
    held_before: bool
    distance: int
    """How far from holding it is: bytes, where it compares sizes."""


@dataclass(slots=True)
class PolicyCounts:
    """How often a policy was asked, and what came of it."""

    holds: int = 0
    violated: int = 0


class PolicyHistory:
    """Follows a history, event by event, in the order of positions."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._measures: list[tuple[Policy, Measure]] = [(policy, compile_measure(policy.term)) for policy in policies]
        self._world = World()
        self._on: defaultdict[str, set[str]] = defaultdict(set)
        self._distances: dict[tuple[str, StreamName], int] = {}
        self._first: Envelope[Event] | None = None
        self._touched: set[StreamName] = set()
        self.commands = 0
        """Commands that changed something."""
        self.counts = {policy.name: PolicyCounts() for policy in policies}
        self.unreadable: set[StreamName] = set()
        """Streams with an event that does not follow: nothing is said of them any more."""

    def take(self, envelope: Envelope[Event]) -> list[PolicyBreach]:
        """Takes the next event; returns what the command before it broke, if it is complete now."""
        event = envelope.event
        breaches: list[PolicyBreach] = []
        if not isinstance(event, HostMemoryGranted | HostMemoryReturned):
            breaches = self.finish()
        if not isinstance(event, VmEvent | HostEvent) or envelope.stream in self.unreadable:
            return breaches
        if isinstance(event, VmCommandRefused | HostCommandRefused):
            self._apply(envelope)
            return breaches
        if self._first is None:
            self._first = envelope
            self.commands += 1
        self._touched.add(envelope.stream)
        self._apply(envelope)
        return breaches

    def finish(self) -> list[PolicyBreach]:
        """The last command is complete: returns what it broke."""
        first, self._first = self._first, None
        touched, self._touched = self._touched, set()
        if first is None:
            return []
        return [breach for policy, measure in self._measures for breach in self._ask(policy, measure, first, touched)]

    def _apply(self, envelope: Envelope[Event]) -> None:
        kind, id = split_stream(envelope.stream)
        before = self._world.vms.get(id) if kind == "vm" else None
        host = None if before is None else before.host
        try:
            self._world.apply_event(envelope.stream, envelope.event)
        except (HistoryError, InputError):
            self.unreadable.add(envelope.stream)
            (self._world.vms if kind == "vm" else self._world.hosts).pop(id, None)
        if kind == "vm":
            after = self._world.vms.get(id)
            if host is not None:
                self._on[host].discard(id)
            if after is not None:
                self._on[after.host].add(id)

    def _ask(
        self, policy: Policy, measure: Measure, first: Envelope[Event], touched: Iterable[StreamName]
    ) -> Iterator[PolicyBreach]:
        for stream, vm, host in self._subjects_of(policy, touched):
            distance = measure(vm, host)
            before = self._distances.get((policy.name, stream), 0)
            self._distances[policy.name, stream] = distance
            if distance <= before:
                self.counts[policy.name].holds += distance == 0
                continue
            self.counts[policy.name].violated += 1
            command = getattr(first.event, "command", "")
            yield PolicyBreach(
                policy=policy,
                position=first.position,
                command=str(command),
                event=first.stream,
                stream=stream,
                figures=_figures_of(policy, vm, host),
                happened=first.metadata.happened,
                actor=first.metadata.actor,
                held_before=before == 0,
                distance=distance,
            )

    def _subjects_of(
        self, policy: Policy, touched: Iterable[StreamName]
    ) -> Iterator[tuple[StreamName, Vm | None, Host]]:
        """The VMs or hosts that were touched and that a policy is about, with their figures now."""
        vms, hosts = self._world.vms, self._world.hosts
        named = [split_stream(stream) for stream in sorted(touched)]
        if not policy.is_over_vms:
            for kind, id in named:
                if kind == "host" and id in hosts and policy.scope.has_host(id):
                    yield host_stream(id), None, hosts[id].state
            return
        ids = {id for kind, id in named if kind == "vm"}
        if policy.is_over_hosts:
            ids |= {vm for kind, id in named if kind == "host" for vm in self._on.get(id, ())}
        for id in sorted(ids & vms.keys()):
            vm = vms[id]
            if vm.host in hosts and policy.scope.has_vm(id, vm.name) and policy.scope.has_host(vm.host):
                yield vm_stream(id), vm.state, hosts[vm.host].state


def _figures_of(policy: Policy, vm: Vm | None, host: Host) -> dict[str, Literal]:
    """The figures that a policy reads, by their paths."""
    known = dict(leaves(constants(host), "site.host"))
    if vm is not None:
        known |= dict(leaves(constants(vm), "site.vm"))
    return {
        name.removeprefix("site."): cast("Literal", known[name].leaf)
        for name in variables(policy.term)
        if name in known
    }
