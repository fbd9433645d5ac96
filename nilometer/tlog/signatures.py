"""Signatures of checkpoints: made, and checked. Needs ``cryptography`` when it is called, and not before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nilometer.errors import LedgerError, install_hint
from nilometer.tlog.checkpoints import SignedTreeHead, TreeHead, signed_message
from nilometer.tlog.errors import SignatureError
from nilometer.tlog.merkle import LARGEST
from nilometer.tlog.notes import Algorithm, NoteSignature, VerifierKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey


class SignaturesUnavailable(LedgerError):
    """What checks and makes signatures is not installed: ``pip install 'nilometer[seal]'``."""


def unavailable(error: ImportError) -> SignaturesUnavailable:
    """The error that ``cryptography`` is missing, or older than ML-DSA."""
    return SignaturesUnavailable(f"signatures need something that is not installed: {error}", hint=install_hint("seal"))


@dataclass(frozen=True, slots=True)
class VerifiedSignature:
    """That a key made a signature under a checkpoint; when, if its type says so."""

    key: VerifierKey
    time: int | None


Sign = Callable[[bytes], bytes]
"""Signs bytes with a private key, wherever that is."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that can sign as its name."""

    key: VerifierKey
    sign: Sign

    def sign_head(self, head: TreeHead, time: int) -> NoteSignature:
        """Signs a tree's head at a POSIX time."""
        signature = self.sign(signed_message(self.key, head, time))
        stamp = b"" if self.key.algorithm is Algorithm.ED25519 else time.to_bytes(8, "big")
        return NoteSignature(self.key.name, self.key.id, stamp + signature)


def make_signer(name: str, algorithm: Algorithm, seed: bytes) -> Signer:
    """The signer of a private key, which is a seed of 32 bytes."""
    private: Ed25519PrivateKey | MLDSA44PrivateKey
    try:
        if algorithm is Algorithm.ML_DSA_44_COSIGNATURE:
            from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

            private = MLDSA44PrivateKey.from_seed_bytes(seed)
        else:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

            private = Ed25519PrivateKey.from_private_bytes(seed)
    except ImportError as error:
        raise unavailable(error) from error
    key = VerifierKey(name, algorithm, private.public_key().public_bytes_raw())
    return Signer(key, private.sign)


def verify_signatures(checkpoint: SignedTreeHead, keys: Iterable[VerifierKey]) -> tuple[VerifiedSignature, ...]:
    """The signatures of these keys under a checkpoint, each key once; signatures of other keys are ignored.

    Raises ``SignatureError`` if a line names one of the keys and that key did not make it; else
    ``SignaturesUnavailable`` if one of them cannot be checked here.
    """
    found: dict[VerifierKey, VerifiedSignature] = {}
    unchecked: SignaturesUnavailable | None = None
    for key in dict.fromkeys(keys):
        for signature in checkpoint.signatures:
            if signature.is_of(key):
                try:
                    time = verify_signature(key, checkpoint.head, signature)
                except SignaturesUnavailable as error:  # another signature may be wrong all the same
                    unchecked = unchecked or error
                else:
                    found.setdefault(key, VerifiedSignature(key, time))
    if unchecked is not None:
        raise unchecked
    return tuple(found.values())


def verify_signature(key: VerifierKey, head: TreeHead, signature: NoteSignature) -> int | None:
    """The POSIX time of a signature, if it has one. Raises ``SignatureError`` if the key did not make it."""
    wrong = SignatureError(f"the signature of {key.name} does not verify")
    raw, time = signature.signature, 0
    if len(raw) != key.algorithm.signature_bytes:
        raise wrong
    if key.algorithm is not Algorithm.ED25519:
        time, raw = int.from_bytes(raw[:8], "big"), raw[8:]
        if not 0 < time <= LARGEST:
            raise wrong
    if not _is_made_by(key, raw, signed_message(key, head, time)):
        raise wrong
    return time or None


def _is_made_by(key: VerifierKey, signature: bytes, message: bytes) -> bool:
    try:
        from cryptography.exceptions import InvalidSignature

        public: Ed25519PublicKey | MLDSA44PublicKey
        if key.algorithm is Algorithm.ML_DSA_44_COSIGNATURE:
            from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

            public = MLDSA44PublicKey.from_public_bytes(key.key)
        else:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

            public = Ed25519PublicKey.from_public_bytes(key.key)
    except ImportError as error:
        raise unavailable(error) from error
    except ValueError:
        return False  # no key at all
    try:
        public.verify(signature, message)
    except InvalidSignature:
        return False
    return True
