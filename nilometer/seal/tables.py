"""The tables of a seal, beside the events: ``seal_tiles`` and ``seal_checkpoints``.

They are made with the first seal. A tile of level 0 has beside its hashes the positions of the events that are its
leaves, so that the index of a leaf is a stored fact and not computed from positions.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from sys import byteorder
from typing import Final, cast

from nilometer.errors import LedgerError
from nilometer.storage.store import Database, Store, has_table
from nilometer.tlog.tiles import WIDTH, Coordinate, ReadTile

TABLES: Final = ("seal_tiles", "seal_checkpoints")
STAMPS: Final = "seal_timestamps"
"""The table of time stamps, made with the first of them."""
POSITION_BYTES: Final = 8
AT_ONCE: Final = 100
"""How many rows one statement writes."""


@dataclass(frozen=True, slots=True)
class SealedHead:
    """A checkpoint as it is stored: which events it covers, and the note that is signed."""

    number: int
    """The n-th that was signed."""
    origin: str
    size: int
    position: int
    """The position of the last event that it covers."""
    sealed: str
    """When it was made, by the clock of who made it."""
    note: bytes


class SealDamaged(LedgerError):
    """What is stored of a seal cannot be read: it was damaged, or changed by hand."""


def exist(db: Database) -> bool:
    """Whether the ledger was ever sealed."""
    return all(has_table(db, table) for table in TABLES)


def create_stamps(db: Database) -> None:
    """Makes the table of time stamps unless it is there."""
    db.execute(
        f"CREATE TABLE IF NOT EXISTS {STAMPS} "
        f"(number BIGINT PRIMARY KEY, url TEXT NOT NULL, answer {db.blob_type} NOT NULL)"
    )


def has_stamp(db: Database, head: SealedHead) -> bool:
    """Whether a checkpoint has a time stamp."""
    find = f"SELECT 1 FROM {STAMPS} WHERE number = ?"
    return has_table(db, STAMPS) and db.execute(find, (head.number,)).fetchone() is not None


def is_stored(db: Database, head: SealedHead) -> bool:
    """Whether a checkpoint is still there: a newer seal may have removed it."""
    return (
        exist(db)
        and db.execute("SELECT 1 FROM seal_checkpoints WHERE number = ?", (head.number,)).fetchone() is not None
    )


def create(db: Database) -> None:
    """Makes the tables unless they are there."""
    db.execute(
        f"CREATE TABLE IF NOT EXISTS seal_tiles (level BIGINT NOT NULL, number BIGINT NOT NULL, "
        f"hashes {db.blob_type} NOT NULL, positions {db.blob_type}, PRIMARY KEY (level, number))"
    )
    db.execute(
        "CREATE TABLE IF NOT EXISTS seal_checkpoints (number BIGINT PRIMARY KEY, origin TEXT NOT NULL, "
        f"size BIGINT NOT NULL, position BIGINT NOT NULL, sealed TEXT NOT NULL, note {db.blob_type} NOT NULL)"
    )


def lock(db: Database) -> None:
    """Waits until no other transaction writes a seal. SQLite's writers exclude each other anyway."""
    if db.blob_type != "BLOB":
        db.execute("SELECT pg_advisory_xact_lock(hashtext(current_schema()), 53731)").fetchone()


def read_tile(db: Database) -> ReadTile:
    """Reads the hashes of tiles; one that is missing has none."""

    def read(level: int, number: int) -> bytes:
        select = "SELECT hashes FROM seal_tiles WHERE level = ? AND number = ?"
        row = db.execute(select, (level, number)).fetchone()
        return b"" if row is None else _bytes(row[0])

    return read


def read_leaf_tiles(db: Database, first: int, last: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, hashes and positions of the tiles of level 0 from one number to another, those that are there."""
    select = "SELECT number, hashes, positions FROM seal_tiles WHERE level = 0 AND number BETWEEN ? AND ? ORDER BY 1"
    for number, hashes, positions in db.execute(select, (first, last)):
        yield cast("int", number), _bytes(hashes), _bytes(positions)


def count_leaf_tiles(db: Database) -> int:
    """How many tiles of level 0 there are."""
    (count,) = cast("tuple[int]", db.execute("SELECT COUNT(*) FROM seal_tiles WHERE level = 0").fetchone())
    return count


def find_leaf(db: Database, position: int, size: int) -> int | None:
    """The index of the leaf that is the event at a position, among so many leaves; ``None`` if it is not sealed."""
    tiles = range((size + WIDTH - 1) // WIDTH)
    number = bisect_right(tiles, position, key=lambda number: _positions(db, number)[0]) - 1
    positions = _positions(db, number) if number >= 0 else []
    index = number * WIDTH + bisect_left(positions, position)
    return index if position in positions and index < size else None


def _positions(db: Database, number: int) -> list[int]:
    for _, _, positions in read_leaf_tiles(db, number, number):
        if found := unpack_positions(positions):
            return found
    raise SealDamaged(f"tile {number} of the seal is missing", hint="nilo verify says what was changed")


def write_tiles(db: Database, tiles: Mapping[Coordinate, bytes], positions: Mapping[int, bytes]) -> None:
    """Writes tiles that are new or longer, with the positions of those of level 0."""
    rows = [
        (level, number, hashes, positions[number] if level == 0 else None)
        for (level, number), hashes in sorted(tiles.items())
    ]
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        marks = ", ".join(["(?, ?, ?, ?)"] * len(some))
        db.execute(
            f"INSERT INTO seal_tiles (level, number, hashes, positions) VALUES {marks} "
            "ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes, positions = excluded.positions",
            [value for row in some for value in row],
        )


_HEAD: Final = "number, origin, size, position, sealed, note"


def read_heads(db: Database) -> Iterator[SealedHead]:
    """The kept checkpoints, in the order in which they were signed."""
    yield from map(_head, db.execute(f"SELECT {_HEAD} FROM seal_checkpoints ORDER BY number").fetchall())


def newest_head(db: Database) -> SealedHead | None:
    """The newest checkpoint, if there is one."""
    if not exist(db):
        return None
    row = db.execute(f"SELECT {_HEAD} FROM seal_checkpoints ORDER BY number DESC LIMIT 1").fetchone()
    return None if row is None else _head(row)


def read_seal(store: Store) -> SealedHead | None:
    """The newest checkpoint of a ledger as it is stored; nothing of it is checked."""
    with store.transaction(write=False) as db:
        return newest_head(db)


def describe_seal(head: SealedHead | None) -> dict[str, object] | None:
    """Up to where a ledger is sealed, as JSON."""
    if head is None:
        return None
    return {"origin": head.origin, "size": head.size, "position": head.position, "sealed": head.sealed}


def write_head(db: Database, head: SealedHead) -> None:
    """Writes a checkpoint, or the same one with further signatures."""
    db.execute(
        f"INSERT INTO seal_checkpoints ({_HEAD}) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (number) DO UPDATE SET note = excluded.note",
        (head.number, head.origin, head.size, head.position, head.sealed, head.note),
    )


def delete_head(db: Database, head: SealedHead) -> None:
    """Forgets a checkpoint that need not be kept."""
    db.execute("DELETE FROM seal_checkpoints WHERE number = ?", (head.number,))


def copy_seal(read: Database, written: Database) -> None:
    """Copies a seal as it is stored, if the ledger has one."""
    if not exist(read):
        return
    create(written)
    tables = [
        ("seal_tiles", "level, number, hashes, positions", "level, number"),
        ("seal_checkpoints", _HEAD, "number"),
    ]
    if has_table(read, STAMPS):
        create_stamps(written)
        tables.append((STAMPS, "number, url, answer", "number"))
    for table, columns, key in tables:
        marks = ", ".join("?" * len(columns.split(", ")))
        for row in read.execute(f"SELECT {columns} FROM {table} ORDER BY {key}"):
            written.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row))


def _head(row: Sequence[object]) -> SealedHead:
    number, origin, size, position, sealed, note = row
    if not (
        (type(number), type(size), type(position)) == (int, int, int)
        and (type(origin), type(sealed), type(note)) == (str, str, bytes)
    ):
        raise SealDamaged("a stored checkpoint has values of other types than it was written with")
    return SealedHead(
        number=cast("int", number),
        origin=cast("str", origin),
        size=cast("int", size),
        position=cast("int", position),
        sealed=cast("str", sealed),
        note=cast("bytes", note),
    )


def _bytes(value: object) -> bytes:
    """The bytes of a tile; none if it was changed to something else."""
    return value if isinstance(value, bytes) else b""


# Positions, joined


def pack_positions(positions: Iterable[int]) -> bytes:
    """Positions as they are stored."""
    packed = array("q", positions)
    if byteorder == "little":
        packed.byteswap()
    return packed.tobytes()


def unpack_positions(stored: bytes) -> list[int]:
    """Positions from what is stored; what is left over at the end is none."""
    packed = array("q")
    packed.frombytes(stored[: len(stored) // POSITION_BYTES * POSITION_BYTES])
    if byteorder == "little":
        packed.byteswap()
    return packed.tolist()


Progress = Callable[[int], None]
"""Gets how many events were read so far."""
