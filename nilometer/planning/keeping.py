"""Policies that a plan keeps: how much they leave of a host's free memory, and whether a command makes one worse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from domain.commands import NAMES, Command, SetMemory
from domain.deciding.world import World
from domain.recording.vms.records import VmCommandName
from domain.state import Host, Power, Vm
from nilometer.ledger.policies import PolicySet
from rules.policies.compiling import Measure, compile_measure
from rules.policies.policy import Policy
from rules.policies.subjects import SubjectState, subjects_in


@dataclass(frozen=True, slots=True)
class BrokenPolicy:
    """A policy that would not hold of a VM or host."""

    name: str
    sentence: str
    subject: str


@dataclass(frozen=True, slots=True)
class _Asked:
    policy: Policy
    measure: Measure


def adopted_policies(adopted: PolicySet) -> tuple[Policy, ...]:
    """The policies that a ledger has adopted, for a plan to keep. Raises ``HistoryError``."""
    from rules.policies.enforcing import adopted_policy  # reads rules: only where there is a policy

    return tuple(adopted_policy(policy.name, policy.envelope.event) for policy in adopted.adopted)


class Keeper:
    """The policies that are to be kept; none by default."""

    def __init__(self, policies: Sequence[Policy] = ()) -> None:
        self._asked = tuple(_Asked(policy, compile_measure(policy.term)) for policy in policies)
        self._of_hosts = tuple(
            asked for asked in self._asked if asked.policy.is_over_hosts and not asked.policy.is_over_vms
        )

    def __bool__(self) -> bool:
        return bool(self._asked)

    @property
    def limits_vms(self) -> bool:
        """Whether one of them is about VMs: alone, in pairs or groups."""
        return len(self._of_hosts) < len(self._asked)

    def find_members(self, world: World) -> frozenset[str]:
        """The VMs of which a policy over two or a group speaks: what one has limits the others, on whatever host."""
        scopes = [
            (one.policy.scope, one.policy.is_over_groups)
            for one in self._asked
            if one.policy.is_over_groups or one.policy.is_over_pairs
        ]
        return frozenset(
            vm.id
            for vm in (world.vms.values() if scopes else ())
            for scope, is_group in scopes
            if (scope.has_vm(vm.id, vm.name) if is_group else not {scope.one, scope.other}.isdisjoint((vm.id, vm.name)))
        )

    def free(self, world: World, host: str) -> int:
        """What can still be given on a host, so that no policy on hosts is made worse; less than 0 if one is broken.

        A policy is taken to be kept by every smaller amount too; whether a plan keeps it is asked of the plan itself.
        """
        state = world.hosts[host].state
        asked = [one.measure for one in self._of_hosts if one.policy.scope.has_host(host)]
        if not asked:
            return state.free
        too_much = state.free + 1
        enough = -state.held
        if not _keep_all(asked, _with_given(state, enough)):
            return state.free  # no amount decides it: the plan is asked
        while too_much - enough > 1:
            middle = (too_much + enough) // 2
            if _keep_all(asked, _with_given(state, middle)):
                enough = middle
            else:
                too_much = middle
        return enough

    def find_broken(self, before: World, after: World, command: Command) -> BrokenPolicy | None:
        """The first policy that does not hold after a command, and did before, or did less."""
        for one in self._asked:
            was: dict[str, SubjectState] | None = None
            for subject in _subjects_after(one.policy, before, after, command):
                distance = subject.measure(one.measure)
                if not distance:
                    continue
                if was is None:
                    states = () if one.policy.is_over_changes else subjects_in(one.policy, before)
                    was = {state.key: state for state in states}
                if subject.key not in was or distance > was[subject.key].measure(one.measure):
                    return BrokenPolicy(one.policy.name, one.policy.sentence, subject.name)
        return None


def _subjects_after(policy: Policy, before: World, after: World, command: Command) -> Iterator[SubjectState]:
    if not policy.is_over_changes:
        yield from subjects_in(policy, after)
        return
    id = getattr(command, "vm", "")
    if id not in before.vms:
        return
    was = before.vms[id].state
    for subject in subjects_in(policy, after, [id]):
        assert subject.vm is not None
        yield replace(subject, before=was, command=_recorded_name(command, was, subject.vm))


def _recorded_name(command: Command, before: Vm, after: Vm) -> VmCommandName:
    """The command that is recorded: ``set-memory`` becomes another one."""
    if not isinstance(command, SetMemory):
        return VmCommandName(NAMES[type(command)])
    if before.power is Power.OFF:
        return VmCommandName.CONFIGURE_MEMORY
    return VmCommandName.ADD_MEMORY if after.assigned >= before.assigned else VmCommandName.REMOVE_MEMORY


def _keep_all(asked: Sequence[Measure], host: Host) -> bool:
    return all(measure(None, host) == 0 for measure in asked)


def _with_given(host: Host, amount: int) -> Host:
    return replace(host, held=host.held + amount)
