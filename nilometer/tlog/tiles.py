"""Tiles, the stored form of a log's tree: c2sp.org/tlog-tiles@v0.1.0.

Tile ``number`` of level 0 has the hashes of 256 leaves, one of level n + 1 the roots of 256 full tiles of level n. All
are written once, but the last of each level, which grows until it is full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from nilometer.tlog.errors import TlogError
from nilometer.tlog.merkle import HASH_BYTES, hash_perfect, hash_range

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
"""How many hashes a full tile has."""
FULL_BYTES: Final = WIDTH * HASH_BYTES
LARGEST_ENTRY: Final = 2**16 - 1
"""Bytes: the length of an entry is written in two of them."""

Coordinate = tuple[int, int]
"""The level and the number of a tile."""
ReadTile = Callable[[int, int], bytes]
"""The hashes of a tile, joined; of the last of a level there may be more than asked for."""


class TileTree:
    """The tree whose tiles can be read: any hash of it that a proof needs."""

    def __init__(self, read: ReadTile) -> None:
        self._read = read
        self._kept: dict[Coordinate, bytes] = {}
        self._nodes: dict[tuple[int, int], bytes] = {}
        """Hashes within tiles: the roots of two sizes, and the proofs of two leaves, have most of them in common."""

    def root(self, size: int) -> bytes:
        """The root of the tree of the first so many leaves, at least one."""
        return self.subtree(0, size)

    def subtree(self, start: int, end: int) -> bytes:
        """The hash of a range of leaves that is a subtree by RFC 6962. Raises ``TlogError`` if a tile lacks it."""
        size = end - start
        if size & (size - 1) or start % size:
            return hash_range(self.subtree, start, end)
        node = self._nodes.get((start, end))
        if node is None:
            if len(self._nodes) > 4096:
                self._nodes.clear()
            node = self._nodes[start, end] = self._perfect(start, size)
        return node

    def _perfect(self, start: int, size: int) -> bytes:
        height = size.bit_length() - 1
        level, inside = divmod(height, HEIGHT)
        number, first = divmod(start >> (level * HEIGHT), WIDTH)
        hashes = self._tile(level, number, first + (1 << inside))
        return hash_perfect(hashes[first * HASH_BYTES : (first + (1 << inside)) * HASH_BYTES])

    def _tile(self, level: int, number: int, width: int) -> bytes:
        hashes = self._kept.get((level, number))
        if hashes is None:
            if len(self._kept) > 64:
                self._kept.clear()
            hashes = self._kept[level, number] = self._read(level, number)
        if len(hashes) < width * HASH_BYTES:
            raise TlogError(f"tile {tile_path(level, number)} has {len(hashes) // HASH_BYTES} hashes, not {width}")
        return hashes


def grow(size: int, read: ReadTile, leaves: bytes) -> dict[Coordinate, bytes]:
    """The tiles that are new or longer when leaves with these joined hashes come to a tree of ``size`` leaves."""
    grown: dict[Coordinate, bytes] = {}
    level, added = 0, leaves
    while added:
        number, width = divmod(size, WIDTH)
        hashes = (read(level, number)[: width * HASH_BYTES] if width else b"") + added
        if len(hashes) != width * HASH_BYTES + len(added):
            raise TlogError(f"tile {tile_path(level, number)} lacks hashes that a checkpoint covers")
        roots: list[bytes] = []
        for start in range(0, len(hashes), FULL_BYTES):
            tile = grown[level, number + start // FULL_BYTES] = hashes[start : start + FULL_BYTES]
            if len(tile) == FULL_BYTES:
                roots.append(hash_perfect(tile))
        level, size, added = level + 1, number, b"".join(roots)
    return grown


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """Level, number and width of every tile of a tree of so many leaves."""
    level, count = 0, size
    while count:
        for number in range(count // WIDTH):
            yield level, number, WIDTH
        if count % WIDTH:
            yield level, count // WIDTH, count % WIDTH
        level, count = level + 1, count // WIDTH


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """The path of a tile, or of a bundle of entries with the level ``entries``."""
    parts = [f"{number % 1000:03}"]
    while number >= 1000:
        number //= 1000
        parts.append(f"x{number % 1000:03}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(parts))}{partial}"


def bundle_entry(entry: bytes) -> bytes:
    """An entry as it stands in a bundle, after its length. Raises ``TlogError`` if it is too long for one."""
    if len(entry) > LARGEST_ENTRY:
        raise TlogError(f"an entry of {len(entry):,} bytes is too long for a bundle: {LARGEST_ENTRY:,} are the most")
    return len(entry).to_bytes(2, "big") + entry


def read_from(tiles: Mapping[Coordinate, bytes]) -> ReadTile:
    """Reads tiles from a mapping; one that is missing has no hashes."""
    return lambda level, number: tiles.get((level, number), b"")
