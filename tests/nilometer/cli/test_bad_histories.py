"""Histories that are imported and exported again, and bad ones: each with its place, and nothing is taken."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

import pytest

from tests.nilometer.cli.calling import Desk


def test_a_history_imported_and_exported_again_is_the_same_byte_for_byte(desk: Desk) -> None:
    desk.with_history()
    desk.call(
        "record", "web07", "--new", "--asked", "8GiB", "--before", "4GiB", "--after", "6GiB", "--reason", "größer"
    )
    file = str(desk.folder / "history.jsonl")
    assert desk.call("export", "-o", file).code == 0
    copy = Desk(desk.folder / "copy")
    copy.folder.mkdir()
    assert copy.call("import", file).out.startswith("13 events in ")
    assert copy.events == desk.events
    assert copy.call("replay").code == 0
    assert "13 of them were there before" in copy.call("import", file).out
    assert copy.events == desk.events


def test_an_import_goes_on_where_it_stopped(desk: Desk) -> None:
    history = desk.with_history().events
    copy = Desk(desk.folder / "copy")
    copy.folder.mkdir()
    copy.call("import", desk.write("part", "".join(history.splitlines(keepends=True)[:4])))
    assert copy.call("import", desk.write("whole", history)).out.endswith("4 of them were there before\n")
    assert copy.events == history
    assert copy.call("do", "stop", "web01").code == 0


def test_an_export_that_fails_leaves_the_file_as_it_was(desk: Desk) -> None:
    file = desk.write("history.jsonl", "the old one")
    result = desk.call("export", "-o", file)
    assert result.code == 2
    assert (desk.folder / "history.jsonl").read_text() == "the old one"
    assert desk.with_history().call("export", "-o", str(desk.folder / "no" / "where")).code == 2
    db = sqlite3.connect(desk.folder / "ledger.db")
    with db:
        db.execute("DROP TRIGGER events_are_not_changed")
        db.execute("UPDATE stored_events SET state = ? WHERE rowid = 5", (b"{}",))
    db.close()
    there = sorted(path.name for path in desk.folder.iterdir())
    result = desk.call("export", "-o", file)
    assert result.code == 2
    assert "at position 5 cannot be read: it is not as Nilometer writes events" in result.err
    assert (desk.folder / "history.jsonl").read_text() == "the old one"
    assert sorted(path.name for path in desk.folder.iterdir()) == there


def changed(history: str, line: int, **attributes: object) -> str:
    lines = history.splitlines()
    event = json.loads(lines[line - 1]) | attributes
    lines[line - 1] = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "".join(f"{entry}\n" for entry in lines)


BAD_HISTORIES: dict[str, tuple[Callable[[str], str], int, str]] = {
    "cut off": (lambda h: h[:-1], 9, "the line has no end"),
    "cut in a line": (lambda h: h[:-40] + "\n", 9, "is not JSON"),
    "a line is missing": (lambda h: h.split("\n", 1)[1], 1, "position is 2, not 1"),
    "lines exchanged": (lambda h: "\n".join(h.split("\n")[i] for i in (0, 2, 1)) + "\n", 2, "position is 3, not 2"),
    "another ledger": (
        lambda h: changed(h, 4, source="urn:uuid:" + "0" * 8 + "-0000" * 3 + "-" + "0" * 12),
        4,
        "source is",
    ),
    "another version": (lambda h: changed(h, 5, version=9, id="vm/web01/9"), 5, "version is 9, not 3"),
    "another id": (lambda h: changed(h, 5, id="vm/web02/3"), 5, "id is 'vm/web02/3', not 'vm/web01/3'"),
    "unknown kind": (
        lambda h: changed(h, 5, type="nilometer.vm.exploded.v1"),
        5,
        "'nilometer.vm.exploded.v1' is unknown to",
    ),
    "newer shape": (
        lambda h: changed(h, 5, type="nilometer.vm.in-use-reported.v99"),
        5,
        "in-use-reported.v99' is unknown to",
    ),
    "foreign kind": (lambda h: changed(h, 5, type="com.example.thing"), 5, "type 'com.example.thing' is not"),
    "unknown attribute": (lambda h: changed(h, 5, colour="red"), 5, "has the unknown attribute 'colour'"),
    "data changed": (lambda h: changed(h, 5, data={"origin": "decided"}), 5, "data.command: is missing"),
    "spaces": (lambda h: h.replace(":", ": ", 1), 1, "is not written as Nilometer writes it"),
    "cannot follow": (
        lambda h: (
            changed("".join(f"{h.splitlines()[0]}\n"), 1, subject="host/hv02", id="host/hv02/1")
            + changed(h.splitlines()[2] + "\n", 1, position=2, version=1, id="vm/web01/1")
        ),
        2,
        "vm.started cannot stand there",
    ),
}


@pytest.mark.parametrize("name", BAD_HISTORIES)
def test_a_bad_history_is_told_with_its_place_and_nothing_is_taken(desk: Desk, name: str) -> None:
    change, line, error = BAD_HISTORIES[name]
    history = desk.with_history().events
    copy = Desk(desk.folder / "copy")
    copy.folder.mkdir()
    file = copy.write("history.jsonl", change(history))
    result = copy.call("import", file)
    assert (result.code, result.out) == (2, "")
    first, second = result.err.splitlines()
    assert first.startswith(f"error: {file}:{line}: "), result.err
    assert error in first
    assert second.startswith("hint: ")
    assert not (copy.folder / "ledger.db").exists()


def test_a_history_is_not_imported_into_a_ledger_with_another(desk: Desk) -> None:
    history = desk.with_history().events
    other = Desk(desk.folder / "other")
    other.folder.mkdir()
    own = other.with_history().events
    result = other.call("import", desk.write("history.jsonl", history))
    assert result.code == 2
    assert ":1: this is the history of" in result.err
    assert other.events == own


def test_a_history_that_differs_from_what_is_there_is_told(desk: Desk) -> None:
    history = desk.with_history().events
    result = desk.call("import", desk.write("history.jsonl", changed(history, 5, reason="another")))
    assert result.code == 2
    assert ":5: the ledger has another event at position 5: vm/web01/3" in result.err
    assert desk.events == history
