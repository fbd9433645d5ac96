"""Load, then decide: a decision is made on values alone, and on nothing but what was loaded."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest

from domain.aggregates import GroupAggregate, HostAggregate
from domain.commands import COMMANDS, AddMemory, Command, MoveVm, RemoveHost, ResizeHost, Start
from domain.deciding.decider import decide
from domain.deciding.enforced import EnforcedPolicy
from domain.deciding.reads import Reads, load, named_streams
from domain.decision import Code, Outcome
from domain.errors import UnknownHost, UnknownVm
from domain.quantities import GiB
from domain.state import Group
from tests.domain.deciding.test_breaches import of
from tests.domain.deciding.test_enforced import BESIDE, OF_GROUP, TOGETHER
from tests.domain.given import HOST, START, WEB, given
from tests.domain.world import World, read
from tests.oracle.shapes import Line

TWIN: Line = {**HOST, "host": "hv02"}
NAMED: Line = {**WEB, "name": "Shop"}
ON_TWIN: Line = {**WEB, "vm": "web02", "host": "hv02"}


def world() -> World:
    """Two hosts with equal figures: on each runs a VM of 4 GiB."""
    return given(HOST, TWIN, NAMED, START, ON_TWIN, {**START, "vm": "web02"}).world


def test_a_decision_is_made_on_values_alone_and_changes_none_of_them() -> None:
    reads = load(AddMemory("web01", GiB), world())
    before = deepcopy(reads)
    answer = decide(AddMemory("web01", GiB), reads)
    assert (answer.outcome, answer.granted) == (Outcome.COMPLETED, GiB)
    assert reads == before


def test_what_a_host_holds_for_a_vm_is_found_by_its_id_whatever_it_is_called() -> None:
    here = world()
    assert here.vm("web01").name == "Shop"
    assert here.host("hv01").site(here.vm("web01")).entry == 4 * GiB
    assert here.host("hv02").site(here.vm("web01")).entry == 0


def test_a_vm_moves_between_two_hosts_with_equal_figures() -> None:
    reads = load(MoveVm("web01", "hv02"), world())
    assert reads.host is not None
    assert reads.destination is not None
    assert reads.host.state == reads.destination.state
    assert decide(MoveVm("web01", "hv02"), reads).outcome is Outcome.DONE


def test_a_host_is_the_same_by_its_id_however_often_it_was_loaded() -> None:
    reads = load(MoveVm("web01", "hv01"), world())
    for destination in (reads.destination, deepcopy(reads.host), HostAggregate("hv01", world().host("hv02").state)):
        answer = decide(MoveVm("web01", "hv01"), replace(reads, destination=destination))
        assert (answer.outcome, answer.code) == (Outcome.REJECTED, Code.SAME_HOST)


@pytest.mark.parametrize(
    ("command", "streams"),
    [
        (Start("web01"), {"vm/web01", "host/hv01"}),
        (MoveVm("web01", "hv02"), {"vm/web01", "host/hv01", "host/hv02"}),
        (ResizeHost("hv02", GiB), {"host/hv02"}),
        (RemoveHost("hv02"), {"host/hv02"}),
        (read({**WEB, "vm": "new"}), {"host/hv01"}),
        (read({**HOST, "host": "new"}), set[str]()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_was_read_is_known_before_it_is_decided(command: Command, streams: set[str]) -> None:
    reads = load(command, world())
    assert reads.streams == streams
    assert {stream for stream, _ in decide(command, reads).events} <= streams | named_streams(command)


def under(*policies: EnforcedPolicy) -> World:
    """The same, where policies are adopted."""
    there = world()
    there.policies = policies
    return there


def test_the_book_of_a_group_is_read_for_a_vm_of_it_by_its_id_and_name() -> None:
    there = under(of(OF_GROUP, "web01 Shop"))
    reads = load(Start("web01"), there)
    assert (reads.groups, reads.beside) == ((GroupAggregate("shop", Group(4 * GiB)),), ())
    assert reads.streams == {"vm/web01", "host/hv01", "group/shop"}
    assert load(Start("web02"), there).groups == ()
    assert load(ResizeHost("hv01", GiB), there).groups == ()


def test_all_vms_are_read_only_for_a_policy_over_two() -> None:
    add = AddMemory("web01", GiB)
    assert [vm.id for vm in load(add, under(TOGETHER)).everyone] == ["web01", "web02"]
    reads = load(add, under(BESIDE))
    assert ([vm.id for vm in reads.beside], reads.everyone) == (["web01"], ())
    assert load(Start("web01"), under(BESIDE, TOGETHER)).everyone == ()


def test_a_command_names_its_vm_and_hosts_but_not_the_host_that_the_vm_is_on() -> None:
    assert named_streams(Start("web01")) == {"vm/web01"}
    assert named_streams(MoveVm("web01", "hv02")) == {"vm/web01", "host/hv02"}
    assert named_streams(read(WEB)) == {"vm/web01", "host/hv01"}
    assert named_streams(read(HOST)) == {"host/hv01"}


def test_what_is_not_there_is_found_out_before_it_is_decided() -> None:
    with pytest.raises(UnknownVm):
        load(Start("nobody"), world())
    with pytest.raises(UnknownHost):
        load(MoveVm("web01", "nowhere"), world())


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"register-host"}))
def test_a_command_whose_reads_were_not_loaded_is_a_bug(name: str) -> None:
    given = {"vm": "web01", "host": "hv01", "to": "hv02", "total": GiB, "reserve": 0, "amount": GiB, "size": GiB}
    given |= {key: WEB[key] for key in ("generation", "guest", "config_version", "memory")} | {"in_use": 0}
    taken = set(COMMANDS[name].__slots__)
    command = read({"command": name} | {key: value for key, value in given.items() if key in taken})
    with pytest.raises(TypeError, match="not loaded"):
        decide(command, Reads())
