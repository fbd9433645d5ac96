"""Kept histories count for what CPython does with them now, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.commands import COMMANDS
from rules.proving.checks import Checks
from rules.search.kept import FILE, Kept, read_histories, write_histories
from rules.search.reachability import Search
from rules.solving.prover import BUDGET
from rules.solving.verdict import ProofVerdict
from tests.rules.running import program


def reached(kept: Kept, command: str) -> tuple[dict[str, ProofVerdict], int]:
    """The verdicts on the answers of a command, and how many of their histories were searched anew."""
    search = Search(program(), BUDGET, kept=kept)
    found = Checks(program(), [], search, BUDGET).reached([command])
    return {check.rule: check.verdict for check in found}, search.searched


def test_no_kept_history_is_stale_and_none_is_missing() -> None:
    """If this fails: python -m rules.proving.histories."""
    search = Search(program(), BUDGET)
    found = list(Checks(program(), [], search, BUDGET).reached())
    assert {check.verdict for check in found} == {ProofVerdict.PROVED}
    assert search.searched == 0
    assert sum(map(len, read_histories().values())) == len(found)
    assert read_histories().keys() == COMMANDS.keys()


def test_they_are_written_as_they_were_read(tmp_path: Path) -> None:
    kept = [commands for histories in read_histories().values() for commands in histories]
    write_histories(kept, tmp_path / "again.jsonl")
    assert read_histories(tmp_path / "again.jsonl") == read_histories()


def stale() -> Iterator[tuple[str, Kept]]:
    start = read_histories()["start"]
    yield "none", {}
    yield "another answer's", {"start": [start[0], start[0]]}
    yield "for a VM that is not there", {"start": [commands[-1:] for commands in start]}
    yield "under another command", {"start": read_histories()["stop"]}


@pytest.mark.parametrize(("case", "kept"), list(stale()), ids=[case for case, _ in stale()])
def test_a_stale_history_is_searched_anew(case: str, kept: Kept) -> None:
    verdicts, searched = reached(kept, "start")
    assert verdicts == reached(read_histories(), "start")[0]
    assert searched == (2 if case == "another answer's" else 3)


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "{}",
        "no JSON",
        '[{"command": "begin"}]',
        '[{"command": "start"}]',
        '[{"command": "resize-host", "host": "hv01", "total": "1"}]',
        '[{"command": "resize-host", "host": "hv01", "total": true}]',
        '[{"command": "register-host", "host": "hv01", "version": "1999", "total": 1, "reserve": 0}]',
    ],
)
def test_a_line_that_cannot_be_read_is_no_history(line: str, tmp_path: Path) -> None:
    file = tmp_path / "kept.jsonl"
    file.write_text(f"{line}\n{FILE.read_text(encoding='utf-8')}", encoding="utf-8")
    assert read_histories(file) == read_histories()
    assert read_histories(tmp_path / "nothing.jsonl") == {}
