"""Checkpoints of QEMU: one that is applied brings back sizes and watermark. The recording is a real one."""

from __future__ import annotations

import json

from domain.identifiers import UtcTime
from domain.observed.events import VmCheckpoint, VmMemoryMoved, VmObserved
from domain.observed.vm import ObservedVm
from domain.observed.words import Means, WhyMoved
from domain.quantities import MiB
from rules.judging.findings import Verdict
from tests.nilometer.importers.qemu.reading import N5, events, facts, lines_of
from tests.nilometer.importers.qemu.synthetic import Recording, measure
from tests.rules.judging.observed.recordings import judged_lines


def test_what_a_checkpoint_brings_back_is_no_move_that_nobody_asked_for() -> None:
    moves = [fact.event for fact in facts(lines_of(N5)) if isinstance(fact.event, VmMemoryMoved)]
    assert [(move.size_to // MiB, move.why) for move in moves] == [
        (128, WhyMoved.REQUEST),
        (256, WhyMoved.REQUEST),
        (512, WhyMoved.REQUEST),
        (0, WhyMoved.CHECKPOINT),
        (128, WhyMoved.CHECKPOINT),
        (256, WhyMoved.REQUEST),
    ]
    found, _ = judged_lines(lines_of(N5))
    assert {finding.rule for finding in found if finding.verdict is not Verdict.UNKNOWN} == set()


def test_the_watermark_of_its_moment_comes_back_and_what_the_guest_saw_is_past() -> None:
    vm, watermarks = ObservedVm.begin("vm"), list[int | None]()
    for fact in facts(lines_of(N5)):
        event = fact.event
        if fact.stream.startswith("vm/"):
            vm.apply(event, fact.happened, fact.earliest)  # type: ignore[arg-type]
        if isinstance(event, VmCheckpoint):
            watermarks.append(None if vm.high_watermark is None else vm.high_watermark // MiB)
            assert not event.applied or (vm.visible, vm.in_use) == (None, None)
    assert watermarks == [384, 384]


def test_a_checkpoint_that_was_not_taken_before_leaves_the_watermark_unknown() -> None:
    vm = ObservedVm.begin("vm")
    vm.apply(VmObserved(session=1, assigned=768 * MiB), UtcTime("2026-11-28T19:49:00.000000Z"))
    vm.apply(VmCheckpoint(name="older", applied=True), UtcTime("2026-11-28T19:50:00.000000Z"))
    assert (vm.high_watermark, vm.assigned) == (None, None)


def test_a_command_that_failed_applies_nothing() -> None:
    lines = list(lines_of(N5))
    at = next(number for number, line in enumerate(lines) if b"loadvm one" in line)
    record = json.loads(lines[at])
    record["reply"] = {"return": "Error: snapshot 'one' does not exist\r\n", "id": 46}
    lines[at] = json.dumps(record).encode() + b"\n"
    found, _ = judged_lines(lines)
    assert not any(finding.verdict is Verdict.VIOLATED for finding in found)


def test_after_a_checkpoint_was_applied_no_size_before_it_says_how_much_of_what_is_plugged_are_modules() -> None:
    made = Recording().boot().poll(1, 1000)
    for at, command in ((2, "savevm one"), (4, "loadvm one")):
        qmp = {"execute": "human-monitor-command", "arguments": {"command-line": command}}
        made.monitor(at, qmp, command[:6]).poll(at + 1, 0)
    made.lines.pop()  # what came back was not measured
    made.poll(5, 1128, "pc-dimm").add(30, "observation", label="look", **measure(1000, modules=128)).end(40)
    modules = [move.size_to // MiB for move in events(made.lines, VmMemoryMoved) if move.means is Means.PC_DIMM]
    assert modules == [128]
