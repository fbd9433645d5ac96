"""Evidence that grows is read once, by whatever process; what is stored of that is never believed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from nilometer.drive.live_import import STORED_EACH, LiveImport
from nilometer.importers.importing import import_qemu
from nilometer.ledger.ledger import Ledger
from tests.nilometer.drive.test_any_course import history
from tests.paths import RECORDINGS

EVIDENCE: Final = Path(__file__).parent / "goldens" / "evidence.jsonl"
LINES: Final = EVIDENCE.read_bytes().splitlines(keepends=True)
LAST_RUN: Final = max(n for n, line in enumerate(LINES[:-1]) if b'"kind":"meta"' in line) + 1
"""The lines up to the end of the last run but one."""


@contextmanager
def opened(folder: Path, name: str = "grown") -> Generator[Ledger]:
    with Ledger.open(f"sqlite:///{folder}/{name}.db", create=True, durable=False) as ledger:
        yield ledger


def take(folder: Path, lines: Sequence[bytes]) -> int:
    """Takes in evidence with these lines, as a new process; how many lines it read."""
    path = folder / "grown.jsonl"
    path.write_bytes(b"".join(lines))
    live = LiveImport(path, "ann")
    with opened(folder) as ledger:
        live.take(ledger, ends=True)
    return live.lines_read


def imported(folder: Path) -> list[object]:
    """What nilo import-qemu makes of the whole evidence."""
    with opened(folder, "whole") as ledger:
        import_qemu(ledger, folder / "grown.jsonl", actor="ben")
        return history(ledger)


def grown(folder: Path) -> list[object]:
    with opened(folder) as ledger:
        return history(ledger)


def test_evidence_that_each_process_goes_on_with_gives_what_an_import_of_all_of_it_gives(tmp_path: Path) -> None:
    read = [take(tmp_path, LINES[:count]) for count in range(1, len(LINES) + 1)]
    assert grown(tmp_path) == imported(tmp_path)
    ends = [count for count, line in enumerate(LINES, 1) if b'"kind":"meta"' in line]
    assert all(read[end] == 1 for end in ends if end < len(LINES))
    assert sum(read) < len(LINES) ** 2 // 4


@pytest.mark.parametrize("cut", [1, 100, -1])
def test_a_record_whose_end_is_not_written_yet_is_for_the_next(tmp_path: Path, cut: int) -> None:
    take(tmp_path, [*LINES[:LAST_RUN], LINES[LAST_RUN][:cut]])
    assert take(tmp_path, LINES) == len(LINES) - LAST_RUN
    assert grown(tmp_path) == imported(tmp_path)


def damage(folder: Path) -> None:
    change(folder, "UPDATE view_imports SET state = x'00'")


def swap(folder: Path) -> None:
    change(folder, "UPDATE view_imports SET position = position - 1")


def drop(folder: Path) -> None:
    change(folder, "DROP TABLE view_imports")


def replace_table(folder: Path) -> None:
    change(folder, "DROP TABLE view_imports; CREATE TABLE view_imports (somebody TEXT)")


def from_another_ledger(folder: Path) -> None:
    """What is stored is that of a ledger with another history."""
    with opened(folder, "other") as other:
        import_qemu(other, RECORDINGS / "n1_modules_of_odd_size.jsonl", actor="ben")
        LiveImport(folder / "grown.jsonl", "ben").take(other, ends=True)
    change(
        folder,
        f"ATTACH '{folder}/other.db' AS other; DELETE FROM view_imports;"
        " INSERT INTO view_imports SELECT * FROM other.view_imports",
    )


def change(folder: Path, script: str) -> None:
    with closing(sqlite3.connect(folder / "grown.db")) as db:
        db.executescript(script)


@pytest.mark.parametrize("spoil", [damage, swap, drop, replace_table, from_another_ledger])
def test_what_is_stored_and_does_not_fit_the_ledger_is_not_believed(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    take(tmp_path, LINES[:LAST_RUN])
    spoil(tmp_path)
    assert take(tmp_path, LINES) == len(LINES)
    assert grown(tmp_path) == imported(tmp_path)


def test_evidence_that_is_shorter_than_it_was_is_read_from_its_beginning(tmp_path: Path) -> None:
    take(tmp_path, LINES[:LAST_RUN])
    before = grown(tmp_path)
    assert take(tmp_path, LINES[: LAST_RUN - 1]) == LAST_RUN - 1
    assert grown(tmp_path) == before


def test_a_record_that_comes_again_has_all_of_it_read_from_its_beginning(tmp_path: Path) -> None:
    take(tmp_path, LINES[:LAST_RUN])
    assert take(tmp_path, [*LINES[:LAST_RUN], LINES[2], *LINES[LAST_RUN:]]) > len(LINES)
    assert grown(tmp_path) == imported(tmp_path)


def test_who_stays_stores_now_and_then_how_far_it_read(tmp_path: Path) -> None:
    path = tmp_path / "grown.jsonl"
    notes = [b'{"v":1,"scenario":"lab","seq":%d,"t":"2026-11-23T14:50:06.133Z","vm":null,"kind":"meta","wall_s":0}\n']
    path.write_bytes(b"".join([*LINES[:LAST_RUN], *(notes[0] % (n + 1) for n in range(LAST_RUN, STORED_EACH))]))
    with opened(tmp_path) as ledger:
        LiveImport(path, "ann").take(ledger)
    assert take(tmp_path, path.read_bytes().splitlines(keepends=True)) == 0
