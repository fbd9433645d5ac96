"""Which policies a change would make worse: asked of every VM and host whose figures it changes, before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from domain import events
from domain.aggregates import GroupAggregate, HostAggregate, VmAggregate
from domain.deciding.answer import Answer
from domain.deciding.enforced import EnforcedPolicy, JointFigures, NamedVm, PolicySubject, subject_distance
from domain.events import HostEvent
from domain.evolve import book_change, group_changed, vm_defined
from domain.identifiers import StreamName, group_stream, subject_id, vm_stream
from domain.policy_events import PolicyRead
from domain.record import Record, record
from domain.state import Group, Host, Vm


@record()
class PolicyReads(Record):
    """What the decider read, as policies are asked of it."""

    vm: VmAggregate | None
    hosts: tuple[HostAggregate, ...]
    beside: tuple[VmAggregate, ...]
    """The VMs on these hosts, where a policy may be broken of others than the one that is named."""
    everyone: tuple[VmAggregate, ...] = ()
    """All VMs, where a policy may be broken of two together."""
    groups: tuple[GroupAggregate, ...] = ()
    """The books of the groups that the VM is in."""


def find_broken(policies: Sequence[EnforcedPolicy], reads: PolicyReads, answer: Answer) -> list[PolicyRead]:
    """The policies that an answer would break further, each with the VM, host or group, in the order of their names."""
    found: list[PolicyRead] = []
    changes = _subject_changes(reads, answer)
    for policy in policies:
        if policy.of_group is not None:
            found += _find_broken_of_group(policy, policy.of_group, reads, answer)
            continue
        if policy.joint is not None:
            found += _find_broken_jointly(policy, policy.joint, reads, changes[answer.target][1])
            continue
        if policy.change is not None:
            found += _find_broken_change(policy, policy.change, answer, *changes[answer.target])
            continue
        for stream, (before, after) in changes.items():
            if policy.over_vms is (after.state is None):
                continue
            if not policy.measure(after.state, after.host):
                continue  # most commands keep all; whom it applies to, and what was before, need not be asked then
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


def _find_broken_of_group(
    policy: EnforcedPolicy, measure: Callable[[Group], JointFigures], reads: PolicyReads, answer: Answer
) -> Iterator[PolicyRead]:
    """A group that is further from keeping a policy after a change of one of its VMs."""
    books = {group.id: group.state for group in reads.groups}
    book = books.get(policy.group)
    if book is None or reads.vm is None or answer.after is None:
        return
    change = book_change(reads.vm.state, answer.after)
    before, after = measure(book), measure(group_changed(book, change))
    if after.distance > before.distance:
        yield PolicyRead(
            policy.name,
            policy.version,
            policy.sentence,
            group_stream(policy.group),
            before.distance,
            after.distance,
            dict(after.figures),
        )


def _find_broken_jointly(
    policy: EnforcedPolicy,
    joint: Callable[[Mapping[str, NamedVm]], Mapping[StreamName, JointFigures]],
    reads: PolicyReads,
    changed: PolicySubject,
) -> Iterator[PolicyRead]:
    """Two VMs that are further from keeping a policy after a change of one of them."""
    if not reads.everyone or changed.state is None:
        return
    vms = {vm.id: (vm.name, vm.state) for vm in reads.everyone}
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
    before: PolicySubject | None,
    after: PolicySubject,
) -> Iterator[PolicyRead]:
    """A change of a VM that a policy does not allow."""
    if before is None or before.state is None or after.state is None:
        return
    if not (policy.has_vm(after.id, after.name) and policy.has_host(after.host_id)):
        return
    event = answer.events[0][1]
    command = getattr(event, "command", answer.command)
    distance = measure(before.state, after.state, after.host, command)
    if distance:
        if policy.change_figures is None:
            figures = policy.figures(after.state, after.host)
        else:
            figures = policy.change_figures(before.state, after.state, after.host, command)
        yield PolicyRead(policy.name, policy.version, policy.sentence, answer.target, 0, distance, dict(figures))


SubjectChange = tuple[PolicySubject | None, PolicySubject]
"""A VM or host, before a command and after it; ``None`` where it was not there."""


def _subject_changes(reads: PolicyReads, answer: Answer) -> dict[StreamName, SubjectChange]:
    """Every VM and host whose figures an answer changes, and the other VMs on these hosts that were read."""
    hosts = {host.id: host.state for host in reads.hosts}
    after, changes = dict(hosts), dict[StreamName, SubjectChange]()
    first = answer.events[0][1]
    for stream, event in answer.events:
        if isinstance(event, HostEvent):
            id = subject_id(stream)
            state = after[id] = host_after(hosts.get(id), event)
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


def host_after(before: Host | None, event: HostEvent) -> Host:
    """A host after an event on it. Raises ``TypeError`` for one that is not there."""
    figures = event.after
    version = event.version if isinstance(event, events.HostRegistered) else None if before is None else before.version
    if version is None:
        raise TypeError("a host changed that was not read")
    return Host(figures.total, figures.reserve, version, figures.held)  # by position: this is done for every command
