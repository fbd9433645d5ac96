"""From an adopted policy to what the decider asks: its text is read again, and its formula compiled.

What was proved of it when it was adopted, its event says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256

from domain.aggregates import HistoryError, VmAggregate
from domain.deciding.enforced import EnforcedPolicy, JointFigures, NamedVm
from domain.deciding.world import World
from domain.errors import InputError
from domain.identifiers import StreamName, group_stream, policy_stream
from domain.policy_events import PolicyAdopted
from domain.recording.vms.records import VmCommandName
from domain.state import Group, Host, Vm
from rules.policies.compiling import Measure, compile_measure
from rules.policies.policy import Policy
from rules.policies.reading import read_policies
from rules.policies.subjects import SubjectState, subjects_in
from rules.symbolic.terms import Literal


def digest_of(text: str) -> str:
    """The digest by which the text of a policy is known."""
    return sha256(text.encode()).hexdigest()


@lru_cache(maxsize=256)
def _read(text: str, source: str) -> tuple[Policy, ...]:
    return read_policies(text, source, is_adopted=True)


def adopted_policy(name: str, event: PolicyAdopted) -> Policy:
    """The policy that an event adopted. Raises ``HistoryError`` if it is not what its text says."""
    if digest_of(event.text) != event.digest:
        raise HistoryError(f"the adopted policy {name} has a text that is not the one of its digest")
    try:
        policies = _read(event.text, f"policy/{name}")
    except InputError as error:
        raise HistoryError(f"the adopted policy {name} cannot be read: {error.message}") from None
    found = next((policy for policy in policies if policy.name == name), None)
    if found is None or len(policies) > 1:
        raise HistoryError(f"the text of the adopted policy {name} is not that policy")
    return found


def enforced_policy(name: str, version: int, event: PolicyAdopted) -> EnforcedPolicy:
    """What the decider asks of an adopted policy. Raises ``HistoryError`` as ``adopted_policy``."""
    policy = adopted_policy(name, event)
    measure, window = compile_measure(policy.term), policy.scope.window

    def figures(vm: Vm | None, host: Host) -> Mapping[str, int | bool | str]:
        return _figures_of(policy, SubjectState(stream=policy_stream(name), vm=vm, host=host))

    return EnforcedPolicy(
        name=name,
        version=version,
        sentence=policy.sentence,
        over_vms=policy.is_over_vms,
        over_hosts=policy.is_over_hosts,
        has_vm=policy.scope.has_vm,
        has_host=policy.scope.has_host,
        measure=measure,
        figures=figures,
        monotone=frozenset(event.monotone),
        beside=frozenset(event.beside),
        joint=_joint(policy, measure) if policy.is_over_pairs else None,
        group=policy.scope.group,
        group_vms=policy.scope.vms if policy.is_over_groups else (),
        of_group=_of_group(policy, measure) if policy.is_over_groups else None,
        change=_change(measure) if policy.is_over_changes else None,
        change_figures=_change_figures(policy) if policy.is_over_changes else None,
        applies_at=None if window is None else window.applies_at,
    )


def _joint(policy: Policy, measure: Measure) -> Callable[[Mapping[str, NamedVm]], Mapping[StreamName, JointFigures]]:
    """How far two VMs are from keeping a policy."""

    def find(vms: Mapping[str, NamedVm]) -> Mapping[StreamName, JointFigures]:
        there = {id: VmAggregate(id=id, name=name, host="", state=state) for id, (name, state) in vms.items()}
        found: dict[StreamName, JointFigures] = {}
        for subject in subjects_in(policy, World(vms=there)):
            distance = subject.measure(measure)
            if subject.stream not in found or distance > found[subject.stream].distance:
                found[subject.stream] = JointFigures(distance, _figures_of(policy, subject))
        return found

    return find


def _of_group(policy: Policy, measure: Measure) -> Callable[[Group], JointFigures]:
    def find(group: Group) -> JointFigures:
        subject = SubjectState(stream=group_stream(policy.scope.group), group=group)
        return JointFigures(subject.measure(measure), _figures_of(policy, subject))

    return find


def _change(measure: Measure) -> Callable[[Vm, Vm, Host, str], int]:
    def distance(before: Vm, after: Vm, host: Host, command: str) -> int:
        return measure(after, host, before=before, command=VmCommandName(command))

    return distance


def _change_figures(policy: Policy) -> Callable[[Vm, Vm, Host, str], Mapping[str, int | bool | str]]:
    def figures(before: Vm, after: Vm, host: Host, command: str) -> Mapping[str, int | bool | str]:
        subject = SubjectState(
            stream=policy_stream(policy.name), vm=after, host=host, before=before, command=VmCommandName(command)
        )
        return _figures_of(policy, subject)

    return figures


def _figures_of(policy: Policy, subject: SubjectState) -> dict[str, int | bool | str]:
    found = subject.figures(policy)
    return {path: _plain(found[path]) for path in sorted(found)}


def _plain(value: Literal) -> int | bool | str:
    return str(value) if isinstance(value, str) else value
