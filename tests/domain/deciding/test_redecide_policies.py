"""What policies refused or cut short is decided again to the same, and what they could not have decided is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.deciding.answer import Answer
from domain.deciding.enforced import EnforcedPolicy
from domain.deciding.redecide import redecide
from domain.deciding.redecide_policies import redecide_by_policies
from domain.decision import Code, Outcome
from domain.policy_events import BY_POLICY, VmMemoryAddedWithinPolicy, VmRefusedByPolicy
from domain.quantities import QUANTUM
from domain.quantities import GiB as GIB
from domain.settings import HostVersion
from domain.state import Host, Power, Vm
from tests.domain.deciding.test_policies import KEEPS, NONE, OTHER, REPORT, TENTH, enforced, parse, world
from tests.domain.given import HOST, START, WEB, do
from tests.oracle.shapes import Line

NAMED: Line = {**WEB, "name": "Web"}


def never(vm: Vm | None, host: Host) -> int:
    """How far from a policy that nobody keeps: the farther, the more a VM has and its host holds and reserves."""
    return host.held + host.reserve + (0 if vm is None else vm.assigned) + 1


NEVER, NO_VM = (replace(enforced(text, monotone=NONE), measure=never) for text in (TENTH, KEEPS))


def decided(policy: EnforcedPolicy, line: Line, *first: Line) -> tuple[str, BY_POLICY, Answer]:
    """What a policy made of a line: its event, with the stream, and the answer."""
    given = world(HOST, {**OTHER, "total": "64GiB"}, NAMED, START, REPORT, *first)
    given.policies = (policy,)
    answer = given.execute(parse(line))
    stream, event = answer.events[0]
    assert isinstance(event, BY_POLICY)
    return stream, event, answer


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        (enforced(TENTH), do("add-memory", amount="60GiB")),
        (enforced(KEEPS), do("remove-memory", amount="3GiB")),
        (NEVER, do("add-memory", amount="1GiB")),
        (NEVER, do("move-vm", to="hv02")),
        (NO_VM, {**WEB, "vm": "web02"}),
        (NEVER, {"command": "set-reserve", "host": "hv01", "reserve": "3GiB"}),
    ],
    ids=["less is given", "less is taken", "nothing is given", "a move", "a definition", "a host"],
)
def test_what_a_policy_decided_is_decided_again_with_all_its_events(policy: EnforcedPolicy, line: Line) -> None:
    stream, event, answer = decided(policy, line)
    again = redecide_by_policies(stream, event, (policy,), name="Web", version=HostVersion.V2022)
    assert again == answer


# What an event that was made up says


def cut_short() -> VmMemoryAddedWithinPolicy:
    _, event, _ = decided(enforced(TENTH), do("add-memory", amount="60GiB"))
    assert isinstance(event, VmMemoryAddedWithinPolicy)
    return event


def refused(line: Line) -> VmRefusedByPolicy:
    _, event, _ = decided(NEVER, line)
    assert isinstance(event, VmRefusedByPolicy)
    return event


@pytest.mark.parametrize("granted", [0, None, 3 * QUANTUM + 1, 58 * GIB, 59 * GIB])
def test_a_policy_grants_whole_quanta_and_less_than_the_rules(granted: int | None) -> None:
    decision = redecide(replace(cut_short(), granted=granted))
    assert decision is not None
    assert (decision.code, decision.granted) == (Code.INSUFFICIENT_HOST_MEMORY, 58 * GIB)


def test_a_policy_refuses_nothing_that_the_rules_refuse() -> None:
    event = refused(do("add-memory", amount="1GiB"))
    assert event.before is not None
    paused = replace(event.before, power=Power.PAUSED)
    decision = redecide(replace(event, before=paused, after=paused))
    assert decision is not None
    assert decision.code is Code.WRONG_POWER_STATE


def test_a_policy_never_refuses_a_stop() -> None:
    stopped = replace(refused(do("move-vm", to="hv02")), command="stop", arguments={})
    decision = redecide(stopped)
    assert decision is not None
    assert (decision.outcome, decision.code) == (Outcome.DONE, Code.NONE)


def test_what_has_no_amount_is_rejected_and_does_not_fail() -> None:
    decision = redecide(replace(refused(do("move-vm", to="hv02")), outcome=Outcome.FAILED))
    assert decision is not None
    assert (decision.outcome, decision.code) == (Outcome.REJECTED, Code.POLICY)
