"""``make detect``, on short histories: what the rules can notice is noticed, and the rest is reported."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from detection import __main__ as detection
from detection.corruptions import GRANTED, KINDS, renumber
from detection.histories import Line, history
from detection.judging import judged
from domain.events import VmFigures
from domain.state import Vm
from rules.judging.decided import decisions

ALWAYS = (
    GRANTED,
    "an event dropped",
    "an event duplicated",
    "an event moved",
    "a half of a change dropped, the rest renumbered",
    "two histories spliced",
)
"""Kinds of which nothing goes unnoticed. The others have events that nothing contradicts."""


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> list[list[Line]]:
    folder = tmp_path_factory.mktemp("histories")
    return [history(folder, seed, 120) for seed in (1, 2)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_rules_can_see_is_seen(kind: str, histories: list[list[Line]]) -> None:
    missed: list[str] = []
    found = detection.share(kind, histories, 60, Random(3), missed)
    assert found.tried > 30
    assert found.noticed > 0
    if kind in ALWAYS:
        assert missed == []


def test_a_history_that_is_written_again_in_its_order_holds(histories: list[list[Line]]) -> None:
    for lines in histories:
        assert renumber(lines) == lines
        assert judged(lines) == []


def test_what_goes_unnoticed_is_told_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def believes(vm: Vm, figures: VmFigures) -> bool:
        return True

    monkeypatch.setattr(decisions, "has_vm_figures", believes)
    code = detection.main(["--each", "80", "--commands", "80", "--only", GRANTED, "--missed"])
    assert code == 1
    assert f"    {GRANTED}: nilometer." in capsys.readouterr().out


def test_the_whole_run_says_how_much_was_noticed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert detection.main(["--each", "5", "--commands", "60"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(KINDS)
    assert all("noticed" in line for line in lines[1:])
