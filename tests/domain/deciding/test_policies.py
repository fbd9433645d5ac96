"""Adopted policies: what would make one worse is refused, or granted less where less keeps it; a stop never is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from domain.commands import Command
from domain.deciding.enforced import EnforcedPolicy, JointFigures, NamedVm
from domain.deciding.redecide import find_other_decision, redecide
from domain.deciding.world import World
from domain.decision import Code, Outcome
from domain.events import HostMemoryGranted
from domain.identifiers import StreamName
from domain.policy_events import (
    BY_POLICY,
    HostRefusedByPolicy,
    VmMemoryAddedWithinPolicy,
    VmMemoryRemovedWithinPolicy,
    VmRefusedByPolicy,
)
from domain.quantities import QUANTUM
from domain.quantities import GiB as GIB
from domain.state import Host, Vm
from nilometer.ledger.typed_commands import parse_command
from rules.policies.compiling import compile_measure
from rules.policies.reading import read_policies
from tests.domain.given import HOST, START, WEB, do
from tests.oracle.shapes import Line

NONE = frozenset[str]()
RESIZES = frozenset(("add-memory", "remove-memory", "grow", "reclaim"))
TENTH = '''
def tenth_stays_free(host: Host) -> bool:
    """10 % of each host stay free."""
    return host.free * 10 >= host.total
'''
KEEPS = '''
@scope(vms="web*")
def web_keeps_2_gib(vm: Vm) -> bool:
    """A web VM never has less than 2 GiB, unless it is off."""
    return vm.power is Power.OFF or vm.assigned >= 2 * GiB
'''
HALF = '''
def at_most_half(vm: Vm, host: Host) -> bool:
    """No VM holds more than half of its host."""
    return vm.held * 2 <= host.total
'''
OTHER: Line = {**HOST, "host": "hv02", "total": "6GiB", "reserve": "0"}
SECOND: Line = {**WEB, "vm": "app01", "memory": {"static": {"size": "4GiB"}}}


def enforced(text: str, *, monotone: frozenset[str] = RESIZES, beside: frozenset[str] = frozenset()) -> EnforcedPolicy:
    """A policy as the decider asks it, with what is taken to be proved of it."""
    (policy,) = read_policies(text, "policies.py")
    return EnforcedPolicy(
        name=policy.name,
        version=1,
        sentence=policy.sentence,
        over_vms=policy.is_over_vms,
        over_hosts=policy.is_over_hosts,
        has_vm=policy.scope.has_vm,
        has_host=policy.scope.has_host,
        measure=compile_measure(policy.term),
        figures=lambda vm, host: {"host.free": host.free},
        monotone=monotone,
        beside=beside,
    )


def world(*lines: Line, keep: tuple[EnforcedPolicy, ...] = ()) -> World:
    """A world after some lines, in which policies are then adopted."""
    made = World()
    for line in lines:
        made.execute(parse(line))
    made.policies = keep
    return made


def parse(line: Line) -> Command:
    """A line as a command."""
    return parse_command(str(line["command"]), {key: value for key, value in line.items() if key != "command"})


REPORT = do("report-in-use", in_use="1GiB")


@pytest.mark.parametrize("asked", [60 * GIB, 58 * GIB, 57 * GIB, 55 * GIB + QUANTUM, 53 * GIB - QUANTUM, 52 * GIB])
def test_a_grant_is_the_most_with_which_the_policy_is_kept(asked: int) -> None:
    given = world(HOST, WEB, START, keep=(enforced(TENTH),))
    answer = given.execute(parse(do("add-memory", amount=asked)))
    assert (answer.outcome, answer.code) == (Outcome.PARTIALLY_COMPLETED, Code.POLICY)
    host = given.hosts["hv01"].state
    assert host.free * 10 >= host.total
    assert (host.free - QUANTUM) * 10 < host.total  # the most: one quantum more would break it
    (_, event), (_, book) = answer.events
    assert isinstance(event, VmMemoryAddedWithinPolicy)
    assert (event.requested, answer.requested) == (asked, asked)
    assert event.granted == answer.granted
    assert isinstance(book, HostMemoryGranted)
    assert (book.outcome, book.code, book.requested) == (event.outcome, event.code, asked)
    (read,) = event.policies
    assert (read.policy, read.subject, read.before) == ("tenth_stays_free", "host/hv01", 0)
    assert read.after > 0
    assert read.figures == {"host.free": host.free - QUANTUM}
    assert read.sentence == "10 % of each host stay free."
    assert find_other_decision(event) is None


def test_one_quantum_is_granted_where_that_is_the_most() -> None:
    given = world(HOST, WEB, START, keep=(enforced(TENTH),))
    most = given.hosts["hv01"].state.free - given.hosts["hv01"].state.total // 10
    given.execute(parse(do("add-memory", amount=most // QUANTUM * QUANTUM - QUANTUM)))
    answer = given.execute(parse(do("add-memory", amount="1GiB")))
    assert (answer.outcome, answer.code, answer.granted) == (Outcome.PARTIALLY_COMPLETED, Code.POLICY, QUANTUM)


def test_nothing_more_is_granted_once_the_limit_is_reached() -> None:
    given = world(HOST, WEB, START, keep=(enforced(TENTH),))
    given.execute(parse(do("add-memory", amount="60GiB")))
    before = given.vms["web01"].state
    answer = given.execute(parse(do("add-memory", amount="2GiB")))
    assert (answer.outcome, answer.code, answer.granted) == (Outcome.FAILED, Code.POLICY, 0)
    ((stream, event),) = answer.events
    assert stream == "vm/web01"
    assert isinstance(event, VmRefusedByPolicy)
    assert (event.arguments, event.before == event.after) == ({"amount": 2 * GIB}, True)
    assert (event.requested, event.granted) == (2 * GIB, 0)
    assert given.vms["web01"].state == before
    assert find_other_decision(event) is None


def test_without_a_proof_that_less_keeps_it_all_is_refused() -> None:
    given = world(HOST, WEB, START, keep=(enforced(TENTH, monotone=frozenset()),))
    answer = given.execute(parse(do("add-memory", amount="60GiB")))
    assert (answer.outcome, answer.code, answer.granted) == (Outcome.REJECTED, Code.POLICY, 0)
    assert find_other_decision(answer.events[0][1]) is None


def test_less_is_taken_too_and_set_memory_says_what_size_was_asked_for() -> None:
    given = world(HOST, WEB, START, REPORT, keep=(enforced(KEEPS),))
    answer = given.execute(parse(do("set-memory", size="1GiB")))
    assert (answer.command, answer.outcome, answer.code, answer.granted) == (
        "remove-memory",
        Outcome.PARTIALLY_COMPLETED,
        Code.POLICY,
        2 * GIB,
    )
    event = answer.events[0][1]
    assert isinstance(event, VmMemoryRemovedWithinPolicy)
    assert (event.requested, event.size) == (3 * GIB, GIB)
    assert find_other_decision(event) is None


@pytest.mark.parametrize("command", ["stop", "remove-vm"])
def test_a_stop_and_a_removal_are_never_refused(command: str) -> None:
    never = enforced('def never(vm: Vm) -> bool:\n    """Never off."""\n    return vm.power is Power.RUNNING\n')
    given = world(HOST, WEB, START, keep=(never,))
    if command == "remove-vm":
        given.execute(parse(do("stop")))
    assert given.execute(parse(do(command))).code is None


def test_a_policy_that_is_broken_already_may_only_get_better() -> None:
    keeps = enforced(KEEPS.replace("2 * GiB", "8 * GiB"))
    given = world(HOST, WEB, START, REPORT, keep=(keeps,))  # it has 4 GiB
    assert given.execute(parse(do("remove-memory", amount="1GiB"))).code is Code.POLICY
    assert given.execute(parse(do("add-memory", amount="1GiB"))).code is None
    assert given.execute(parse(do("pause"))).code is None  # that is no worse
    given.execute(parse(do("resume")))
    refused = given.execute(parse(do("remove-memory", amount="2MiB")))
    event = refused.events[0][1]
    assert isinstance(event, BY_POLICY)
    (read,) = event.policies
    assert (read.before, read.after) == (3 * GIB, 3 * GIB + QUANTUM)


def test_a_host_that_shrinks_is_refused_for_the_sake_of_a_vm_on_it() -> None:
    half = enforced(HALF, beside=frozenset(("resize-host",)))
    given = world(HOST, WEB, START, SECOND, do("start", "app01"), keep=(half,))
    answer = given.execute(parse({"command": "resize-host", "host": "hv01", "total": "11GiB"}))
    assert answer.code is None
    shrunk = given.execute(parse({"command": "resize-host", "host": "hv01", "total": "10GiB"}))
    assert shrunk.code is None or shrunk.code is Code.HOST_WOULD_BE_OVERCOMMITTED
    given.execute(parse(do("stop", "app01")))
    small = given.execute(parse({"command": "resize-host", "host": "hv01", "total": "7GiB"}))
    assert (small.outcome, small.code) == (Outcome.REJECTED, Code.POLICY)
    ((stream, event),) = small.events
    assert stream == "host/hv01"
    assert isinstance(event, HostRefusedByPolicy)
    assert [read.subject for read in event.policies] == ["vm/web01"]
    assert find_other_decision(event) is None


def test_a_move_is_asked_of_the_vm_where_it_arrives_and_of_both_hosts() -> None:
    half, tenth = enforced(HALF), enforced(TENTH)
    given = world(HOST, OTHER, WEB, START, keep=(half, tenth))
    answer = given.execute(parse(do("move-vm", to="hv02")))
    assert (answer.outcome, answer.code, answer.granted) == (Outcome.REJECTED, Code.POLICY, None)
    event = answer.events[0][1]
    assert isinstance(event, VmRefusedByPolicy)
    assert (event.arguments, event.requested, event.granted) == ({"to": "hv02"}, None, None)
    assert [(read.policy, read.subject) for read in event.policies] == [("at_most_half", "vm/web01")]
    assert find_other_decision(event) is None
    given.policies = (tenth,)
    assert given.execute(parse(do("move-vm", to="hv02"))).code is None


def test_new_vms_and_hosts_are_asked_too() -> None:
    small = enforced('def small(vm: Vm) -> bool:\n    """Small."""\n    return vm.memory.startup <= 2 * GiB\n')
    given = world(HOST, keep=(small, enforced(TENTH)))
    defined = given.execute(parse(WEB))
    assert (defined.code, [stream for stream, _ in defined.events]) == (Code.POLICY, ["host/hv01"])
    assert find_other_decision(defined.events[0][1]) is None
    assert "web01" not in given.vms
    registered = given.execute(parse({**OTHER, "reserve": "6GiB"}))
    assert (registered.code, registered.events) == (Code.POLICY, ())


def test_a_vm_outside_the_scope_is_not_asked() -> None:
    given = world(HOST, SECOND, do("start", "app01"), keep=(enforced(KEEPS),))
    given.execute(parse(do("report-in-use", "app01", in_use="32MiB")))
    assert given.execute(parse(do("remove-memory", "app01", amount="3GiB"))).code is None


def test_a_refusal_that_no_policy_supports_is_decided_otherwise() -> None:
    given = world(HOST, WEB, START, keep=(enforced(TENTH),))
    event = given.execute(parse(do("add-memory", amount="60GiB"))).events[0][1]
    assert isinstance(event, VmMemoryAddedWithinPolicy)
    (read,) = event.policies
    unfounded = replace(event, policies=(replace(read, after=0),))
    assert find_other_decision(unfounded) is not None
    decision = redecide(replace(event, granted=(event.granted or 0) + 1))
    assert decision is not None
    assert decision.code is Code.INSUFFICIENT_HOST_MEMORY


def test_what_a_guest_uses_is_recorded_whatever_the_policies_say() -> None:
    spare = enforced('def spare(vm: Vm) -> bool:\n    """Half is spare."""\n    return vm.in_use * 2 <= vm.assigned\n')
    given = world(HOST, WEB, START, keep=(spare,))
    answer = given.execute(parse(do("report-in-use", in_use="3GiB")))
    assert (answer.outcome, answer.code) == (Outcome.DONE, None)
    assert given.vms["web01"].state.in_use == 3 * GIB
    refused = given.execute(parse(do("remove-memory", amount="512MiB")))
    assert refused.code is Code.POLICY  # what is no fact is refused still


def test_the_refused_registration_of_a_host_names_the_policy_without_an_event() -> None:
    given = world(keep=(enforced(TENTH),))
    answer = given.execute(parse({**HOST, "total": "8GiB", "reserve": "8GiB"}))
    assert (answer.outcome, answer.code, answer.events) == (Outcome.REJECTED, Code.POLICY, ())
    assert [(read.policy, read.subject) for read in answer.policies] == [("tenth_stays_free", "host/hv01")]


AS_MUCH_FREE = '''
@scope(vms="app*")
def as_much_stays_free(vm: Vm, host: Host) -> bool:
    """An application's host keeps as much free as the VM has."""
    return host.free >= vm.assigned
'''


def test_less_is_granted_for_the_sake_of_another_vm_on_the_host() -> None:
    beside = enforced(AS_MUCH_FREE, beside=frozenset(("add-memory",)))
    small: Line = {**WEB, "memory": {"static": {"size": "1GiB"}}}
    large: Line = {**SECOND, "memory": {"static": {"size": "25GiB"}}}
    given = world(HOST, small, START, large, do("start", "app01"), keep=(beside,))
    answer = given.execute(parse(do("add-memory", amount="12GiB")))
    assert (answer.outcome, answer.code) == (Outcome.PARTIALLY_COMPLETED, Code.POLICY)
    assert given.hosts["hv01"].state.free == 25 * GIB
    event = answer.events[0][1]
    assert isinstance(event, VmMemoryAddedWithinPolicy)
    assert [read.subject for read in event.policies] == ["vm/app01"]


def test_of_what_has_no_amount_nothing_less_is_tried_whatever_is_said_to_be_proved() -> None:
    half = enforced(HALF, monotone=frozenset(("move-vm",)))
    given = world(HOST, OTHER, WEB, START, keep=(half,))
    assert given.execute(parse(do("move-vm", to="hv02"))).outcome is Outcome.REJECTED


def find_no_vms(vms: Mapping[str, NamedVm]) -> Mapping[StreamName, JointFigures]:
    return {}


def allow(before: Vm, after: Vm, host: Host, command: str) -> int:
    return 0


@pytest.mark.parametrize("of_several", [{"joint": find_no_vms}, {"change": allow}], ids=["VMs", "states"])
def test_a_policy_over_several_vms_or_states_is_asked_of_no_single_one(of_several: dict[str, Any]) -> None:
    def measure(vm: Vm | None, host: Host) -> int:
        raise AssertionError("it is asked of one VM in one state")

    given = world(HOST, WEB, START, keep=(replace(enforced(KEEPS), measure=measure, **of_several),))
    assert given.execute(parse(do("pause"))).code is None


@pytest.mark.parametrize(
    ("off", "size", "command", "recorded"),
    [
        (True, 1 * GIB, "configure-memory", {"memory": {"static": {"size": 1 * GIB}}}),
        (False, 5 * GIB, "add-memory", {"amount": 1 * GIB}),
        (False, 3 * GIB, "remove-memory", {"amount": 1 * GIB}),
    ],
)
def test_a_refused_set_memory_records_what_it_came_to_and_the_size(
    *, off: bool, size: int, command: str, recorded: dict[str, object]
) -> None:
    four = enforced('def four(vm: Vm) -> bool:\n    """4."""\n    return vm.memory.startup == 4 * GiB\n', monotone=NONE)
    given = world(HOST, WEB, START, REPORT, keep=(four,))
    if off:
        given.execute(parse(do("stop")))
    answer = given.execute(parse(do("set-memory", size=size)))
    event = answer.events[0][1]
    assert isinstance(event, VmRefusedByPolicy)
    assert (answer.outcome, event.command, event.arguments) == (Outcome.REJECTED, command, recorded)
    assert event.size == size
    assert find_other_decision(event) is None
