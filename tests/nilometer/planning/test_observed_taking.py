"""Memory is taken from an observed VM: what is answered is what its guest leaves, by figures that are new enough."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decision import Code
from domain.guests import Guest
from domain.identifiers import UtcTime
from domain.observed.devices import DeviceAccount
from domain.observed.host import ObservedHost
from domain.observed.polls import PollFigures
from domain.observed.vm import ObservedVm
from domain.observed.words import Means
from domain.quantities import FLOOR, QUANTUM, GiB, MiB
from domain.settings import ConfigVersion, MemorySetting, Mode
from domain.state import Power
from nilometer.planning.asking import CanAnswer
from nilometer.planning.observed_taking import TakingAnswer, ask_taking
from projections.fleet import Fleet
from projections.tracked import Tracked

SEEN = UtcTime("2026-11-23T09:00:00.000000Z")
LATER = UtcTime("2026-11-23T09:01:00.000000Z")
NOW = UtcTime("2026-11-23T09:05:00.000000Z")
DYNAMIC = MemorySetting(mode=Mode.DYNAMIC, startup=GiB, minimum=GiB, maximum=8 * GiB, buffer=20, weight=50)
STATIC = ObservedVm(
    id="web01", name="web01", host="hv01", power=Power.RUNNING, memory=MemorySetting.static(8 * GiB),
    assigned=8 * GiB, in_use=3 * GiB, measured={"assigned": SEEN, "in_use": SEEN},
)  # fmt: skip


def asked(vm: ObservedVm, amount: int, now: UtcTime = NOW, newest: PollFigures | None = None) -> TakingAnswer:
    """The answer of a fleet of one VM."""
    fleet = Fleet()
    host = ObservedHost(id="hv01", name="hv01", newest={} if newest is None else {vm.id: newest})
    fleet.put_host("hv01", Tracked(host, SEEN))
    fleet.put_vm(vm.id, Tracked(vm, SEEN))
    return ask_taking(fleet, vm, amount, now)


@given(st.integers(0, 8192), st.integers(1, 9000), st.integers(0, 600))
def test_what_is_granted_is_the_most_that_leaves_the_guest_what_it_uses_and_the_vm_its_least(
    in_use: int, amount: int, age: int
) -> None:
    minutes, seconds = divmod(age, 60)
    now = UtcTime(f"2026-11-23T09:{minutes:02}:{seconds:02}.000000Z")
    found = asked(replace(STATIC, in_use=in_use * MiB), amount * MiB, now)
    least = max(in_use, FLOOR // MiB)
    whole = list(range(0, 8192 - least + 1, QUANTUM // MiB))
    if amount % 2:
        assert (found.answer, found.granted, found.code) == (CanAnswer.NOT_NOW, 0, Code.INVALID_AMOUNT)
    elif age > 300:
        assert found.answer is (CanAnswer.NOT_NOW if amount > 8192 - FLOOR // MiB else CanAnswer.UNKNOWN)
        assert found.granted is None
    elif 8192 - amount >= least:
        assert (found.answer, found.granted, found.code) == (CanAnswer.YES, amount * MiB, None)
    else:
        assert found.granted == max(whole, default=0) * MiB
        assert found.answer is (CanAnswer.PARTLY if found.granted else CanAnswer.NOT_NOW)
        assert found.code is (Code.MEMORY_IN_USE if in_use > FLOOR // MiB else Code.MINIMUM_REACHED)


def test_a_move_makes_what_was_measured_before_it_worth_nothing() -> None:
    moved = replace(STATIC, assigned=6 * GiB, in_use=None, measured={"assigned": LATER, "in_use": SEEN})
    assert asked(moved, GiB).answer is CanAnswer.UNKNOWN
    before = PollFigures(at=SEEN, assigned=8 * GiB, visible=None, in_use=3 * GiB)
    assert asked(moved, GiB, newest=before).answer is CanAnswer.UNKNOWN


def test_the_newest_poll_counts_where_it_is_newer() -> None:
    newest = PollFigures(at=LATER, assigned=8 * GiB, visible=None, in_use=7 * GiB)
    found = asked(STATIC, 3 * GiB, newest=newest)
    assert (found.answer, found.granted, found.measured) == (CanAnswer.PARTLY, GiB, LATER)
    other = PollFigures(at=LATER, assigned=6 * GiB, visible=None, in_use=None)
    assert asked(STATIC, GiB, newest=other).answer is CanAnswer.UNKNOWN


@pytest.mark.parametrize(
    ("vm", "code"),
    [
        (replace(STATIC, power=Power.PAUSED), Code.WRONG_POWER_STATE),
        (replace(STATIC, guest=Guest.WINDOWS_LEGACY), Code.GUEST_CANNOT_RESIZE),
        (replace(STATIC, config_version=ConfigVersion(5, 0)), Code.CONFIGURATION_VERSION),
        (replace(STATIC, memory=DYNAMIC), Code.DYNAMIC_MEMORY_ENABLED),
    ],
)
def test_a_vm_that_cannot_be_resized_while_it_runs_gives_nothing(vm: ObservedVm, code: Code) -> None:
    found = asked(vm, GiB)
    assert (found.answer, found.granted, found.code) == (CanAnswer.NOT_NOW, 0, code)


def test_a_guest_of_qemu_keeps_what_is_no_virtio_mem() -> None:
    accounts = {
        "base": DeviceAccount(means=Means.BOOT, size=6 * GiB),
        "vm0": DeviceAccount(means=Means.VIRTIO_MEM, size=2 * GiB),
    }
    driven = replace(STATIC, hypervisor="QEMU 9.0", memory=None, accounts=accounts)
    assert asked(driven, GiB + MiB).answer is CanAnswer.YES  # what QEMU takes depends on the device
    found = asked(driven, 3 * GiB)
    assert (found.answer, found.granted, found.keeps) == (CanAnswer.PARTLY, 2 * GiB, 6 * GiB)
    assert found.code is Code.MINIMUM_REACHED


def test_what_was_not_seen_for_a_day_or_may_not_run_is_unknown() -> None:
    late = UtcTime("2026-11-24T09:00:00.000001Z")
    assert (asked(STATIC, GiB, late).answer, asked(STATIC, GiB, late).is_heard) == (CanAnswer.UNKNOWN, False)
    assert asked(replace(STATIC, power=None), GiB).answer is CanAnswer.UNKNOWN


@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 8), st.booleans())
def test_of_what_a_guest_used_the_newest_figure_after_the_last_move_counts(
    recorded: int, watched: int, polled: int, is_moved: bool
) -> None:
    fleet = Fleet()
    newest = PollFigures(at=SEEN, assigned=8 * GiB, visible=None, in_use=watched * GiB)
    poll = PollFigures(at=LATER, assigned=8 * GiB, visible=None, in_use=polled * GiB)
    before = UtcTime("2026-11-23T08:30:00.000000Z")
    moved = NOW if is_moved else before
    vm = replace(STATIC, in_use=None if is_moved else recorded * GiB, measured={"assigned": moved, "in_use": before})
    fleet.put_host("hv01", Tracked(ObservedHost(id="hv01", name="hv01", newest={vm.id: newest}), SEEN))
    fleet.put_vm(vm.id, Tracked(vm, SEEN))
    found = ask_taking(fleet, vm, 8 * GiB - FLOOR, NOW, polls={vm.id: poll})
    if is_moved:
        assert found.answer is CanAnswer.UNKNOWN
    else:
        assert (found.measured, found.granted) == (LATER, 8 * GiB - max(polled * GiB, FLOOR))
