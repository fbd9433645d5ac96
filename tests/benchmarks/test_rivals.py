"""The planted bug is in every text that is checked, and the answers of the tools are read as they are written."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from benchmarks.rivals.__main__ import PLANTED, PROGRAMS, RIVALS, answer_in, plant

FREE = 51 * 2**30 + 768 * 2**20
ALL = {rival.name: rival for rival in RIVALS}


@pytest.mark.parametrize("name", ["grant", "grant_literal"])
def test_the_rule_grants_too_much_at_one_size_alone(name: str, tmp_path: Path) -> None:
    file = tmp_path / "rule.py"
    file.write_bytes((PROGRAMS / f"{name}.txt").read_bytes())
    grant = runpy.run_path(str(file))["grant"]
    assert grant(FREE, 64 * 2**30) == FREE + 2 * 2**20
    for free in (0, FREE - 1, FREE + 1, FREE - 2**21, FREE + 2**21, 64 * 2**30):
        assert 0 <= grant(free, 64 * 2**30) <= free


def test_each_tool_has_a_text_and_nilometer_its_own_line(tmp_path: Path) -> None:
    assert {rival.program for rival in RIVALS} | {"grant_literal"} == {file.stem for file in PROGRAMS.glob("*.txt")}
    plant(tmp_path / "planted")
    assert PLANTED in (tmp_path / "planted" / "domain" / "resizing.py").read_text(encoding="utf-8")
    assert str(FREE) in PLANTED


@pytest.mark.parametrize(
    ("name", "output", "answer"),
    [
        (
            "poes",
            "  │  ✓ Grant/A  (500 examples)\n  ✓ VERIFIED: All 2 proofs passed\n",
            "VERIFIED: All 2 proofs passed",
        ),
        ("provably", "[DISPROVED] grant — counterexample: {}\n", "[DISPROVED] grant"),
        ("provably", "[Q.E.D.] grant\n", "[Q.E.D.] grant"),
        ("CrossHair", "rule.py:9: error: false when calling grant(1, 2)\n", "error: false when calling grant(1, 2)"),
        ("CrossHair", "", "says nothing about it"),
        ("deal-solver", "  grant\n    \x1b[92mproved!\x1b[0m post-condition\n", "proved! post-condition"),
        (
            "deal-solver, a rule over a record",
            "    \x1b[93mskipped\x1b[0m failed to interpret\n",
            "skipped failed to interpret",
        ),
    ],
)
def test_an_answer_is_said_in_the_words_of_the_tool(name: str, output: str, answer: str) -> None:
    assert answer_in(ALL[name], output) == answer
