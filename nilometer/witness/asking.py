"""Asking witnesses: to sign a checkpoint, and which checkpoint they signed last."""

from __future__ import annotations

import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from nilometer.errors import LedgerError
from nilometer.http_calls import CallFailed, call_http
from nilometer.tlog.checkpoints import SignedTreeHead, parse_checkpoint
from nilometer.tlog.encoding import parse_number, to_base64
from nilometer.tlog.errors import TlogError
from nilometer.tlog.merkle import Subtree, prove_consistency
from nilometer.tlog.notes import LARGEST_NOTE, NoteSignature, VerifierKey, parse_signature_line
from nilometer.tlog.signatures import verify_signatures

SECONDS: Final = 10
"""How long a witness may take to answer."""
TRIES: Final = 3
_OF_A_WITNESS: Final = "the policy names its URL: is it that of a witness?"
_AT_THE_WITNESS: Final = {
    403: "have the log's key written into the witness's policy, as a line: log VERIFIER-KEY",
    404: "have the log's key written into the witness's policy, as a line: log VERIFIER-KEY",
    422: "nilo verify --policy compares what the witness signed with the ledger",
}


class WitnessError(LedgerError):
    """A witness could not be asked, or refuses: the checkpoint is stored and has no signature of it."""


@dataclass(frozen=True, slots=True)
class KnownWitness:
    """A witness as a policy names it."""

    name: str
    key: VerifierKey
    url: str


def ask_to_sign(witness: KnownWitness, checkpoint: SignedTreeHead, subtree: Subtree) -> tuple[NoteSignature, ...]:
    """The signatures of a witness under a checkpoint. ``subtree`` gives the hashes of the log.

    Raises ``WitnessError`` if it cannot be asked, or has signed another history.
    """
    old = 0
    for _ in range(TRIES):
        proof = prove_consistency(old, checkpoint.head.size, subtree) if old else []
        lines = [f"old {old}", *map(to_base64, proof), ""]
        body = "".join(f"{line}\n" for line in lines).encode() + bytes(checkpoint)
        status, answer = _post(witness, body)
        if status == 409:
            with suppress(TlogError):
                size = parse_number(answer.decode("ascii", "replace").removesuffix("\n"), "the size")
                if size > checkpoint.head.size or (size == old and size):
                    raise WitnessError(
                        f"the witness {witness.name} has signed {size} events of {checkpoint.head.origin}, and the "
                        f"ledger has {checkpoint.head.size} others: it was rolled back, or is another one",
                        hint="nilo verify --policy compares them",
                    )
                old = size
                continue
        if status != 200:
            reason = answer[:200].decode("utf-8", "replace").strip()
            raise WitnessError(f"the witness {witness.name} refuses ({status}): {reason!r}", hint=_hint_for(status))
        return _read_signatures(witness, checkpoint, answer)
    raise WitnessError(f"the witness {witness.name} signed others meanwhile", hint="seal again")


def _hint_for(status: int) -> str:
    """What to do about a refusal, by the status in which it was told."""
    return _AT_THE_WITNESS.get(status, "ask who runs the witness" if status < 500 else "seal again later")


def _read_signatures(witness: KnownWitness, checkpoint: SignedTreeHead, answer: bytes) -> tuple[NoteSignature, ...]:
    try:
        lines = [parse_signature_line(line) for line in answer.decode("utf-8").removesuffix("\n").split("\n")]
        own = tuple(line for line in lines if line.is_of(witness.key))
        if own and verify_signatures(SignedTreeHead(checkpoint.head, own), [witness.key]):
            return own
    except (TlogError, UnicodeDecodeError) as error:
        raise WitnessError(
            f"the answer of the witness {witness.name} is not a signature: {error}", hint=_OF_A_WITNESS
        ) from None
    raise WitnessError(
        f"the witness {witness.name} did not sign with the key that the policy names",
        hint="write the key that the witness shows when it starts into the policy",
    )


def read_newest(witness: KnownWitness, origin: str) -> SignedTreeHead | None:
    """The newest checkpoint of a log that a witness signed; ``None`` if there is none. Raises ``WitnessError``."""
    path = f"{witness.url.rstrip('/')}/{sha256(origin.encode()).hexdigest()}/checkpoint"
    status, answer = _call(witness, urllib.request.Request(path))
    if status == 404:
        return None
    if status != 200:
        raise WitnessError(f"the witness {witness.name} answers {status}", hint=_hint_for(status))
    try:
        return parse_checkpoint(answer)
    except TlogError as error:
        raise WitnessError(
            f"the answer of the witness {witness.name} is not a checkpoint: {error}", hint=_OF_A_WITNESS
        ) from None


def _post(witness: KnownWitness, body: bytes) -> tuple[int, bytes]:
    url = f"{witness.url.rstrip('/')}/add-checkpoint"
    return _call(witness, urllib.request.Request(url, data=body, method="POST"))


def _call(witness: KnownWitness, request: urllib.request.Request) -> tuple[int, bytes]:
    if request.type not in ("http", "https"):
        raise WitnessError(
            f"the witness {witness.name} has the URL {witness.url}, which is not http or https", hint=_OF_A_WITNESS
        )
    try:
        return call_http(request, SECONDS, LARGEST_NOTE)
    except CallFailed as error:
        raise WitnessError(
            f"the witness {witness.name} at {witness.url} cannot be asked: {error}",
            hint=f"look whether it runs and can be reached; {_OF_A_WITNESS}",
        ) from None
