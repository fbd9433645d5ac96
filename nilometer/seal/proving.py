"""Proofs from the stored tiles: that an event is in the log, and that a range of the log is complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nilometer.errors import LedgerError
from nilometer.seal.tables import SealedHead, find_leaf, newest_head, read_tile
from nilometer.storage.store import Database
from nilometer.tlog.checkpoints import SignedTreeHead, parse_checkpoint
from nilometer.tlog.merkle import Subtree, prove_inclusion, split
from nilometer.tlog.proofs import TlogProof
from nilometer.tlog.tiles import TileTree

SEAL_ANEW: Final = "nilo key new NAME -o seal.key; then: nilo seal --key seal.key"
"""What to type where there is no key yet."""


class NotSealed(LedgerError):
    """No checkpoint covers the event yet: nothing can be proved of it."""


@dataclass(frozen=True, slots=True)
class RangeProof:
    """The hashes of all that is beside a range of leaves, from left to right: with them its leaves come to the root."""

    left: tuple[bytes, ...]
    right: tuple[bytes, ...]


class LogProver:
    """Proves what the newest checkpoint covers, within one transaction."""

    def __init__(self, db: Database) -> None:
        """Raises ``NotSealed`` if there is no checkpoint."""
        head = newest_head(db)
        if head is None:
            raise NotSealed("the ledger is not sealed", hint=f"make a key: {SEAL_ANEW}")
        self._db = db
        self.head: SealedHead = head
        self.checkpoint: SignedTreeHead = parse_checkpoint(head.note)
        self._tree = TileTree(read_tile(db))

    def index(self, position: int) -> int:
        """The index of the leaf that is the event at a position. Raises ``NotSealed``."""
        index = find_leaf(self._db, position, self.head.size)
        if index is None:
            raise NotSealed(
                f"the event at position {position} is not sealed",
                hint="nilo seal --key FILE",
            )
        return index

    def prove(self, position: int) -> TlogProof:
        """The proof that the event at a position is in the log. Raises ``NotSealed``."""
        index = self.index(position)
        hashes = tuple(prove_inclusion(index, self.head.size, self._tree.subtree))
        return TlogProof(index=index, hashes=hashes, checkpoint=self.checkpoint)

    def prove_range(self, first: int, last: int) -> RangeProof:
        """The hashes beside the leaves from one index to another."""
        left, right = list[bytes](), list[bytes]()
        _add_beside(self._tree.subtree, (0, self.head.size), (first, last), (left, right))
        return RangeProof(tuple(left), tuple(right))


def _add_beside(
    subtree: Subtree, node: tuple[int, int], leaves: tuple[int, int], beside: tuple[list[bytes], list[bytes]]
) -> None:
    (start, end), (first, last) = node, leaves
    if end <= first or start > last:
        beside[0 if end <= first else 1].append(subtree(start, end))
    elif start < first or end > last + 1:
        middle = start + split(end - start)
        _add_beside(subtree, (start, middle), leaves, beside)
        _add_beside(subtree, (middle, end), leaves, beside)
