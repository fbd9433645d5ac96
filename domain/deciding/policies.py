"""Adopted policies, kept at one place: what the rules allow is refused, or granted less, where it would break one.

A policy comes as a value with functions that were compiled from its formula. It is asked of every VM and host whose
figures a command changes, before and after: a command may not make it worse. ``stop`` and ``remove-vm`` are never
refused: they are the way out of every breach. Nor is ``report-in-use``: it says what a guest uses, which is so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from dataclasses import replace as replace_fields
from typing import Any, Final, cast

from domain import commands, events
from domain.aggregates import HostAggregate, VmAggregate
from domain.changes import host_figures
from domain.commands import COMMANDS, NAMES, Command
from domain.deciding.answer import Answer
from domain.deciding.evidence import arguments
from domain.decision import Code, Decision, Outcome, accepted, failed, rejected
from domain.events import Event, Evidence, HostEvent, VmEvent
from domain.evolve import vm_defined
from domain.identifiers import StreamName, UtcTime, host_stream, subject_id, vm_stream
from domain.policy_events import (
    HostRefusedByPolicy,
    PolicyRead,
    VmMemoryAddedWithinPolicy,
    VmMemoryRemovedWithinPolicy,
    VmRefusedByPolicy,
)
from domain.quantities import QUANTUM
from domain.record import Record, record
from domain.replacing import replace
from domain.state import Host, Vm

WAYS_OUT: Final = frozenset(("stop", "remove-vm"))
"""Commands that end every breach: a policy that would refuse one is not adopted."""
FACTS: Final = frozenset(("report-in-use",))
"""Commands that only record what is so."""
NEVER_REFUSED: Final = WAYS_OUT | FACTS
"""Commands that no policy refuses."""
RESIZES: Final = frozenset(("add-memory", "remove-memory", "grow", "reclaim"))
"""Commands with an amount, of which less may be granted."""


NamedVm = tuple[str, Vm]
"""The name and the state of a VM."""


@record()
class JointFigures(Record):
    """How far VMs together are from keeping a policy, and the figures that it reads of them."""

    distance: int
    figures: Mapping[str, int | bool | str]


@record()
class EnforcedPolicy(Record):
    """An adopted policy, as the decider asks it."""

    name: str
    version: int
    """The version of its stream at which it was adopted."""
    sentence: str
    over_vms: bool
    over_hosts: bool
    has_vm: Callable[[str, str], bool]
    """Whether it applies to a VM, by id and name."""
    has_host: Callable[[str], bool]
    measure: Callable[[Vm | None, Host], int]
    """How far a VM and its host, or a host alone, are from keeping it: 0 if they do."""
    figures: Callable[[Vm | None, Host], Mapping[str, int | bool | str]]
    """The figures that it reads."""
    monotone: frozenset[str]
    """Commands of which a smaller amount keeps it wherever a larger one does."""
    beside: frozenset[str]
    """Commands that may break it of other VMs on the host than the one that they name, or of several VMs together."""
    joint: Callable[[Mapping[str, NamedVm]], Mapping[StreamName, JointFigures]] | None = None
    """Of a policy over two VMs or a group: how far each of them is from keeping it, by all VMs that are there."""
    change: Callable[[Vm, Vm, Host, str], int] | None = None
    """Of a policy over a change: how far it is from keeping it, by the VM before and after, its host, and the command.
    The VM before it is among the ``figures`` of none."""
    applies_at: Callable[[UtcTime], bool] | None = None
    """Whether it applies at a time; always without this."""


@record()
class PolicySubject(Record):
    """A VM and its host, or a host alone, at one moment."""

    id: str
    name: str
    """Of the VM; of a host alone, its id."""
    state: Vm | None
    """Of the VM; ``None`` of a host alone."""
    host_id: str
    host: Host


def subject_distance(policy: EnforcedPolicy, subject: PolicySubject | None) -> int | None:
    """How far a subject is from keeping a policy; ``None`` where the policy does not apply to it."""
    if subject is None or not policy.has_host(subject.host_id):
        return None
    if policy.over_vms and not policy.has_vm(subject.id, subject.name):
        return None
    return policy.measure(subject.state, subject.host)


def reads_everyone(policies: Sequence[EnforcedPolicy], command: Command) -> bool:
    """Whether a policy has to be asked of VMs on whatever hosts: of two, or of a group."""
    return any(policy.joint is not None and NAMES[type(command)] in policy.beside for policy in policies)


def has_windows(policies: Sequence[EnforcedPolicy]) -> bool:
    """Whether one of them does not always apply."""
    return any(policy.applies_at is not None for policy in policies)


def at_time(policies: Sequence[EnforcedPolicy], time: UtcTime) -> tuple[EnforcedPolicy, ...]:
    """The policies that apply at a time."""
    return tuple(policy for policy in policies if policy.applies_at is None or policy.applies_at(time))


def reads_beside(policies: Sequence[EnforcedPolicy], command: Command) -> bool:
    """Whether a policy has to be asked of the other VMs on the hosts that a command changes."""
    name = NAMES[type(command)]
    return any(name in policy.beside for policy in policies)


@record()
class PolicyReads(Record):
    """What the decider read, as policies are asked of it."""

    vm: VmAggregate | None
    hosts: tuple[HostAggregate, ...]
    beside: tuple[VmAggregate, ...]
    """The VMs on these hosts, where a policy may be broken of others than the one that is named."""
    everyone: tuple[VmAggregate, ...] = ()
    """All VMs, where a policy may be broken of several together."""


def find_broken(policies: Sequence[EnforcedPolicy], reads: PolicyReads, answer: Answer) -> list[PolicyRead]:
    """The policies that an answer would make worse, each of whom, in the order of their names."""
    found: list[PolicyRead] = []
    changes = _subject_changes(reads, answer)
    for policy in policies:
        if policy.joint is not None:
            found += _find_broken_jointly(policy, policy.joint, reads, changes.get(answer.target))
            continue
        if policy.change is not None:
            found += _find_broken_change(policy, policy.change, answer, changes.get(answer.target))
            continue
        for stream, (before, after) in changes.items():
            if after is None or policy.over_vms is (after.state is None):
                continue
            if not policy.measure(after.state, after.host):
                continue  # as most commands keep all: whom it applies to, and what was before, is asked of the others
            distance = subject_distance(policy, after)
            if not distance:
                continue
            held = subject_distance(policy, before) or 0
            if distance > held:
                figures = policy.figures(after.state, after.host)
                found.append(
                    PolicyRead(policy.name, policy.version, policy.sentence, stream, held, distance, dict(figures))
                )
    return found


def _find_broken_jointly(
    policy: EnforcedPolicy,
    joint: Callable[[Mapping[str, NamedVm]], Mapping[StreamName, JointFigures]],
    reads: PolicyReads,
    change: SubjectChange | None,
) -> Iterator[PolicyRead]:
    """Two VMs, or a group, that are further from keeping a policy after a change of one VM."""
    if not reads.everyone or change is None or change[1] is None or change[1].state is None:
        return
    vms = {vm.id: (vm.name, vm.state) for vm in reads.everyone}
    changed = change[1]
    assert changed.state is not None
    before = joint(vms)
    for stream, after in joint({**vms, changed.id: (changed.name, changed.state)}).items():
        held = before[stream].distance if stream in before else 0
        if after.distance > held:
            yield PolicyRead(
                policy.name, policy.version, policy.sentence, stream, held, after.distance, dict(after.figures)
            )


def _find_broken_change(
    policy: EnforcedPolicy,
    measure: Callable[[Vm, Vm, Host, str], int],
    answer: Answer,
    change: SubjectChange | None,
) -> Iterator[PolicyRead]:
    """A change of a VM that a policy does not allow."""
    if change is None:
        return
    before, after = change
    if before is None or after is None or before.state is None or after.state is None:
        return
    if not (policy.has_vm(after.id, after.name) and policy.has_host(after.host_id)):
        return
    event = answer.events[0][1]
    distance = measure(before.state, after.state, after.host, getattr(event, "command", answer.command))
    if distance:
        figures = dict(policy.figures(after.state, after.host))
        yield PolicyRead(policy.name, policy.version, policy.sentence, answer.target, 0, distance, figures)


SubjectChange = tuple[PolicySubject | None, PolicySubject | None]
"""A VM or host, before a command and after it; ``None`` where it is not there."""


def _subject_changes(reads: PolicyReads, answer: Answer) -> dict[StreamName, SubjectChange]:
    """Every VM and host whose figures an answer changes, and the other VMs on these hosts that were read."""
    hosts = {host.id: host.state for host in reads.hosts}
    after, changes = dict(hosts), dict[StreamName, SubjectChange]()
    first = answer.events[0][1]
    for stream, event in answer.events:
        if isinstance(event, HostEvent):
            id = subject_id(stream)
            state = after[id] = _host_after(hosts.get(id), event)
            before = PolicySubject(id, id, None, id, hosts[id]) if id in hosts else None
            changes[stream] = before, PolicySubject(id, id, None, id, state)
    for other in reads.beside:
        on, then = hosts[other.host], after[other.host]
        if then is not on:
            changes[vm_stream(other.id)] = (
                PolicySubject(other.id, other.name, other.state, other.host, on),
                PolicySubject(other.id, other.name, other.state, other.host, then),
            )
    if isinstance(first, events.VmDefined):
        vm = vm_defined(first.generation, first.guest, first.config_version, first.memory)
        on = after[first.host]
        changes[answer.target] = None, PolicySubject(subject_id(answer.target), first.name, vm, first.host, on)
    elif reads.vm is not None and answer.after is not None:
        named = reads.vm
        host = first.destination if isinstance(first, events.VmMoved) else named.host
        changes[answer.target] = (
            PolicySubject(named.id, named.name, named.state, named.host, hosts[named.host]),
            PolicySubject(named.id, named.name, answer.after, host, after[host]),
        )
    return changes


def _host_after(before: Host | None, event: HostEvent) -> Host:
    figures = event.after
    version = event.version if isinstance(event, events.HostRegistered) else None if before is None else before.version
    if version is None:
        raise TypeError("a host changed that was not read")
    return Host(figures.total, figures.reserve, version, figures.held)  # by position: this is done for every command


# The guard


def keep_policies(
    policies: Sequence[EnforcedPolicy],
    command: Command,
    reads: PolicyReads,
    answer: Answer,
    decide: Callable[[Command], Answer],
) -> Answer:
    """The answer of the rules if it keeps all policies; else what can be granted of it, or a refusal.

    ``decide`` decides another command by the rules alone, on the same state.
    """
    if not answer.events or not accepted(answer.decision) or answer.command in NEVER_REFUSED:
        return answer
    if _keeps_all(policies, reads, answer):
        return answer
    broken = find_broken(policies, reads, answer)
    if not broken:
        return answer
    can_be_less = answer.command in RESIZES and all(
        answer.command in policy.monotone for policy in policies if find_broken([policy], reads, answer)
    )
    if can_be_less:
        less, broken = _find_most(policies, command, reads, answer, broken, decide)
        if less is not None:
            return _grant_less(answer, less, broken)
    return _refuse(command, reads, answer, broken, can_be_less=can_be_less)


def _keeps_all(policies: Sequence[EnforcedPolicy], reads: PolicyReads, answer: Answer) -> bool:
    """Whether a change of one VM on its host keeps every policy, whoever it applies to: most commands do.

    It only spares the longer way: what it does not see, as of a move or of other VMs, is asked there.
    """
    if reads.vm is None or answer.after is None or reads.beside or len(reads.hosts) != 1:
        return False
    (host,) = reads.hosts
    on = host.state
    for _, event in answer.events[1:]:
        assert isinstance(event, HostEvent)
        on = _host_after(on, event)
    return not any(
        policy.joint is not None
        or policy.change is not None
        or policy.measure(answer.after if policy.over_vms else None, on)
        for policy in policies
    )


def _find_most(
    policies: Sequence[EnforcedPolicy],
    command: Command,
    reads: PolicyReads,
    answer: Answer,
    broken: list[PolicyRead],
    decide: Callable[[Command], Answer],
) -> tuple[Answer | None, list[PolicyRead]]:
    """The answer of the rules to the largest amount that keeps all policies, and what one quantum more would break.

    ``None`` if not even one quantum keeps them.
    """
    found, keeps, breaks = None, 0, (answer.granted or 0) // QUANTUM
    while breaks - keeps > 1:
        middle = (keeps + breaks) // 2
        smaller = decide(_with_amount(command, answer, reads, middle * QUANTUM))
        broken_then = find_broken(policies, reads, smaller)
        if broken_then:
            broken, breaks = broken_then, middle
        else:
            found, keeps = smaller, middle
    return found, broken


def _with_amount(command: Command, answer: Answer, reads: PolicyReads, amount: int) -> Command:
    """The same command with another amount."""
    if isinstance(command, commands.SetMemory):
        assert reads.vm is not None
        change = amount if answer.command == "add-memory" else -amount
        return commands.SetMemory(command.vm, reads.vm.state.assigned + change)
    assert isinstance(command, commands.AddMemory | commands.RemoveMemory | commands.Grow | commands.Reclaim)
    return type(command)(command.vm, amount)


_WITHIN: Final[Mapping[type[Event], type[VmMemoryAddedWithinPolicy | VmMemoryRemovedWithinPolicy]]] = {
    events.VmMemoryAdded: VmMemoryAddedWithinPolicy,
    events.VmMemoryRemoved: VmMemoryRemovedWithinPolicy,
}


def _grant_less(answer: Answer, less: Answer, broken: Sequence[PolicyRead]) -> Answer:
    """The smaller grant, as an answer to the whole request."""
    granted = less.decision
    decision = replace(granted, outcome=Outcome.PARTIALLY_COMPLETED, code=Code.POLICY)
    written: list[tuple[StreamName, Event]] = []
    for stream, event in less.events:
        changed: dict[str, Any] = {"outcome": decision.outcome, "code": decision.code, "requested": answer.requested}
        if type(event) in _WITHIN:
            own: dict[str, Any] = {field.name: getattr(event, field.name) for field in fields(cast("Any", event))}
            own |= {**changed, "size": getattr(answer.events[0][1], "size", None), "policies": tuple(broken)}
            written.append((stream, _WITHIN[type(event)](**own)))
        else:
            written.append((stream, replace_fields(cast("Any", event), **changed)))
    return replace(less, decision=decision, requested=answer.requested, events=tuple(written))


def _refuse(
    command: Command, reads: PolicyReads, answer: Answer, broken: Sequence[PolicyRead], *, can_be_less: bool
) -> Answer:
    """A refusal, recorded where refusals of the command by the rules are; the registration of a host leaves none."""
    decision = failed(Code.POLICY) if can_be_less else rejected(Code.POLICY)
    recorded = tuple(_refusals(command, reads, answer, decision, tuple(broken)))
    return replace(
        answer,
        decision=decision,
        granted=None if answer.granted is None else 0,
        events=recorded,
        after=None,
        policies=() if recorded else tuple(broken),
    )


def _refusals(
    command: Command, reads: PolicyReads, answer: Answer, decision: Decision, broken: tuple[PolicyRead, ...]
) -> Iterator[tuple[StreamName, Event]]:
    stream, event = answer.events[0]
    if isinstance(event, events.VmDefined | HostEvent):
        if not reads.hosts:
            return  # of a host that is not registered there is no stream
        (host,) = reads.hosts
        figures = host_figures(host.state)
        yield (
            host_stream(host.id),
            HostRefusedByPolicy(
                command=answer.command,
                outcome=decision.outcome,
                code=decision.code,
                before=figures,
                after=figures,
                arguments=arguments(command),
                evidence=event.evidence if isinstance(event, events.VmDefined) else Evidence(),
                policies=broken,
            ),
        )
        return
    assert isinstance(event, VmEvent)
    assert event.before is not None
    yield (
        stream,
        VmRefusedByPolicy(
            command=event.command,
            outcome=decision.outcome,
            code=decision.code,
            requested=event.requested,
            granted=None if event.granted is None else 0,
            evidence=event.evidence,
            before=event.before,
            after=event.before,
            arguments=arguments(_recorded_command(command, event)),
            size=getattr(event, "size", None),
            policies=broken,
        ),
    )


def _recorded_command(command: Command, event: VmEvent) -> Command:
    """The command that an event records: ``set-memory`` becomes another one."""
    kind = COMMANDS[event.command]
    if not isinstance(command, commands.SetMemory) or kind is commands.SetMemory:
        return command
    if kind is commands.ConfigureMemory:
        assert isinstance(event, events.VmMemoryConfigured)
        return commands.ConfigureMemory(command.vm, event.memory)
    amount = event.requested or 0
    return (
        commands.AddMemory(command.vm, amount)
        if kind is commands.AddMemory
        else commands.RemoveMemory(command.vm, amount)
    )
