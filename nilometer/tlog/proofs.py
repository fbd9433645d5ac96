"""Proofs that an entry is in a log, in a file of their own: c2sp.org/tlog-proof@v1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nilometer.tlog.checkpoints import SignedTreeHead, parse_checkpoint
from nilometer.tlog.encoding import decode_lines, parse_base64, parse_hash, parse_number, to_base64
from nilometer.tlog.errors import TlogError
from nilometer.tlog.merkle import check_inclusion, hash_leaf
from nilometer.tlog.notes import LARGEST_NOTE

MAGIC: Final = "c2sp.org/tlog-proof@v1"
MOST_HASHES: Final = 63


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Where an entry is in a log, the hashes beside its way to the root, and the checkpoint with that root."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: SignedTreeHead
    extra: bytes | None = None
    """What else is in the file. Nothing authenticates it."""

    def __bytes__(self) -> bytes:
        extra = [] if self.extra is None else [f"extra {to_base64(self.extra)}"]
        lines = [MAGIC, *extra, f"index {self.index}", *map(to_base64, self.hashes), ""]
        return "".join(f"{line}\n" for line in lines).encode() + bytes(self.checkpoint)

    def check_entry(self, entry: bytes) -> None:
        """Raises ``ProofError`` unless the entry is in the tree of the checkpoint. Signatures are not checked."""
        head = self.checkpoint.head
        check_inclusion(self.index, head.size, hash_leaf(entry), self.hashes, head.root)


def parse_proof(raw: bytes) -> TlogProof:
    """Reads a proof. Neither its hashes nor its signatures are checked. Raises ``TlogError``."""
    if len(raw) > LARGEST_NOTE:
        raise TlogError(f"the proof has {len(raw):,} bytes; {LARGEST_NOTE:,} are the most")
    head, blank, _ = raw.partition(b"\n\n")
    lines = decode_lines(head, "the proof").split("\n")
    if lines[0] != MAGIC or not blank:
        raise TlogError(f"it is not a proof: that begins with {MAGIC}")
    extra = None
    if len(lines) > 1 and lines[1].startswith("extra "):
        extra = parse_base64(lines.pop(1).removeprefix("extra "), "the extra data")
    if len(lines) < 2 or not lines[1].startswith("index "):
        raise TlogError("the proof has no index")
    if len(lines) > 2 + MOST_HASHES:
        raise TlogError(f"the proof has {len(lines) - 2} hashes; {MOST_HASHES} are the most")
    return TlogProof(
        index=parse_number(lines[1].removeprefix("index "), "the index"),
        hashes=tuple(parse_hash(line, "a hash of the proof") for line in lines[2:]),
        checkpoint=parse_checkpoint(raw[len(head) + 2 :]),
        extra=extra,
    )
