"""Policies of observed VMs and hosts, three-valued: what the figures that were measured decide, whatever others are.

A policy over two VMs or a group reads figures of several streams: it is asked when all events of one moment are in. A
policy over a change is asked of what changed between two measures of a VM, in the interval between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final

from domain.envelope import Envelope
from domain.errors import NilometerError
from domain.event import Event
from domain.identifiers import UtcTime, split_stream, vm_stream
from domain.observed.events import HostObserved, Observed, VmMemoryMoved, VmObserved
from domain.observed.host import ObservedHost
from domain.observed.settings import known_parts
from domain.observed.vm import ObservedVm
from domain.recording.vms.records import VmCommandName
from domain.settings import Mode
from domain.state import Power
from rules.judging.findings import Verdict
from rules.policies.judging.bounds import evaluate_bounded
from rules.policies.judging.partial import DERIVED, evaluate_known
from rules.policies.policy import Policy
from rules.policies.subjects import GROUP
from rules.symbolic.terms import Literal, Term, variables

_MEASURES: Final = (HostObserved, VmObserved, VmMemoryMoved)
"""The events after which an observed policy is asked."""
_VM_FIGURES: Final = ("generation", "guest", "power", "session", "assigned", "in_use", "high_watermark", "paged_out")
_HELD: Final = "site.group.held"


@dataclass(slots=True)
class KnownFigures:
    """The figures that are known, by variable, and what was measured as it is."""

    known: dict[str, Literal] = field(default_factory=dict[str, Literal])
    measured: dict[Term, Literal] = field(default_factory=dict[Term, Literal])
    least: dict[str, int] = field(default_factory=dict[str, int])
    """What figures are at least that are not known as a whole."""
    commands: tuple[VmCommandName, ...] = ()
    """The commands of which one made a change; empty if it is not known which may have."""

    def ask(self, term: Term) -> Literal | None:
        """The value of a term, if the known figures decide it, whichever of the commands it was."""
        if not self.commands:
            value = evaluate_known(term, self.known, self.measured)
            if value is None and self.least:
                return evaluate_bounded(term, self.known, self.measured, self.least)
            return value
        values = {
            evaluate_known(term, {**self.known, "site.command": command}, self.measured) for command in self.commands
        }
        return values.pop() if len(values) == 1 else None

    def add(self, name: str, value: Literal | None) -> None:
        """Adds a figure, if it is known."""
        if value is not None:
            self.known[name] = value

    def measure(self, term: Term, value: Literal | None) -> None:
        """Adds what was measured as it is, if it was."""
        if value is not None:
            self.measured[term] = value

    def add_host(self, host: ObservedHost | None) -> None:
        """Adds what is known of a host."""
        if host is not None:
            self.add("site.host.total", host.total)
            self.add("site.host.reserve", host.reserve)
            self.add("site.host.version", host.host_version)
            self.measure(DERIVED["host.free"], host.free)

    def add_vm(self, vm: ObservedVm, role: str = "vm") -> None:
        """Adds what is known of a VM, in one of the roles of a policy."""
        prefix = f"site.{'vm' if role == 'one' else role}"
        for name in _VM_FIGURES:
            self.add(f"{prefix}.{name}", getattr(vm, name))
        self.add(f"{prefix}.ballooned", vm.ballooned)
        self.add(f"{prefix}.in_use_reported", None if vm.in_use is None else True)
        if vm.memory is not None:
            for name, value in known_parts(vm.memory).items():
                self.add(f"{prefix}.memory.{name}", value)
        self.measure(DERIVED[f"{role}.visible"], vm.visible)
        self.measure(DERIVED[f"{role}.held"], vm.held)
        if vm.power is Power.OFF:
            self.add(f"{prefix}.assigned", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyAnswer:
    """What a policy says of an observed VM, host, pair or group, after an event."""

    policy: Policy
    verdict: Verdict
    envelope: Envelope[Event]
    place: str
    stream: str
    """Of whom: the stream, or the book of a group."""
    known: Mapping[str, Literal]
    least: Mapping[str, int]
    """What figures are at least that are not known as a whole."""
    is_about_time: bool
    """Whether it is unknown only since nobody knows whether it happened while the policy applies."""


class ObservedPolicies:
    """Follows observed hosts and VMs, and asks policies of them."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._alone = [policy for policy in policies if not (policy.is_over_pairs or policy.is_over_groups)]
        self._joint = [policy for policy in policies if policy.is_over_pairs or policy.is_over_groups]
        self._asks_changes = any(policy.is_over_changes for policy in policies)
        self._vms: dict[str, ObservedVm] = {}
        self._hosts: dict[str, ObservedHost] = {}
        self._measured: dict[str, UtcTime] = {}
        """When a VM was last measured."""
        self._touched: dict[str, tuple[Envelope[Event], str]] = {}
        """The VMs of this moment, each with its last event."""

    def take(self, envelope: Envelope[Event], event: Observed, place: str) -> list[PolicyAnswer]:
        """Takes the next event of an observed stream; returns what policies say of it, and of the moment before."""
        kind, id = split_stream(envelope.stream)
        happened, earliest = envelope.metadata.happened, envelope.metadata.earliest
        answers = self._finish_before(happened)
        before = deepcopy(self._vms.get(id)) if kind == "vm" and self._asks_changes else None
        try:
            if kind == "vm":
                self._vms.setdefault(id, ObservedVm.begin(id)).apply(event, happened, earliest)
            elif kind == "host":
                self._hosts.setdefault(id, ObservedHost.begin(id)).apply(event, happened, earliest)
            else:
                return answers
        except (NilometerError, TypeError, ValueError):
            return answers  # the judge says what is wrong with the event
        if not isinstance(event, _MEASURES):
            return answers
        if kind == "host":
            figures = KnownFigures()
            figures.add_host(self._hosts[id])
            for policy in self._alone:
                if not policy.is_over_vms and policy.scope.has_host(id):
                    answers.append(self._ask(policy, envelope, place, envelope.stream, figures, earliest))
            return answers
        self._touched[id] = envelope, place
        answers += self._ask_of_vm(envelope, place, before, self._vms[id])
        self._measured[id] = happened
        return answers

    def finish(self) -> list[PolicyAnswer]:
        """The last moment is over."""
        return self._finish_before(None)

    def _finish_before(self, happened: UtcTime | None) -> list[PolicyAnswer]:
        """What policies over several VMs say of the last moment, if this one is another."""
        if not self._touched or any(one.metadata.happened == happened for one, _ in self._touched.values()):
            return []
        touched, self._touched = self._touched, {}
        return [answer for policy in self._joint for answer in self._ask_jointly(policy, touched)]

    def _ask_of_vm(
        self, envelope: Envelope[Event], place: str, before: ObservedVm | None, vm: ObservedVm
    ) -> Iterator[PolicyAnswer]:
        if vm.not_listed_since is not None or vm.retired_since is not None:
            return
        host = None if vm.host is None else self._hosts.get(vm.host)
        for policy in self._alone:
            if not policy.is_over_vms or not policy.scope.has_vm(vm.id, vm.name):
                continue
            if not policy.scope.has_host(vm.host or ""):
                continue
            earliest, figures = envelope.metadata.earliest, KnownFigures()
            figures.add_host(host)
            figures.add_vm(vm)
            if policy.is_over_changes:
                if before is None or _is_same(before, vm):
                    continue
                figures.add_vm(before, "before")
                figures.commands = commands_between(before, vm)
                earliest = earliest or self._measured.get(vm.id)
            yield self._ask(policy, envelope, place, envelope.stream, figures, earliest)

    def _ask_jointly(
        self, policy: Policy, touched: Mapping[str, tuple[Envelope[Event], str]]
    ) -> Iterator[PolicyAnswer]:
        there = [vm for vm in self._vms.values() if vm.not_listed_since is None and vm.retired_since is None]
        if policy.is_over_groups:
            members = [vm for vm in there if policy.scope.has_vm(vm.id, vm.name)]
            last = [touched[vm.id] for vm in members if vm.id in touched]
            if last:
                figures, held = KnownFigures(), [vm.held for vm in members]
                known = sum(part for part in held if part is not None)
                if None in held:
                    figures.least[_HELD] = known
                else:
                    figures.add(_HELD, known)
                yield self._ask(policy, *last[-1], GROUP + policy.scope.group, figures, last[-1][0].metadata.earliest)
            return
        for one, other in _pairs_of(policy, there):
            last = [touched[vm.id] for vm in (one, other) if vm.id in touched]
            if last:
                figures = KnownFigures()
                figures.add_vm(one, "one")
                figures.add_vm(other, "other")
                both = f"{vm_stream(one.id)} {vm_stream(other.id)}"
                yield self._ask(policy, *last[-1], both, figures, last[-1][0].metadata.earliest)

    def _ask(
        self,
        policy: Policy,
        envelope: Envelope[Event],
        place: str,
        stream: str,
        figures: KnownFigures,
        earliest: UtcTime | None,
    ) -> PolicyAnswer:
        window = policy.scope.window
        applies = True if window is None else window.applies_between(earliest, envelope.metadata.happened)
        value = figures.ask(policy.term)
        is_about_time = applies is None and value is False
        if applies is False:
            value = True
        verdict = Verdict.UNKNOWN if value is None or is_about_time else Verdict.HOLDS if value else Verdict.VIOLATED
        return PolicyAnswer(
            policy=policy,
            verdict=verdict,
            envelope=envelope,
            place=place,
            stream=stream,
            known={name: value for name, value in figures.known.items() if name in variables(policy.term)},
            least={name: value for name, value in figures.least.items() if name in variables(policy.term)},
            is_about_time=is_about_time,
        )


def _pairs_of(policy: Policy, vms: Iterable[ObservedVm]) -> Iterator[tuple[ObservedVm, ObservedVm]]:
    there = list(vms)
    for one in there:
        for other in there:
            if one is not other and policy.scope.has_pair((one.id, one.name), (other.id, other.name)):
                yield one, other


_CHANGES: Final = ("host", "power", "session", "assigned", "ballooned", "memory")


def _is_same(before: ObservedVm, after: ObservedVm) -> bool:
    return all(getattr(before, name) == getattr(after, name) for name in _CHANGES)


def commands_between(before: ObservedVm, after: ObservedVm) -> tuple[VmCommandName, ...]:
    """The commands of which one makes a change that was observed; none if several do, or if that is not known."""
    if before.host is not None and before.host != after.host:
        alone = before.power is after.power and before.assigned == after.assigned
        return (VmCommandName.MOVE_VM,) if alone else ()
    if before.power is not after.power:
        return _BY_POWER.get((before.power, after.power), ())
    if before.assigned is None or after.assigned is None or before.assigned == after.assigned:
        return ()
    by_hand, by_itself = _BY_MODE[after.assigned > before.assigned]
    mode = None if after.memory is None else after.memory.mode
    return (by_hand,) if mode is Mode.STATIC else (by_itself,) if mode is Mode.DYNAMIC else (by_hand, by_itself)


_BY_MODE: Final = {
    True: (VmCommandName.ADD_MEMORY, VmCommandName.GROW),
    False: (VmCommandName.REMOVE_MEMORY, VmCommandName.RECLAIM),
}
"""The commands that give and take memory: of a static VM, and of one under Dynamic Memory."""
_BY_POWER: Final[Mapping[tuple[Power | None, Power | None], tuple[VmCommandName, ...]]] = {
    (Power.OFF, Power.RUNNING): (VmCommandName.START,),
    (Power.SAVED, Power.RUNNING): (VmCommandName.RESTORE,),
    (Power.PAUSED, Power.RUNNING): (VmCommandName.RESUME,),
    (Power.RUNNING, Power.PAUSED): (VmCommandName.PAUSE,),
    (Power.RUNNING, Power.SAVED): (VmCommandName.SAVE,),
    (Power.RUNNING, Power.OFF): (VmCommandName.STOP,),
    (Power.PAUSED, Power.OFF): (VmCommandName.STOP,),
    (Power.SAVED, Power.OFF): (VmCommandName.STOP,),
}
"""The command that changes a power state to another one."""
