"""Sealing: new events become leaves, and a checkpoint over all of them is signed.

Nobody who writes events waits for it. Events are read, hashed and signed outside of any transaction that writes; then
tiles and checkpoint are written in one, unless another sealer was faster. Whoever is killed at any moment leaves what
was there before, and the next seal goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from domain.identifiers import UtcTime
from nilometer.errors import LedgerBusy, LedgerError
from nilometer.seal.rows import FIRST, LAST, Leaves, read_leaves
from nilometer.seal.tables import (
    POSITION_BYTES,
    SealedHead,
    create,
    delete_head,
    exist,
    has_stamp,
    lock,
    newest_head,
    read_heads,
    read_leaf_tiles,
    read_tile,
    write_head,
    write_tiles,
)
from nilometer.storage.store import Database, Store
from nilometer.tlog.checkpoints import SignedTreeHead, TreeHead, parse_checkpoint
from nilometer.tlog.errors import SignatureError, TlogError
from nilometer.tlog.merkle import EMPTY_ROOT, Subtree
from nilometer.tlog.notes import NoteSignature
from nilometer.tlog.signatures import Signer, verify_signatures
from nilometer.tlog.tiles import WIDTH, Coordinate, TileTree, grow, read_from

STEP: Final = 1 << 16
"""So many events are sealed in one transaction at most: of a long history the seal is made in steps."""
TRIES: Final = 10
_VERIFY: Final = "nothing was sealed; see what was changed: nilo verify"


class SealRefused(LedgerError):
    """The ledger is not sealed any further: what is there contradicts what was sealed, or another key sealed it."""


@dataclass(frozen=True, slots=True)
class NewSeal:
    """What one seal added."""

    head: SealedHead
    events: int
    """How many events it covers that were not sealed before."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A seal that is ready to be written."""

    before: SealedHead | None
    head: SealedHead
    events: int
    tiles: dict[Coordinate, bytes]
    positions: dict[int, bytes]


class Sealer:
    """Seals one ledger, as one log."""

    def __init__(
        self,
        store: Store,
        signers: Sequence[Signer],
        now: Callable[[], UtcTime],
        *,
        rotate: bool = False,
        known: SignedTreeHead | None = None,
        reader: Store | None = None,
    ) -> None:
        """``rotate`` allows another key, or another name, than that of the newest checkpoint.

        ``known`` is a checkpoint that was kept elsewhere: nothing is signed that contradicts it. ``reader`` is the same
        ledger, opened to be read: events are read from it faster.
        """
        self._store = store
        self._reader = reader or store
        self._signers = signers
        self._now = now
        self._rotate = rotate
        self._known = known
        self.origin = signers[0].key.name

    def seal(self, progress: Callable[[int], None] | None = None) -> NewSeal | None:
        """Seals the events that are not sealed yet, as far as they go; ``None`` if there are none.

        Raises ``SealRefused`` if what is stored contradicts the newest checkpoint.
        """
        newest: NewSeal | None = None
        events = 0
        while (added := self.seal_step()) is not None:
            newest, events = added, events + added.events
            if progress is not None:
                progress(events)
            if added.events < STEP:
                break
        return None if newest is None else NewSeal(newest.head, events)

    def seal_step(self) -> NewSeal | None:
        """Seals so many events as one transaction takes."""
        for _ in range(TRIES):
            prepared = self._prepare()
            if prepared is None or self._write(prepared):
                return None if prepared is None else NewSeal(prepared.head, prepared.events)
        raise LedgerBusy(
            "other programs kept sealing this ledger first; nothing was sealed", hint="one sealer is enough"
        )

    def _prepare(self) -> _Prepared | None:
        with self._store.transaction(write=False) as db:
            before = newest_head(db)
        if before is not None:
            self._check_head(before)
        elif self._known is not None and self._known.head.size:
            raise SealRefused(
                f"the ledger is not sealed, and the checkpoint that was kept has {self._known.head.size} events: "
                "it is another ledger, or its seal was removed",
                hint=_VERIFY,
            )
        pages = list(read_leaves(self._reader, FIRST if before is None else before.position + 1, LAST, STEP))
        is_renamed = before is not None and before.origin != self.origin
        restored = next((page.restored for page in pages if page.restored is not None), None)
        if before is not None and not is_renamed and restored is not None:
            raise SealRefused(
                f"the ledger was restored from a backup at position {restored}: "
                f"what was sealed as {self.origin} after that backup is given up, and has no successor",
                hint="go on under another name: nilo key new NAME -o FILE, then nilo seal --rotate --key FILE",
            )
        return self._sign(before, pages) if pages or is_renamed else None

    def _sign(self, before: SealedHead | None, pages: Sequence[Leaves]) -> _Prepared:
        old = 0 if before is None else before.size
        with self._store.transaction(write=False) as db:
            read = read_tile(db) if exist(db) else read_from({})
            grown = grow(old, read, b"".join(page.hashes for page in pages))
            tree = TileTree(lambda level, number: grown.get((level, number)) or read(level, number))
            added = sum(page.count for page in pages)
            size = old + added
            if before is not None:
                self._check_tree(tree, parse_checkpoint(before.note), "its newest checkpoint")
            if self._known is not None and not (before is not None and bytes(self._known) == before.note):
                self._check_known(tree, self._known, size)
            kept = _positions_before(db, old) if exist(db) else b""
        moment = self._now()
        time = int(datetime.fromisoformat(moment).timestamp())
        head = TreeHead(origin=self.origin, size=size, root=tree.root(size) if size else EMPTY_ROOT)
        note = SignedTreeHead(head, tuple(signer.sign_head(head, time) for signer in self._signers))
        self._check_own(note)
        last = pages[-1].last if pages else before.position if before is not None else 0
        return _Prepared(
            before=before,
            head=SealedHead(
                number=1 if before is None else before.number + 1,
                origin=self.origin,
                size=size,
                position=last,
                sealed=moment,
                note=bytes(note),
            ),
            events=added,
            tiles=grown,
            positions=_cut(b"".join((kept, *(page.positions for page in pages))), old),
        )

    def _check_own(self, note: SignedTreeHead) -> None:
        """Raises ``SealRefused`` if a signature that was just made does not verify: what signs has another key."""
        try:
            verify_signatures(note, [signer.key for signer in self._signers])
        except SignatureError as error:
            why = f"what signs does not sign with the key that was named: {error}; nothing was sealed"
            raise SealRefused(why) from None

    def _check_head(self, before: SealedHead) -> None:
        """Raises ``SealRefused`` if the newest checkpoint is not one that these keys go on from."""
        try:
            checkpoint = parse_checkpoint(before.note)
        except TlogError as error:
            raise SealRefused(f"the newest checkpoint of the ledger is not one: {error}", hint=_VERIFY) from None
        if (checkpoint.head.origin, checkpoint.head.size) != (before.origin, before.size):
            raise SealRefused("the newest checkpoint of the ledger is not the one that is stored there", hint=_VERIFY)
        if not self._rotate and before.origin != self.origin:
            raise SealRefused(
                f"the ledger is sealed as {before.origin}, and the key is that of {self.origin}",
                hint="take its key; to go on under another name, as after a restore: nilo seal --rotate",
            )
        try:
            signed = verify_signatures(checkpoint, [signer.key for signer in self._signers])
        except SignatureError as error:
            raise SealRefused(f"the newest checkpoint of the ledger is not one: {error}", hint=_VERIFY) from None
        if not self._rotate and not signed:
            raise SealRefused(
                f"the newest checkpoint of {before.origin} was signed by another key",
                hint="take that key; if this one comes in its place: nilo seal --rotate",
            )

    def _check_known(self, tree: TileTree, known: SignedTreeHead, size: int) -> None:
        if known.head.origin != self.origin and self._rotate:
            return
        if known.head.origin != self.origin:
            raise SealRefused(f"the checkpoint that was kept is of {known.head.origin}, not of {self.origin}")
        if known.head.size > size:
            raise SealRefused(
                f"the ledger has {size} events, and the checkpoint that was kept has {known.head.size}: "
                "events were removed, or it was rolled back",
                hint=_VERIFY,
            )
        self._check_tree(tree, known, "the checkpoint that was kept")

    def _check_tree(self, tree: TileTree, checkpoint: SignedTreeHead, which: str) -> None:
        head = checkpoint.head
        try:
            agrees = not head.size or tree.root(head.size) == head.root
        except TlogError:
            agrees = False
        if not agrees:
            raise SealRefused(f"the stored seal does not come to {which} ({head.size} events)", hint=_VERIFY)

    def _write(self, prepared: _Prepared) -> bool:
        """Writes a seal; ``False`` if another sealer was faster."""
        with self._store.transaction(write=True) as db:
            lock(db)
            create(db)
            before = newest_head(db)
            if before != prepared.before:
                return False
            write_tiles(db, prepared.tiles, prepared.positions)
            write_head(db, prepared.head)
            if before is not None and not (has_stamp(db, before) or is_kept(before, prepared.head, self._signers)):
                delete_head(db, before)
        self._known = parse_checkpoint(prepared.head.note)  # what comes next must go on from it
        return True


CollectSignatures = Callable[[SignedTreeHead, Subtree], Sequence[NoteSignature]]
"""Gets further signatures for a checkpoint, from others; the second gives the hashes that their proofs need."""


def add_signatures(store: Store, collect: CollectSignatures) -> SealedHead | None:
    """Adds signatures of others to the newest checkpoint; ``None`` if it got none."""
    with store.transaction(write=False) as db:
        head = newest_head(db)
        if head is None:
            return None
        checkpoint = parse_checkpoint(head.note)
        tree = TileTree(read_tile(db))
        tree.root(head.size)  # its tiles are kept, so that nothing is read while others are asked
        added = collect(checkpoint, tree.subtree)
    with store.transaction(write=True) as db:
        lock(db)
        for stored in read_heads(db):
            if stored.number == head.number and added:
                signed = replace(stored, note=bytes(parse_checkpoint(stored.note).added(*added)))
                write_head(db, signed)
                return signed
    return None


def is_kept(head: SealedHead, newer: SealedHead, signers: Sequence[Signer]) -> bool:
    """Whether a checkpoint is kept when a newer one is there: the last of its day, and what others signed too."""
    if head.sealed[:10] != newer.sealed[:10] or head.origin != newer.origin:
        return True
    own = {(signer.key.name, signer.key.id) for signer in signers}
    return any((line.name, line.key_id) not in own for line in parse_checkpoint(head.note).signatures)


def _positions_before(db: Database, size: int) -> bytes:
    """The positions of the leaves in the last tile of level 0, if that is not full."""
    number, width = divmod(size, WIDTH)
    for _, _, positions in read_leaf_tiles(db, number, number) if width else ():
        found = positions[: width * POSITION_BYTES]
        if len(found) == width * POSITION_BYTES:
            return found
    if width:
        raise SealRefused("a tile of the seal is missing, or was cut", hint=_VERIFY)
    return b""


def _cut(positions: bytes, size: int) -> dict[int, bytes]:
    """The positions of each tile of level 0, from that with the leaf ``size`` on."""
    first, width = size // WIDTH, WIDTH * POSITION_BYTES
    return {
        number: positions[start : start + width] for number, start in enumerate(range(0, len(positions), width), first)
    }
