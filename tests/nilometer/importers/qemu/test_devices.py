"""VMs with several memory devices: balloons beside the others, two of a kind, and measures in parts."""

from __future__ import annotations

from typing import Any

import pytest

from domain.decision import Outcome
from domain.guests import Mechanism
from domain.observed.events import VmChangeRequested, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.observed.words import BASE_MEMORY
from domain.quantities import MiB
from tests.nilometer.importers.qemu.modules import moves, plugged
from tests.nilometer.importers.qemu.reading import Fleet, events, observations, states
from tests.nilometer.importers.qemu.synthetic import BASE, Json, Recording, measure


def last(made: Recording) -> tuple[int | None, int | None]:
    """What was assigned and what was ballooned when the VM last ran, in MiB."""
    found: tuple[int | None, int | None] = None, None
    for fact, fleet in states(made.lines):
        vm = fleet.vms["made-up.vm0"]
        if getattr(fact.event, "power", None) != "off":
            found = vm.assigned, vm.ballooned
    return found[0] and found[0] // MiB, found[1] and found[1] // MiB


# Balloons


@pytest.mark.parametrize(
    ("option", "mechanism"), [("", Mechanism.BALLOON_ADJUSTED), (",deflate-on-oom=on", Mechanism.BALLOON)]
)
def test_a_balloon_beside_virtio_mem_and_a_module_has_an_account_of_its_own(option: str, mechanism: Mechanism) -> None:
    made = plugged()
    boot = Recording().boot(balloon=BASE).lines[0]
    made.lines[0] = boot.replace(b'"-m"', f'"-device", "virtio-balloon-pci,id=b{option}", "-m"'.encode())
    made.command(20, 900, "balloon").event(21, 20.9, 1000, "BALLOON_CHANGE").poll(22, 900, "balloon")
    around = {"before": measure(256, balloon=BASE + 128, modules=128), "after": measure(256, balloon=900, modules=128)}
    made.step(29, 900, BASE + 128, 900, "complete", "balloon", **around)
    assert last(made.end(40)) == (900 + 256, BASE + 128 - 900)
    assert moves(made)[2:] == [("balloon", BASE + 128, 1000, 2), ("balloon", 1000, 900, 2)]
    reported = events(made.lines, VmMemoryMoved)
    assert [one.mechanism for one in reported] == [Mechanism.HOT_REMOVE] * 2 + [mechanism] * 2


def test_more_than_boot_memory_and_modules_no_balloon_can_leave_to_a_guest() -> None:
    made = Recording().boot(balloon=BASE).poll(0.5, 128, "pc-dimm")
    around = {
        "before": measure(0, balloon=BASE + 128, modules=128),
        "after": measure(0, balloon=BASE + 128, modules=128),
    }
    for target, code in ((BASE + 128, None), (BASE + 129, "size-limit")):
        again = Recording(list(made.lines)).command(1, target, "balloon")
        again.step(9, target, BASE + 128, BASE + 128, "unchanged", "balloon", **around).end(20)
        [asked], [settled, *_] = events(again.lines, VmChangeRequested), events(again.lines, VmRequestSettled)
        assert asked.grounds.maximum == (BASE + 128) * MiB
        assert settled.code == code


def test_a_module_raises_what_a_balloon_can_leave_though_nobody_measured_since() -> None:
    made = Recording().boot(balloon=BASE).poll(0.5, 128, "pc-dimm").command(1, BASE + 128, "balloon").end(9)
    assert [one.grounds.maximum for one in events(made.lines, VmChangeRequested)] == [(BASE + 128) * MiB]


def test_a_measure_without_the_balloon_does_not_say_that_it_was_let_down() -> None:
    made = Recording().boot(balloon=BASE).poll(1, 512, "balloon").observation(5, 0, 300).end(9)
    assert last(made) == (512, 512)
    measured = events(made.lines, VmObserved)[1]
    assert measured.in_use == (512 - 300) * MiB
    assert measured.assigned is None, "it follows from what is known, but was not measured"


# Two of a kind


def two(first: int, second: int, available: int = 500, ids: tuple[Any, Any] = ("vm0", "vm1")) -> Json:
    """A measure of a VM with two virtio-mem devices."""
    reported = measure(first + second, available)
    sizes = zip(ids, (first, second), strict=True)
    data = [{"id": id, "size": size * MiB, "max-size": 512 * MiB} for id, size in sizes]
    reported["device"]["memory_devices"] = [{"type": "virtio-mem", "data": each} for each in data]
    return reported


def with_two() -> Recording:
    return Recording().add(0, "boot", argv=["qemu", "-m", f"{BASE}M"], observation=two(0, 0))


def asking(made: Recording, at: float, device: str, target: int) -> Recording:
    arguments = {"path": f"/machine/peripheral/{device}", "property": "requested-size", "value": target * MiB}
    fields: Json = {"requested": target * MiB, "qmp": {"execute": "qom-set", "arguments": arguments}}
    return made.add(at, "command", mechanism="virtio-mem", reply={"return": {}}, accepted=True, **fields)


def changed(made: Recording, at: float, device: str, size: int) -> Recording:
    data = {"id": device, "size": size * MiB, "qom-path": f"/machine/peripheral/{device}"}
    return made.qmp(at, "MEMORY_DEVICE_SIZE_CHANGE", data)


def test_two_virtio_mem_devices_each_have_their_account() -> None:
    made = changed(asking(with_two(), 1, "vm1", 128), 1.5, "vm1", 128)
    made.step(3, 128, 0, 128, "complete", before=two(0, 0), after=two(0, 128))
    changed(asking(made, 5, "vm0", 256), 5.5, "vm0", 256)
    made.step(9, 256, 0, 256, "complete", before=two(0, 128), after=two(256, 128)).end(20)
    assert moves(made) == [("vm1", 0, 128, 1), ("vm0", 0, 256, 2)]
    assert last(made)[0] == BASE + 384
    assert [one.outcome for one in events(made.lines, VmRequestSettled)] == [Outcome.COMPLETED] * 2


def test_while_a_size_of_one_device_is_waited_for_a_poll_is_about_that_one() -> None:
    made = asking(with_two(), 1, "vm1", 128)
    made.add(2, "size", mechanism="virtio-mem", requested=128 * MiB, size=64 * MiB)
    asking(made, 3, "vm0", 32).add(4, "size", mechanism="virtio-mem", requested=32 * MiB, size=32 * MiB)
    made.step(9, 32, 0, 32, "complete", before=two(0, 64), after=two(32, 64)).end(20)
    assert moves(made) == [("vm1", 0, 64, 1), ("vm0", 0, 32, 2)]


def test_a_step_is_about_the_device_of_its_command_though_another_was_asked_since() -> None:
    made = asking(with_two(), 1, "vm1", 128).step(9, 128, 0, 128, "complete", before=None, after=None)
    asking(made, 10, "vm0", 64).step(19, 64, 0, 32, "partial", before=None, after=None).end(30)
    assert moves(made) == [("vm1", 0, 128, 1), ("vm0", 0, 32, 2)]


def test_a_size_that_nobody_says_whose_it_is_is_no_move_of_either_device() -> None:
    made = asking(with_two(), 1, "vm1", 128).step(9, 128, 0, 0, "unchanged", before=two(0, 0), after=two(0, 0))
    made.poll(12, 64).add(15, "observation", label="look", **two(64, 0)).end(20)
    assert moves(made) == [("vm0", 0, 64, None)]
    assert observations(made.lines)[1].not_needed == {"meta": 1, "size of an unnamed device": 1}


@pytest.mark.parametrize("ids", [(None, None), ("", ""), ("balloon", "pc-dimm"), ("vm0", None)])
def test_two_devices_are_two_whatever_they_are_called(ids: tuple[Any, Any]) -> None:
    made = Recording().add(0, "boot", argv=[], observation=two(64, 128, ids=ids))
    made.add(5, "observation", label="look", **two(64, 256, ids=ids)).end(9)
    assert last(made)[0] == BASE + 320
    assert [one[1:] for one in moves(made)] == [(128, 256, None)]


def test_a_device_that_is_named_later_is_the_one_that_was_told_of_before() -> None:
    made = Recording().poll(1, 64).poll(2, 128).observation(5, 128)
    changed(made, 8, "vm0", 256).observation(9, 256).end(20)
    assert [one[1:3] for one in moves(made)] == [(64, 128), (128, 256)]
    assert last(made)[0] == BASE + 256


# Measures in parts


def parts(**changes: Any) -> Json:
    reported = measure(128)
    for part, value in changes.items():
        where = reported if part in reported else reported["device"]
        where[part] = value
    return reported


@pytest.mark.parametrize(
    ("reported", "assigned", "in_use"),
    [
        (parts(), BASE + 128, BASE + 128 - 500),
        (parts(guest=None), BASE + 128, None),
        (parts(device=None), BASE, BASE - 500),
        (parts(memory_devices=None), BASE, None),
        (parts(size_summary=None), BASE + 128, None),
        (parts(guest={"mem_available": None, "mem_total": 1000}), BASE + 128, None),
        ({"guest": None, "device": None}, BASE, None),
        ({}, BASE, None),
    ],
)
def test_what_was_not_measured_is_not_known(reported: Json, assigned: int, in_use: int | None) -> None:
    made = Recording().boot().add(5, "observation", label="look", **reported).end(9)
    states_of = {getattr(fact.event, "record", None): fleet_figures(fleet) for fact, fleet in states(made.lines)}
    measured = [one for one in events(made.lines, VmObserved) if one.label == "look"]
    assert [one.in_use and one.in_use // MiB for one in measured] == [in_use]
    assert states_of["made-up#2"] == assigned * MiB


def fleet_figures(fleet: Fleet) -> int | None:
    return fleet.vms["made-up.vm0"].assigned


def test_what_is_plugged_but_not_told_apart_gives_no_figure_of_what_is_in_use() -> None:
    reported = parts(memory_devices=None)
    made = Recording().add(0, "boot", argv=["qemu", "-m", "1G"], observation=reported).end(9)
    assert [one.in_use for one in events(made.lines, VmObserved)] == [None, None]
    assert BASE_MEMORY in {figures.device for figures in events(made.lines, VmObserved)[0].devices}
