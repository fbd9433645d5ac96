"""Signed notes and verifier keys: c2sp.org/signed-note@v1.0.0."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final

from nilometer.tlog.encoding import decode_lines, parse_base64, to_base64
from nilometer.tlog.errors import TlogError

LARGEST_NOTE: Final = 1_000_000
"""Bytes. A checkpoint with sixteen post-quantum signatures has 55,000."""
MOST_SIGNATURES: Final = 100
DASH: Final = "— "
PRIVATE_KEY: Final = "PRIVATE+KEY+"
"""How the line of a private key begins, as Go's tools write it."""


class Algorithm(IntEnum):
    """The types of signatures that are made and checked here, with the bytes that name them."""

    ED25519 = 0x01
    ED25519_COSIGNATURE = 0x04
    ML_DSA_44_COSIGNATURE = 0x06

    @property
    def key_bytes(self) -> int:
        """How many bytes a public key has."""
        return 1312 if self is Algorithm.ML_DSA_44_COSIGNATURE else 32

    @property
    def signature_bytes(self) -> int:
        """How many bytes a signature has in a note, after the key's id."""
        return {1: 64, 4: 8 + 64, 6: 8 + 2420}[self]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name that it signs as, and how it signs."""

    name: str
    algorithm: Algorithm
    key: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell it from other keys of the same name."""
        named = self.name.encode() + b"\n" + bytes([self.algorithm])
        return sha256(named + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{to_base64(bytes([self.algorithm]) + self.key)}"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One line of signature: who says that it signed, and the signature."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{DASH}{self.name} {to_base64(self.key_id + self.signature)}\n"

    def is_of(self, key: VerifierKey) -> bool:
        """Whether the line names this key. Whether the key made it is another question."""
        return (self.name, self.key_id) == (key.name, key.id)


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text and its signatures, none of them checked."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __bytes__(self) -> bytes:
        return f"{self.text}\n{''.join(map(str, self.signatures))}".encode()


def check_key_name(name: str) -> str:
    """Returns a name that a key can have. Raises ``TlogError``."""
    if not name or "+" in name or not name.isprintable() or any(map(str.isspace, name)):
        raise TlogError(
            f"{name!r} cannot be the name of a key: it has a space, a plus or a control character, or is empty",
            hint="such as ledger.example.com/hyperv",
        )
    return name


def parse_verifier_key(text: str) -> VerifierKey:
    """Reads a verifier key (``name+id+key``). Raises ``TlogError``."""
    if text.startswith(PRIVATE_KEY):
        raise TlogError(
            "this is a private key, and no verifier key; it is not shown here",
            hint="name the verifier key, which nilo key new printed; whoever has the private key can sign with it",
        )
    name, plus, rest = text.partition("+")
    id, second_plus, encoded = rest.partition("+")
    if not (plus and second_plus):
        raise TlogError(f"{text[:80]!r} is not a verifier key", hint="it has the form NAME+ID+KEY: nilo key new")
    raw = parse_base64(encoded, f"the verifier key of {name!r}")
    if not raw or raw[0] not in set(Algorithm):
        kinds = "Ed25519 and ML-DSA-44"
        raise TlogError(f"the verifier key of {name!r} is of a type that is not known here; known are {kinds}")
    key = VerifierKey(check_key_name(name), Algorithm(raw[0]), raw[1:])
    if len(key.key) != key.algorithm.key_bytes:
        raise TlogError(f"the verifier key of {name!r} has {len(key.key)} bytes, not {key.algorithm.key_bytes}")
    if key.id.hex() != id:
        raise TlogError(f"the verifier key of {name!r} has the id {id[:20]!r}, and its hash is {key.id.hex()}")
    return key


def parse_signature_line(line: str) -> NoteSignature:
    """Reads one line of signature, without its line end. Raises ``TlogError``."""
    name, space, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not space:
        raise TlogError(f"a line of signature is malformed: {line[:80]!r}")
    raw = parse_base64(encoded, f"the signature of {name!r}")
    if len(raw) < 5:
        raise TlogError(f"the signature of {name!r} is too short")
    return NoteSignature(check_key_name(name), raw[:4], raw[4:])


def parse_note(raw: bytes) -> SignedNote:
    """Reads a signed note. Its signatures are not checked. Raises ``TlogError``."""
    if len(raw) > LARGEST_NOTE:
        raise TlogError(f"the note has {len(raw):,} bytes; {LARGEST_NOTE:,} are the most")
    whole = decode_lines(raw, "the note")
    text, blank, signatures = whole.rpartition("\n\n")
    if not blank or not whole.endswith("\n") or not signatures:
        raise TlogError("the note has no signatures: after its text come an empty line and lines with a dash")
    lines = signatures.removesuffix("\n").split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise TlogError(f"the note has {len(lines)} signatures; {MOST_SIGNATURES} are the most")
    return SignedNote(f"{text}\n", tuple(map(parse_signature_line, lines)))
