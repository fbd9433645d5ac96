"""What programs read is as the published JSON Schemas say."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from domain.commands import COMMANDS
from tests.nilometer.cli.calling import SCRIPT, Desk
from tests.paths import RECORDINGS

S7 = str(RECORDINGS / "s7_three_vms_one_budget.jsonl")
SCHEMAS = sorted(path.name for path in files("nilometer").joinpath("schemas").iterdir())


def schema(name: str) -> dict[str, Any]:
    """A published schema."""
    read: dict[str, Any] = json.loads(files("nilometer").joinpath("schemas", f"{name}.json").read_text("utf-8"))
    return read


def problems(name: str, value: Any) -> list[str]:
    """What is wrong with a value by a schema."""
    validator: Any = Draft202012Validator(schema(name))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


@pytest.mark.parametrize("file", SCHEMAS)
def test_each_schema_is_one(file: str) -> None:
    Draft202012Validator.check_schema(schema(file.removesuffix(".json")))


def test_what_is_printed_is_as_the_schemas_say(desk: Desk) -> None:
    script = desk.write("script.jsonl", SCRIPT + '{"command": "start", "vm": "web02"}\n')
    for line in desk.call("run", script, "--format", "json").lines:
        assert problems("answer", line) == []
    imported = desk.call("import-qemu", S7, "--as", "lab", "--format", "json").json
    assert problems("import-qemu", imported) == []
    recorded = desk.call(
        "record", "x", "--new", "--asked", "2GiB", "--before", "1GiB", "--after", "1GiB", "--format", "json"
    ).json
    assert problems("answer", recorded) == []
    for args in (["view"], ["view", "--position", "20"]):
        assert problems("view", desk.call(*args, "--format", "json").json) == []
    for name, args in (
        ("figures", ["view", "--over-time"]),
        ("moment", ["log", "--moments"]),
        ("request", ["log", "--asked"]),
    ):
        lines = desk.call(*args, "--format", "json").lines
        assert len(lines) > 5
        assert [problem for line in lines for problem in problems(name, line)] == []
    assert problems("diff", desk.call("diff", "0", "2026-11-24", "--format", "json").json) == []
    assert problems("info", desk.call("info", "--format", "json").json) == []
    assert problems("replay", desk.call("replay", "--format", "json").json) == []
    backup = f"{desk.folder}/backup.db"
    assert problems("backup", desk.call("backup", backup, "--format", "json").json) == []
    restored = desk.call("restore", backup, "--ledger", f"{desk.url}r", "--format", "json").json
    assert problems("backup", restored) == []
    assert problems("repair", desk.call("repair", f"{desk.folder}/copy.db", "--format", "json").json) == []
    events = desk.call("log", "--format", "json").lines
    assert len(events) > 60
    for event in [*events, *desk.call("show", "20", "--format", "json").json]:
        assert problems("event", event) == []
    copied = desk.call("import", desk.write("h", desk.events), "--ledger", f"{desk.url}2", "--format", "json").json
    assert problems("import", copied) == []


def test_script_lines_are_as_the_schema_says(desk: Desk) -> None:
    for line in SCRIPT.splitlines():
        assert problems("script-line", json.loads(line)) == []
    named = {entry["properties"]["command"]["const"] for entry in schema("script-line")["oneOf"]}
    assert named == COMMANDS.keys()


@pytest.mark.parametrize(
    "line",
    [
        {"command": "start"},
        {"command": "start", "vm": "web01", "host": "hv01"},
        {"command": "add-memory", "vm": "web01", "amount": "4gib"},
        {"command": "add-memory", "vm": "web01", "amount": -1},
        {"command": "strat", "vm": "web01"},
    ],
)
def test_what_is_no_script_line_is_none_by_the_schema_either(line: dict[str, Any]) -> None:
    assert problems("script-line", line)
