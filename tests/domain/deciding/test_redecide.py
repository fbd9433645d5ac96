"""Deciding again from an event alone. That it always agrees is checked after every line of ``test_any_history``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.aggregates import HistoryError
from domain.deciding.redecide import find_other_decision, redecide, vm_as_read
from domain.decision import Code, Decision, Outcome
from domain.events import (
    Event,
    Evidence,
    HostCommandRefused,
    HostEvent,
    HostRemoved,
    HostResized,
    VmCommandRefused,
    VmEvent,
    VmMemoryAdded,
)
from tests.domain.given import DYNAMIC, HOST, SMALL_HOST, START, WEB, do, given
from tests.oracle.shapes import Line

ADDED = given(HOST, WEB, START).when(do("add-memory", amount="64GiB")).answer
MOVED = given(HOST, SMALL_HOST, WEB).when(do("move-vm", to="hv01")).answer


def event_of_added() -> VmMemoryAdded:
    event = ADDED.events[0][1]
    assert isinstance(event, VmMemoryAdded)
    return event


def with_read_vm(config_version: str | None) -> VmMemoryAdded:
    """The event of ``ADDED`` with another configuration version, or without what was read of the VM."""
    event = event_of_added()
    read = event.evidence.vm
    assert read is not None
    changed = None if config_version is None else replace(read, config_version=config_version)
    return replace(event, evidence=replace(event.evidence, vm=changed))


def event_of(line: Line) -> Event:
    """The event of a command on an empty host."""
    return given(HOST).when(line).answer.events[0][1]


def event_of_resized() -> HostResized:
    event = event_of({"command": "resize-host", "host": "hv01", "total": "8GiB"})
    assert isinstance(event, HostResized)
    return event


def event_of_removed() -> HostRemoved:
    event = event_of({"command": "remove-host", "host": "hv01"})
    assert isinstance(event, HostRemoved)
    return event


def event_of_refused() -> VmCommandRefused:
    event = MOVED.events[0][1]
    assert isinstance(event, VmCommandRefused)
    return event


def test_a_decision_follows_from_its_event_alone() -> None:
    assert redecide(event_of_added()) == ADDED.decision


def test_others_may_have_written_since() -> None:
    world = given(HOST, WEB, START)
    first = world.when(do("add-memory", amount="64GiB"))
    world.when(do("stop"))
    world.when({"command": "resize-host", "host": "hv01", "total": "1TiB"})
    assert redecide(first.answer.events[0][1]) == first.answer.decision


def test_the_other_half_on_the_host_is_no_decision() -> None:
    stream, event = ADDED.events[1]
    assert (stream, event.KIND) == ("host/hv01", "host.memory-granted")
    assert redecide(event) is None


def test_a_granted_figure_that_was_changed_afterwards_is_seen() -> None:
    event = replace(event_of_added(), granted=2**21, hot_added=2**21)
    decision = redecide(event)
    assert decision is not None
    assert (decision.granted, decision.hot_added) != (event.granted, event.hot_added)


def test_free_memory_that_was_changed_afterwards_is_seen() -> None:
    event = event_of_added()
    read = event.evidence.host
    assert read is not None
    richer = replace(event, evidence=replace(event.evidence, host=replace(read, total=read.total * 4)))
    decision = redecide(richer)
    assert decision is not None
    assert decision.outcome is Outcome.COMPLETED
    assert event.outcome is Outcome.PARTIALLY_COMPLETED


def test_a_refused_move_knows_that_it_was_to_the_same_host() -> None:
    assert redecide(event_of_refused()) == Decision(Outcome.REJECTED, Code.SAME_HOST, 0, 0, 0, 0)


def test_a_move_knows_that_it_was_to_another_host() -> None:
    answer = given(HOST, SMALL_HOST, WEB).when(do("move-vm", to="hv02")).answer
    assert redecide(answer.events[0][1]) == answer.decision
    assert answer.decision.outcome is Outcome.DONE


def test_a_refused_definition_is_decided_again_with_its_arguments() -> None:
    answer = given(HOST).when({**WEB, "memory": {"static": {"size": "3MiB"}}}).answer
    event = answer.events[0][1]
    assert isinstance(event, HostCommandRefused)
    assert event.arguments == {
        "config_version": "10.0",
        "generation": 2,
        "guest": "windows",
        "memory": {"static": {"size": 3 * 2**20}},
        "vm": "web01",
    }
    assert redecide(event) == answer.decision


def test_a_refused_definition_is_decided_again_on_the_release_of_its_host() -> None:
    large = {**WEB, "memory": {"static": {"size": "13TiB"}}}
    assert given(HOST).when(large).answer.outcome is Outcome.DONE
    answer = given({**HOST, "version": "2016"}).when(large).answer
    event = answer.events[0][1]
    assert isinstance(event, HostCommandRefused)
    assert redecide(event) == answer.decision


@pytest.mark.parametrize("reserve", ["60GiB", "61GiB"])
def test_a_reserve_is_decided_again_on_what_the_host_has_and_its_vms_hold(reserve: str) -> None:
    answer = given(HOST, WEB, START).when({"command": "set-reserve", "host": "hv01", "reserve": reserve}).answer
    assert (answer.decision.code is Code.NONE) is (reserve == "60GiB")
    assert redecide(answer.events[0][1]) == answer.decision


def test_a_refused_configuration_is_decided_again_with_its_setting() -> None:
    narrower = {"dynamic": {"minimum": "1GiB", "startup": "2GiB", "maximum": "8GiB", "buffer": 20, "weight": 50}}
    world = given(HOST, {**WEB, "memory": DYNAMIC}, START)
    answer = world.when(do("configure-memory", memory=narrower)).answer
    assert answer.code is Code.NOT_WHILE_RUNNING
    assert redecide(answer.events[0][1]) == answer.decision


def test_a_set_memory_that_should_not_have_been_refused_is_seen() -> None:
    answer = given(HOST, {**WEB, "memory": DYNAMIC}).when(do("set-memory", size="1GiB")).answer
    event = answer.events[0][1]
    assert isinstance(event, VmCommandRefused)
    assert redecide(event) == answer.decision
    read = event.evidence.vm
    assert read is not None
    static = given(HOST, WEB).world.vm("web01").state.memory
    changed = replace(event, evidence=replace(event.evidence, vm=replace(read, memory=static)))
    assert redecide(changed) != answer.decision


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (event_of_added(), None),
        (
            replace(event_of_added(), outcome=Outcome.COMPLETED),
            "outcome is completed, and should be partially-completed",
        ),
        (replace(event_of_added(), code=Code.WRONG_POWER_STATE), "code is wrong-power-state, and should be "),
        (replace(event_of_added(), granted=2**21), "granted is 2097152, and should be "),
        (replace(event_of_added(), hot_added=2**21), "hot_added is 2097152, and should be "),
        (replace(event_of_added(), unballooned=2**21), "unballooned is 2097152, and should be 0"),
        (replace(event_of_added(), before=None), "does not carry what decided it"),
    ],
)
def test_what_an_event_records_otherwise_than_decided_is_named(event: VmEvent, says: str | None) -> None:
    difference = find_other_decision(event)
    assert difference is None if says is None else says in (difference or "")


def test_the_half_on_the_host_and_a_true_refusal_differ_in_nothing() -> None:
    assert [find_other_decision(event) for _, event in (*ADDED.events, *MOVED.events)] == [None] * 3
    assert [find_other_decision(event) for _, event in given(HOST, WEB).when(START).answer.events] == [None] * 2


def test_the_vm_is_read_from_an_event_figure_by_figure() -> None:
    dynamic = {**WEB, "memory": DYNAMIC, "guest": "windows-legacy"}
    world = given(HOST, dynamic, START, do("report-in-use", in_use="700MiB"), do("reclaim", amount="1GiB"))
    before = world.world.vm("web01").state
    event = world.when(do("grow", amount="2MiB")).answer.events[0][1]
    assert isinstance(event, VmEvent)
    assert vm_as_read(event) == before
    assert before.ballooned > 0


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ({"command": "resize-host", "host": "hv01", "total": "8GiB"}, "host.resized"),
        ({"command": "set-reserve", "host": "hv01", "reserve": "1GiB"}, "host.reserve-set"),
        ({"command": "remove-host", "host": "hv01"}, "host.removed"),
        ({**HOST, "host": "hv09"}, "host.registered"),
    ],
)
def test_a_host_event_is_decided_again_by_its_kind_whatever_command_it_names(line: Line, kind: str) -> None:
    event = event_of(line)
    assert isinstance(event, HostEvent)
    assert kind == event.KIND
    assert redecide(replace(event, command="divide-host")) == redecide(event)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (replace(event_of_added(), evidence=Evidence()), "does not say which host was read"),
        (replace(event_of_added(), before=None), "no figures of the VM before it"),
        (with_read_vm(None), "no figures of the VM before it"),
        (with_read_vm("a release of its own"), "not a configuration version"),
        (replace(event_of_added(), command="divide-memory"), "divide-memory"),
        (replace(event_of_resized(), before=None), "no figures of the host before it"),
        (replace(event_of_removed(), evidence=Evidence()), "how many VMs were on the host"),
        (replace(event_of_refused(), arguments={}, command="add-memory"), "amount"),
    ],
)
def test_an_event_without_its_evidence_is_no_history_of_ours(event: Event, says: str) -> None:
    with pytest.raises(HistoryError, match=says):
        redecide(event)
