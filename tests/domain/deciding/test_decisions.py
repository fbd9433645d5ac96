"""What is recorded where, beside the vectors: what an operator would be surprised to miss."""

from __future__ import annotations

import pytest

from domain.events import VmMemoryRemoved, VmMoved
from domain.guests import Mechanism
from domain.quantities import GiB, MiB
from tests.domain.given import DB, DYNAMIC, HOST, SMALL_HOST, START, WEB, do, given


def test_memory_given_is_recorded_on_the_vm_and_on_its_host() -> None:
    given(HOST, WEB, START).when(do("add-memory", amount="2GiB")).then(
        "completed", granted="2GiB", web01={"assigned": "6GiB", "startup": "6GiB"}, hv01={"free": "56GiB"}
    ).recorded("vm/web01 vm.memory-added", "host/hv01 host.memory-granted")


def test_a_refusal_is_recorded_on_the_vm_alone() -> None:
    given(HOST, WEB).when(do("add-memory", amount="2GiB")).then("rejected", "wrong-power-state", granted="0").recorded(
        "vm/web01 vm.command-refused"
    ).nothing_changed()


def test_a_host_resized_to_the_size_that_it_has_records_nothing() -> None:
    world = given(HOST)
    world.when({"command": "resize-host", "host": "hv01", "total": "64GiB"}).then("done").recorded()
    world.when({"command": "set-reserve", "host": "hv01", "reserve": "2GiB"}).then("done").recorded()
    world.when({"command": "resize-host", "host": "hv01", "total": "65GiB"}).recorded("host/hv01 host.resized")
    world.when({"command": "set-reserve", "host": "hv01", "reserve": "0"}).recorded("host/hv01 host.reserve-set")


def test_a_vm_that_is_off_moves_with_all_three_events() -> None:
    given(HOST, SMALL_HOST, WEB).when(do("move-vm", to="hv02")).then(
        "done", web01={"host": "hv02"}, hv01={"free": "62GiB"}, hv02={"free": "1GiB"}
    ).recorded("vm/web01 vm.moved", "host/hv01 host.memory-returned", "host/hv02 host.memory-granted")


def test_a_running_vm_takes_its_memory_along() -> None:
    small = {**WEB, "memory": {"static": {"size": "512MiB"}}}
    given(HOST, SMALL_HOST, small, START).when(do("move-vm", to="hv02")).then(
        "done",
        web01={"host": "hv02", "session": 1, "power": "running"},
        hv01={"free": "62GiB"},
        hv02={"free": "512MiB"},
    )


def test_hosts_hold_a_vm_by_its_id_whatever_its_name_is() -> None:
    named = {**WEB, "name": "Web 01", "memory": {"static": {"size": "512MiB"}}}
    moved = given(HOST, SMALL_HOST, named, START)
    assert moved.world.host("hv01").book == {"web01": 512 * MiB}
    moved.when(do("move-vm", to="hv02")).then("done")
    assert moved.world.host("hv01").book == {}
    assert moved.world.host("hv02").book == {"web01": 512 * MiB}


def test_a_reboot_gives_back_what_startup_does_not_need() -> None:
    given(HOST, DB, do("start", "db01"), do("grow", "db01", amount="4GiB")).when(do("reboot-guest", "db01")).then(
        "done", db01={"assigned": "2GiB", "session": 2}, hv01={"free": "60GiB"}
    ).recorded("vm/db01 vm.rebooted", "host/hv01 host.memory-returned")


def test_a_saved_vm_stops_without_a_word_to_its_host() -> None:
    given(HOST, WEB, START, do("save")).when(do("stop")).then("done", hv01={"free": "62GiB"}).recorded(
        "vm/web01 vm.stopped"
    )


def test_a_paused_vm_keeps_its_memory_and_a_saved_one_does_not() -> None:
    paused = given(HOST, WEB, START, do("pause"))
    paused.when(do("save")).then("done", web01={"assigned": "4GiB", "held": "0"}, hv01={"free": "62GiB"})
    paused.when(do("restore")).then("done", web01={"power": "running", "held": "4GiB"}, hv01={"free": "58GiB"})


def test_how_memory_left_is_told() -> None:
    given_linux = given(HOST, {**WEB, "guest": "linux"}, START, do("report-in-use", in_use="1GiB"))
    event = given_linux.when(do("remove-memory", amount="1GiB")).answer.events[0][1]
    assert isinstance(event, VmMemoryRemoved)
    assert event.mechanism is Mechanism.BALLOON_ADJUSTED


def test_set_memory_is_recorded_as_what_it_comes_to() -> None:
    world = given(HOST, WEB)
    world.when(do("set-memory", size="5GiB")).then("done", web01={"startup": "5GiB"}).recorded(
        "vm/web01 vm.memory-configured"
    )
    world.when(START)
    world.when(do("report-in-use", in_use="1GiB"))
    world.when(do("set-memory", size="6GiB")).then("completed", granted="1GiB").recorded(
        "vm/web01 vm.memory-added", "host/hv01 host.memory-granted"
    )
    world.when(do("set-memory", size="2GiB")).then("completed", granted="4GiB").recorded(
        "vm/web01 vm.memory-removed", "host/hv01 host.memory-returned"
    )
    nothing = world.when(do("set-memory", size="2GiB")).then("completed", granted="0").recorded()
    assert nothing.answer.after is None, "no VM changed"


def test_set_memory_of_a_dynamic_vm_is_refused_as_itself() -> None:
    answered = given(HOST, {**WEB, "memory": DYNAMIC}, START).when(do("set-memory", size="3GiB"))
    answered.then("rejected", "dynamic-memory-enabled", granted="0").recorded("vm/web01 vm.command-refused")
    assert (answered.answer.command, answered.answer.requested) == ("set-memory", 2**30)


def test_an_answer_has_the_vm_as_it_is_afterwards_where_something_takes_place() -> None:
    world = given(HOST, {**WEB, "memory": DYNAMIC})
    for line in (
        START,
        do("report-in-use", in_use="1GiB"),
        do("stop"),
        do("configure-guest", guest="linux", config_version="10.0"),
        do("configure-memory", memory={"static": {"size": "2GiB"}}),
    ):
        answered = world.when(line)
        assert answered.answer.outcome == "done"
        assert answered.answer.after == answered.world.vm("web01").state
    assert world.when(do("add-memory", amount="2GiB")).answer.after is None


@pytest.mark.parametrize(("to", "free", "total"), [("hv02", 1 * GiB, 1 * GiB), ("hv03", 30 * GiB, 32 * GiB)])
def test_a_move_records_what_it_read_of_the_other_host(to: str, free: int, total: int) -> None:
    other = {**HOST, "host": "hv03", "total": "32GiB"}
    small = {**WEB, "memory": {"static": {"size": "512MiB"}}}
    event = given(HOST, SMALL_HOST, other, small, START).when(do("move-vm", to=to)).answer.events[0][1]
    assert isinstance(event, VmMoved)
    read = event.evidence.destination
    assert read is not None
    assert (read.id, read.free, read.total) == (to, free, total)
