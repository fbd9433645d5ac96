"""The module that ships, run under PowerShell 7 against a stand-in for Hyper-V: a check a sentence."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.nilometer.collector.conftest import HERE, Run

pytestmark = pytest.mark.xdist_group("pwsh")

CHECKS: Final = [
    name.replace("''", "'")
    for file in ("changes.ps1", "polls.ps1", "sessions.ps1")
    for name in re.findall(r"^Check '((?:[^']|'')+)'", (HERE / file).read_text("utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize("check", CHECKS)
def test_check(run: Run, check: str) -> None:
    assert check in run.wrong, run.said[-2000:]
    assert run.wrong[check] is None, run.wrong[check]


def test_no_check_was_left_out(run: Run) -> None:
    assert list(run.wrong) == CHECKS
    assert len(CHECKS) > 50
