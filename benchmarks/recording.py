"""Recording commands, beside a loop on ``sqlite3`` that commits the same rows in the same portions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.raw import RawLedger, stored_rows
from benchmarks.timing import Piece, SideBySide, side_by_side
from benchmarks.workload import Size, prepare, recorded, requests, resizes
from nilometer import Ledger, Request

BATCH_COMMANDS: Final = 50
"""How many commands of a script share a commit."""


def one_at_a_time(folder: Path, *, pieces: int, commands: int) -> list[SideBySide]:
    """Each command is a commit, on disk before the next begins."""

    def record(ledger: Ledger, some: Sequence[Request]) -> None:
        for request in some:
            ledger.execute(request)

    return _beside_raw(folder, pieces, commands, 1, record)


def in_groups(folder: Path, *, pieces: int, commands: int) -> list[SideBySide]:
    """As a script is run: ``BATCH_COMMANDS`` commands share a commit."""

    def record(ledger: Ledger, some: Sequence[Request]) -> None:
        for start in range(0, len(some), BATCH_COMMANDS):
            ledger.execute_all(some[start : start + BATCH_COMMANDS])

    return _beside_raw(folder, pieces, commands, BATCH_COMMANDS, record)


def _beside_raw(
    folder: Path,
    pieces: int,
    commands: int,
    together: int,
    record: Callable[[Ledger, Sequence[Request]], None],
) -> list[SideBySide]:
    """Beside a loop that asks for the versions of streams, and beside one that does not."""
    size = Size()
    path = folder / f"ours-{together}.db"
    raws = [RawLedger(folder / f"raw-{together}-{fetch}.db", fetch=fetch) for fetch in (True, False)]
    ledger = Ledger.open(f"sqlite:///{path}", create=True)
    work = resizes(size)

    def raw_after(position: int) -> list[Callable[[], object]]:
        """Writing the rows after a position in pairs, those of a command, so many pairs a commit."""
        rows = list(stored_rows(path, position))
        pairs = [rows[start : start + 2] for start in range(0, len(rows), 2)]
        commits = [pairs[start : start + together] for start in range(0, len(pairs), together)]
        return [partial(raw.write, commits) for raw in raws]

    def all_pieces() -> Iterator[Piece]:
        for _ in range(pieces):
            some = requests(work, commands)
            yield Piece(commands, partial(record, ledger, some), partial(raw_after, ledger.position))

    try:
        prepare(ledger, size)
        for raw in raws:
            raw.write([[[row]] for row in stored_rows(path)])
        recorded(ledger.execute_all(requests(work, 2 * size.vms)))  # a first round, unmeasured
        for work_of_raw in raw_after(ledger.position - 4 * size.vms):
            work_of_raw()
        return side_by_side(all_pieces())
    finally:
        ledger.close()
        for raw in raws:
            raw.close()
