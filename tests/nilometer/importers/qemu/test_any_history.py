"""Any history of a QEMU guest that can be: the judge raises no false alarm, and a file read in parts gives the same.

All of it is synthetic: grants that come late and in parts, sizes that swing about their target, checkpoints that are
taken and applied, and measures at any moment in between. The memory moves through virtio-mem, which guests do not count
once it is unplugged.
"""

from __future__ import annotations

from random import Random

import pytest

from domain.quantities import MiB
from rules.judging.findings import Verdict
from tests.nilometer.importers.qemu.reading import Fleet, Store, facts, observations
from tests.nilometer.importers.qemu.synthetic import BASE, Recording
from tests.rules.judging.observed.recordings import judged_lines

BLOCK = 2
MOST = 4096


class Guest:
    """A guest: what it has is known here, and what is seen of it is recorded."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.recording = Recording().boot()
        self.at = 10.0
        self.size = 0
        self.checkpoint: int | None = None

    def live(self, steps: int) -> list[bytes]:
        """So many things that happen to it."""
        for _ in range(steps):
            self.random.choice((self.resize, self.resize, self.swing, self.take, self.apply, self.look))()
        self.look()
        self.recording.end(self.at + 10)
        return self.recording.lines

    def wait(self, most: float = 90) -> float:
        """Some time passes."""
        self.at = round(self.at + self.random.uniform(0.2, most), 3)
        return self.at

    def look(self) -> None:
        """It is measured, perhaps twice."""
        for _ in range(self.random.randrange(1, 3)):
            self.recording.observation(self.wait(), self.size, self.random.randrange(50, 900))

    def move(self, size: int) -> None:
        """Its memory moves, which an event shows or a poll."""
        self.size = size
        if self.random.random() < 0.7:
            at = self.wait(5)
            self.recording.event(at, at - 0.001, size)
        else:
            self.recording.poll(self.wait(5), size)

    def resize(self) -> None:
        """A size is asked for, and comes at once or in parts, late, or in part only."""
        target = self.random.randrange(0, MOST, BLOCK)
        self.recording.command(self.wait(), target)
        for _ in range(self.random.randrange(4)):
            if self.random.random() < 0.3:
                self.look()
            part = self.random.randrange(0, abs(target - self.size) + 1, BLOCK)
            if part:
                self.move(self.size + (part if target > self.size else -part))
        if self.size != target and self.random.random() < 0.5:
            self.move(target)

    def swing(self) -> None:
        """A size is asked for and reached, and swings about it."""
        target = self.random.randrange(64, MOST - 64, BLOCK)
        self.recording.command(self.wait(), target)
        for turn in range(self.random.randrange(2, 9)):
            self.move(target + BLOCK * (1 - turn % 3))

    def take(self) -> None:
        """A checkpoint is taken."""
        self.monitor("savevm")
        self.checkpoint = self.size

    def apply(self) -> None:
        """The checkpoint is applied: its size comes back, which no event shows."""
        if self.checkpoint is not None:
            self.monitor("loadvm")
            self.size = self.checkpoint
            self.look()

    def monitor(self, command: str) -> None:
        """A command of the monitor."""
        qmp = {"execute": "human-monitor-command", "arguments": {"command-line": f"{command} one"}}
        self.recording.add(
            self.wait(), "command", mechanism=command, requested=None, qmp=qmp, reply={"return": ""}, accepted=True
        )


def check(seed: int) -> None:
    """Imports a recording, at once and as it grows, and has it judged."""
    guest = Guest(seed)
    lines = guest.live(12)
    found, _ = judged_lines(lines)
    assert [finding for finding in found if finding.verdict is Verdict.VIOLATED] == []
    store = Store()
    for share in (1, 2, 3):
        store.record(observations(lines[: len(lines) * share // 3])[0])
    assert store.facts == facts(lines)
    fleet = Fleet()
    for fact in facts(lines[:-2], final=True):  # before its end
        fleet.apply(fact)
    (vm,) = fleet.vms.values()
    assert vm.assigned == (BASE + guest.size) * MiB


@pytest.mark.parametrize("seed", range(40))
def test_the_judge_raises_no_false_alarm_and_a_recording_that_grows_comes_to_the_same(seed: int) -> None:
    check(seed)
