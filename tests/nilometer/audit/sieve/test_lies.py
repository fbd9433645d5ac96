"""Histories that contradict themselves in one place and one way only, so that one comparison of the sieve notices it.

Each is spliced of what the ledger itself recorded of two scripts, or changed in one event in all places that it is
copied to. Without the lie the sieve clears all of it, with the lie all but the group that has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from detection.corruptions import with_leaf
from detection.histories import Line
from detection.judging import judged
from nilometer.audit.sieve.sieve import Sieved
from tests.nilometer.audit.sieve.exporting import audit_of, export_of
from tests.nilometer.audit.sieve.scripts import (
    GROWN,
    MOVED,
    NO_ROOM,
    NOT_REMOVED,
    PAUSED,
    REFUSED,
    REMOVED,
    RESERVED,
    TO_ITSELF,
    WITHOUT_A_LIE,
    GiB,
    Lie,
    Recorder,
    Script,
    changed,
    do,
    host,
    move,
    numbered,
    place,
    remove,
    renamed,
    reserve,
    resize,
    script,
    vm,
    with_data,
    without,
)


def vm_was_in_another_state(recorder: Recorder) -> list[Line]:
    one, other = (script(first=[do("report-in-use", in_use=size)]) for size in (GiB, 2 * GiB))
    return recorder.spliced(one, other, "vm/a/3")


def host_had_another_account(recorder: Recorder) -> list[Line]:
    one, other = (script(first=[reserve(size)]) for size in (3 * GiB, 4 * GiB))
    return recorder.spliced(one, other, "host/one/3")


def host_had_another_version(recorder: Recorder) -> list[Line]:
    lines = recorder.lines(script(first=[reserve(3 * GiB), reserve(2 * GiB)]))
    return without(lines, "host/one/3", "host/one/4")


def host_had_another_release(recorder: Recorder) -> list[Line]:
    return recorder.spliced(script(), script(release="2022"), "host/one/2")


def vm_was_on_another_host(recorder: Recorder) -> list[Line]:
    return recorder.spliced(script(), script(home="two"), "vm/a/1")


def vm_misses_a_version(recorder: Recorder) -> list[Line]:
    return renamed(recorder.lines(REFUSED), "vm/a/5", "vm/a/6")


def vm_begins_later(recorder: Recorder) -> list[Line]:
    return renamed(recorder.lines(script(last=[vm("b", "one")])), "vm/b/1", "vm/b/2")


def vm_begins_twice(recorder: Recorder) -> list[Line]:
    lines = recorder.lines(script(last=[vm("b", "one"), vm("b2", "one")]))
    return renamed(lines, "vm/b2/1", "vm/b/1")


def host_begins_later(recorder: Recorder) -> list[Line]:
    return renamed(recorder.lines(script(last=[host("three")])), "host/three/1", "host/three/2")


def host_begins_twice(recorder: Recorder) -> list[Line]:
    lines = recorder.lines(script(last=[host("three"), host("four")]))
    return renamed(lines, "host/four/1", "host/three/1")


def time_of_vm_goes_back(recorder: Recorder) -> list[Line]:
    return changed(recorder.lines(REFUSED), "vm/a/5", time="2026-01-01T00:00:00.000000Z")


def time_of_host_goes_back(recorder: Recorder) -> list[Line]:
    return changed(recorder.lines(RESERVED), "host/two/2", time="2025-01-01T00:00:00.000000Z")


def it_happened_after_it_was_recorded(recorder: Recorder) -> list[Line]:
    lines = recorder.lines(REFUSED)
    return changed(lines, "vm/a/5", time="2999-01-01T00:00:00.000000Z")


def half_is_missing(recorder: Recorder) -> list[Line]:
    return without(recorder.lines(GROWN), "host/one/3")


def half_is_alone(recorder: Recorder) -> list[Line]:
    return without(recorder.lines(GROWN), "vm/a/5")


def half_says_the_contrary(recorder: Recorder) -> list[Line]:
    lines = recorder.lines(GROWN)
    kind = lines[place(lines, "host/one/3")]["type"].replace("granted", "returned")
    return changed(lines, "host/one/3", type=kind)


def half_is_of_another_host(recorder: Recorder) -> list[Line]:
    lines = recorder.lines(script(last=[reserve(3 * GiB, "two"), do("add-memory", amount=GiB)]))
    return renamed(lines, "host/one/3", "host/two/3")


def half_misses_a_version(recorder: Recorder) -> list[Line]:
    return renamed(recorder.lines(GROWN), "host/one/3", "host/one/4")


def half_has_another_figure(recorder: Recorder) -> list[Line]:
    return with_data(recorder.lines(GROWN), "host/one/3", 2 * GiB, "bytes")


def half_is_of_somebody_else(recorder: Recorder) -> list[Line]:
    return changed(recorder.lines(GROWN), "host/one/3", actor="eve")


def figure_is_another(recorder: Recorder) -> list[Line]:
    return with_data(recorder.lines(REFUSED), "vm/a/5", 2**35, "evidence.host.free")


def host_reserves_more_than_it_has(recorder: Recorder) -> list[Line]:
    lines = recorder.lines(script(last=[host("three", total=64 * GiB, reserve=2 * GiB)]))
    return with_data(lines, "host/three/1", GiB, "total", "after.total")


def what_is_done_is_called_a_refusal(recorder: Recorder) -> list[Line]:
    """All that is written is what the rules would write, but that they would not have refused it."""
    lines = recorder.lines(PAUSED)
    done = lines[place(lines, "vm/a/5")]
    data: Line = {**done["data"], "after": done["data"]["before"], "arguments": {}, "size": None}
    refusal = {"type": lines[place(lines, "vm/a/6")]["type"], "data": data}
    return without([{**line, **refusal} if line is done else line for line in lines], "vm/a/6")


# Moves


def destination_had_another_account(recorder: Recorder) -> list[Line]:
    one, other = (script(last=[reserve(size, "two"), move()]) for size in (3 * GiB, 4 * GiB))
    return recorder.spliced(one, other, "host/two/2")


def destination_had_another_version(recorder: Recorder) -> list[Line]:
    return without(recorder.lines(NO_ROOM), "host/two/3", "host/two/4")


def destination_had_another_release(recorder: Recorder) -> list[Line]:
    return recorder.spliced(MOVED, script(other="2022", last=[move()]), "vm/a/4")


def second_half_is_missing(recorder: Recorder) -> list[Line]:
    return without(recorder.lines(MOVED), "host/two/2")


def second_half_is_of_another_host(recorder: Recorder) -> list[Line]:
    return renamed(recorder.lines(script(last=[host("three"), move()])), "host/two/2", "host/three/2")


def second_half_has_another_figure(recorder: Recorder) -> list[Line]:
    return with_data(recorder.lines(MOVED), "host/two/2", 2 * GiB, "bytes")


def second_half_says_the_contrary(recorder: Recorder) -> list[Line]:
    lines = recorder.lines(MOVED)
    kind = lines[place(lines, "host/two/2")]["type"].replace("granted", "returned")
    return changed(lines, "host/two/2", type=kind)


def second_half_stands_first(recorder: Recorder) -> list[Line]:
    *lines, first, second = recorder.lines(MOVED)
    return numbered([*lines, second, first])


def vm_goes_on_where_it_was(recorder: Recorder) -> list[Line]:
    """It is off: the account of the host that it left is the same as if it were still there."""
    moved = recorder.lines(script(last=[do("stop"), reserve(3 * GiB), move(), do("pause")]))
    stayed = [do("stop"), reserve(4 * GiB), do("pause"), reserve(3 * GiB), do("pause")]
    last = recorder.lines(script(last=stayed))[-1]
    assert last["id"] == moved[-1]["id"] == "vm/a/7"
    return numbered([*moved[:-1], {**last, "source": moved[0]["source"]}])


def host_has_no_room_for_its_own(recorder: Recorder) -> list[Line]:
    lines = recorder.lines(TO_ITSELF)
    index = place(lines, "vm/a/5")
    lies = with_leaf(lines, index, ("data", "code"), "insufficient-host-memory")
    return with_leaf(lies, index, ("data", "outcome"), "failed")


def destination_lies_later(recorder: Recorder) -> list[Line]:
    """The move was refused: but for what it read, nothing connects the VM with that host."""
    lines = recorder.lines(script(last=[resize(4 * GiB, "two"), move(), reserve(3 * GiB, "two")]))
    return with_data(lines, "host/two/3", 2 * GiB, "after.free")


# Removals of hosts


def host_had_more_vms(recorder: Recorder) -> list[Line]:
    return with_data(recorder.lines(NOT_REMOVED), "host/one/3", 2, "evidence.vms")


def vm_that_was_removed_is_counted(recorder: Recorder) -> list[Line]:
    lines = recorder.lines(script(last=[vm("b", "one"), do("remove-vm", "b"), remove("one")]))
    return with_data(lines, "host/one/3", 2, "evidence.vms")


def vm_that_left_is_counted(recorder: Recorder) -> list[Line]:
    lines = recorder.lines(script(last=[vm("b", "one"), move(), remove("one")]))
    return with_data(lines, "host/one/4", 2, "evidence.vms")


def vm_that_arrived_is_not_counted(recorder: Recorder) -> list[Line]:
    lines = recorder.lines(script(last=[vm("b", "two"), move(), remove("two")]))
    return with_data(lines, "host/two/3", 1, "evidence.vms")


def host_is_read_after_its_removal(recorder: Recorder) -> list[Line]:
    removed = recorder.lines(REMOVED)
    stayed = [move(), resize(4 * GiB, "one"), reserve(64 * GiB, "one"), move("one")]
    refusal = recorder.lines(script(last=stayed))[-1]
    assert (removed[-1]["id"], refusal["id"]) == ("host/one/5", "vm/a/6")
    return numbered([*removed, {**refusal, "source": removed[0]["source"]}])


LIES: Final[Mapping[Lie, str]] = {
    vm_was_in_another_state: "vm/a",
    host_had_another_account: "vm/a",
    host_had_another_version: "vm/a",
    host_had_another_release: "vm/a",
    vm_was_on_another_host: "vm/a",
    time_of_vm_goes_back: "vm/a",
    time_of_host_goes_back: "host/two",
    it_happened_after_it_was_recorded: "vm/a",
    half_is_missing: "vm/a",
    half_is_alone: "host/one",
    half_says_the_contrary: "host/one",
    half_is_of_another_host: "host/two",
    half_has_another_figure: "host/one",
    half_is_of_somebody_else: "host/one",
    figure_is_another: "vm/a",
    host_reserves_more_than_it_has: "host/three",
    what_is_done_is_called_a_refusal: "vm/a",
    destination_had_another_account: "vm/a",
    destination_had_another_version: "vm/a",
    destination_had_another_release: "vm/a",
    second_half_is_missing: "vm/a",
    second_half_is_of_another_host: "host/three",
    second_half_has_another_figure: "host/two",
    second_half_says_the_contrary: "host/two",
    second_half_stands_first: "host/two",
    vm_goes_on_where_it_was: "vm/a",
    host_has_no_room_for_its_own: "vm/a",
    destination_lies_later: "vm/a",
    host_had_more_vms: "host/one",
    vm_that_was_removed_is_counted: "host/one",
    vm_that_left_is_counted: "host/one",
    vm_that_arrived_is_not_counted: "host/two",
    host_is_read_after_its_removal: "vm/a",
}
"""Lies, and a stream that each is about."""
VERSIONS: Final[Sequence[Lie]] = (
    vm_misses_a_version,
    vm_begins_later,
    vm_begins_twice,
    host_begins_later,
    host_begins_twice,
    half_misses_a_version,
)
"""Lies about versions, after which all is judged in one piece."""
CLEAN: Final = frozenset(("host/clean", "vm/c"))


@pytest.fixture(params=["each", "together"])
def recorder(request: pytest.FixtureRequest, tmp_path: Path) -> Recorder:
    """Once where each event is looked at on its own, and once where those that are alike are."""
    if request.param == "together":
        request.getfixturevalue("together")
    return Recorder(tmp_path)


def sieved(lines: Sequence[Line], folder: Path) -> Sieved:
    return audit_of(export_of(lines, folder))[1]


@pytest.mark.parametrize("lines", WITHOUT_A_LIE.values(), ids=WITHOUT_A_LIE)
def test_what_is_lied_about_is_cleared_without_the_lie(lines: Script, recorder: Recorder, tmp_path: Path) -> None:
    recorded = recorder.lines(lines)
    found = sieved(recorded, tmp_path)
    assert (found.undivided, found.suspects, found.cleared.events) == ("", frozenset(), len(recorded))


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_the_group_with_a_lie_is_left_to_the_judge_and_no_other(lie: Lie, recorder: Recorder, tmp_path: Path) -> None:
    lines = lie(recorder)
    found = sieved(lines, tmp_path)
    assert found.undivided == ""
    assert LIES[lie] in found.suspects
    assert found.streams >= CLEAN
    assert {finding.at.stream for finding in judged(lines)} <= found.suspects


@pytest.mark.parametrize("lie", VERSIONS, ids=lambda lie: lie.__name__)
def test_versions_that_do_not_follow_leave_all_to_the_judge(lie: Lie, recorder: Recorder, tmp_path: Path) -> None:
    lines = lie(recorder)
    assert sieved(lines, tmp_path).undivided
    assert judged(lines)
