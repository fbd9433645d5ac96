"""Which policies a command concerns, and which apply at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from domain.aggregates import GroupAggregate
from domain.commands import AddMemory, Pause
from domain.deciding.enforced import (
    EnforcedPolicy,
    JointFigures,
    NamedVm,
    PolicySubject,
    at_time,
    has_windows,
    needs_of,
    reads_beside,
    subject_distance,
    sum_group,
)
from domain.identifiers import StreamName, UtcTime
from domain.quantities import GiB
from domain.settings import HostVersion
from domain.state import Group, Host, Vm
from tests.domain.deciding.test_breaches import of
from tests.domain.deciding.test_policies import KEEPS, SECOND, TENTH, enforced, world
from tests.domain.given import HOST, START, WEB

ADD, PAUSE = AddMemory("web01", 2**21), Pause("web01")
EARLY, LATE = UtcTime("2026-11-23T09:00:00.000000Z"), UtcTime("2026-11-23T10:00:00.000000Z")


def find_no_vms(vms: Mapping[str, NamedVm]) -> Mapping[StreamName, JointFigures]:
    return {}


def has_every_vm(id: str, name: str) -> bool:
    return f"{id} {name}" in ("web01 Web", "app01 App")


def measure_group(group: Group) -> JointFigures:
    return JointFigures(distance=0, figures={})


def is_late(time: UtcTime) -> bool:
    return time == LATE


ALONE = enforced(TENTH)
BESIDE = enforced(TENTH, beside=frozenset(("add-memory",)))
TOGETHER = replace(BESIDE, joint=find_no_vms)
IN_A_WINDOW = replace(ALONE, applies_at=is_late)
OF_GROUP = replace(BESIDE, name="most", group="shop", of_group=measure_group)
NOT_BESIDE = enforced(TENTH, monotone=frozenset(("add-memory",)))


@pytest.mark.parametrize(
    ("policy", "beside", "everyone", "windows"),
    [
        (ALONE, False, False, False),
        (BESIDE, True, False, False),
        (TOGETHER, True, True, False),
        (IN_A_WINDOW, False, False, True),
        (OF_GROUP, False, False, False),
        (NOT_BESIDE, False, False, False),
    ],
    ids=["alone", "beside", "together", "in a window", "of a group", "monotone"],
)
def test_what_a_command_reads_for_a_policy(
    policy: EnforcedPolicy, *, beside: bool, everyone: bool, windows: bool
) -> None:
    """Each is another set of policies: what was known of the last one is not what is known of it."""
    policies = (policy,)
    for _ in range(2):
        assert (reads_beside(policies, ADD), needs_of(policies, AddMemory).everyone) == (beside, everyone)
        assert (reads_beside(policies, PAUSE), needs_of(policies, Pause).everyone) == (False, False)
        assert has_windows(policies) is windows


def test_a_command_reads_the_book_of_each_group_once_however_many_policies_limit_it() -> None:
    least, other = replace(OF_GROUP, name="least", sentence="Less."), replace(OF_GROUP, name="other", group="all")
    assert needs_of((ALONE, TOGETHER), AddMemory).groups == ()
    assert needs_of((ALONE, OF_GROUP, least, other), AddMemory).groups == (least, other)
    assert needs_of((ALONE, OF_GROUP, least, other), Pause).groups == (least, other)


def test_a_group_holds_what_its_vms_hold_which_are_found_by_id_and_name() -> None:
    there = world(HOST, WEB, START, SECOND, {**START, "vm": "app01"})
    web, app = there.vms.values()
    assert (web.id, app.id) == ("web01", "app01")
    web.name, app.name = "Web", "App"
    of_web = of(OF_GROUP, "web01 Web")
    for vms in ([web, app], [app, web]):
        assert sum_group(of_web, vms) == GroupAggregate(id="shop", state=Group(web.state.held))
    assert sum_group(replace(of_web, has_vm=has_every_vm), [web, app]).state.held == web.state.held + 4 * GiB


def test_those_without_a_window_apply_always() -> None:
    policies = (ALONE, IN_A_WINDOW)
    assert (at_time(policies, EARLY), at_time(policies, LATE)) == ((ALONE,), policies)


def measure(vm: Vm | None, host: Host) -> int:
    return 5


@pytest.mark.parametrize(
    ("policy", "distance"),
    [
        (of(enforced(KEEPS), "web01 Web"), 5),
        (of(enforced(KEEPS), "db01 Data"), None),
        (of(enforced(KEEPS), "web01 Web", "hv01"), 5),
        (of(enforced(KEEPS), "web01 Web", "hv02"), None),
        (of(enforced(TENTH), "db01 Data"), 5),
    ],
    ids=["by id and name", "another VM", "by its host", "another host", "not over VMs"],
)
def test_a_policy_is_asked_of_those_that_it_applies_to(policy: EnforcedPolicy, distance: int | None) -> None:
    host = Host(total=2**36, reserve=0, version=HostVersion.V2022, held=0)
    subject = PolicySubject("web01", "Web", None, "hv01", host)
    assert subject_distance(replace(policy, measure=measure), subject) == distance
    assert subject_distance(policy, None) is None
