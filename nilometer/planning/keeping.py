"""Policies that a plan keeps: how much they leave of a host's free memory, and whether a command makes one worse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from domain.deciding.world import World
from domain.state import Host, Vm
from rules.policies.compiling import Measure, compile_measure
from rules.policies.policy import Policy


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


class Keeper:
    """The policies that are to be kept; none by default."""

    def __init__(self, policies: Sequence[Policy] = ()) -> None:
        self._asked = tuple(_Asked(policy, compile_measure(policy.term)) for policy in policies)
        self._of_hosts = tuple(asked for asked in self._asked if not asked.policy.is_over_vms)

    def __bool__(self) -> bool:
        return bool(self._asked)

    @property
    def limits_vms(self) -> bool:
        """Whether one of them is about VMs."""
        return len(self._of_hosts) < len(self._asked)

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

    def find_broken(self, before: World, after: World) -> BrokenPolicy | None:
        """The first policy that does not hold afterwards, and did before, or did less."""
        for one in self._asked:
            for subject, vm, host in _subjects_of(one.policy, after):
                distance = one.measure(vm, host)
                if distance and distance > self._before(one, before, subject):
                    return BrokenPolicy(one.policy.name, one.policy.sentence, subject)
        return None

    @staticmethod
    def _before(one: _Asked, before: World, subject: str) -> int:
        if not one.policy.is_over_vms:
            return one.measure(None, before.hosts[subject].state) if subject in before.hosts else 0
        if subject not in before.vms:
            return 0
        vm = before.vms[subject]
        return one.measure(vm.state, before.hosts[vm.host].state)


def _keep_all(asked: Sequence[Measure], host: Host) -> bool:
    return all(measure(None, host) == 0 for measure in asked)


def _with_given(host: Host, amount: int) -> Host:
    return replace(host, held=host.held + amount)


def _subjects_of(policy: Policy, world: World) -> Iterator[tuple[str, Vm | None, Host]]:
    if not policy.is_over_vms:
        for id, host in world.hosts.items():
            if policy.scope.has_host(id):
                yield id, None, host.state
        return
    for id, vm in world.vms.items():
        if policy.scope.has_vm(id, vm.name) and policy.scope.has_host(vm.host):
            yield id, vm.state, world.hosts[vm.host].state
