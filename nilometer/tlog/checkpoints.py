"""Checkpoints, the signed heads of a log's tree: c2sp.org/tlog-checkpoint@v1.0.0 and tlog-cosignature@v1.0.1."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nilometer.tlog.encoding import parse_hash, parse_number, to_base64
from nilometer.tlog.errors import TlogError
from nilometer.tlog.merkle import EMPTY_ROOT
from nilometer.tlog.notes import Algorithm, NoteSignature, SignedNote, VerifierKey, check_key_name, parse_note


@dataclass(frozen=True, slots=True)
class TreeHead:
    """How large the tree of a log is, and its root."""

    origin: str
    """The name of the log, which is the name of the key that signs for it."""
    size: int
    root: bytes
    extension: tuple[str, ...] = ()
    """Further lines. Nilometer writes none, and believes none."""

    @property
    def text(self) -> str:
        """The text that is signed."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, to_base64(self.root), *self.extension))


@dataclass(frozen=True, slots=True)
class SignedTreeHead:
    """A checkpoint: a tree's head with signatures, none of them checked."""

    head: TreeHead
    signatures: tuple[NoteSignature, ...]

    def __bytes__(self) -> bytes:
        return bytes(SignedNote(self.head.text, self.signatures))

    def added(self, *signatures: NoteSignature) -> SignedTreeHead:
        """The same with further signatures, but those that it has."""
        new = [signature for signature in signatures if signature not in self.signatures]
        return replace(self, signatures=(*self.signatures, *new))


def parse_checkpoint(raw: bytes) -> SignedTreeHead:
    """Reads a checkpoint. Its signatures are not checked. Raises ``TlogError``."""
    note = parse_note(raw)
    return SignedTreeHead(parse_tree_head(note.text), note.signatures)


def parse_tree_head(text: str) -> TreeHead:
    """Reads the text of a checkpoint. Raises ``TlogError``."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines):
        raise TlogError("it is not a checkpoint: that has the lines origin, size and root, and no empty ones")
    head = TreeHead(
        origin=lines[0],
        size=parse_number(lines[1], "the size of the tree"),
        root=parse_hash(lines[2], "the root"),
        extension=tuple(lines[3:]),
    )
    if head.size == 0 and head.root != EMPTY_ROOT:
        raise TlogError("the checkpoint has no leaves, and another root than that of no leaves")
    return head


def signed_message(key: VerifierKey, head: TreeHead, time: int) -> bytes:
    """The bytes that a key signs of a tree's head, at a POSIX time where its type of signature has one."""
    match key.algorithm:
        case Algorithm.ED25519:
            return head.text.encode()
        case Algorithm.ED25519_COSIGNATURE:
            return f"cosignature/v1\ntime {time}\n{head.text}".encode()
        case Algorithm.ML_DSA_44_COSIGNATURE:
            name, origin = (check_short(text) for text in (key.name, head.origin))
            start, end = (0).to_bytes(8, "big"), head.size.to_bytes(8, "big")
            return b"subtree/v1\n\0" + name + time.to_bytes(8, "big") + origin + start + end + head.root


def check_short(text: str) -> bytes:
    """A text of 1 to 255 bytes, after its length. Raises ``TlogError``."""
    raw = text.encode()
    if not 0 < len(raw) < 256:
        raise TlogError(f"a name has {len(raw)} bytes; ML-DSA-44 signs names of 1 to 255")
    return bytes([len(raw)]) + raw


def check_origin(origin: str) -> str:
    """Returns a name that a log can have: its key has it too. Raises ``TlogError``."""
    return check_key_name(origin)
