"""Whom policies are asked of, and what they are told: VMs beside the one that changes, several together, a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from domain.deciding.breaches import host_after
from domain.deciding.enforced import EnforcedPolicy, JointFigures, NamedVm
from domain.deciding.redecide import find_other_decision
from domain.deciding.world import World
from domain.decision import Code, Outcome
from domain.events import HostEvent, HostRegistered
from domain.identifiers import StreamName
from domain.policy_events import BY_POLICY, PolicyRead
from domain.quantities import QUANTUM
from domain.quantities import GiB as GIB
from domain.state import Group, Host, Vm
from tests.domain.deciding.test_policies import AS_MUCH_FREE, KEEPS, TENTH, enforced, parse, world
from tests.domain.given import HOST, WEB, do
from tests.oracle.shapes import Line

OTHER_HOST: Line = {**HOST, "host": "hv02"}
NAMED: Line = {**WEB, "name": "Web"}
DB: Line = {**WEB, "vm": "db01", "name": "Data", "host": "hv02"}
APP: Line = {**WEB, "vm": "app01", "name": "App", "memory": {"static": {"size": "25GiB"}}}
SHOP = StreamName("group/shop")


def together(most: int) -> Callable[[Mapping[str, NamedVm]], Mapping[StreamName, JointFigures]]:
    """How far VMs are from holding at most so much together, with all that is known of them."""

    def find(vms: Mapping[str, NamedVm]) -> Mapping[StreamName, JointFigures]:
        held = sum(vm.held for _, vm in vms.values())
        named = ", ".join(f"{id} {name}" for id, (name, _) in sorted(vms.items()))
        return {SHOP: JointFigures(max(0, held - most), {"group.held": held, "group.vms": named})}

    return find


def joint(most: int, *beside: str) -> EnforcedPolicy:
    return replace(enforced(TENTH, beside=frozenset(beside)), joint=together(most))


def of(policy: EnforcedPolicy, vm: str, *hosts: str) -> EnforcedPolicy:
    """The same policy, of one VM, by its id and its name, and of these hosts; without any of all hosts."""

    def has_vm(id: str, name: str) -> bool:
        return f"{id} {name}" == vm

    def has_host(id: str) -> bool:
        return id in hosts or not hosts

    return replace(policy, has_vm=has_vm, has_host=has_host)


def running(*keep: EnforcedPolicy) -> World:
    """Two VMs of 4 GiB on two hosts."""
    return world(HOST, OTHER_HOST, NAMED, DB, do("start"), do("start", "db01"), keep=keep)


def refused(given: World, line: Line) -> tuple[PolicyRead, ...]:
    """The policies for which a line is not granted in full."""
    event = given.execute(parse(line)).events[0][1]
    assert isinstance(event, BY_POLICY)
    assert find_other_decision(event) is None
    return event.policies


# Several together


def test_several_are_asked_as_they_are_after_the_change_of_one() -> None:
    policy = joint(20 * GIB, "add-memory")
    read = refused(running(policy), do("add-memory", amount="64GiB"))
    figures: dict[str, int | bool | str] = {"group.held": 20 * GIB + QUANTUM, "group.vms": "db01 Data, web01 Web"}
    assert read == (PolicyRead(policy.name, policy.version, policy.sentence, SHOP, 0, QUANTUM, figures),)


def test_several_that_break_a_policy_may_stay_as_far_from_it_and_no_further() -> None:
    given = running(joint(5 * GIB, "pause", "add-memory"))
    assert given.execute(parse(do("pause", "db01"))).code is None
    (read,) = refused(given, do("add-memory", amount="2MiB"))
    assert (read.before, read.after) == (3 * GIB, 3 * GIB + QUANTUM)


def test_who_was_not_there_before_broke_nothing_before() -> None:
    def find(vms: Mapping[str, NamedVm]) -> Mapping[StreamName, JointFigures]:
        return {SHOP: JointFigures(1, {})} if "db01" in vms else {}

    policy = replace(enforced(TENTH, beside=frozenset(("define-vm",))), joint=find)
    (read,) = refused(world(HOST, OTHER_HOST, NAMED, keep=(policy,)), DB)
    assert (read.before, read.after) == (0, 1)


def test_no_others_are_read_for_a_command_that_cannot_break_it() -> None:
    given = running(joint(0, "add-memory"))
    assert given.execute(parse(do("pause"))).code is None


def test_a_host_alone_is_not_among_several_vms() -> None:
    given = running(joint(0, "resize-host"))
    assert given.execute(parse({"command": "resize-host", "host": "hv01", "total": "32GiB"})).code is None


# A change


def changing(*told: tuple[object, ...]) -> EnforcedPolicy:
    """A policy that allows no change of web01 but those that it is told of."""

    def measure(before: Vm, after: Vm, host: Host, command: str) -> int:
        return 0 if (before.assigned, after.assigned, host.free, command) in told else 7

    def figures(vm: Vm | None, host: Host) -> Mapping[str, int | bool | str]:
        return {"host.free": host.free, "vm.assigned": 0 if vm is None else vm.assigned}

    return replace(of(enforced(KEEPS, monotone=frozenset()), "web01 Web"), change=measure, figures=figures)


def test_a_change_is_asked_as_it_was_before_and_is_afterwards() -> None:
    policy = changing((4 * GIB, 5 * GIB, 57 * GIB, "add-memory"), (5 * GIB, 5 * GIB, 57 * GIB, "pause"))
    given = running(policy)
    assert given.execute(parse(do("add-memory", amount="1GiB"))).code is None
    figures: dict[str, int | bool | str] = {"host.free": 55 * GIB, "vm.assigned": 7 * GIB}
    assert refused(given, do("add-memory", amount="2GiB")) == (
        PolicyRead(policy.name, policy.version, policy.sentence, StreamName("vm/web01"), 0, 7, figures),
    )
    assert given.execute(parse(do("pause"))).code is None


def test_a_change_of_a_vm_is_none_of_what_is_new_nor_of_a_host() -> None:
    given = world(HOST, keep=(changing(),))
    lines: list[Line] = [NAMED, OTHER_HOST, {"command": "resize-host", "host": "hv01", "total": "32GiB"}]
    assert [given.execute(parse(line)).code for line in lines] == [None, None, None]


@pytest.mark.parametrize(
    ("policy", "is_refused"),
    [
        (of(changing(), "web01 Web", "hv02"), True),
        (of(changing(), "web01 Web", "hv01"), False),
        (of(changing(), "db01 Data", "hv02"), False),
    ],
    ids=["where it arrives", "where it was", "another VM"],
)
def test_a_change_is_asked_of_the_vms_of_a_policy_on_its_hosts(policy: EnforcedPolicy, *, is_refused: bool) -> None:
    answer = running(policy).execute(parse(do("move-vm", to="hv02")))
    assert (answer.code is Code.POLICY) is is_refused


def test_a_refused_change_names_what_was_before_where_the_policy_reads_it() -> None:
    def figures(before: Vm, after: Vm, host: Host, command: str) -> Mapping[str, int | bool | str]:
        sizes = {"before.assigned": before.assigned, "vm.assigned": after.assigned, "host.free": host.free}
        return {**sizes, "command": command}

    policy = replace(changing(), change_figures=figures)
    sizes = {"before.assigned": 4 * GIB, "vm.assigned": 7 * GIB, "host.free": 55 * GIB}
    (read,) = refused(running(policy), do("add-memory", amount="3GiB"))
    assert read.figures == {**sizes, "command": "add-memory"}


# A group


def of_group(most: int, *vms: str) -> EnforcedPolicy:
    """That VMs, by their ids and names, hold at most so much together."""

    def has_vm(id: str, name: str) -> bool:
        return f"{id} {name}" in vms

    def measure_group(group: Group) -> JointFigures:
        return JointFigures(max(0, group.held - most), {"group.held": group.held})

    def measure(vm: Vm | None, host: Host) -> int:
        return 0

    policy = replace(enforced(KEEPS), name="most", sentence="Not too much.", group="shop", has_vm=has_vm)
    return replace(policy, of_group=measure_group, measure=measure)


def test_a_group_is_asked_as_it_is_after_the_change_of_one_of_its_vms() -> None:
    policy = of_group(20 * GIB, "web01 Web", "db01 Data")
    given = running(policy)
    answer = given.execute(parse(do("add-memory", amount="64GiB")))
    assert (answer.code, answer.granted) == (Code.POLICY, 12 * GIB)
    event = answer.events[0][1]
    assert isinstance(event, BY_POLICY)
    figures: dict[str, int | bool | str] = {"group.held": 20 * GIB + QUANTUM}
    assert event.policies == (PolicyRead("most", 1, "Not too much.", SHOP, 0, QUANTUM, figures),)
    assert find_other_decision(event) is None


def test_a_group_that_breaks_a_policy_may_stay_as_far_from_it_and_no_further() -> None:
    given = running(of_group(5 * GIB, "web01 Web", "db01 Data"))
    assert [given.execute(parse(do(command, "db01"))).code for command in ("pause", "resume")] == [None, None]
    (read,) = refused(given, do("add-memory", amount="2MiB"))
    assert (read.before, read.after, read.figures) == (3 * GIB, 3 * GIB + QUANTUM, {"group.held": 8 * GIB + QUANTUM})
    assert given.execute(parse(do("stop", "db01"))).code is None


def test_a_vm_outside_the_group_is_asked_of_the_other_policies_alone() -> None:
    given = running(of_group(0, "db01 Data"), enforced(TENTH))
    assert given.execute(parse(do("add-memory", amount="1GiB"))).code is None
    assert [read.policy for read in refused(given, do("add-memory", amount="60GiB"))] == ["tenth_stays_free"]


# Beside


def test_a_vm_beside_is_asked_by_its_own_id_name_and_host() -> None:
    policy = of(enforced(AS_MUCH_FREE, beside=frozenset(("add-memory",))), "app01 App", "hv01")
    small: Line = {**NAMED, "memory": {"static": {"size": "1GiB"}}}
    given = world(HOST, small, do("start"), APP, do("start", "app01"), keep=(policy,))
    assert [read.subject for read in refused(given, do("add-memory", amount="12GiB"))] == ["vm/app01"]
    assert given.hosts["hv01"].state.free == 25 * GIB


def test_a_vm_beside_that_breaks_a_policy_may_come_nearer_to_it() -> None:
    policy = of(enforced(AS_MUCH_FREE, beside=frozenset(("remove-memory",))), "app01 App", "hv01")
    large: Line = {**NAMED, "memory": {"static": {"size": "20GiB"}}}
    lines = (HOST, large, do("start"), do("report-in-use", in_use="1GiB"), APP, do("start", "app01"))
    given = world(*lines, keep=(policy,))  # of 62 GiB, 17 are free, and app01 has 25
    answer = given.execute(parse(do("remove-memory", amount="1GiB")))
    assert (answer.outcome, answer.code) == (Outcome.COMPLETED, None)


# One VM, one host


def test_a_vm_that_breaks_a_policy_is_asked_by_its_id_name_and_host_how_far_it_was() -> None:
    eight = of(enforced(KEEPS.replace("2 * GiB", "8 * GiB")), "web01 Web", "hv01")
    assert running(eight).execute(parse(do("add-memory", amount="1GiB"))).code is None


def test_what_changes_nothing_breaks_nothing() -> None:
    given = running(enforced(KEEPS.replace("2 * GiB", "8 * GiB")))
    answer = given.execute(parse(do("set-memory", size="4GiB")))
    assert (answer.outcome, answer.events) == (Outcome.COMPLETED, ())


def test_a_host_after_an_event_is_what_its_fold_makes_of_it() -> None:
    given = world()
    lines: list[Line] = [
        {**HOST, "version": "2019"},
        {"command": "resize-host", "host": "hv01", "total": "32GiB"},
        {"command": "set-reserve", "host": "hv01", "reserve": "1GiB"},
        WEB,
        do("start"),
        do("stop"),
    ]
    for line in lines:
        before = given.hosts["hv01"].state if given.hosts else None
        for stream, event in given.execute(parse(line)).events:
            if isinstance(event, HostEvent):
                assert (stream, host_after(before, event)) == ("host/hv01", given.hosts["hv01"].state)
                if not isinstance(event, HostRegistered):
                    with pytest.raises(TypeError, match="a host changed that was not read"):
                        host_after(None, event)


def test_vms_where_a_vm_arrives_are_beside_it_too() -> None:
    policy = of(enforced(AS_MUCH_FREE, beside=frozenset(("move-vm",))), "app01 App", "hv02")
    app: Line = {**APP, "host": "hv02", "memory": {"static": {"size": "30GiB"}}}
    given = world(HOST, OTHER_HOST, NAMED, do("start"), app, do("start", "app01"), keep=(policy,))
    assert [read.subject for read in refused(given, do("move-vm", to="hv02"))] == ["vm/app01"]
