"""The other side: the same rows written and read by ``sqlite3`` alone, with no rule, no event and no view."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from nilometer.storage.sqlite.recorder import create_table_statements
from nilometer.times import current_time

Row = tuple[str, int, str, bytes]
"""Stream, version, topic and body, as they are stored."""

INSERT: Final = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (?, ?, ?, ?)"
NEWEST: Final = "SELECT MAX(originator_version) FROM stored_events WHERE originator_id = ?"
SELECT: Final = (
    "SELECT originator_id, originator_version, topic, state FROM stored_events WHERE rowid > ? ORDER BY rowid LIMIT ?"
)


class RawLedger:
    """A file with the tables of a ledger, and the settings of one."""

    def __init__(self, path: Path, *, synchronous: str = "FULL", fetch: bool = True) -> None:
        self._fetch = fetch
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(f"PRAGMA synchronous = {synchronous}")
        for statement in create_table_statements(current_time()):
            self._connection.execute(statement)

    def write(self, commits: Iterable[Sequence[Sequence[Row]]]) -> None:
        """Writes the rows of commands, some in each commit.

        Before each command it asks for the newest versions of the streams that the command changes, as anything must
        that will not write on what others wrote.
        """
        execute, executemany = self._connection.execute, self._connection.executemany
        for commands in commits:
            execute("BEGIN IMMEDIATE")
            for rows in commands:
                if self._fetch:
                    for row in rows:
                        execute(NEWEST, row[:1]).fetchone()
                executemany(INSERT, rows)
            execute("COMMIT")

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()


def flush_seconds(folder: Path, times: int = 200) -> float:
    """How long this disk takes to keep 4 KiB that are added to a file: no commit can be faster. The median."""
    waits: list[float] = []
    with (folder / "flushed").open("wb") as file:
        for _ in range(times):
            begun = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            waits.append(time.perf_counter() - begun)
    return median(waits)


def stored_rows(path: Path, after: int = 0, page: int = 1000) -> Iterator[Row]:
    """The rows of a ledger after a position, fetched page by page."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        while rows := connection.execute(SELECT, (after, page)).fetchall():
            yield from rows
            after += len(rows)
    finally:
        connection.close()
