"""Cases from the field: what ``nilo`` says of each, checked by hand against what is known to be true of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.golden import assert_golden
from tests.paths import RECORDINGS

GOLDENS = Path(__file__).with_name("goldens")
CASES = sorted([*(RECORDINGS / "cases").glob("*.jsonl"), *RECORDINGS.glob("n*.jsonl")])
HYPERV = ("22-late",)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_case_is_told_so(desk: Desk, case: Path) -> None:
    """Its requests with their outcomes, what is violated or remarked, and the VMs."""
    command = "import-hyperv" if case.stem in HYPERV else "import-qemu"
    desk.call(command, desk.write(case.name, case.read_bytes()), "--final", "--actor", "importer")
    asked = desk.call("log", "--asked", "--format", "plain").out
    audit = desk.call("audit", "--all", "--format", "plain").out.split("\n\n")[1:]
    findings = [finding for finding in audit if finding.startswith(("violated: ", "remark: "))]
    view = desk.call("view", "--format", "plain").out.partition("\n")[2]
    assert_golden(GOLDENS / f"{case.stem}.txt", "\n\n".join([asked, *findings, view]), desk.folder)
