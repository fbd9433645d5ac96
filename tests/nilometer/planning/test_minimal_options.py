"""Options of a decided world: each makes the command possible, and needs each of its steps."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.commands import AddMemory, DefineVm, MoveVm, RegisterHost, ReportInUse, Start
from domain.deciding.world import World
from domain.decision import Outcome
from domain.guests import Guest
from domain.quantities import GiB
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode
from nilometer.planning.asking import CanAnswer, ask


def fill(world: World, sizes: dict[str, int], total: int = 64, other: int = 32) -> World:
    """Two hosts, and running VMs on the first that use half of what they have. Sizes are GiB."""
    commands: list[Any] = [
        RegisterHost("hv01", HostVersion.V2022, total * GiB, 2 * GiB),
        RegisterHost("hv02", HostVersion.V2022, other * GiB, 2 * GiB),
    ]
    for id, size in sizes.items():
        memory = MemorySetting(mode=Mode.STATIC, startup=size * GiB, minimum=0, maximum=0, buffer=0, weight=0)
        commands += [
            DefineVm(
                vm=id,
                host="hv01",
                generation=2,
                guest=Guest.WINDOWS,
                config_version=ConfigVersion(10, 0),
                memory=memory,
            ),
            Start(id),
            ReportInUse(id, size * GiB // 2),
        ]
    for command in commands:
        world.execute(command)
    return world


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(1, 12), min_size=2, max_size=5),
    st.integers(1, 40),
    st.integers(8, 64),
)
def test_every_option_is_minimal_and_completed(sizes: list[int], amount: int, other: int) -> None:
    named = {f"vm{number}": size for number, size in enumerate(sizes)}
    world = fill(World(), named, total=sum(sizes) + 6, other=other)
    command = AddMemory("vm0", amount * GiB)
    asked = ask(world, command)
    if asked.answer is CanAnswer.YES:
        assert amount <= 4
        return
    assert asked.options is not None
    for option in asked.options.found:
        for length in range(len(option.steps)):
            copy = fill(World(), named, total=sum(sizes) + 6, other=other)
            for step in option.steps[:length]:
                copy.execute(step.command)
            assert copy.execute(command).outcome is not Outcome.COMPLETED  # each step is needed
        copy = fill(World(), named, total=sum(sizes) + 6, other=other)
        assert all(copy.execute(step.command).outcome in (Outcome.COMPLETED, Outcome.DONE) for step in option.steps)
        assert copy.execute(command).outcome is Outcome.COMPLETED
    assert world.vms["vm0"].state.assigned == named["vm0"] * GiB  # nothing was changed


def test_a_full_destination_has_options_of_its_own() -> None:
    world = fill(World(), {"vm0": 8, "vm1": 8}, other=12)
    world.execute(MoveVm("vm1", "hv02"))
    asked = ask(world, MoveVm("vm0", "hv02"))
    assert (asked.answer, asked.host, asked.free) == (CanAnswer.NOT_NOW, "hv02", 2 * GiB)
    assert asked.options is not None
    assert {option.steps[0].name for option in asked.options.found} == {"remove-memory", "move-vm", "stop"}
