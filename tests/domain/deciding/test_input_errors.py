"""What cannot be asked: nothing is decided, and nothing is recorded."""

from __future__ import annotations

import pytest

from domain.errors import InputError, UnknownHost, UnknownVm
from tests.domain.given import DB, HOST, SMALL_HOST, WEB, do, given
from tests.oracle.shapes import Line

ON_A_VM: tuple[Line, ...] = (
    do("start", "web02"),
    do("stop", "web02"),
    do("pause", "web02"),
    do("resume", "web02"),
    do("save", "web02"),
    do("restore", "web02"),
    do("reboot-guest", "web02"),
    do("remove-vm", "web02"),
    do("report-in-use", "web02", in_use="1GiB"),
    do("add-memory", "web02", amount="1GiB"),
    do("remove-memory", "web02", amount="1GiB"),
    do("grow", "web02", amount="1GiB"),
    do("reclaim", "web02", amount="1GiB"),
    do("set-memory", "web02", size="1GiB"),
    do("configure-memory", "web02", memory={"static": {"size": "1GiB"}}),
    do("configure-guest", "web02", guest="linux", config_version="10.0"),
    do("move-vm", "web02", to="hv01"),
)
ON_A_HOST: tuple[Line, ...] = (
    {"command": "resize-host", "host": "hv09", "total": "1TiB"},
    {"command": "set-reserve", "host": "hv09", "reserve": "1GiB"},
    {"command": "remove-host", "host": "hv09"},
    {**WEB, "vm": "web02", "host": "hv09"},
    do("move-vm", to="hv09"),
)
UNREADABLE: tuple[Line, ...] = (
    do("add-memory", amount=-1),
    do("add-memory", amount=1.5),
    do("add-memory", amount=2**52 + 1),
    do("add-memory", amount=True),
    do("add-memory", amount=None),
    do("add-memory", amount="2 GiB"),
    do("report-in-use", in_use="-1"),
    do("set-memory", size="4gib"),
    do("configure-guest", guest="beos", config_version="10.0"),
    do("configure-guest", guest="linux", config_version=10.0),
    do("configure-memory", memory={"static": {"size": "1GiB", "startup": "1GiB"}}),
    {**WEB, "vm": "web02", "generation": 3},
    {**WEB, "vm": "web/02"},
    {**WEB, "vm": ""},
    {"command": "register-host", "host": "hv09", "version": "2012", "total": "1GiB", "reserve": 0},
)


@pytest.mark.parametrize("line", ON_A_VM, ids=lambda line: str(line["command"]))
def test_an_unknown_vm_is_an_input_error(line: Line) -> None:
    given(HOST, WEB).refuses_to_read(line, UnknownVm, "there is no VM 'web02'")


@pytest.mark.parametrize("line", ON_A_HOST, ids=lambda line: str(line["command"]))
def test_an_unknown_host_is_an_input_error(line: Line) -> None:
    given(HOST, WEB).refuses_to_read(line, UnknownHost, "there is no host 'hv09'")


@pytest.mark.parametrize("line", UNREADABLE, ids=str)
def test_unreadable_input_is_an_input_error(line: Line) -> None:
    given(HOST, WEB).refuses_to_read(line, InputError, ".")


def test_ids_are_case_sensitive() -> None:
    given(HOST, WEB).refuses_to_read(do("start", "WEB01"), UnknownVm, "there is no VM 'WEB01'")


def test_an_id_that_exists_is_taken() -> None:
    world = given(HOST, WEB)
    world.refuses_to_read(WEB, InputError, "the VM id 'web01' is taken")
    world.refuses_to_read(HOST, InputError, "the host id 'hv01' is taken")


def test_the_id_of_a_removed_vm_is_never_used_again() -> None:
    world = given(HOST, WEB, do("remove-vm"))
    world.refuses_to_read(WEB, InputError, "the VM id 'web01' is taken: one with it exists, or once did")
    world.refuses_to_read(do("start"), UnknownVm, "there is no VM 'web01'")


def test_the_id_of_a_removed_host_is_never_used_again() -> None:
    world = given(HOST, {"command": "remove-host", "host": "hv01"})
    world.refuses_to_read(HOST, InputError, "the host id 'hv01' is taken: one with it exists, or once did")
    world.refuses_to_read(WEB, UnknownHost, "there is no host 'hv01'")


def test_a_rejected_definition_does_not_take_the_id() -> None:
    world = given(HOST)
    world.when({**WEB, "memory": {"static": {"size": "3MiB"}}}).then("rejected", "invalid-setting").recorded(
        "host/hv01 host.command-refused"
    )
    world.when(WEB).then("done").recorded("vm/web01 vm.defined")


def test_a_rejected_registration_leaves_nothing() -> None:
    world = given()
    world.when({**HOST, "total": 0}).then("rejected", "invalid-setting").recorded().nothing_changed()
    world.when(HOST).then("done").recorded("host/hv01 host.registered")


def test_a_vm_is_called_by_its_id_if_it_has_no_name() -> None:
    world = given(HOST, WEB, {**DB, "name": "Database"}).world
    assert (world.vm("web01").name, world.vm("db01").name) == ("web01", "Database")


def test_a_hint_says_what_to_do_about_a_taken_id() -> None:
    with pytest.raises(InputError) as caught:
        given(HOST, SMALL_HOST, WEB).world.ask(WEB)
    assert caught.value.hint.startswith("choose another id")
