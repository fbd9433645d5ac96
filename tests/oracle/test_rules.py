"""Every invariant and every property says something when what it forbids is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from tests.oracle.driving import figures
from tests.oracle.model import PlainModel
from tests.oracle.properties import INVARIANTS, PROPERTIES
from tests.oracle.shapes import MIB, Expected, Line, State
from tests.oracle.vectors import do, dynamic, host, running, static, vm

GIVEN = (
    host(65536),
    host(65536, id="hv02"),
    *running(vm("w", static(4096)), 100),
    *running(vm("l", static(4096), guest="linux"), 100),
    do("remove-memory", "l", amount=2048),
    *running(vm("g", dynamic(512, 2048, 4096), guest="windows-legacy"), 600),
    do("reclaim", "g", amount=1024),
    *running(vm("u", static(64), guest="unenlightened")),
    vm("o", static(64)),
)


def stand() -> PlainModel:
    model = PlainModel()
    for line in GIVEN:
        assert model.apply(line).outcome in ("done", "completed")
    return model


def spoil(state: State, where: str, value: object) -> State:
    """The state with one figure replaced, as ``vms w assigned``."""
    *path, last = where.split()
    place = cast(Line, state)
    for key in path:
        place = cast(Line, place[key])
    place[last] = value
    return state


@pytest.mark.parametrize(
    ("name", "where", "value"),
    [
        ("host_is_real", "hosts hv01 total", 0),
        ("host_is_real", "hosts hv01 reserve", -1),
        ("host_is_real", "hosts hv02 book w", -1),
        ("host_never_overcommitted", "hosts hv01 reserve", 65536 * MIB),
        ("book_agrees", "hosts hv01 book w", 1),
        ("book_agrees", "hosts hv02 book w", 4096 * MIB),
        ("book_agrees", "vms w held", 0),
        ("book_agrees", "vms w host", "hv09"),
        ("in_use_is_assigned", "vms w in_use", 4097 * MIB),
        ("in_use_is_assigned", "vms w in_use_reported", False),
        ("off_means_nothing", "vms o paged_out", 1),
        ("off_means_nothing", "vms o vsc", True),
        ("settings_valid", "vms w memory startup", 4097 * MIB),
        ("settings_valid", "vms g memory weight", 101),
        ("settings_valid", "vms g memory maximum", 1024 * MIB),
        ("within_bounds", "vms w high_watermark", 4094 * MIB),
        ("within_bounds", "vms g assigned", 510 * MIB),
        ("size_is_assigned", "vms w memory startup", 4094 * MIB),
        ("whole_quanta", "vms l ballooned", 2047 * MIB),
        ("whole_quanta", "vms w ballooned", -2 * MIB),
        ("no_balloon_without_one", "vms w ballooned", 2 * MIB),
        ("balloon_is_the_rest", "vms l ballooned", 2046 * MIB),
        ("watermark_is_visible", "vms g visible", 1024 * MIB),
        ("current_is_visible", "vms l visible", 4096 * MIB),
        ("all_hot_pluggable", "vms w hot_pluggable", 0),
        ("all_hot_pluggable", "vms l hot_pluggable", 2048 * MIB),
        ("driver_runs", "vms w vsc", False),
        ("driver_runs", "vms u vsc", True),
        ("driver_runs", "vms w session", 0),
        ("driver_runs", "vms u high_watermark", 66 * MIB),
        ("only_legacy_pages", "vms l paged_out", 1),
    ],
)
def test_each_invariant_notices(name: str, where: str, value: object) -> None:
    (rule,) = [each for each in INVARIANTS if each.__name__ == name]
    state = stand().snapshot()
    assert rule(state) is None
    assert rule(spoil(state, where, value)) is not None


ADD = do("add-memory", "w", amount=2)
REMOVE = do("remove-memory", "w", amount=2)
SHORT = do("remove-memory", "w", amount=4096)
RECLAIM = do("reclaim", "g", amount=512)
REFUSED = do("grow", "w", amount=2)
MOVE: Line = {"command": "move-vm", "vm": "w", "to": "hv02"}


def told(**changes: object) -> Callable[[Expected], Expected]:
    """The result, told otherwise."""
    again = cast(Callable[..., Expected], replace)
    return lambda result: again(result, **changes)


def same(result: Expected) -> Expected:
    return result


@pytest.mark.parametrize(
    ("name", "line", "tell", "where", "change"),
    [
        ("outcome_is_honest", ADD, told(outcome="partially-completed"), "", 0),
        ("outcome_is_honest", ADD, told(granted=4 * MIB), "", 0),
        ("outcome_is_honest", SHORT, told(code="memory-in-use" + "?"), "", 0),
        ("grant_is_applied", ADD, told(granted=0), "", 0),
        ("grant_is_applied", ADD, same, "vms w assigned", 2 * MIB),
        ("effects", ADD, same, "vms w session", 1),
        ("effects", do("pause", "w"), same, "vms w in_use", 1),
        ("maximal", SHORT, told(granted=4 * MIB), "", 0),
        ("no_effect_without_grant", REFUSED, same, "vms w in_use", 1),
        ("in_use_never_removed", REMOVE, same, "vms w in_use", -1),
        ("in_use_never_removed", REMOVE, same, "vms w assigned", -4090 * MIB),
        ("only_balloon_pages_out", REMOVE, same, "vms w paged_out", 1),
        ("only_balloon_pages_out", RECLAIM, same, "vms g paged_out", 1),
        ("conserved", ADD, same, "hosts hv01 book w", 2 * MIB),
        ("conserved", ADD, same, "vms l in_use", 1),
        ("conserved", MOVE, same, "vms w in_use", 1),
        ("conserved", MOVE, same, "hosts hv02 book w", 2 * MIB),
        ("watermark_monotone", ADD, same, "vms w high_watermark", -2 * MIB),
        ("visible_moves_as_said", REMOVE, same, "vms w visible", 2 * MIB),
        ("visible_moves_as_said", RECLAIM, same, "vms g visible", -2 * MIB),
        ("removed_was_hot_pluggable", REMOVE, told(granted=8192 * MIB), "", 0),
        ("generation_is_no_matter", ADD, told(outcome="failed"), "", 0),
        ("events_where_due", ADD, told(streams=("vm/w",), events=("vm.memory-added",)), "", 0),
        ("events_where_due", MOVE, told(streams=("vm/w", "host/hv02", "host/hv01")), "", 0),
        ("event_tells_all", ADD, told(streams=("vm/w",), events=("vm.memory-added",)), "", 0),
        ("event_tells_all", ADD, same, "hosts hv01 total", 1),
        ("total", do("stop", "w"), told(outcome="rejected", code="wrong-power-state"), "", 0),
        ("total", do("start", "o"), told(outcome="failed", code="insufficient-host-memory"), "", 0),
        ("total", ADD, told(outcome="perhaps"), "", 0),
    ],
)
def test_each_property_notices(
    name: str, line: Line, tell: Callable[[Expected], Expected], where: str, change: int
) -> None:
    (rule,) = [each for each in PROPERTIES if each.__name__ == name]
    model = stand()
    before = model.snapshot()
    result = model.apply(line)
    after = model.snapshot()
    assert rule(before, line, result, after) is None
    if where:
        kind, id, *path = where.split()
        row = figures(after, "vm" if kind == "vms" else "host", id)
        found = cast(Line, row["book"])[path[1]] if path[0] == "book" else row[path[0]]
        after = spoil(after, where, cast(int, found) + change)
    assert rule(before, line, tell(result), after) is not None


def test_none_is_left_out() -> None:
    marks = [mark for test in (test_each_invariant_notices, test_each_property_notices) for mark in _names(test)]
    assert {each.__name__ for each in (*INVARIANTS, *PROPERTIES)} == set(marks)


def _names(test: Callable[..., None]) -> list[str]:
    marks = cast(list[pytest.Mark], vars(test)["pytestmark"])
    return [str(row[0]) for row in cast(list[tuple[object, ...]], marks[0].args[1])]
