"""The recordings, event for event: each golden was checked by hand against its recording, record by record.

A golden changes only when the reading of a recording does: ``python -m tests.nilometer.importers.qemu.readable NAME``
prints one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nilometer.importers.qemu.readable import line
from tests.nilometer.importers.qemu.reading import NAMES, facts, lines_of

GOLDENS = Path(__file__).parent / "goldens"


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_gives_these_events_in_this_order(name: str) -> None:
    expected = (GOLDENS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert [line(fact) for fact in facts(lines_of(name))] == expected


def test_there_is_a_golden_for_each_recording() -> None:
    assert sorted(path.stem for path in GOLDENS.glob("*.txt")) == NAMES
