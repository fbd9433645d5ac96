"""The log as files, as tlog-tiles has them: what any client of such logs reads."""

from __future__ import annotations

from collections.abc import Iterator

from nilometer.seal.proving import LogProver
from nilometer.seal.rows import FIRST, entry_of, read_rows
from nilometer.seal.tables import read_tile
from nilometer.storage.store import Database
from nilometer.tlog.merkle import HASH_BYTES
from nilometer.tlog.tiles import WIDTH, bundle_entry, tile_path, tiles_of


def export_log(db: Database) -> Iterator[tuple[str, bytes]]:
    """The paths and contents of the newest checkpoint, all tiles, and all bundles of entries."""
    head = LogProver(db).head
    yield "checkpoint", head.note
    read = read_tile(db)
    for level, number, width in tiles_of(head.size):
        yield tile_path(level, number, width), read(level, number)[: width * HASH_BYTES]
    first, number = FIRST, 0
    while rows := read_rows(db, first, head.position, WIDTH):
        yield tile_path("entries", number, len(rows)), b"".join(bundle_entry(entry_of(row)) for row in rows)
        first, number = rows[-1][0] + 1, number + 1
