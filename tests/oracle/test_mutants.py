"""Break the plain model in one place at a time: vectors and rules must notice each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

from tests.oracle.driving import Decider, faults_of_vector, simulate
from tests.oracle.edges import EDGES
from tests.oracle.vectors import VECTORS

MUTANTS = (
    ("things", "if bound < least:", "if bound <= least:"),
    ("things", "return max(0, least) // QUANTUM * QUANTUM, blamed", "return max(0, least), blamed"),
    ("things", "1 * TIB", "2 * TIB"),
    ("things", 'if host_version in ("2016", "2019")', 'if host_version in ("2016",)'),
    ("things", 'if self.power in ("running", "paused") else 0', 'if self.power != "off" else 0'),
    ("things", "if self.guest in SEES_WATERMARK", "if self.ballooned"),
    ("things", 'SEES_WATERMARK = {"windows-legacy", "linux-legacy"}', 'SEES_WATERMARK = {"windows-legacy"}'),
    ("things", "self.in_use_reported = False\n        self.vsc = self", "self.vsc = self"),
    ("things", "and not self.static())", "and self.static())"),
    (
        "things",
        "if self.static():\n            self.memory",
        "if not self.static():\n            self.memory",
    ),
    (
        "things",
        'if self.guest == "windows":\n            self.hot',
        'if self.guest != "linux":\n            self.hot',
    ),
    ("things", "if sizes != sorted(sizes):", "if sizes[0] > sizes[1]:"),
    ("things", "return self.total - self.reserve - sum", "return self.total - sum"),
    ("fleet", "if reserve + sum(host.book.values()) > total:", "if sum(host.book.values()) > total:"),
    ("fleet", "changes = (total, reserve) != (host.total, host.reserve)", "changes = True"),
    ("fleet", "if any(vm.host == host.id for vm", "if any(vm.host == host.id and vm.held() for vm"),
    ("fleet", 'or new["minimum"] > old["minimum"]', 'or new["minimum"] < old["minimum"]'),
    ("fleet", " or vm.high_watermark > cap", ""),
    ("fleet", "if there.free() < held:", "if there.free() < vm.assigned:"),
    ("fleet", "self.used.update(streams)", "self.used.update(())"),
    ("fleet", "version(written) < version(vm.config_version)", "written < vm.config_version"),
    ("model", "if event in needs and host.free() < more:", "if event in needs and host.free() <= more:"),
    ("model", "needs.get(event, 0) - held", "needs.get(event, 0)"),
    ("model", "if in_use > vm.assigned:", "if in_use >= vm.assigned:"),
    ("model", "vm.in_use, vm.in_use_reported = in_use, True", "vm.in_use = in_use"),
    ("model", "if version(vm.config_version) < (6, 2):", "if version(vm.config_version) <= (6, 2):"),
    ("model", "if not (vm.vsc and vm.guest in CAN_RESIZE):", "if vm.guest == 'unenlightened':"),
    ("model", "vm.ballooned -= min(answer.granted, vm.ballooned)", "vm.ballooned = 0"),
    (
        "model",
        "vm.high_watermark = max(vm.high_watermark, vm.assigned)",
        "vm.high_watermark += answer.granted",
    ),
    ("model", 'if vm.guest != "windows":', 'if vm.guest.endswith("legacy"):'),
    ("model", "vm.in_use = vm.assigned\n", "pass\n"),
    ("model", "if code is None and not legacy and not vm", "if code is None and not vm"),
    ("model", 'bounds = [] if legacy else [("memory-in-use"', 'bounds = [("memory-in-use"'),
    ("model", '("minimum-reached", vm.assigned - FLOOR)', '("minimum-reached", vm.assigned)'),
    ("model", 'vm.memory["maximum"] - vm.assigned', 'vm.memory["maximum"] - vm.high_watermark'),
    ("model", "if more and event not in", "if event not in"),
)


def broken(monkeypatch: pytest.MonkeyPatch, where: str, old: str, new: str) -> Callable[[], Decider]:
    """The plain model with one piece of its source replaced."""
    module = ModuleType("nothing loaded yet")
    for name in ("things", "fleet", "model"):
        source = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
        if name == where:
            assert source.count(old) == 1, f"{name}.py has {source.count(old)} places with {old!r}"
            source = source.replace(old, new)
        module = ModuleType(f"tests.oracle.{name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(source, f"{name}.py, broken", "exec"), module.__dict__)
    return cast(Callable[[], Decider], module.__dict__["PlainModel"])


@pytest.mark.parametrize(("where", "old", "new"), MUTANTS, ids=lambda each: str(each).strip()[:60])
def test_a_broken_model_is_noticed(monkeypatch: pytest.MonkeyPatch, where: str, old: str, new: str) -> None:
    make = broken(monkeypatch, where, old, new)
    noticed = any(faults_of_vector(make(), vector) for vector in (*VECTORS, *EDGES))
    assert noticed or simulate(make, range(300), 120)[1] is not None


def test_the_unbroken_model_loaded_the_same_way_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    make = broken(monkeypatch, "none of them", "", "")
    assert [faults for each in (*VECTORS, *EDGES) if (faults := faults_of_vector(make(), each))] == []
