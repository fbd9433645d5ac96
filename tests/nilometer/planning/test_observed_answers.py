"""Answers of an observed fleet: fresh figures are taken as they are, late ones give none."""

from __future__ import annotations

from dataclasses import replace

from domain.commands import AddMemory, RemoveMemory, Stop
from domain.identifiers import UtcTime
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from domain.quantities import GiB
from domain.settings import MemorySetting, Mode
from domain.state import Power
from nilometer.planning.asking import CanAnswer
from nilometer.planning.givers import PlanStep
from nilometer.planning.observed import ObservedAnswer, ask_observed
from projections.fleet import Fleet
from projections.tracked import Tracked


def asked_for(fleet: Fleet, vm: ObservedVm, amount: int, now: UtcTime) -> ObservedAnswer:
    """The answer by the figures of the fleet alone."""
    return ask_observed(fleet, vm, AddMemory(vm.id, amount), now, lambda _: ())


def test_fresh_figures_are_taken_as_they_are() -> None:
    now = UtcTime("2026-11-23T09:05:00.000000Z")
    seen = UtcTime("2026-11-23T09:04:00.000000Z")
    fleet = Fleet()
    host = ObservedHost(id="hv01", name="hv01", free=9 * GiB, measured={"free": seen})
    fleet.put_host("hv01", Tracked(host, seen))
    target = ObservedVm(id="db02", name="db02", host="hv01", power=Power.RUNNING)
    static = MemorySetting(mode=Mode.STATIC, startup=16 * GiB, minimum=0, maximum=0, buffer=0, weight=0)
    erp = ObservedVm(
        id="erp01", name="erp01", host="hv01", power=Power.RUNNING, memory=static, assigned=16 * GiB, in_use=5 * GiB,
        told_held=16 * GiB, measured={"in_use": seen},
    )  # fmt: skip
    for one in (target, erp):
        fleet.put_vm(one.id, Tracked(one, seen))
    yes, partly = (asked_for(fleet, target, amount * GiB, now) for amount in (9, 16))
    assert (yes.answer, yes.granted) == (CanAnswer.YES, 9 * GiB)
    assert (partly.answer, partly.granted) == (CanAnswer.PARTLY, 9 * GiB)
    assert partly.options is not None
    assert [option.steps for option in partly.options.plans.found] == [
        (PlanStep(RemoveMemory("erp01", 7 * GiB), 7 * GiB),),
        (PlanStep(Stop("erp01"), 16 * GiB),),
    ]
    assert partly.options.uses["erp01"].removable == 11 * GiB
    late = UtcTime("2026-11-23T09:09:00.000001Z")
    assert asked_for(fleet, target, 9 * GiB, late).answer is CanAnswer.UNKNOWN
    big = replace(target, generation=1)
    fleet.put_vm(big.id, Tracked(big, seen))
    never = asked_for(fleet, big, 2 * 2**40, now)
    assert (never.answer, never.limit) == (CanAnswer.NEVER, 2**40)
