"""Events as the leaves of a log: read as the bytes that are stored, and hashed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, cast

from nilometer.seal.tables import POSITION_BYTES, pack_positions, unpack_positions
from nilometer.storage.store import Database, Store
from nilometer.tlog.entries import encode_entry, encode_odd_entry
from nilometer.tlog.merkle import hash_leaf

FIRST: Final = -(2**63)
LAST: Final = 2**63 - 1
"""The ends of all positions: an event that somebody put before the first one is read too."""
PAGE: Final = 2048
"""How many events are read in one transaction: eight tiles."""
_BEGUN: Final = sha256(b"\x00DSSEv1 ")
"""What the hash of every leaf begins with: a copy of it is faster than to begin anew."""
SHORT: Final = 2**15
"""Bytes. The entry of an event with a shorter body is never too long for a bundle."""

RESTORED: Final = "import.restored/1"
"""The topic of the event that the ledger was restored from a backup."""

_SQLITE: Final = (
    "SELECT {position}, CAST(originator_id AS BLOB), originator_version, CAST(topic AS BLOB), state, "
    "CASE WHEN typeof(originator_id) = 'text' AND typeof(originator_version) = 'integer' "
    "AND typeof(topic) = 'text' AND typeof(state) = 'blob' THEN NULL ELSE typeof(originator_id) || ' ' || "
    "typeof(originator_version) || ' ' || typeof(topic) || ' ' || typeof(state) END "
)
_POSTGRES: Final = (
    "SELECT {position}, convert_to(originator_id, 'UTF8'), originator_version, convert_to(topic, 'UTF8'), state, "
    "NULL::text "
)
_STRICT: Final = "SELECT {position}, originator_id, originator_version, topic, state "
_RANGE: Final = "FROM {events} WHERE {position} >= ? AND {position} <= ? ORDER BY 1 LIMIT ?"

SealRow = tuple[int, bytes, int, bytes, bytes, "str | None"]
"""Position, stream, version, topic and body as they are stored; and the types of all four if one was damaged."""
StrictRow = tuple[int, str, int, str, bytes]
"""The same of a row whose values have the types that Nilometer writes, which nothing but reading it shows."""


@dataclass(frozen=True, slots=True)
class Leaves:
    """Events that follow each other, as leaves."""

    count: int
    positions: bytes
    """The positions of all, joined as tiles have them."""
    hashes: bytes
    """The hash of each, joined."""
    restored: int | None
    """The position of the first that says that the ledger was restored from a backup."""

    @property
    def first(self) -> int:
        """The position of the first, of which there must be one."""
        return unpack_positions(self.positions[:POSITION_BYTES])[0]

    @property
    def last(self) -> int:
        """The position of the last."""
        return unpack_positions(self.positions[-POSITION_BYTES:])[0]


class _Parts(dict[str, bytes]):
    """Streams or topics, each after its length: the same ones come again and again."""

    def __missing__(self, text: str) -> bytes:
        if len(self) >= 100_000:
            self.clear()
        raw = text.encode()
        part = self[text] = b"%d %b " % (len(raw), raw)
        return part


class _Versions(dict[int, bytes]):
    """Versions, each after its length."""

    def __missing__(self, version: int) -> bytes:
        if len(self) >= 100_000:
            self.clear()
        number = b"%d" % version
        part = self[version] = b"%d %b " % (len(number), number)
        return part


class _Lengths(dict[int, bytes]):
    """Lengths of bodies, as they stand before them."""

    def __missing__(self, length: int) -> bytes:
        part = self[length] = b"%d " % length
        return part


_streams, _versions, _topics, _lengths = _Parts(), _Versions(), _Parts(), _Lengths()


def read_rows(db: Database, first: int, last: int, limit: int) -> list[SealRow]:
    """Events by their positions, from one up to another (inclusive), no more than so many."""
    columns = _SQLITE if db.blob_type == "BLOB" else _POSTGRES
    select = (columns + _RANGE).format(position=db.position_column, events=db.events_table)
    return cast("list[SealRow]", db.execute(select, (first, last, limit)).fetchall())


def find_restores(db: Database) -> list[SealRow]:
    """The events that say that the ledger was restored from a backup."""
    columns = _SQLITE if db.blob_type == "BLOB" else _POSTGRES
    select = (columns + "FROM {events} WHERE topic = ? ORDER BY 1").format(
        position=db.position_column, events=db.events_table
    )
    return cast("list[SealRow]", db.execute(select, (RESTORED,)).fetchall())


def count_rows(db: Database) -> int:
    """How many events there are."""
    (count,) = cast("tuple[int]", db.execute(f"SELECT COUNT(*) FROM {db.events_table}").fetchone())
    return count


def entry_of(row: SealRow) -> bytes:
    """The entry of an event in the log."""
    _, stream, version, topic, body, types = row
    if types is None:
        return encode_entry(stream, b"%d" % version, topic, body)
    parts = (_damaged(stream), _damaged(version), _damaged(topic), _damaged(body))
    return encode_odd_entry(*parts, types.encode())


def _damaged(value: object) -> bytes:
    """The bytes of a value in a row that was damaged."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def _hash_rows(rows: Iterable[StrictRow]) -> Leaves | None:
    """The leaves that events are, unless a row was damaged: then ``None``."""
    # ``hash_leaf(entry_of(row))`` for each, but twice as fast: there may be millions. A row is hashed as soon as it is
    # read: then its memory is free, and in the processor's cache, for the next one.
    positions, hashes, restored = list[int](), list[bytes](), None
    add_position, add_hash, copy, join = positions.append, hashes.append, _BEGUN.copy, b"".join
    for position, stream, version, topic, body in rows:
        if type(stream) is not str or type(version) is not int or type(topic) is not str or type(body) is not bytes:
            return None
        length = len(body)
        if length < SHORT:
            leaf = copy()
            leaf.update(join((_streams[stream], _versions[version], _topics[topic], _lengths[length], body)))
            add_hash(leaf.digest())
        else:
            add_hash(hash_leaf(encode_entry(stream.encode(), b"%d" % version, topic.encode(), body)))
        add_position(position)
        if topic == RESTORED and restored is None:
            restored = position
    return _join(positions, hashes, restored)


def _hash_damaged(rows: Sequence[SealRow]) -> Leaves:
    """The leaves of a page in which a row was damaged."""
    restored = next((row[0] for row in rows if row[3] == RESTORED.encode()), None)
    return _join([row[0] for row in rows], [hash_leaf(entry_of(row)) for row in rows], restored)


def _join(positions: Sequence[int], hashes: Sequence[bytes], restored: int | None) -> Leaves:
    return Leaves(count=len(positions), positions=pack_positions(positions), hashes=b"".join(hashes), restored=restored)


def read_leaves(store: Store, first: int, last: int, limit: int | None = None) -> Iterator[Leaves]:
    """The leaves of the events from one position up to another, in pages, each read at one moment."""
    left = limit
    while first <= last and left != 0:
        size = PAGE if left is None else min(PAGE, left)
        with store.transaction(write=False) as db:
            leaves = _read_page(db, first, last, size)
        if not leaves.count:
            return
        yield leaves
        if leaves.count < size:
            return
        first = leaves.last + 1
        left = None if left is None else left - leaves.count


def _read_page(db: Database, first: int, last: int, limit: int) -> Leaves:
    select = (_STRICT + _RANGE).format(position=db.position_column, events=db.events_table)
    with suppress(UnicodeError), db.strict_texts():
        leaves = _hash_rows(cast("Iterable[StrictRow]", db.execute(select, (first, last, limit))))
        if leaves is not None:
            return leaves
    return _hash_damaged(read_rows(db, first, last, limit))
