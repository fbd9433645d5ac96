"""Whatever is changed in the tables of a sealed ledger: the verifier says something, and never falsely that it holds.

``python -m tests.nilometer.seal.test_fuzzed SECONDS`` goes on for so long.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from nilometer.errors import LedgerError
from nilometer.ledger.ledger import Ledger
from nilometer.seal.verification import SealVerdict
from nilometer.storage.sqlite.triggers import TRIGGERS
from nilometer.tlog.checkpoints import SignedTreeHead
from tests.nilometer.ledger.asking import with_web01
from tests.nilometer.seal.sealed import grow, newest, seal, verify

SEALED: Final = 268
"""Events: over one full tile."""
COLUMNS: Final = {
    "stored_events": ("position", "originator_id", "originator_version", "topic", "state"),
    "seal_tiles": ("level", "number", "hashes", "positions"),
    "seal_checkpoints": ("number", "origin", "size", "position", "sealed", "note"),
}
EVENTS: Final = "SELECT position, originator_id, originator_version, topic, state FROM stored_events ORDER BY 1"
NUMBERS: Final = (0, 1, -1, 2**31, 2**32, 2**53, 2**63 - 1, -(2**63), SEALED, SEALED + 1, 255, 256, 257)


def make(folder: Path) -> tuple[Path, SignedTreeHead]:
    """A ledger that was sealed on three days, and the newest checkpoint."""
    with Ledger.open(f"sqlite:///{folder}/golden.db", create=True, durable=False) as ledger:
        with_web01(ledger)
        for day, requests in ((21, 60), (22, 60), (23, 12)):
            grow(ledger, requests)
            seal(ledger, time=f"2026-11-{day}T12:00:00")
        kept = newest(ledger)
        grow(ledger, 2)
    assert kept.head.size == SEALED
    return folder / "golden.db", kept


def changed(random: Random, value: object) -> object:
    """Another value in the place of one."""
    choice = random.randrange(8)
    if choice == 0:
        return random.choice((None, "", "x", b"", 1.5, "0", random.randbytes(random.randrange(80))))
    if choice == 1:
        return random.choice(NUMBERS)
    if isinstance(value, int):
        return max(-(2**63), min(2**63 - 1, value + random.choice((-1, 1, 256, -256, 1000))))
    raw = bytearray(value if isinstance(value, bytes) else str(value).encode())
    at = random.randrange(len(raw) + 1)
    if choice == 2:
        del raw[at : at + random.choice((1, 8, 32, 64))]
    elif choice == 3:
        raw[at:at] = random.randbytes(random.choice((1, 8, 32)))
    elif raw:
        raw[at % len(raw)] ^= 1 << random.randrange(8)
    return bytes(raw) if isinstance(value, bytes) else raw.decode("utf-8", "replace")


def change(random: Random, connection: sqlite3.Connection) -> None:
    """One change of one of the tables."""
    table = random.choice([*COLUMNS])
    rows = [row for (row,) in connection.execute(f"SELECT rowid FROM {table}")]
    if not rows:
        return
    row, other = random.choice(rows), random.choice(rows)
    columns = COLUMNS[table]
    match random.randrange(6):
        case 0:
            connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))
        case 1:
            column = random.choice(columns)
            connection.execute(
                f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE rowid = ?) WHERE rowid = ?",
                (other, row),
            )
        case 2:
            values = list(
                connection.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE rowid = ?", (row,)).fetchone()
            )
            values[0] = changed(random, values[0])
            values[2] = changed(random, values[2])
            marks = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)
        case _:
            column = random.choice(columns)
            (value,) = connection.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (changed(random, value), row))


def sealed_events(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    """The events up to the last that was sealed, as they are stored, with their types."""
    rows = connection.execute(EVENTS).fetchall()
    return [(*row, *map(type, row)) for row in rows if row[0] <= SEALED]


def attack(random: Random, golden: Path, kept: SignedTreeHead, file: Path) -> SealVerdict | None:
    """Changes a copy at random and verifies it; ``None`` if nothing was changed, or the file is no ledger any more."""
    shutil.copy(golden, file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.text_factory = bytes
        before = sealed_events(connection)
        for name in TRIGGERS:
            connection.execute(f"DROP TRIGGER {name}")
        for _ in range(random.choice((1, 1, 2, 3))):
            try:
                change(random, connection)
            except (sqlite3.IntegrityError, OverflowError):
                continue
        for statement in TRIGGERS.values():
            connection.execute(statement)
        after = sealed_events(connection)
    against = (kept,) if random.random() < 0.5 else ()
    try:
        found = verify(f"sqlite:///{file}", *against)
    except LedgerError:
        return None
    if found.verdict is SealVerdict.HOLDS and (found.sealed is None or found.sealed.size == SEALED or against):
        assert after == before
    return found.verdict


def run(seed: int, seconds: float, times: int = sys.maxsize) -> dict[str, int]:
    """Attacks for so long, or so many times; how often each verdict came."""
    random, end, counts = Random(seed), time.monotonic() + seconds, dict[str, int]()
    with TemporaryDirectory() as folder:
        golden, kept = make(Path(folder))
        while times and time.monotonic() < end:
            name = str(attack(random, golden, kept, Path(folder) / "changed.db"))
            counts[name] = counts.get(name, 0) + 1
            times -= 1
    return counts


def test_whatever_is_changed_is_never_falsely_said_to_hold() -> None:
    counts = run(18, 120, times=150)
    assert sum(counts.values()) == 150
    assert counts["violated"] > 50
    assert counts["holds"] > 0


if __name__ == "__main__":
    print(run(int(time.time()), float(sys.argv[1])))
