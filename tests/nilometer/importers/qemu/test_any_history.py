"""Any history of a QEMU guest that can be: the judge raises no false alarm, and a file read in parts gives the same.

All of it is synthetic: grants that come late and in parts, sizes that swing about their target, balloons, modules that
the guest sees, leaves offline or cannot take, checkpoints that are taken and applied, events that come late, hours in
which nobody looks, and measures at any moment in between.
``python -m tests.nilometer.importers.qemu.test_any_history MINUTES`` goes on for longer.
"""

from __future__ import annotations

import sys
import time
from itertools import count

import pytest

from domain.observed.events import VmCheckpoint
from domain.quantities import MiB
from nilometer.importers.qemu.vm import KEPT_PART
from rules.judging.findings import Verdict
from tests.nilometer.importers.qemu.any_guest import Guest
from tests.nilometer.importers.qemu.reading import Fleet, Store, facts, observations
from tests.nilometer.importers.qemu.synthetic import FIRMWARE
from tests.rules.judging.observed.recordings import judged_lines


def check(seed: int) -> None:
    """Imports a recording, at once and as it grows, and has it judged."""
    guest = Guest(seed)
    lines = guest.live(14)
    found, _ = judged_lines(lines)
    assert [finding for finding in found if finding.verdict is Verdict.VIOLATED] == []
    store = Store()
    for share in (1, 2, 3):
        store.record(observations(lines[: len(lines) * share // 3])[0])
    assert store.facts == facts(lines)
    fleet, restored = Fleet(), list[tuple[int | None, int | None, int | None]]()
    for fact in facts(lines[:-2], final=True):  # before its end
        fleet.apply(fact)
        if isinstance(fact.event, VmCheckpoint) and fact.event.applied:
            (vm,) = fleet.vms.values()
            restored.append((vm.assigned, vm.high_watermark, vm.in_use))
    (vm,) = fleet.vms.values()
    memory = guest.memory
    assert (vm.assigned, vm.ballooned) == (memory.assigned * MiB, memory.lent * MiB)
    assert (vm.high_watermark or 0) <= memory.most * MiB
    assert not guest.all_seen or vm.high_watermark == memory.most * MiB
    assert len(restored) == len(guest.restored)
    for (assigned, watermark, in_use), old in zip(restored, guest.restored, strict=True):
        assert (watermark or 0) <= old.most * MiB
        assert not guest.all_seen or watermark == old.most * MiB
        assert assigned is None or assigned <= old.most * MiB
        assert in_use is None
    unseen = memory.unseen + (0 if guest.reports_offline else memory.offline)
    if unseen > memory.most // KEPT_PART:
        assert vm.in_use is None
    elif not unseen:
        assert vm.in_use == int((guest.used + FIRMWARE + memory.kept) * MiB)


@pytest.mark.parametrize("seed", [*range(40), 1115, 1224])
def test_the_judge_raises_no_false_alarm_and_a_recording_that_grows_comes_to_the_same(seed: int) -> None:
    check(seed)


def main(minutes: float) -> None:
    """Goes on for so many minutes; says what fails, and how many histories it made."""
    end = time.monotonic() + minutes * 60
    for seed in count(1000):
        if time.monotonic() >= end:
            print(f"{seed - 1000} histories", flush=True)
            return
        try:
            check(seed)
        except AssertionError as error:
            print(f"seed {seed}: {error}"[:400], flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))
