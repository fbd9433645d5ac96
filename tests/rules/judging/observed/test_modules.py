"""Modules that a guest sees, does not see, or sees late: only whole blocks that are gone for good are a violation."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from domain.quantities import MiB
from rules.judging.findings import Finding, Verdict
from tests.nilometer.importers.qemu.reading import facts
from tests.nilometer.importers.qemu.synthetic import BASE, Recording
from tests.rules.judging.observed.recordings import judged_facts

BLOCK = 128
KEPT = 40


def look(made: Recording, at: float, plugged: int, seen: int, offline: int | None = 0) -> Recording:
    """A measure of a guest that sees so much of its modules, and left so many blocks offline; in MiB."""
    guest: dict[str, Any] = {
        "mem_total": (BASE + seen - KEPT) * MiB,
        "mem_available": 500 * MiB,
        "memory_block_size": BLOCK * MiB,
        "memory_blocks_offline": offline,
    }
    summary = {"base-memory": BASE * MiB, "plugged-memory": plugged * MiB}
    device: dict[str, Any] = {"size_summary": summary, "memory_devices": []}
    return made.add(at, "observation", label="look", guest=guest, device=device)


def booted(offline: int | None = 0) -> Recording:
    """A VM without modules, and its first measure."""
    made = Recording().add(0, "boot", argv=["qemu", "-m", f"{BASE}M"])
    return look(made, 1, 0, 0, offline)


def found(made: Recording, verdict: Verdict = Verdict.VIOLATED) -> list[Finding]:
    """The findings of a kind about what the guest sees."""
    findings = judged_facts(facts(made.lines))[0]
    return [one for one in findings if one.verdict is verdict and one.rule == "visible_moves_as_said"]


def test_whole_blocks_that_are_neither_seen_nor_offline_are_one_violation_and_gone_with_the_module() -> None:
    made = look(look(booted().poll(10, 256, "pc-dimm"), 20, 256, 0), 30, 256, 0)
    look(look(look(made, 40, 256, 0).poll(50, 0, "pc-dimm"), 60, 0, 0), 70, 0, 0)
    [finding] = found(made.end(80))
    assert finding.at.record == "made-up#3"


def test_a_module_that_is_no_whole_number_of_blocks_and_all_behind_it_are_remarks() -> None:
    made = look(look(booted().poll(10, 96, "pc-dimm"), 20, 96, 0).poll(30, 352, "pc-dimm"), 40, 352, 0)
    look(look(made, 50, 352, 0).poll(60, 96, "pc-dimm"), 70, 96, 0)
    look(made.poll(80, 0, "pc-dimm"), 90, 0, 0).end(99)
    assert found(made) == []
    assert [one.found["module"] for one in found(made, Verdict.REMARK)] == [96 * MiB, 256 * MiB]


def test_what_the_guest_left_offline_is_not_missing() -> None:
    made = look(look(booted().poll(10, 256, "pc-dimm"), 20, 256, 0, offline=2), 900, 256, 128, offline=1).end(999)
    assert found(made) == []


@pytest.mark.parametrize(("later", "count"), [(500, 0), (700, 1)])
def test_a_guest_that_does_not_report_what_is_offline_has_ten_minutes(later: int, count: int) -> None:
    made = look(look(booted(None).poll(10, 256, "pc-dimm"), 20, 256, 0, offline=None), 30, 256, 0, offline=None)
    assert len(found(look(made, later, 256, 0, offline=None).end(999))) == count


def test_a_kernel_keeps_a_part_of_what_it_is_given_for_its_account_of_it() -> None:
    for kept, count in ((64, 0), (128, 1)):
        made = look(look(booted().poll(10, 4096, "pc-dimm"), 20, 4096, 4096 - kept), 30, 4096, 4096 - kept).end(40)
        assert len(found(made)) == count


def test_a_module_that_was_unseen_before_the_first_measure_can_be_unplugged() -> None:
    made = Recording().add(0, "boot", argv=["qemu", "-m", f"{BASE}M"])
    look(look(look(made, 1, 256, 0).poll(10, 0, "pc-dimm"), 20, 0, 0), 30, 0, 0).end(40)
    assert found(made) == []


@pytest.mark.parametrize("seed", range(40))
def test_no_honest_guest_with_modules_of_any_size_is_called_violated(seed: int) -> None:
    """QEMU puts a module into the first gap; a guest takes whole blocks at multiples of a block, nothing else."""
    random, made = Random(seed), booted()
    modules: dict[int, int] = {}
    for number in range(random.randrange(3, 25)):
        at = 10 + number * 20
        if modules and random.random() < 0.45:
            del modules[random.choice(list(modules))]
        else:
            size, address = random.choice((32, 96, 128, 192, 256, 512)), 0
            for start in sorted(modules):
                if start - address >= size:
                    break
                address = start + modules[start]
            modules[address] = size
        plugged = sum(modules.values())
        seen = sum(size for address, size in modules.items() if size % BLOCK == address % BLOCK == 0)
        offline = random.randrange(seen // BLOCK + 1) if random.random() < 0.2 else 0
        look(made.poll(at, plugged, "pc-dimm"), at + 5, plugged, seen - offline * BLOCK, offline)
        look(made, at + 10, plugged, seen - offline * BLOCK, offline)
    findings = judged_facts(facts(made.end(999).lines))[0]
    assert [one for one in findings if one.verdict is Verdict.VIOLATED] == []
