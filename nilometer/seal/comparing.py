"""Every stored event against the leaves that were sealed: a range of tiles at a time, each on its own.

Ranges share nothing, so that several processes can compare one ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from nilometer.seal.rows import FIRST, LAST, read_leaves
from nilometer.seal.tables import POSITION_BYTES, read_leaf_tiles, unpack_positions
from nilometer.storage.store import Store
from nilometer.tlog.merkle import HASH_BYTES, hash_perfect
from nilometer.tlog.tiles import FULL_BYTES, WIDTH

TILES: Final = 512
"""How many tiles are compared in one piece: 131,072 events."""
MOST_DIFFERENCES: Final = 1000
"""So many differences of a range are kept; all are counted."""


class DifferenceKind(StrEnum):
    """How an event differs from what was sealed."""

    CHANGED = "changed"
    MISSING = "missing"
    INSERTED = "inserted"


@dataclass(frozen=True, slots=True)
class SealDifference:
    """An event that is not what was sealed at its position."""

    kind: DifferenceKind
    position: int


@dataclass(frozen=True, slots=True)
class TileRange:
    """Tiles of level 0 that follow each other, and the positions between which their events stand."""

    first_tile: int
    tiles: int
    width: int
    """How many hashes of the last of them count."""
    first_position: int
    last_position: int


@dataclass(slots=True)
class ComparedRange:
    """What the comparison of a range found."""

    events: int = 0
    roots: bytes = b""
    """The roots of its full tiles, joined, as their stored leaves come to."""
    counts: dict[DifferenceKind, int] = field(default_factory=lambda: dict.fromkeys(DifferenceKind, 0))
    differences: list[SealDifference] = field(default_factory=list[SealDifference])
    broken_tiles: list[int] = field(default_factory=list[int])
    """Tiles that are missing, or have not the hashes that they should."""

    def add(self, kind: DifferenceKind, position: int) -> None:
        """Notes a difference."""
        self.counts[kind] += 1
        if len(self.differences) < MOST_DIFFERENCES:
            self.differences.append(SealDifference(kind, position))


class _Side:
    """Positions and hashes that come in pages, to be taken from the front."""

    def __init__(self, pages: Iterator[tuple[bytes, bytes]]) -> None:
        self._pages = pages
        self.positions = self.hashes = b""

    def fill(self) -> int:
        """How many there are at hand; 0 at the end."""
        while not self.positions:
            page = next(self._pages, None)
            if page is None:
                return 0
            self.positions, self.hashes = page
        return len(self.positions) // POSITION_BYTES

    def take(self, count: int) -> None:
        """Takes so many away."""
        self.positions = self.positions[count * POSITION_BYTES :]
        self.hashes = self.hashes[count * HASH_BYTES :]


def compare_range(store: Store, part: TileRange) -> ComparedRange:
    """Compares the events of a range with its leaves."""
    result = ComparedRange()
    leaves = _Side(_read_tiles(store, part, result))
    events = _Side(_pages(store, part, result))
    while True:
        sealed, stored = leaves.fill(), events.fill()
        if not sealed and not stored:
            return result
        if not sealed or not stored:
            side, kind = (leaves, DifferenceKind.MISSING) if sealed else (events, DifferenceKind.INSERTED)
            for position in unpack_positions(side.positions):
                result.add(kind, position)
            side.take(sealed or stored)
            continue
        count = min(sealed, stored)
        same = (
            events.positions[: count * POSITION_BYTES] == leaves.positions[: count * POSITION_BYTES]
            and events.hashes[: count * HASH_BYTES] == leaves.hashes[: count * HASH_BYTES]
        )
        if same:
            events.take(count)
            leaves.take(count)
        else:
            _merge(events, leaves, result)


def _merge(events: _Side, leaves: _Side, result: ComparedRange) -> None:
    """Goes through what is at hand of both sides, event by event."""
    stored, sealed = unpack_positions(events.positions), unpack_positions(leaves.positions)
    event = leaf = 0
    while event < len(stored) and leaf < len(sealed):
        if stored[event] < sealed[leaf]:
            result.add(DifferenceKind.INSERTED, stored[event])
            event += 1
        elif stored[event] > sealed[leaf]:
            result.add(DifferenceKind.MISSING, sealed[leaf])
            leaf += 1
        else:
            one, other = event * HASH_BYTES, leaf * HASH_BYTES
            if events.hashes[one : one + HASH_BYTES] != leaves.hashes[other : other + HASH_BYTES]:
                result.add(DifferenceKind.CHANGED, stored[event])
            event, leaf = event + 1, leaf + 1
    events.take(event)
    leaves.take(leaf)


def _pages(store: Store, part: TileRange, result: ComparedRange) -> Iterator[tuple[bytes, bytes]]:
    for leaves in read_leaves(store, part.first_position, part.last_position):
        result.events += leaves.count
        yield leaves.positions, leaves.hashes


def _read_tiles(store: Store, part: TileRange, result: ComparedRange) -> Iterator[tuple[bytes, bytes]]:
    """Positions and hashes of the leaves, tile by tile; notes their roots, and which tiles are broken."""
    roots: list[bytes] = []
    end = part.first_tile + part.tiles
    for start in range(part.first_tile, end, 64):
        stop = min(start + 64, end)
        with store.transaction(write=False) as db:
            found = {number: (hashes, positions) for number, hashes, positions in read_leaf_tiles(db, start, stop - 1)}
        for number in range(start, stop):
            hashes, positions = found.get(number, (b"", b""))
            width = part.width if number == end - 1 else WIDTH
            if len(hashes) < width * HASH_BYTES or len(positions) < width * POSITION_BYTES or len(hashes) > FULL_BYTES:
                result.broken_tiles.append(number)
            hashes, positions = hashes[: width * HASH_BYTES], positions[: width * POSITION_BYTES]
            if width == WIDTH:  # a tile that is not there has a root that nothing comes to: others keep their places
                roots.append(hash_perfect(hashes) if len(hashes) == FULL_BYTES else bytes(HASH_BYTES))
            count = min(len(hashes) // HASH_BYTES, len(positions) // POSITION_BYTES)
            yield positions[: count * POSITION_BYTES], hashes[: count * HASH_BYTES]
    result.roots = b"".join(roots)


def cut_ranges(store: Store, size: int, position: int) -> list[TileRange]:
    """The ranges of a log of so many leaves, the last of which is the event at a position."""
    count = (size + WIDTH - 1) // WIDTH
    firsts = [(start, _first_position(store, start)) for start in range(0, count, TILES)]
    cuts = [(start, found) for start, found in firsts if start == 0 or found is not None]
    ranges: list[TileRange] = []
    for index, (start, first) in enumerate(cuts):
        end, next_first = cuts[index + 1] if index + 1 < len(cuts) else (count, None)
        is_last = end == count
        ranges.append(
            TileRange(
                first_tile=start,
                tiles=end - start,
                width=size - (count - 1) * WIDTH if is_last else WIDTH,
                first_position=FIRST if start == 0 or first is None else first,
                last_position=position if is_last or next_first is None else min(next_first - 1, LAST),
            )
        )
    return ranges


def _first_position(store: Store, number: int) -> int | None:
    with store.transaction(write=False) as db:
        for _, _, positions in read_leaf_tiles(db, number, number):
            return next(iter(unpack_positions(positions[:POSITION_BYTES])), None)
    return None
