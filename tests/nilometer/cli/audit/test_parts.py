"""Files that are parts or copies of one history: each event is judged once, and copies must not differ."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems


def audited(desk: Desk, *files: str) -> Any:
    """The audit of some files as JSON, with one process and with two."""
    one = desk.call("audit", *files, "--format", "json").json
    two = desk.call("audit", *files, "--format", "json", "--cores", "2").json
    assert one["findings"] == two["findings"]
    assert problems("audit", one) == []
    return one


@pytest.fixture
def lines(history: str) -> list[str]:
    return Path(history).read_text().splitlines(keepends=True)


def test_the_same_file_twice_and_parts_that_overlap_are_counted_once(
    desk: Desk, history: str, lines: list[str]
) -> None:
    first, second = desk.write("a.jsonl", "".join(lines[:6])), desk.write("b.jsonl", "".join(lines[3:]))
    for files in ([history, history], [first, second], [second, first], [second, history, first]):
        document = audited(desk, *files)
        assert (document["events"], document["verdict"], document["findings"]) == (9, "holds", [])


@pytest.mark.parametrize("key", ["actor", "reason", "time", "data"])
def test_two_files_of_one_ledger_that_differ_are_no_whole_history(
    desk: Desk, history: str, lines: list[str], key: str
) -> None:
    """Whichever is named first, and though each of them may hold by itself."""
    document = json.loads(lines[6])
    document[key] = {**document["data"], "outcome": "completed"} if key == "data" else "2026-11-23T09:00:04.5Z"
    other = desk.write("b.jsonl", "".join([*lines[:6], json.dumps(document) + "\n", *lines[7:]]))
    part = desk.write("c.jsonl", "".join(lines[:4]))
    for order in permutations([history, other, part]):
        document = audited(desk, *order)
        assert document["verdict"] == "violated"
        (found,) = [finding for finding in document["findings"] if finding["rule"] == "history_is_whole"]
        assert (found["position"], found["line"]) == (7, 7)
        assert found["message"].startswith("two files have different events at this position: the other one is at ")


def test_a_part_that_begins_late_asks_for_the_earlier_file(desk: Desk, lines: list[str]) -> None:
    late = desk.write("late.jsonl", "".join(lines[3:]))
    assert "give the earlier file too" in desk.call("audit", late).out
    assert "earlier file" not in desk.call("audit", late, desk.write("early.jsonl", "".join(lines[:3]))).out


def test_a_window_of_a_part_that_begins_late_says_what_was_not_given(
    desk: Desk, history: str, lines: list[str]
) -> None:
    late = desk.write("late.jsonl", "".join(lines[3:]))
    window = ("--since", "2026-11-23T09:00:04Z")
    assert "; the events before #4 were not given\n" in desk.call("audit", late, *window).out
    assert "were not given" not in desk.call("audit", history, *window).out
