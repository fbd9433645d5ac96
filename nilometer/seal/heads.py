"""The checkpoints that are kept beside a ledger: read, and whose signatures they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nilometer.seal.tables import SealDamaged, SealedHead, exist, read_heads
from nilometer.seal.timestamps import StoredTimestamp, TimestampError, check_timestamp
from nilometer.seal.verification import SealVerdict, StampedHead, Verification
from nilometer.storage.store import Store
from nilometer.tlog.checkpoints import SignedTreeHead, parse_checkpoint
from nilometer.tlog.errors import SignatureError, TlogError
from nilometer.tlog.notes import VerifierKey
from nilometer.tlog.policies import TlogPolicy
from nilometer.tlog.signatures import SignaturesUnavailable, verify_signatures

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

KeptHead = tuple[SealedHead, SignedTreeHead]
"""A checkpoint as it is stored, and as its note says it."""


def read_kept(store: Store, result: Verification) -> list[KeptHead]:
    """The kept checkpoints that can be read and follow each other; what is wrong with others is a finding."""
    kept: list[KeptHead] = []
    with store.transaction(write=False) as db:
        stored: list[SealedHead] = []
        try:
            stored = list(read_heads(db)) if exist(db) else []
        except SealDamaged as error:
            result.add(SealVerdict.VIOLATED, "checkpoint", error.message)
    for head in stored:
        where = f"the kept checkpoint of {head.size} events"
        try:
            checkpoint = parse_checkpoint(head.note)
        except TlogError as error:
            result.add(SealVerdict.VIOLATED, "checkpoint", f"{where} cannot be read: {error}")
            continue
        if (checkpoint.head.origin, checkpoint.head.size) != (head.origin, head.size):
            result.add(SealVerdict.VIOLATED, "checkpoint", f"{where} is of another size or log")
            continue
        if kept and (head.size, head.position) < (kept[-1][0].size, kept[-1][0].position):
            result.add(SealVerdict.VIOLATED, "checkpoint", f"{where} comes after one of more events")
            continue
        kept.append((head, checkpoint))
    return kept


def check_signatures(heads: Sequence[KeptHead], keys: Sequence[VerifierKey], result: Verification) -> None:
    """Checks the signatures of the kept checkpoints with the keys that were named."""
    if not heads:
        return
    if not keys:
        say = "no verifier key was named: the signatures were not checked"
        result.add(SealVerdict.UNKNOWN, "signature", say)
        return
    verdicts = [SealVerdict.HOLDS]
    unsigned: list[SealedHead] = []
    unchecked: SignaturesUnavailable | None = None
    for head, checkpoint in heads:
        try:
            named = [key for key in keys if key.name == head.origin]
            if not verify_signatures(checkpoint, named):
                unsigned.append(head)
        except SignaturesUnavailable as error:
            unchecked = error
        except SignatureError as error:
            verdicts.append(SealVerdict.VIOLATED)
            result.add(SealVerdict.VIOLATED, "signature", f"checkpoint of {head.size} events: {error}")
    if unsigned and unsigned[-1] is heads[-1][0]:
        verdicts.append(SealVerdict.VIOLATED)
        newest = unsigned.pop()
        what = f"the newest checkpoint ({newest.origin}, {newest.size} events) is not signed by a key that was named"
        result.add(SealVerdict.VIOLATED, "signature", what)
    if unsigned:
        verdicts.append(SealVerdict.UNKNOWN)
        older = "1 older checkpoint is" if len(unsigned) == 1 else f"{len(unsigned)} older checkpoints are"
        what = f"{older} signed by keys that were not named: name them too"
        result.add(SealVerdict.UNKNOWN, "signature", what)
    if unchecked is not None:
        verdicts.append(SealVerdict.UNKNOWN)
        result.add(SealVerdict.UNKNOWN, "signature", f"signature not checked: {unchecked.message}")
    result.signatures = max(verdicts, key=list(SealVerdict).index)


def check_stamps(
    heads: Sequence[KeptHead],
    stamps: Sequence[StoredTimestamp],
    authorities: Sequence[Certificate],
    result: Verification,
) -> None:
    """Checks the time stamps of the kept checkpoints, if certificates of authorities were named."""
    result.stamps = len(stamps)
    if not authorities:
        return
    kept = {head.number: (head, checkpoint) for head, checkpoint in heads}
    for stamp in stamps:
        if stamp.number not in kept:  # it was removed or cannot be read; or a newer seal removed it meanwhile
            what = f"the time stamp from {stamp.url} is of a checkpoint that is not kept: it was not checked"
            result.add(SealVerdict.UNKNOWN, "timestamp", what)
            continue
        head, checkpoint = kept[stamp.number]
        try:
            time = check_timestamp(stamp.answer, checkpoint.head.text.encode(), authorities)
        except TimestampError as error:
            what = f"the time stamp of the checkpoint of {head.size} events is none of an authority that was named: "
            result.add(SealVerdict.VIOLATED, "timestamp", what + error.message)
        else:
            result.stamped = StampedHead(head, time, stamp.url)
    if not stamps:
        result.add(SealVerdict.UNKNOWN, "timestamp", "no kept checkpoint has a time stamp")


def check_policy(heads: Sequence[KeptHead], policy: TlogPolicy | None, result: Verification) -> None:
    """Finds the newest checkpoint that enough witnesses signed: one at least, also where the policy asks for none."""
    if policy is None or not policy.witnesses or not heads:
        return
    unchecked: SignaturesUnavailable | None = None
    for head, checkpoint in reversed(heads):
        keys = policy.witnesses.values()
        try:
            signed = verify_signatures(checkpoint, keys)
        except SignaturesUnavailable as error:
            if policy.is_met({key for key in keys if any(line.is_of(key) for line in checkpoint.signatures)}):
                unchecked = unchecked or error  # else its lines are too few, whatever they come to
            continue
        except SignatureError as error:
            what = f"checkpoint of {head.size} events: {error}"
            result.add(SealVerdict.VIOLATED, "witness", what)
            continue
        if signed and policy.is_met({found.key for found in signed}):
            result.witnessed = head
            return
    if policy.is_met(()):
        return
    what = "no kept checkpoint is signed by as many witnesses as the policy asks for"
    if unchecked is not None:
        what = f"signatures of witnesses not checked: {unchecked.message}"
    result.add(SealVerdict.UNKNOWN, "witness", what)
