"""A program with one wrong line is refuted, with the expected rule, by a history that really gets there."""

from __future__ import annotations

from pathlib import Path

import pytest

from nilometer.ledger.script import parse_script_command
from tests.rules.proving.seeded import BUGS, Bug, assert_golden, broken, proved_in


@pytest.mark.parametrize("bug", BUGS, ids=[bug.name for bug in BUGS])
def test_a_seeded_bug_is_refuted_by_a_history(bug: Bug, tmp_path: Path) -> None:
    folder = broken(bug, tmp_path / "program")

    results = proved_in(folder, [bug.rule], [bug.command])

    refuted = {each["name"]: each for each in results if each["verdict"] == "refuted"}
    assert bug.obligation in refuted
    found = refuted[bug.obligation]
    assert_golden(f"{bug.name.replace(' ', '-').replace(chr(39), '')}.txt", found["text"])
    script = found["document"]["script"]
    assert script, "a history gets there"
    for line in script:
        parse_script_command(line)  # nilo run can read it
