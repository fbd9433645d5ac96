"""Driving whatever decides script lines, and holding it to the vectors, the invariants and the properties."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

from tests.oracle.judge import free_of
from tests.oracle.properties import broken_by
from tests.oracle.reachable import Reached
from tests.oracle.shapes import Line, Result, State
from tests.oracle.strategies import Chooser, Seeded, next_line
from tests.oracle.vectors import Vector


class Decider(Protocol):
    """The plain model, or an adapter of anything else, with a state of its own."""

    def apply(self, line: Line) -> Result: ...
    def snapshot(self) -> State: ...


def figures(state: State, kind: str, id: str) -> Line:
    """All figures of one VM or host, a VM's setting among them, a host's free memory too."""
    if kind == "vm":
        return {**state["vms"][id], **state["vms"][id]["memory"]}
    return {**state["hosts"][id], "free": free_of(state["hosts"][id])}


def faults_of_vector(decider: Decider, vector: Vector) -> list[str]:
    """What differs from the row, on a decider that has decided nothing yet."""
    found: list[str] = []
    for line in vector.given:
        result = decider.apply(line)
        if result.outcome not in ("done", "completed", "partially-completed"):
            found.append(f"given {line}: {result}")
    before = decider.snapshot()
    result = decider.apply(vector.when)
    after = decider.snapshot()
    decided = (result.outcome, result.code, result.granted)
    if decided != (vector.outcome, vector.code, vector.granted):
        found.append(f"decided {decided}, not {(vector.outcome, vector.code, vector.granted)}")
    if vector.streams is not None and result.streams != vector.streams:
        found.append(f"wrote {result.streams}, not {vector.streams}")
    for kind, expected in (("vm", vector.vms), ("host", vector.hosts)):
        for id, row in expected.items():
            told = figures(after, kind, id)
            found += [f"{kind}/{id} {name} {told[name]}, not {due}" for name, due in row.items() if told[name] != due]
    return found + broken_by(before, vector.when, result, after)


def step(decider: Decider, chooser: Chooser, at: str | None = None) -> tuple[Line, Result, list[str]]:
    """One random line, what became of it, and every rule that it broke."""
    before = decider.snapshot()
    line = next_line(chooser, before, at)
    result = decider.apply(line)
    return line, result, broken_by(before, line, result, decider.snapshot())


def simulate(make: Callable[[], Decider], seeds: Iterable[int], lines: int) -> tuple[Counter[Reached], str | None]:
    """Many short seeded histories: how often each (command, outcome, code) came out, and the first fault."""
    reached: Counter[Reached] = Counter()
    for seed in seeds:
        decider, chooser = make(), Seeded(seed)
        for number in range(1, lines + 1):
            line, result, faults = step(decider, chooser)
            if faults:
                return reached, f"seed {seed}, line {number}, {line}: {'; '.join(faults)}"
            reached[str(line["command"]), result.outcome, result.code] += 1
    return reached, None
