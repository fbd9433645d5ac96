"""Verifying a sealed ledger: is what is stored what was sealed?

Every stored event is hashed again and compared with the leaves; from the leaves the roots are computed again, of every
kept checkpoint and of those that others kept. Nothing is believed because it is stored: what counts in the end is a
signature by a key that was named, and a checkpoint that was kept where nobody could change it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from nilometer.seal.comparing import (
    ComparedRange,
    DifferenceKind,
    SealDifference,
    TileRange,
    compare_range,
    cut_ranges,
)
from nilometer.seal.heads import KeptHead, check_policy, check_signatures, check_stamps, read_kept
from nilometer.seal.restores import find_restore
from nilometer.seal.rows import FIRST, LAST, count_rows, read_leaves, read_rows
from nilometer.seal.tables import SealedHead, count_leaf_tiles, exist, read_tile
from nilometer.seal.timestamps import read_timestamps
from nilometer.seal.verification import OtherCheckpoint, SealFinding, SealVerdict, UnsealedTail, Verification
from nilometer.storage.store import Store
from nilometer.tlog.checkpoints import SignedTreeHead, TreeHead
from nilometer.tlog.errors import SignatureError, TlogError
from nilometer.tlog.merkle import EMPTY_ROOT, hash_perfect
from nilometer.tlog.notes import VerifierKey
from nilometer.tlog.policies import TlogPolicy
from nilometer.tlog.signatures import SignaturesUnavailable, verify_signatures
from nilometer.tlog.tiles import FULL_BYTES, WIDTH, Coordinate, TileTree, grow, read_from

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

MOST_SHOWN: Final = 20
"""So many differences are named; all are counted."""

CompareRanges = Callable[[Store, Sequence[TileRange], "Callable[[int], None] | None"], "list[ComparedRange]"]
"""Compares ranges, in this process or in several, and tells how many events were read so far."""


def compare_in_turn(
    store: Store, ranges: Sequence[TileRange], progress: Callable[[int], None] | None
) -> list[ComparedRange]:
    """Compares ranges one after the other."""
    results: list[ComparedRange] = []
    for part in ranges:
        results.append(compare_range(store, part))
        if progress is not None:
            progress(sum(result.events for result in results))
    return results


class Verifier:
    """Verifies one ledger."""

    def __init__(
        self,
        store: Store,
        *,
        keys: Sequence[VerifierKey] = (),
        against: Sequence[OtherCheckpoint] = (),
        policy: TlogPolicy | None = None,
        authorities: Sequence[Certificate] = (),
        compare: CompareRanges = compare_in_turn,
    ) -> None:
        self._store = store
        self._keys = [*keys, *(policy.logs if policy is not None else ())]
        self._against = against
        self._policy = policy
        self._authorities = authorities
        self._compare = compare
        self._result = Verification()
        self._heads: list[KeptHead] = []
        self._computed: dict[Coordinate, bytes] = {}
        """The tiles above the leaves, as the leaves come to them."""

    def verify(self, progress: Callable[[int], None] | None = None) -> Verification:
        """Checks everything; ``progress`` gets how many events were read so far."""
        result = self._result
        self._heads = read_kept(self._store, result)
        newest = self._heads[-1][0] if self._heads else None
        result.sealed = newest
        size = 0 if newest is None else self._limit_size(newest.size)
        if newest is None:
            result.add(SealVerdict.UNKNOWN, "checkpoint", "the ledger is not sealed: there is nothing to compare with")
        ranges = [] if newest is None or not size else cut_ranges(self._store, size, newest.position)
        compared = self._compare(self._store, ranges, progress)
        self._take(compared)
        tail = self._read_tail(newest)
        tree = self._check_tiles(size, b"".join(part.roots for part in compared))
        self._check_heads(tree)
        if self._heads:
            self._check_events_alone(*self._heads[-1])
        check_signatures(self._heads, self._keys, result)
        self._check_against(tree, size, tail)
        check_policy(self._heads, self._policy, result)
        check_stamps(self._heads, read_timestamps(self._store), self._authorities, result)
        result.findings.sort(key=lambda finding: list(SealVerdict).index(finding.verdict), reverse=True)
        return result

    def _limit_size(self, size: int) -> int:
        """The size of the newest checkpoint, unless that is far more than there are leaves and events."""
        with self._store.transaction(write=False) as db:
            tiles = count_leaf_tiles(db)
            if size <= tiles * WIDTH:
                return size
            events = count_rows(db)
        what = f"the newest checkpoint covers {size} events, and the seal has tiles for {tiles * WIDTH}"
        self._result.add(SealVerdict.VIOLATED, "tile", what)
        return min(size, max(tiles * WIDTH, events))

    def _take(self, compared: Sequence[ComparedRange]) -> None:
        """Takes in what the comparison of the events found."""
        result = self._result
        differences: list[SealDifference] = []
        for part in compared:
            result.events += part.events
            differences += part.differences
            for kind, count in part.counts.items():
                result.counts[kind] += count
            for number in part.broken_tiles:
                what = f"tile {number} of the seal is missing or was cut: its {WIDTH} leaves are not there to compare"
                result.add(SealVerdict.VIOLATED, "tile", what)
        for difference in differences[:MOST_SHOWN]:
            result.findings.append(self._describe(difference))
        rest = sum(result.counts.values()) - MOST_SHOWN
        if rest > 0:
            result.add(
                SealVerdict.VIOLATED, "event", f"{rest} more events differ, from position {differences[0].position} on"
            )

    def _describe(self, difference: SealDifference) -> SealFinding:
        position = difference.position
        with self._store.transaction(write=False) as db:
            rows = read_rows(db, position, position, 1)
        event = f"{rows[0][1].decode('utf-8', 'backslashreplace')}/{rows[0][2]}" if rows and not rows[0][5] else None
        words = {
            DifferenceKind.CHANGED: f"the event at position {position} is not the one that was sealed there",
            DifferenceKind.MISSING: f"the event that was sealed at position {position} is missing",
            DifferenceKind.INSERTED: f"the event at position {position} was inserted: it was never sealed",
        }
        return SealFinding(
            verdict=SealVerdict.VIOLATED,
            about="event",
            message=words[difference.kind],
            position=position,
            event=event,
        )

    def _read_tail(self, newest: SealedHead | None) -> bytes:
        """Counts the events after the last sealed one. Their hashes, if another checkpoint covers them."""
        sealed = 0 if newest is None else newest.size
        needed = max((other.checkpoint.head.size for other in self._against), default=0) > sealed
        first = newest.position + 1 if newest is not None else None
        count, since, hashes = 0, None, list[bytes]()
        for leaves in read_leaves(self._store, FIRST if first is None else first, LAST):
            if not count:
                since = self._recorded(leaves.first)
            count += leaves.count
            if needed:
                hashes.append(leaves.hashes)
        self._result.events += count
        self._result.unsealed = UnsealedTail(count, since)
        return b"".join(hashes)

    def _recorded(self, position: int) -> str | None:
        with self._store.transaction(write=False) as db:
            rows = read_rows(db, position, position, 1)
        try:
            recorded: object = json.loads(rows[0][4])["recorded"]
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            return None
        return recorded if isinstance(recorded, str) else None

    def _check_tiles(self, size: int, roots: bytes) -> TileTree:
        """Compares the tiles above the leaves with what the leaves come to; gives the tree that the leaves come to."""
        level, hashes = 1, roots
        with self._store.transaction(write=False) as db:
            stored = read_tile(db) if size else read_from({})
            while hashes:
                tiles = [hashes[start : start + FULL_BYTES] for start in range(0, len(hashes), FULL_BYTES)]
                for number, tile in enumerate(tiles):
                    self._computed[level, number] = tile
                    if stored(level, number)[: len(tile)] != tile:
                        what = f"tile {number} of level {level} is not what the leaves below it come to"
                        self._result.add(SealVerdict.VIOLATED, "tile", what)
                hashes = b"".join(hash_perfect(tile) for tile in tiles if len(tile) == FULL_BYTES)
                level += 1
        return TileTree(self._read_tile)

    def _read_tile(self, level: int, number: int) -> bytes:
        """The leaves as they are stored; what is above them, as they come to it."""
        if level:
            return self._computed.get((level, number), b"")
        with self._store.transaction(write=False) as db:
            return read_tile(db)(level, number) if exist(db) else b""

    def _check_events_alone(self, newest: SealedHead, checkpoint: SignedTreeHead) -> None:
        """If the events come to the newest checkpoint, whatever the stored leaves are, says that they do."""
        if self._result.verdict is not SealVerdict.VIOLATED or self._root_of_events(newest) != checkpoint.head.root:
            return
        self._result.findings = [finding for finding in self._result.findings if finding.about != "event"]
        self._result.counts = dict.fromkeys(DifferenceKind, 0)
        what = "the stored tiles were changed, the events were not: they come to the newest checkpoint"
        self._result.add(SealVerdict.VIOLATED, "tile", what)

    def _root_of_events(self, newest: SealedHead) -> bytes | None:
        size, tiles = 0, dict[Coordinate, bytes]()
        for leaves in read_leaves(self._store, FIRST, newest.position):
            tiles |= grow(size, read_from(tiles), leaves.hashes)
            size += leaves.count
            for level, number in [*tiles]:
                if not level and number != size // WIDTH:  # of the leaves only the last tile grows
                    del tiles[level, number]
        return self._root(TileTree(read_from(tiles)), size) if size == newest.size else None

    def _check_heads(self, tree: TileTree) -> None:
        """Compares every kept checkpoint with the leaves."""
        held = 0
        for head, checkpoint in self._heads:
            self._result.checkpoints += 1
            if self._root(tree, head.size) == checkpoint.head.root:
                held = head.size
                continue
            self._result.add(
                SealVerdict.VIOLATED,
                "checkpoint",
                f"the leaves do not come to the checkpoint of {head.size} events ({head.origin}, {head.sealed}): "
                f"they were changed after leaf {held}",
            )

    @staticmethod
    def _root(tree: TileTree, size: int) -> bytes | None:
        if not size:
            return EMPTY_ROOT
        try:
            return tree.root(size)
        except TlogError:
            return None

    def _check_against(self, tree: TileTree, size: int, tail: bytes) -> None:
        """Compares the checkpoints that others kept."""
        result = self._result
        for other in self._against:
            head = other.checkpoint.head
            if not self._is_signed(other):
                continue
            result.against += 1
            total = size + result.unsealed.events
            if head.size > total:
                what = f"{other.name} covers {head.size} events, and the ledger has {total}"
                self._add_lost(head, what, "events were removed, or it was rolled back")
                continue
            root = self._root(tree, head.size) if head.size <= size else self._longer_root(size, tail, head.size)
            if root != head.root:
                what = f"the first {head.size} events are not those that {other.name} covers"
                self._add_lost(head, what, "they were changed")

    def _add_lost(self, head: TreeHead, what: str, otherwise: str) -> None:
        """Notes that a checkpoint of others covers other events: violated, unless a restore gave them up."""
        restore = find_restore(self._store, head)
        if restore is not None:
            self._result.add(
                SealVerdict.UNKNOWN,
                "against",
                f"{what}: the ledger was restored at position {restore.position} ({restore.actor}, {restore.recorded}) "
                f"from a backup of {restore.events} events; nothing can be said of what came after it",
            )
            return
        self._result.add(SealVerdict.VIOLATED, "against", f"{what}: {otherwise}")

    def _longer_root(self, size: int, tail: bytes, longer: int) -> bytes | None:
        """A root over the leaves and the events that are not sealed, too."""
        try:
            grown = grow(size, self._read_tile, tail)
        except TlogError:  # the leaves were cut
            return None
        return self._root(TileTree(lambda at, number: grown.get((at, number)) or self._read_tile(at, number)), longer)

    def _is_signed(self, other: OtherCheckpoint) -> bool:
        """Whether a checkpoint of others may be compared: it is signed, or no keys were named.

        One whose signature cannot be checked is compared neither: anybody may have written it.
        """
        keys = [key for key in self._keys if key.name == other.checkpoint.head.origin]
        if not self._keys:
            return True
        try:
            if verify_signatures(other.checkpoint, keys):
                return True
            why = "it is not signed by a key that was named"
        except (SignaturesUnavailable, SignatureError) as error:
            why = error.message
        self._result.add(SealVerdict.UNKNOWN, "against", f"{other.name} was not compared: {why}")
        return False
