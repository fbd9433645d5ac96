"""An adopted policy, as the decider asks it; and which policies a command concerns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from domain.aggregates import GroupAggregate, VmAggregate
from domain.commands import NAMES, Command
from domain.identifiers import StreamName, UtcTime
from domain.record import Record, record
from domain.state import Group, Host, Vm

WAYS_OUT: Final = frozenset(("stop", "remove-vm"))
"""Commands that end every breach: a policy that would refuse one is not adopted."""
FACTS: Final = frozenset(("report-in-use",))
"""Commands that only record a fact."""
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
    """For a policy over two VMs: how far they are from keeping it, by all VMs that are there."""
    group: str = ""
    """The group of a policy over the sum of its VMs, which are those that ``has_vm`` has."""
    group_vms: tuple[str, ...] = ()
    """The patterns of the VMs of the group."""
    of_group: Callable[[Group], JointFigures] | None = None
    """For a policy over a group: how far it is from keeping it, by the running total of its book."""
    change: Callable[[Vm, Vm, Host, str], int] | None = None
    """For a policy over a change: how far it is from it, by the VM before and after, its host and the command."""
    change_figures: Callable[[Vm, Vm, Host, str], Mapping[str, int | bool | str]] | None = None
    """The figures that such a policy reads, those of the VM before among them; without this, ``figures``."""
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


def sum_group(policy: EnforcedPolicy, vms: Iterable[VmAggregate]) -> GroupAggregate:
    """What those of all VMs hold together that are in the group of a policy."""
    held = sum([vm.state.held for vm in vms if policy.has_vm(vm.id, vm.name)])
    return GroupAggregate(id=policy.group, state=Group(held))


class CommandNeeds(NamedTuple):
    """What has to be read for a kind of command because of policies."""

    beside: bool
    """Whether a policy has to be asked of the other VMs on the hosts that it changes."""
    everyone: bool
    """Whether one has to be asked of VMs on whatever hosts: of two."""
    windows: bool
    """Whether one of the policies does not always apply."""
    groups: tuple[EnforcedPolicy, ...]
    """A policy of each group: what its VMs hold together has to be read where the command is on one of them."""


def at_time(policies: Sequence[EnforcedPolicy], time: UtcTime) -> tuple[EnforcedPolicy, ...]:
    """The policies that apply at a time."""
    return tuple(policy for policy in policies if policy.applies_at is None or policy.applies_at(time))


def has_windows(policies: Sequence[EnforcedPolicy]) -> bool:
    """Whether one of them does not always apply."""
    return any(policy.applies_at is not None for policy in policies)


def reads_beside(policies: Sequence[EnforcedPolicy], command: Command) -> bool:
    """Whether a policy has to be asked of the other VMs on the hosts that a command changes."""
    return needs_of(policies, type(command)).beside


class _KnownNeeds:
    """What commands need because of the policies that were asked last: each command asks the same ones again."""

    __slots__ = ("asked",)

    def __init__(self) -> None:
        self.asked: tuple[Sequence[EnforcedPolicy], dict[type[Command], CommandNeeds]] = ((), {})
        """One pair, replaced as a whole: safe whoever else asks."""


_KNOWN: Final = _KnownNeeds()


def needs_of(policies: Sequence[EnforcedPolicy], kind: type[Command]) -> CommandNeeds:
    """What has to be read for a kind of command because of policies."""
    known, by_kind = _KNOWN.asked
    if known is not policies:
        known, by_kind = _KNOWN.asked = policies, {}
    needs = by_kind.get(kind)
    if needs is None:
        asked = [policy for policy in policies if NAMES[kind] in policy.beside and policy.of_group is None]
        groups = {policy.group: policy for policy in policies if policy.of_group is not None}
        needs = by_kind[kind] = CommandNeeds(
            beside=bool(asked),
            everyone=any(policy.joint is not None for policy in asked),
            windows=has_windows(policies),
            groups=tuple(groups.values()),
        )
    return needs
