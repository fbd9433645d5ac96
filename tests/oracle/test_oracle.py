"""The plain model keeps every vector, every invariant and every property, and reaches every decision."""

from __future__ import annotations

import ast
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.oracle.driving import faults_of_vector, simulate, step
from tests.oracle.edges import EDGES
from tests.oracle.model import PlainModel
from tests.oracle.properties import INVARIANTS
from tests.oracle.reachable import REACHABLE
from tests.oracle.shapes import TIB, Line
from tests.oracle.strategies import Drawn, Seeded, next_line, script
from tests.oracle.vectors import VECTORS, Vector, do, host, static, vm


@pytest.mark.parametrize("vector", [*VECTORS, *EDGES], ids=lambda vector: vector.name)
def test_the_vectors_hold(vector: Vector) -> None:
    assert faults_of_vector(PlainModel(), vector) == []


class AnyHistory(RuleBasedStateMachine):
    """Whatever is asked in whatever order, every rule holds."""

    def __init__(self) -> None:
        super().__init__()
        self.model = PlainModel()

    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        for _ in range(data.draw(st.integers(1, 4))):
            line, _, faults = step(self.model, Drawn(data))
            assert faults == [], line

    @rule()
    def every_vm_can_be_stopped_and_removed(self) -> None:
        model = deepcopy(self.model)
        for id, each in model.snapshot()["vms"].items():
            if each["power"] != "off":
                assert model.apply(do("stop", id)).outcome == "done"
            assert model.apply(do("remove-vm", id)).outcome == "done"
        assert all(not each["book"] for each in model.snapshot()["hosts"].values())

    @invariant()
    def what_stands_is_sound(self) -> None:
        state = self.model.snapshot()
        assert [says for each in INVARIANTS if (says := each(state)) is not None] == []


AnyHistory.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestAnyHistory = AnyHistory.TestCase


def test_a_seeded_run_reaches_exactly_the_decisions_that_are_alive() -> None:
    reached, fault = simulate(PlainModel, range(300), 120)
    assert fault is None
    assert {each for each in reached if each[1] != "input-error"} == REACHABLE


def test_the_same_seed_gives_the_same_script() -> None:
    assert script(Seeded(3), 200, timed=True) == script(Seeded(3), 200, timed=True)


def test_a_line_before_the_last_of_what_it_names_is_an_input_error() -> None:
    model, latest = PlainModel(), dict[str, datetime]()
    for line in script(Seeded(11), 400, timed=True):
        moment = datetime.fromisoformat(str(line["at"]))
        named = [f"{kind}/{line[key]}" for key, kind in (("vm", "vm"), ("host", "host"), ("to", "host")) if key in line]
        before = model.snapshot()
        result = model.apply(line)
        if any(moment < latest[each] for each in named if each in latest):
            assert result.outcome == "input-error"
            assert model.snapshot() == before
        latest.update(dict.fromkeys(result.streams, moment))


@pytest.mark.parametrize("amount", [-1, 2**52 + 1, 2.0, "2MiB", None, True])
def test_no_size_is_an_input_error(amount: object) -> None:
    model = PlainModel()
    for line in (host(4096, 0), vm("a", static(64)), do("start")):
        model.apply(line)
    before = model.snapshot()
    assert model.apply({"command": "add-memory", "vm": "a", "amount": amount}).outcome == "input-error"
    assert model.snapshot() == before


def largest(thing: object) -> int:
    """The largest number anywhere in a line."""
    if isinstance(thing, dict):
        return max((largest(value) for value in cast(Line, thing).values()), default=0)
    return thing if isinstance(thing, int) else 0


def test_both_generations_are_decided_alike_below_the_cap() -> None:
    compared = 0
    for seed in range(40):
        one, other, chooser = PlainModel(), PlainModel(), Seeded(seed)
        for _ in range(120):
            line = next_line(chooser, one.snapshot())
            if largest(line) > TIB // 4:
                continue
            swapped = {**line, "generation": 2 if line.get("generation") == 1 else 1}
            swapped = swapped if "generation" in line else line
            assert one.apply(line) == other.apply(swapped), line
            compared += 1
    assert compared > 2000


def test_the_oracle_imports_nothing_of_the_product() -> None:
    for file in Path(__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & {
                "domain",
                "rules",
                "projections",
                "nilometer",
            }
