"""Notes, keys, checkpoints, proofs and policies: the specifications' own examples, and what must be refused.

The examples are those of the C2SP specifications (CC BY 4.0) at commit 5ba5ee830903e91240fc6f9f3a7a9293d49e69c9.
"""

from __future__ import annotations

import contextlib
from base64 import b64decode, b64encode
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint

from nilometer.tlog.checkpoints import SignedTreeHead, TreeHead, parse_checkpoint, parse_tree_head
from nilometer.tlog.entries import encode_entry
from nilometer.tlog.errors import ProofError, SignatureError, TlogError
from nilometer.tlog.merkle import hash_leaf, prove_inclusion
from nilometer.tlog.notes import Algorithm, NoteSignature, VerifierKey, parse_note, parse_verifier_key
from nilometer.tlog.policies import parse_policy
from nilometer.tlog.proofs import TlogProof, parse_proof
from nilometer.tlog.signatures import Signer, make_signer, verify_signatures
from nilometer.tlog.tiles import LARGEST_ENTRY, TileTree, bundle_entry, grow, read_from
from tests.paths import ROOT

NOTE_KEY: Final = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE: Final = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
CHECKPOINT: Final = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
SEED: Final = bytes(range(32))
ALGORITHMS: Final = list(Algorithm)


def signer(name: str = "log.example/nilo", algorithm: Algorithm = Algorithm.ED25519, seed: bytes = SEED) -> Signer:
    """A key for tests."""
    return make_signer(name, algorithm, seed)


def signed(head: TreeHead, *signers: Signer, time: int = 1_700_000_000) -> SignedTreeHead:
    """A checkpoint with these signatures."""
    return SignedTreeHead(head, tuple(each.sign_head(head, time) for each in signers))


HEAD: Final = TreeHead("log.example/nilo", 3, hash_leaf(b"x"))


def test_the_specifications_note_is_read_and_written_again() -> None:
    key, note = parse_verifier_key(NOTE_KEY), parse_note(NOTE.encode())
    assert str(key) == NOTE_KEY
    assert bytes(note) == NOTE.encode()
    assert note.signatures[0].is_of(key)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    Ed25519PublicKey.from_public_bytes(key.key).verify(note.signatures[0].signature, note.text.encode())


def test_the_text_of_a_note_may_have_empty_lines() -> None:
    note = parse_note(("a\n\nb\n\n" + NOTE.rpartition("\n\n")[2]).encode())
    assert note.text == "a\n\nb\n"


def test_the_specifications_checkpoint_is_read_and_written_again() -> None:
    checkpoint = parse_checkpoint(CHECKPOINT.encode())
    assert (checkpoint.head.origin, checkpoint.head.size) == ("example.com/behind-the-sofa", 20852163)
    assert bytes(checkpoint) == CHECKPOINT.encode()
    cosignature = checkpoint.signatures[1]
    assert int.from_bytes(cosignature.signature[:8], "big") == 1679315147  # the time in the specification's message


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_we_sign_others_verify_and_so_do_we(algorithm: Algorithm) -> None:
    made = signer(algorithm=algorithm)
    checkpoint = signed(HEAD, made)
    (found,) = verify_signatures(parse_checkpoint(bytes(checkpoint)), [made.key])
    assert found.key == parse_verifier_key(str(made.key)) == made.key
    assert found.time == (None if algorithm is Algorithm.ED25519 else 1_700_000_000)
    Checkpoint.from_text(bytes(checkpoint).decode()).verify(Vkey.from_string(str(made.key)))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("what", ["origin", "size", "root", "signature", "time"])
def test_whatever_is_changed_of_a_signed_checkpoint_shows(algorithm: Algorithm, what: str) -> None:
    if what == "time" and algorithm is Algorithm.ED25519:
        return
    made = signer(algorithm=algorithm)
    (line,) = signed(HEAD, made).signatures
    changed = {
        "origin": TreeHead("log.example/nile", HEAD.size, HEAD.root),
        "size": TreeHead(HEAD.origin, 4, HEAD.root),
        "root": TreeHead(HEAD.origin, HEAD.size, hash_leaf(b"y")),
    }.get(what, HEAD)
    raw = bytearray(line.signature)
    if what in ("signature", "time"):
        raw[-1 if what == "signature" else 7] ^= 1
    checkpoint = SignedTreeHead(changed, (NoteSignature(line.name, line.key_id, bytes(raw)),))
    with pytest.raises(SignatureError):
        verify_signatures(checkpoint, [made.key])


def test_signatures_of_others_are_ignored_and_a_key_counts_once() -> None:
    made, stranger = signer(), signer("other.example", seed=b"s" * 32)
    checkpoint = signed(HEAD, made, stranger, made)
    assert [found.key for found in verify_signatures(checkpoint, [made.key, made.key])] == [made.key]
    same_name = signer(seed=b"s" * 32)
    assert verify_signatures(signed(HEAD, same_name), [made.key]) == ()


def test_one_false_signature_of_a_known_key_spoils_the_checkpoint() -> None:
    made = signer()
    checkpoint = signed(HEAD, made)
    false = NoteSignature(made.key.name, made.key.id, b"\0" * 64)
    with pytest.raises(SignatureError):
        verify_signatures(checkpoint.added(false), [made.key])


def test_a_cosignature_of_time_zero_is_none() -> None:
    made = signer(algorithm=Algorithm.ED25519_COSIGNATURE)
    with pytest.raises(SignatureError):
        verify_signatures(signed(HEAD, made, time=0), [made.key])


def note(*lines: str) -> bytes:
    """A note of these lines with a signature."""
    return ("".join(f"{line}\n" for line in lines) + "\n" + NOTE.rpartition("\n\n")[2]).encode()


HASH: Final = b64encode(hash_leaf(b"x")).decode()


@pytest.mark.parametrize(
    "lines",
    [
        ("log", "03", HASH),
        ("log", "+3", HASH),
        ("log", "-1", HASH),
        ("log", "٣", HASH),
        ("log", " 3", HASH),
        ("log", "3 ", HASH),
        ("log", "0x3", HASH),
        ("log", "1_0", HASH),
        ("log", str(2**63), HASH),
        ("log", "9" * 5000, HASH),
        ("log", "3", HASH[:-4]),
        ("log", "3", HASH.replace("=", "")),
        ("log", "3", f"{HASH} "),
        ("log", "3", b64encode(b"x" * 33).decode()),
        ("log", "3"),
        ("", "3", HASH),
        ("log", "3", HASH, ""),
        ("log", "0", HASH),
        ("log\r", "3", HASH),
    ],
)
def test_what_is_no_checkpoint_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(TlogError):
        parse_checkpoint(note(*lines))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"a\n",
        b"a\n\n",
        NOTE.encode()[:-1],
        NOTE.replace("— ", "- ").encode(),
        NOTE.replace("example.com/foo U", "example.com/foo  U").encode(),
        NOTE.replace("example.com/foo U", "example.com+foo U").encode(),
        NOTE.replace("example.com/foo U", " U").encode(),
        NOTE.replace("aQM=", "aQN=").encode(),
        NOTE.replace("aQM=\n", "aQM=\n\n").encode(),
        NOTE.encode() + b"\xff\n",
        NOTE.replace("message", "mess\tage").encode(),
        NOTE.replace("message", "mess\0age").encode(),
        b"a\n\n" + NOTE.rpartition("\n\n")[2].encode() * 101,
        b"a\n" * 600_000 + NOTE.encode(),
    ],
)
def test_what_is_no_note_is_refused(raw: bytes) -> None:
    with pytest.raises(TlogError):
        parse_note(raw)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a+b",
        NOTE_KEY.replace("530d903a", "530d903b"),
        NOTE_KEY.replace("530d903a", "530D903A"),
        NOTE_KEY.replace("example.com/foo", "example.com/fop"),
        NOTE_KEY.replace("example.com/foo", ""),
        NOTE_KEY.replace("example.com/foo", "example com/foo"),
        NOTE_KEY[:-4],
        f"{NOTE_KEY}\n",
        "x+00000000+",
        f"x+00000000+{b64encode(bytes([2]) + SEED).decode()}",
        f"x+00000000+{b64encode(bytes([0xFF]) + SEED).decode()}",
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(TlogError):
        parse_verifier_key(text)


@pytest.mark.parametrize("text", ["PRIVATE+KEY+ledger.example/x+f840c232+AWdnI1Sa", "PRIVATE+KEY+a", "PRIVATE+KEY+"])
def test_a_private_key_in_place_of_a_verifier_key_is_not_shown(text: str) -> None:
    """Messages are kept in the logs of a CI."""
    with pytest.raises(TlogError) as alone:
        parse_verifier_key(text)
    with pytest.raises(TlogError) as named:
        parse_policy(f"log {text}\nquorum none\n".encode())
    for caught in (alone, named):
        assert "this is a private key" in caught.value.message
        assert "f840c232" not in caught.value.message + caught.value.hint
        assert "nilo key new" in caught.value.hint


def test_a_key_is_known_by_its_algorithm_too() -> None:
    same = [VerifierKey("n", algorithm, SEED) for algorithm in (Algorithm.ED25519, Algorithm.ED25519_COSIGNATURE)]
    assert same[0].id != same[1].id


# Proofs


def proof(index: int = 5, size: int = 9) -> TlogProof:
    """A proof of an entry ``b"5"``."""
    tiles = grow(0, read_from({}), b"".join(hash_leaf(b"%d" % number) for number in range(size)))
    tree = TileTree(read_from(tiles))
    head = TreeHead("log.example/nilo", size, tree.root(size))
    hashes = tuple(prove_inclusion(index, size, tree.subtree))
    return TlogProof(index, hashes, signed(head, signer()), extra=b"{}")


def test_a_proof_is_read_as_it_was_written() -> None:
    made = proof()
    assert parse_proof(bytes(made)) == made
    made.check_entry(b"5")
    with pytest.raises(ProofError):
        made.check_entry(b"6")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@v1", "@v2"),
        ("index 5", "index 05"),
        ("index 5", "index"),
        ("index 5", "inde 5"),
        ("index 5\n", ""),
        ("extra ", "extra  "),
        ("extra e30=", "extra e31="),
        ("index 5\n", "index 5\n" + f"{HASH}\n" * 64),
        ("index 5\n", "index 5\nxyz\n"),
        ("\n\n", "\n"),
    ],
)
def test_what_is_no_proof_is_refused(old: str, new: str) -> None:
    assert old in bytes(proof()).decode()
    with pytest.raises(TlogError):
        parse_proof(bytes(proof()).decode().replace(old, new, 1).encode())


@given(st.data())
def test_no_change_of_one_byte_makes_a_proof_of_something_else(data: st.DataObject) -> None:
    made = proof()
    raw = bytearray(bytes(made))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    try:
        read = parse_proof(bytes(raw))
        read.check_entry(b"5")
        verified = verify_signatures(read.checkpoint, [signer().key])
    except TlogError:
        return
    if verified:
        assert (read.index, read.hashes, read.checkpoint) == (made.index, made.hashes, made.checkpoint)
    else:
        assert read.checkpoint.signatures != made.checkpoint.signatures  # the line names another key


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.integers(0, 3000), st.integers(0, 300))
def test_whatever_is_read_ends_in_an_error_that_says_so(raw: bytes, at: int, gone: int) -> None:
    whole = bytes(proof())
    mixed = whole[:at] + raw + whole[at + gone :]
    for parse in (parse_proof, parse_checkpoint, parse_note, parse_policy):
        with contextlib.suppress(TlogError):
            parse(mixed)
    for parse_text in (parse_verifier_key, parse_tree_head):
        with contextlib.suppress(TlogError):
            parse_text(mixed.decode("utf-8", "surrogateescape"))


# Policies

WITNESSES: Final = {
    name: signer(f"{name}.example", Algorithm.ED25519_COSIGNATURE, bytes([number]) * 32)
    for number, name in enumerate(("X1", "X2", "X3", "Y1", "Y2", "Y3"), 1)
}
SPECIFIED: Final = f"""\
log {signer().key}

witness X1 {WITNESSES["X1"].key}
witness X2 {WITNESSES["X2"].key}  https://x2.example/
witness X3 {WITNESSES["X3"].key}
group X-witnesses 2 X1 X2 X3

 # a comment
witness Y1 {WITNESSES["Y1"].key}
\twitness\tY2 {WITNESSES["Y2"].key}
witness Y3 {WITNESSES["Y3"].key}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
"""The policy in the specification, with keys in the place of those that it leaves out."""


@pytest.mark.parametrize(
    ("signed_by", "met"),
    [
        ("", False),
        ("X1 X2", False),
        ("X1 Y1", False),
        ("X1 X3 Y2", True),
        ("X1 X2 X3 Y1 Y2 Y3", True),
        ("Y1 Y2 Y3 X1", False),
    ],
)
def test_the_specifications_policy_asks_for_two_of_one_and_one_of_the_other(signed_by: str, met: bool) -> None:
    policy = parse_policy(SPECIFIED.encode())
    assert policy.is_met({WITNESSES[name].key for name in signed_by.split()}) is met
    assert policy.urls == {"X2": "https://x2.example/"}


def test_a_policy_without_witnesses_is_always_met() -> None:
    assert parse_policy(b"quorum none\n").is_met(())


@pytest.mark.parametrize(
    "change",
    [
        ("quorum X-and-Y", ""),
        ("quorum X-and-Y", "quorum X-and-Y\nquorum none"),
        ("quorum X-and-Y", "quorum Z"),
        ("quorum X-and-Y", "quorum X-and-Y Y1"),
        ("group X-witnesses 2", "group X-witnesses 0"),
        ("group X-witnesses 2", "group X-witnesses 4"),
        ("group X-witnesses 2", "group X-witnesses some"),
        ("group X-witnesses 2", "group X-witnesses ²"),
        ("X1 X2 X3", "X1 X2 X2"),
        ("X1 X2 X3", ""),
        ("any Y1 Y2 Y3", "any Y1 Y2 X3"),
        ("any Y1 Y2 Y3", "any X-and-Y"),
        ("group Y-witnesses", "group none"),
        ("group Y-witnesses", "group X1"),
        ("witness Y3", "witness Y2"),
        (str(WITNESSES["Y3"].key), str(VerifierKey("z", Algorithm.ED25519_COSIGNATURE, WITNESSES["Y1"].key.key))),
        (str(WITNESSES["Y3"].key), str(VerifierKey("z", Algorithm.ED25519, b"k" * 32))),
        ("log ", f"log {signer().key}\nlog "),
        ("log ", "lug "),
        ("# a", "# \x01"),
        ("quorum X", "quorum\rX"),
    ],
)
def test_what_is_no_policy_is_refused_with_its_line(change: tuple[str, str]) -> None:
    assert change[0] in SPECIFIED
    with pytest.raises(TlogError, match=r"line \d+ of the policy|no quorum line"):
        parse_policy(SPECIFIED.replace(*change, 1).encode())


# Entries


def test_entries_of_different_events_differ() -> None:
    one = encode_entry(b"vm/a 1", b"2", b"x", b"{}")
    assert one == b"DSSEv1 6 vm/a 1 1 2 1 x 2 {}"
    for other in (
        encode_entry(b"vm/a", b"12", b"x", b"{}"),
        encode_entry(b"vm/a 1", b"2", b"x 2", b"{}"),
        encode_entry(b"vm/a 1", b"2", b"x", b"{} "),
    ):
        assert other != one


def test_the_published_vector_is_the_entry() -> None:
    page = (ROOT / "docs" / "history-format.md").read_text("utf-8")
    block = page.partition("```\nstream ")[2].partition("\n```")[0]
    stream, version, topic, body, entry, leaf = (line.split(maxsplit=1)[-1].encode() for line in block.splitlines())
    assert encode_entry(stream, version, topic, body) == entry
    assert hash_leaf(entry).hex().encode() == leaf


def test_an_entry_that_is_too_long_for_a_bundle_has_the_hash_of_its_body() -> None:
    beside = len(encode_entry(b"vm/a", b"1", b"x/1", b"")) + 4  # five digits of length for one
    fits, too_long = b"b" * (LARGEST_ENTRY - beside), b"b" * (LARGEST_ENTRY - beside + 1)
    assert len(bundle_entry(encode_entry(b"vm/a", b"1", b"x/1", fits))) == LARGEST_ENTRY + 2
    entry = encode_entry(b"vm/a", b"1", b"x/1", too_long)
    assert entry.startswith(b"DSSEv1 4 vm/a 1 1 3 x/1 6 sha256 32 ")
    assert len(entry) == len(b"DSSEv1 4 vm/a 1 1 3 x/1 6 sha256 32 ") + 32
    assert encode_entry(b"vm/a", b"1", b"x/1", too_long[:-1] + b"c") != entry
    with pytest.raises(TlogError):
        bundle_entry(b"x" * (LARGEST_ENTRY + 1))
    assert b64decode(HASH)
