"""How the guest's own total follows each device: told by the machine, and so in the figures of real guests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.guests import Mechanism
from domain.observed.events import VmMemoryMoved, VmObserved
from domain.observed.vm import ObservedVm
from domain.observed.words import BASE_MEMORY, Means
from domain.quantities import MiB
from nilometer.importers.qemu.machine import read_machine
from tests.nilometer.importers.qemu.reading import N8, S1, S2, S4, S5, S7, Fleet, events, facts, lines_of, states
from tests.nilometer.importers.qemu.synthetic import BASE, Json, Recording, measure

BALLOONS: dict[str, list[tuple[float, float, float, float]]] = {
    "bal": [
        (512, 384, 469.02734375, 341.02734375),
        (384, 512, 341.02734375, 469.02734375),
        (512, 512, 725.02734375, 725.02734375),
        (512, 512, 725.02734375, 725.02734375),
    ],
    "balO": [
        (512, 384, 469.02734375, 469.02734375),
        (384, 512, 469.02734375, 469.02734375),
        (512, 512, 725.02734375, 725.02734375),
        (512, 512, 725.02734375, 725.02734375),
        (512, 329.125, 469.02734375, 469.02734375),
        (253.4375, 512, 469.02734375, 469.02734375),
    ],
}
"""Every balloon step of s5 that a guest lived through, in MiB: the balloon's account and the guest's total."""


def steps(name: str, mechanism: str) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in lines_of(name)]
    return [record for record in records if record["kind"] == "step" and record["mechanism"] == mechanism]


def figures(step: dict[str, Any]) -> tuple[float, float, float, float] | None:
    if step["after"] is None or step["after"]["guest"] is None:
        return None
    totals = [step[at]["guest"]["mem_total"] / MiB for at in ("before", "after")]
    return step["size_before"] / MiB, step["size_after"] / MiB, totals[0], totals[1]


@pytest.mark.parametrize("vm", BALLOONS)
def test_the_total_of_a_real_guest_follows_its_balloon_as_the_mechanism_says(vm: str) -> None:
    measured = [figures(step) for step in steps(S5, "balloon") if step["vm"] == vm]
    assert [one for one in measured if one is not None] == BALLOONS[vm]
    follows = {"bal": 1, "balO": 0}[vm]
    for before, after, total_before, total_after in BALLOONS[vm]:
        assert total_after - total_before == follows * (after - before)
    moved = {event.mechanism for event in moves_of(S5, vm) if event.means is Means.BALLOON}
    assert moved == {Mechanism.BALLOON_ADJUSTED if follows else Mechanism.BALLOON}


@pytest.mark.parametrize("name", [S1, S2, S4, S5, S7, N8])
def test_the_total_of_a_real_guest_follows_what_is_plugged(name: str) -> None:
    for step in steps(name, "virtio-mem") + steps(name, "pc-dimm"):
        measured = figures(step)
        if measured is not None:
            before, after, total_before, total_after = measured
            assert total_after - total_before == after - before
    plugged = [event for event in events(lines_of(name), VmMemoryMoved) if event.means is not Means.BALLOON]
    assert {event.mechanism for event in plugged} == {Mechanism.HOT_REMOVE}


def moves_of(name: str, vm: str) -> list[VmMemoryMoved]:
    measured = [fact.event for fact in facts(lines_of(name)) if fact.stream == f"vm/{name}.{vm}"]
    return [event for event in measured if isinstance(event, VmMemoryMoved)]


def test_a_vm_has_the_mechanism_of_each_of_its_devices() -> None:
    for vm, mechanism in (("bal", Mechanism.BALLOON_ADJUSTED), ("balO", Mechanism.BALLOON)):
        accounts = last_of(lines_of(S5), f"{S5}.{vm}").accounts
        assert {device: account.mechanism for device, account in accounts.items()} == {
            BASE_MEMORY: Mechanism.NONE,
            "vm0": Mechanism.HOT_REMOVE,
            "balloon": mechanism,
        }


def last_of(lines: list[bytes], vm: str) -> ObservedVm:
    fleet = Fleet()
    for _, now in states(lines):
        fleet = now
    return fleet.vms[vm]


@pytest.mark.parametrize(
    ("words", "mechanism"),
    [
        ([], None),
        (["-device", "virtio-balloon-pci,id=bal0"], Mechanism.BALLOON_ADJUSTED),
        (["-device", "virtio-balloon-pci,id=bal0,deflate-on-oom=on"], Mechanism.BALLOON),
        (["-device", "virtio-balloon-pci,deflate-on-oom=true,id=bal0"], Mechanism.BALLOON),
        (["-device", "virtio-balloon-pci,deflate-on-oom"], Mechanism.BALLOON),
        (["-device", "virtio-balloon-pci,deflate-on-oom=off"], Mechanism.BALLOON_ADJUSTED),
        (["--device", "driver=virtio-balloon-ccw,deflate-on-oom=yes"], Mechanism.BALLOON),
        (["-device", '{"driver": "virtio-balloon-pci", "id": "b", "deflate-on-oom": true}'], Mechanism.BALLOON),
        (["-device", '{"driver": "virtio-balloon-pci", "id": "b"}'], Mechanism.BALLOON_ADJUSTED),
        (["-device", "virtio-balloon", "-global", "virtio-balloon.deflate-on-oom=on"], Mechanism.BALLOON),
        (
            ["-global", "driver=virtio-balloon-pci,property=deflate-on-oom,value=on", "-device", "virtio-balloon-pci"],
            Mechanism.BALLOON,
        ),
        (
            ["-global", "virtio-balloon-pci.deflate-on-oom=on", "-device", "virtio-balloon-pci,deflate-on-oom=off"],
            Mechanism.BALLOON_ADJUSTED,
        ),
    ],
)
def test_the_command_line_says_how_the_total_follows_the_balloon(words: list[str], mechanism: Mechanism | None) -> None:
    assert read_machine(["qemu", *words]).mechanism(Means.BALLOON) is mechanism


@pytest.mark.parametrize(("gives_way", "mechanism"), [(True, Mechanism.BALLOON), (False, Mechanism.BALLOON_ADJUSTED)])
def test_a_balloon_that_is_plugged_later_says_it_too(gives_way: bool, mechanism: Mechanism) -> None:
    arguments: Json = {"driver": "virtio-balloon-pci", "id": "bal0", "deflate-on-oom": gives_way}
    qmp = {"execute": "device_add", "arguments": arguments}
    made = Recording().boot()
    made.add(1, "command", mechanism="balloon", requested=None, qmp=qmp, reply={"return": {}}, accepted=True)
    made.add(2, "observation", label="look", **measure(0, balloon=1024)).poll(4, 512, "balloon").end(9)
    [moved] = events(made.lines, VmMemoryMoved)
    assert moved.mechanism is mechanism


def test_blocks_that_the_guest_left_offline_are_told_in_bytes() -> None:
    made, measured = Recording().boot(), measure(256)
    measured["guest"] |= {"memory_blocks_offline": 2}
    made.add(2, "observation", label="look", **measured)
    assert events(made.end(9).lines, VmObserved)[1].guest_offline == 256 * MiB
    offline = [fleet.vms["made-up.vm0"].guest_offline for _, fleet in states(made.lines)]
    assert offline[:3] == [None, None, 256 * MiB]
    assert offline[-1] is None, "a VM that is off has no guest"


@pytest.mark.parametrize(("unseen", "in_use"), [(0, 308 * MiB), (96, None)])
def test_what_a_guest_uses_is_unknown_while_it_misses_a_module_also_beside_a_balloon_that_deflates(
    unseen: int, in_use: int | None
) -> None:
    made = Recording().boot(balloon=BASE, deflates=True).poll(1, 512, "balloon").poll(2, 96, "pc-dimm")
    made.add(9, "observation", label="look", **measure(0, 300, balloon=608, modules=96, uncounted=unseen)).end(20)
    looked = next(one for one in events(made.lines, VmObserved) if one.label == "look")
    assert (looked.assigned, looked.in_use) == (608 * MiB, in_use)
