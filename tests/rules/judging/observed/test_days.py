"""What Hyper-V and QEMU do every day is no violation; and what none of them does is one still."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from domain.envelope import Envelope, Metadata
from domain.events import Event
from domain.guests import Guest
from domain.identifiers import StreamName, host_stream, vm_stream
from domain.observed.events import (
    DeviceFigures,
    HostObserved,
    Observed,
    VmChangeRequested,
    VmLost,
    VmMemoryMoved,
    VmObserved,
)
from domain.observed.words import BASE_MEMORY, Means, WhyMoved
from domain.quantities import MiB
from domain.settings import HostVersion, MemorySetting, Mode
from domain.state import Power
from rules.judging.findings import Verdict
from rules.judging.observed.judge import NEVER_REMOVED
from tests.rules.judging.any_events import any_event
from tests.rules.judging.histories import Recorded, judged, moment

GIB = 1024 * MiB
Fact = tuple[StreamName, Event]
WEB = vm_stream("web01")


def days(*facts: Fact, seconds: float = 60) -> list[Recorded]:
    """Facts as a ledger holds them, so many seconds apart."""
    versions: dict[str, int] = {}
    envelopes: list[Recorded] = []
    for position, (stream, event) in enumerate(facts, start=1):
        version = versions[stream] = versions.get(stream, 0) + 1
        at = moment(position * seconds)
        envelopes.append(Envelope(stream, version, event, Metadata("driver", "import", at, at, "c"), position))
    return envelopes


def vm(id: str = "web01", **figures: Any) -> Fact:
    """A VM is measured."""
    return vm_stream(id), VmObserved(**figures)


def host(id: str = "hv01", **figures: Any) -> Fact:
    """A host is measured."""
    return host_stream(id), HostObserved(**figures)


def moved(size_from: int, size_to: int, id: str = "web01", why: WhyMoved = WhyMoved.BALANCER) -> Fact:
    """Dynamic Memory gives or takes."""
    move = VmMemoryMoved(device=BASE_MEMORY, means=Means.BOOT, size_from=size_from, size_to=size_to, why=why)
    return vm_stream(id), move


def base(size: int) -> tuple[DeviceFigures]:
    """The VM's memory as its only device."""
    return (DeviceFigures(BASE_MEMORY, Means.BOOT, size),)


def dynamic(minimum: int, startup: int, maximum: int) -> MemorySetting:
    """A setting of Dynamic Memory, in GiB."""
    return MemorySetting(Mode.DYNAMIC, startup * GIB, minimum * GIB, maximum * GIB, 20, 50)


def broken(envelopes: Iterable[Recorded]) -> set[str]:
    """The rules that are found broken."""
    return {finding.rule for finding in judged(envelopes)[0] if finding.verdict is Verdict.VIOLATED}


RUNS: dict[str, Any] = {"power": Power.RUNNING, "generation": 2, "host": "hv01"}
BIG: dict[str, Any] = {"version": HostVersion.V2022, "total": 64 * GIB, "reserve": 2 * GIB}
POOLED = (DeviceFigures(BASE_MEMORY, Means.BOOT, 4 * GIB, backed=True),)
REFUSED = VmChangeRequested(
    request=1,
    device=BASE_MEMORY,
    means=Means.BOOT,
    size_from=4 * GIB,
    target=8 * GIB,
    amount=4 * GIB,
    accepted=False,
    asked=None,
    answer="no",
)

NORMAL: dict[str, list[Fact]] = {
    "a maximum that was lowered while the VM was off, which nobody saw": [
        host(**BIG),
        vm(**RUNS, memory=dynamic(1, 2, 8), assigned=8 * GIB),
        vm(memory=dynamic(1, 2, 4)),
        vm(memory=dynamic(1, 2, 4), assigned=2 * GIB, power=Power.RUNNING),
    ],
    "a maximum that was raised before the VM grew, and told only later": [
        host(**BIG),
        vm(**RUNS, memory=dynamic(1, 2, 4), devices=base(4 * GIB)),
        moved(4 * GIB, 8 * GIB),
        vm(memory=dynamic(1, 2, 16), assigned=8 * GIB),
    ],
    "a saved VM, which Hyper-V says has nothing": [
        host(**BIG),
        vm(**RUNS, memory=dynamic(1, 2, 4), assigned=2 * GIB, in_use=GIB),
        vm(power=Power.SAVED, assigned=0, in_use=0),
        vm(power=Power.RUNNING, assigned=2 * GIB),
    ],
    "a VM that runs and whose memory is not told yet": [
        host(**BIG),
        vm(**RUNS, memory=dynamic(1, 2, 4), assigned=0),
        vm(assigned=2 * GIB),
    ],
    "what a VM takes beside its memory when it starts": [
        host(**BIG, free=62 * GIB),
        vm(**RUNS, assigned=4 * GIB),
        host(free=58 * GIB - 37 * MiB),
        vm(assigned=4 * GIB),
        host(free=58 * GIB - 37 * MiB),
        vm(assigned=4 * GIB),
        host(free=58 * GIB - 37 * MiB),
    ],
    "a budget of which something else takes a part, from before the first measure": [
        host(budget=64 * GIB),
        vm("db01", devices=base(2 * GIB), power=Power.RUNNING, host="hv01", held=2 * GIB),
        vm(power=Power.RUNNING, host="hv01", devices=(DeviceFigures(BASE_MEMORY, Means.BOOT, 4 * GIB, backed=True),)),
        moved(4 * GIB, 6 * GIB),
        *[fact for _ in range(3) for fact in (vm(devices=base(6 * GIB)), vm("db01", assigned=2 * GIB), host(free=9))],
    ],
    "a reserve that the root partition gave back before the VMs grew": [
        host("hv01", **{**BIG, "reserve": 40 * GIB}),
        vm(**RUNS, assigned=30 * GIB),
        host(total=64 * GIB),
        vm(assigned=30 * GIB),
    ],
    "a guest's figure from just before its memory was taken": [
        vm(**RUNS, devices=base(4 * GIB), in_use=3 * GIB),
        vm(devices=base(2 * GIB), in_use=3 * GIB),
        vm(devices=base(2 * GIB), in_use=GIB),
    ],
    "an old Windows that Dynamic Memory makes page": [
        vm(**RUNS, guest=Guest.WINDOWS_LEGACY, devices=base(4 * GIB), in_use=3 * GIB),
        moved(4 * GIB, 2 * GIB),
        vm(devices=base(2 * GIB), in_use=2 * GIB, paged_out=GIB),
    ],
    "another tool that took memory after a request was refused": [
        vm(**RUNS, devices=base(4 * GIB)),
        (WEB, REFUSED),
        vm(devices=base(3 * GIB), power=Power.RUNNING),
    ],
    "a VM that moves between two hosts, and is called something else": [
        host("hv01", **{**BIG, "total": 8 * GIB}),
        host("hv02", **{**BIG, "total": 8 * GIB}),
        vm(**RUNS, name="web", assigned=5 * GIB),
        vm("db01", **{**RUNS, "host": "hv02"}, assigned=4 * GIB),
        vm(host="hv02", name="www", assigned=5 * GIB),
        vm("db01", host="hv01", assigned=4 * GIB),
        *[fact for id in ("hv01", "hv02") for fact in (host(id, total=8 * GIB, reserve=2 * GIB),)],
    ],
    "a host that still has the memory of a VM that has just left": [
        host(budget=8 * GIB),
        host("hv02", budget=8 * GIB, free=8 * GIB),
        vm(**RUNS, devices=POOLED),
        host(free=4 * GIB),
        vm(host="hv02"),
        host(free=4 * GIB),
        host(free=4 * GIB),
        host(free=8 * GIB),
    ],
    "an old Windows that goes on counting what it lent": [
        vm(**RUNS, guest=Guest.WINDOWS_LEGACY, assigned=4 * GIB, guest_total=4 * GIB),
        vm(assigned=2 * GIB, guest_total=4 * GIB),
        vm(assigned=2 * GIB, guest_total=4 * GIB),
        vm(assigned=3 * GIB, guest_total=4 * GIB),
    ],
    "a guest of which nobody told what it is": [
        vm(**RUNS, devices=base(4 * GIB), guest_total=4 * GIB),
        *[fact for _ in range(3) for fact in (vm(devices=base(2 * GIB), guest_total=4 * GIB),)],
    ],
    "a VM on no host, that is lost": [
        vm(assigned=GIB, in_use=MiB),
        (WEB, VmLost()),
        vm(power=Power.OFF),
    ],
}


@pytest.mark.parametrize("day", NORMAL)
def test_it_is_no_violation(day: str) -> None:
    assert broken(days(*NORMAL[day], seconds=0.6 if "has just left" in day else 60)) == set()


WRONG: dict[str, tuple[str, list[Fact]]] = {
    "more than the maximum, told with it": (
        "within_bounds",
        [host(**BIG), vm(**RUNS, memory=dynamic(1, 2, 4), assigned=6 * GIB)],
    ),
    "less than the minimum, told with it": (
        "within_bounds",
        [host(**BIG), vm(**RUNS, memory=dynamic(3, 3, 4), assigned=2 * GIB)],
    ),
    "a guest that uses more than it has, in peace": (
        "in_use_is_assigned",
        [vm(**RUNS, devices=base(2 * GIB)), vm(devices=base(2 * GIB), in_use=3 * GIB)],
    ),
    "a guest from which memory was taken that it used": (
        "in_use_never_removed",
        [
            vm(**RUNS, devices=base(4 * GIB), in_use=3 * GIB),
            moved(4 * GIB, 2 * GIB, why=WhyMoved.UNASKED),
            vm(devices=base(2 * GIB), in_use=3 * GIB),
        ],
    ),
    "a refused request that was carried out": (
        "no_effect_without_grant",
        [
            vm(**RUNS, devices=base(4 * GIB)),
            (WEB, REFUSED),
            vm(devices=base(8 * GIB), power=Power.RUNNING),
        ],
    ),
    "a host that was promised twice, and stays so": (
        "host_never_overcommitted",
        [host(**BIG), vm(**RUNS, assigned=63 * GIB), vm(assigned=63 * GIB), host(**BIG), vm(assigned=63 * GIB)],
    ),
    "a guest that sees what was taken from it": (
        "current_is_visible",
        [
            vm(**RUNS, guest=Guest.WINDOWS, assigned=4 * GIB, guest_total=4 * GIB),
            *[vm(assigned=2 * GIB, guest_total=4 * GIB) for _ in range(2)],
        ],
    ),
    "a VM that is off and has memory": ("off_means_nothing", [vm(**RUNS), vm(power=Power.OFF, assigned=GIB)]),
    "a setting that Hyper-V does not take": (
        "settings_valid",
        [host(**BIG), vm(**RUNS, memory=dynamic(4, 2, 8))],
    ),
}


def removals(*facts: Fact, seconds: float = 60) -> tuple[list[Verdict], int]:
    """What is said of removals of memory in use, and of how many the rule holds."""
    found, coverage = judged(days(*facts, seconds=seconds))
    rule = coverage.rules.get(NEVER_REMOVED)
    verdicts = [finding.verdict for finding in found if finding.rule == NEVER_REMOVED]
    return verdicts, 0 if rule is None else rule.holds


def test_a_removal_is_judged_by_what_the_guest_used_just_before_it() -> None:
    def removal(in_use: int, why: WhyMoved = WhyMoved.UNASKED) -> list[Fact]:
        before = vm(**RUNS, devices=base(4 * GIB), in_use=in_use)
        return [before, moved(4 * GIB, 2 * GIB, why=why), vm(devices=base(2 * GIB), in_use=GIB)]

    assert removals(*removal(2 * GIB)) == ([], 1)
    assert removals(*removal(2 * GIB + 1)) == ([Verdict.UNKNOWN], 0), "it may have freed that byte, and nobody said so"
    assert removals(*removal(2 * GIB), seconds=91) == ([Verdict.UNKNOWN], 0), "what it uses after it proves nothing"
    assert removals(*removal(2 * GIB, WhyMoved.BALANCER)) == ([], 1)
    assert removals(*removal(3 * GIB, WhyMoved.BALANCER)) == ([Verdict.REMARK], 0)


@pytest.mark.parametrize("what", WRONG)
def test_it_is_a_violation_still(what: str) -> None:
    rule, facts = WRONG[what]
    assert rule in broken(days(*facts))


def test_whatever_is_observed_of_few_hosts_and_vms_is_judged() -> None:
    kinds: tuple[type[Event], ...] = (VmObserved, VmMemoryMoved, VmChangeRequested, VmLost)
    for seed in range(30):
        random = Random(seed)
        facts: list[Fact] = []
        for _ in range(40):
            on_host = random.random() < 0.2
            stream = random.choice(("host/hv01", "host/hv02") if on_host else (WEB, "vm/web02"))
            facts.append((StreamName(stream), any_event(random, (HostObserved,) if on_host else kinds)))
        coverage = judged(days(*facts, seconds=random.choice((0, 1, 60))))[1]
        assert all(isinstance(event, Observed) for _, event in facts)
        assert coverage.events == 40
