"""Sealed ledgers, and the keys that seal them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Final
from warnings import catch_warnings

from domain.identifiers import UtcTime
from nilometer.errors import LedgerWarning
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.reader import open_store
from nilometer.seal.sealing import NewSeal, Sealer
from nilometer.seal.verification import OtherCheckpoint, SealVerdict, Verification
from nilometer.seal.verifying import Verifier
from nilometer.tlog.checkpoints import SignedTreeHead, parse_checkpoint
from nilometer.tlog.notes import Algorithm
from nilometer.tlog.policies import TlogPolicy
from nilometer.tlog.signatures import Signer, make_signer
from tests.nilometer.ledger.asking import request

NAME: Final = "ledger.example/hv"
KEY: Final = make_signer(NAME, Algorithm.ED25519, b"k" * 32)
THIEF: Final = make_signer(NAME, Algorithm.ED25519, b"t" * 32)
"""Another key under the same name."""
WITNESS: Final = make_signer("witness.example/audit", Algorithm.ED25519_COSIGNATURE, b"w" * 32)
QUORUM: Final = TlogPolicy(logs={KEY.key: None}, witnesses={"audit": WITNESS.key}, quorum="audit")


def at(text: str = "2026-11-23T12:00:00") -> Callable[[], UtcTime]:
    """A clock that stands still."""
    return lambda: UtcTime(f"{text}.000000Z")


def seal(
    ledger: Ledger, signer: Signer = KEY, *, time: str = "2026-11-23T12:00:00", rotate: bool = False
) -> NewSeal | None:
    """Seals what is new."""
    return Sealer(ledger.recorder, [signer], at(time), rotate=rotate).seal()


def newest(ledger: Ledger) -> SignedTreeHead:
    """The newest checkpoint."""
    from nilometer.seal.tables import newest_head

    with ledger.recorder.transaction(write=False) as db:
        head = newest_head(db)
    assert head is not None
    return parse_checkpoint(head.note)


def grow(ledger: Ledger, requests: int) -> None:
    """So many further requests: two events each."""
    answers = ledger.execute_all([request("add-memory", vm="web01", amount="2MiB") for _ in range(requests)])
    assert len(answers) == requests


def verify(url: str, *others: SignedTreeHead, keys: bool = True, policy: TlogPolicy | None = None) -> Verification:
    """What ``nilo verify`` finds."""
    with catch_warnings(action="ignore", category=LedgerWarning), closing(open_store(url)) as store:
        against = [OtherCheckpoint(f"kept {number}", other) for number, other in enumerate(others)]
        return Verifier(store, keys=[KEY.key] if keys else [], against=against, policy=policy).verify()


def verdict(url: str, *others: SignedTreeHead, policy: TlogPolicy | None = None) -> SealVerdict:
    """The verdict alone."""
    return verify(url, *others, policy=policy).verdict
