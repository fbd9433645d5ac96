"""46 minutes on two hosts, as the module writes them under PowerShell 7."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from tests.nilometer.collector.conftest import Run

REFUSAL: Final = (
    "anna saw: Invalid memory value assigned for 'web02'. The memory value assigned ('9001' MB) is not properly "
    "aligned. Try again with a memory value that is properly aligned."
)

pytestmark = pytest.mark.xdist_group("pwsh")


def lines(run: Run, host: str) -> list[dict[str, Any]]:
    """The lines of a host's spool."""
    (file,) = (run.story / "spool").glob(f"{host}-*.jsonl")
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line]


def test_every_line_and_every_change_is_as_the_published_schema_says(run: Run) -> None:
    schema = json.loads(files("nilometer").joinpath("schemas", "spool-line.json").read_text("utf-8"))
    validator: Any = Draft202012Validator(schema)
    kinds: Counter[str] = Counter()
    for line in [*lines(run, "HV01"), *lines(run, "HV02")]:
        contents = [json.loads(line["content"])] if line["kind"] == "seen" else []
        for value in [line, *contents]:
            kinds[value["kind"]] += 1
            assert [error.message for error in validator.iter_errors(value)] == []
    assert kinds == {"poll": 78, "inventory": 2, "seen": 8, "change-begun": 4, "change": 4}


def test_what_whoever_called_was_told(run: Run) -> None:
    said = (run.story / "said.txt").read_text("utf-8").splitlines()
    assert [line.split(" (Virtual")[0] for line in said] == [
        REFUSAL,
        "thrown to CONTOSO\\anna: the ticket was closed",
        "thrown to CONTOSO\\anna: nothing was changed: HV01 has no VM of the name no such VM",
    ]
