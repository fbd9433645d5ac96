"""Where the library that checks signatures is not installed: what needs none is said, and unchecked is never wrong."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from nilometer.ledger.ledger import Ledger
from nilometer.seal.sealing import Sealer, SealRefused
from nilometer.seal.verification import SealVerdict
from nilometer.tlog.checkpoints import SignedTreeHead, TreeHead
from nilometer.tlog.errors import SignatureError
from nilometer.tlog.notes import Algorithm
from nilometer.tlog.signatures import SignaturesUnavailable, Signer, make_signer, verify_signatures
from tests.nilometer.ledger.asking import with_web01
from tests.nilometer.seal.sealed import KEY, NAME, QUORUM, THIEF, WITNESS, at, grow, newest, seal, verify

LIBRARY = "cryptography.hazmat.primitives.asymmetric"
OTHER = make_signer(NAME, Algorithm.ML_DSA_44_COSIGNATURE, b"o" * 32)


@pytest.fixture
def ledger(ledger: Ledger) -> Ledger:
    """One with two checkpoints: of 4 and of 6 events."""
    with_web01(ledger)
    seal(ledger, time="2026-11-23T12:00:00")
    grow(ledger, 1)
    seal(ledger, time="2026-11-24T12:00:00")
    return ledger


def take_away(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Makes modules of the library such that they cannot be imported."""
    for module in modules or ("ed25519", "mldsa"):
        monkeypatch.setitem(sys.modules, f"{LIBRARY}.{module}", None)


def write_note(ledger: Ledger, note: SignedTreeHead) -> None:
    """Puts another note in the place of the checkpoint of its size."""
    with ledger.recorder.transaction(write=True) as db:
        db.execute("UPDATE seal_checkpoints SET note = ? WHERE size = ?", (bytes(note), note.head.size))


def cut(note: SignedTreeHead) -> SignedTreeHead:
    """The same checkpoint with the last byte of its first signature cut off."""
    first, *others = note.signatures
    return SignedTreeHead(note.head, (replace(first, signature=first.signature[:-1]), *others))


def test_a_signature_that_is_cut_is_wrong_and_the_others_are_not_checked(
    ledger: Ledger, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_note(ledger, cut(newest(ledger)))
    take_away(monkeypatch)
    found = verify(url)
    assert (found.verdict, found.signatures) == (SealVerdict.VIOLATED, SealVerdict.VIOLATED)
    assert [(finding.verdict, finding.message.partition(": ")[0]) for finding in found.findings] == [
        (SealVerdict.VIOLATED, "checkpoint of 6 events"),
        (SealVerdict.UNKNOWN, "signature not checked"),
    ]


def test_that_the_newest_checkpoint_has_no_line_of_a_named_key_is_said(
    ledger: Ledger, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = newest(ledger).head
    write_note(ledger, SignedTreeHead(head, (THIEF.sign_head(head, 1),)))
    take_away(monkeypatch)
    found = verify(url)
    assert found.signatures is SealVerdict.VIOLATED
    assert "is not signed by a key that was named" in found.findings[0].message
    assert "signature not checked" in found.findings[1].message


def test_lines_that_cannot_be_checked_are_unknown(ledger: Ledger, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    take_away(monkeypatch)
    found = verify(url)
    assert (found.verdict, found.signatures) == (SealVerdict.UNKNOWN, SealVerdict.UNKNOWN)


def test_witnesses_whose_lines_are_there_were_not_checked_and_those_without_did_not_sign(
    ledger: Ledger, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def about_witnesses() -> list[str]:
        return [finding.message for finding in verify(url, policy=QUORUM).findings if finding.about == "witness"]

    with monkeypatch.context() as taken:
        take_away(taken)
        assert about_witnesses() == ["no kept checkpoint is signed by as many witnesses as the policy asks for"]
    write_note(ledger, newest(ledger).added(WITNESS.sign_head(newest(ledger).head, 1)))
    assert about_witnesses() == []
    take_away(monkeypatch)
    (message,) = about_witnesses()
    assert message.startswith("signatures of witnesses not checked: ")


def test_a_checkpoint_of_others_is_not_compared_while_anybody_may_have_written_it(
    ledger: Ledger, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = TreeHead(NAME, 5, b"f" * 32)
    other = SignedTreeHead(forged, (replace(KEY.sign_head(forged, 1), signature=b"x" * 64),))
    take_away(monkeypatch)
    found = verify(url, other)
    assert (found.verdict, found.against) == (SealVerdict.UNKNOWN, 0)
    assert "kept 0 was not compared: signatures need something that is not installed" in str(found.findings)


@pytest.mark.parametrize(("wrong", "right"), [(OTHER, KEY), (KEY, OTHER)])
def test_a_wrong_signature_is_found_beside_one_that_cannot_be_checked(
    monkeypatch: pytest.MonkeyPatch, wrong: Signer, right: Signer
) -> None:
    head = TreeHead(NAME, 0, b"r" * 32)
    note = SignedTreeHead(head, (right.sign_head(head, 1), wrong.sign_head(head, 1)))
    take_away(monkeypatch, "ed25519" if right is KEY else "mldsa")
    with pytest.raises(SignaturesUnavailable):
        verify_signatures(note, [right.key, wrong.key])
    with pytest.raises(SignatureError):
        verify_signatures(cut(SignedTreeHead(head, note.signatures[::-1])), [right.key, wrong.key])


def test_a_key_of_another_name_is_refused_before_its_signature_is_checked(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(ledger, 1)
    stranger = make_signer("ledger.example/other", Algorithm.ED25519, b"s" * 32)
    take_away(monkeypatch)
    with pytest.raises(SealRefused, match="is sealed as"):
        Sealer(ledger.recorder, [stranger], at()).seal()
    with pytest.raises(SignaturesUnavailable):
        Sealer(ledger.recorder, [KEY], at()).seal()
