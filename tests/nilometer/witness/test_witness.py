"""A witness: what it answers, by the specification; its races; and what a log and a verifier get from it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.seal.keys import make_private_keys, write_key_file
from nilometer.tlog.checkpoints import SignedTreeHead, TreeHead, parse_checkpoint
from nilometer.tlog.encoding import to_base64
from nilometer.tlog.merkle import EMPTY_ROOT, hash_leaf, prove_consistency
from nilometer.tlog.notes import Algorithm, NoteSignature, VerifierKey, parse_signature_line
from nilometer.tlog.signatures import Signer, make_signer, verify_signatures
from nilometer.tlog.tiles import TileTree, grow, read_from
from nilometer.witness.witness import KEY as KEY_FILE
from nilometer.witness.witness import POLICY, STATE, Witness
from tests.nilometer.cli.calling import NILO, Desk
from tests.nilometer.seal.sealed import KEY, NAME, THIEF, at

LEAVES = 600


def tree(fork: int = LEAVES) -> TileTree:
    """A tree; from ``fork`` on with other leaves."""
    leaves = [hash_leaf(b"%d" % (number if number < fork else -number)) for number in range(LEAVES)]
    return TileTree(read_from(grow(0, read_from({}), b"".join(leaves))))


TREE, FORK = tree(), tree(fork=100)


def request(old: int, size: int, *, of: TileTree = TREE, signer: Signer = KEY, origin: str = NAME) -> bytes:
    """A request to sign the checkpoint of so many leaves."""
    head = TreeHead(origin, size, of.root(size) if size else EMPTY_ROOT)
    checkpoint = SignedTreeHead(head, (signer.sign_head(head, 1),))
    proof = prove_consistency(old, size, of.subtree) if 0 < old <= size else []
    return "".join(f"{line}\n" for line in (f"old {old}", *map(to_base64, proof), "")).encode() + bytes(checkpoint)


@pytest.fixture
def folder(tmp_path: Path) -> tuple[Path, VerifierKey]:
    """The folder of a witness, and its verifier key."""
    place = tmp_path / "witness"
    place.mkdir()
    ((line, key),) = make_private_keys("witness.example/audit", [Algorithm.ED25519_COSIGNATURE])
    write_key_file(place / KEY_FILE, [line])
    (place / POLICY).write_text(f"log {KEY.key}\nquorum none\n")
    return place, key


@pytest.fixture
def witness(folder: tuple[Path, VerifierKey]) -> Witness:
    """A witness that has signed nothing."""
    return Witness(folder[0], at())


def test_it_signs_what_goes_on_from_what_it_signed(witness: Witness) -> None:
    old = 0
    for size in (3, 3, 255, 257, 600):
        answer = witness.add_checkpoint(request(old, size))
        assert answer.status == 200, answer.body
        lines = [parse_signature_line(line) for line in answer.body.decode().splitlines()]
        checkpoint = SignedTreeHead(TreeHead(NAME, size, TREE.root(size)), tuple(lines))
        (found,) = verify_signatures(checkpoint, witness.keys)
        assert found.time == 1_795_435_200  # the clock of these tests
        old = size
    newest = witness.newest(sha256(NAME.encode()).hexdigest())
    assert newest.status == 200
    kept = parse_checkpoint(newest.body)
    assert kept.head.size == 600
    assert len(verify_signatures(kept, [KEY.key, *witness.keys])) == 2


def with_bad_signature(raw: bytes) -> bytes:
    """The request, with a false signature of the known key beside the right one."""
    return raw + str(NoteSignature(NAME, KEY.key.id, b"\0" * 64)).encode()


EMPTY_WITH_ROOT = request(0, 0).replace(to_base64(EMPTY_ROOT).encode(), to_base64(hash_leaf(b"x")).encode())


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (request(10, 20).replace(b"old 10", b"old 010"), 400),
        (request(10, 20).replace(b"old 10", b"old -1"), 400),
        (request(10, 20).replace(b"old 10", b"new 10"), 400),
        (request(10, 20).replace(b"\n\n", b"\nx\n\n", 1), 400),
        (request(10, 20).replace(b"\n\n", b"\n" + (to_base64(EMPTY_ROOT) + "\n").encode() * 64 + b"\n", 1), 400),
        (request(10, 20)[:-3], 400),
        (request(30, 20), 400),
        (
            request(10, 20, origin="other.example", signer=make_signer("other.example", Algorithm.ED25519, b"o" * 32)),
            404,
        ),
        (request(10, 20, signer=THIEF), 403),
        (with_bad_signature(request(10, 20)), 403),
        (request(0, 20), 409),
        (request(9, 20), 409),
        (request(11, 20), 409),
        (request(10, 10, of=tree(fork=5)), 409),
        (request(10, 20, of=tree(fork=5)), 422),
        (request(10, 20).replace(b"\n\n", f"\n{to_base64(EMPTY_ROOT)}\n\n".encode(), 1), 422),
        (request(10, 20), 200),
    ],
)
def test_each_wrong_request_has_its_status(witness: Witness, raw: bytes, status: int) -> None:
    assert witness.add_checkpoint(request(0, 10)).status == 200
    answer = witness.add_checkpoint(raw)
    assert answer.status == status, answer.body
    assert (answer.content_type == "text/x.tlog.size") is (status == 409)
    if status == 409:
        assert answer.body == b"10\n"
    kept = parse_checkpoint(witness.newest(sha256(NAME.encode()).hexdigest()).body)
    assert kept.head.size == (20 if status == 200 else 10)


def test_before_the_first_the_old_size_is_zero_and_there_is_no_proof(witness: Witness) -> None:
    assert witness.newest(sha256(NAME.encode()).hexdigest()).status == 404
    assert witness.newest("x").status == 404
    answer = witness.add_checkpoint(request(5, 10))
    assert (answer.status, answer.body) == (409, b"0\n")
    with_proof = request(0, 10).replace(b"\n\n", f"\n{to_base64(EMPTY_ROOT)}\n\n".encode(), 1)
    assert witness.add_checkpoint(with_proof).status == 422
    assert witness.add_checkpoint(EMPTY_WITH_ROOT).status in (400, 422)
    assert witness.add_checkpoint(request(0, 0)).status == 200
    assert witness.add_checkpoint(request(0, 10)).status == 200


def test_of_requests_that_race_none_puts_an_older_checkpoint_back(folder: tuple[Path, VerifierKey]) -> None:
    Witness(folder[0], at()).add_checkpoint(request(0, 10))
    statuses: dict[int, int] = {}
    start = threading.Barrier(8)

    def ask(size: int) -> None:
        witness, raw = Witness(folder[0], at()), request(10, size)
        start.wait()
        statuses[size] = witness.add_checkpoint(raw).status

    threads = [threading.Thread(target=ask, args=(20 + number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses.values()) == [200] + [409] * 7
    (signed,) = [size for size, status in statuses.items() if status == 200]
    kept = parse_checkpoint(Witness(folder[0], at()).newest(sha256(NAME.encode()).hexdigest()).body)
    assert kept.head.size == signed


def test_a_request_that_comes_while_another_is_checked_waits_for_it(folder: tuple[Path, VerifierKey]) -> None:
    Witness(folder[0], at()).add_checkpoint(request(0, 10))
    statuses: list[int] = []
    late = threading.Thread(
        target=lambda: statuses.append(Witness(folder[0], at()).add_checkpoint(request(10, 30)).status)
    )

    def now() -> UtcTime:  # called after the check, before anything is stored
        late.start()
        late.join(0.3)
        return at()()

    assert Witness(folder[0], now).add_checkpoint(request(10, 20)).status == 200
    late.join()
    assert statuses == [409]
    kept = parse_checkpoint(Witness(folder[0], at()).newest(sha256(NAME.encode()).hexdigest()).body)
    assert kept.head.size == 20


def test_the_key_of_a_log_and_a_policy_without_a_log_are_refused(folder: tuple[Path, VerifierKey]) -> None:
    (folder[0] / POLICY).write_text("quorum none\n")
    with pytest.raises(InputError, match="names no log"):
        Witness(folder[0], at())
    (folder[0] / KEY_FILE).unlink()
    write_key_file(folder[0] / KEY_FILE, [line for line, _ in make_private_keys("x", [Algorithm.ED25519])])
    with pytest.raises(InputError, match="one of a log"):
        Witness(folder[0], at())


def test_a_line_of_a_policy_that_is_none_is_named_with_its_file(folder: tuple[Path, VerifierKey]) -> None:
    (file := folder[0] / POLICY).write_text("quorum none\nlog x\n")
    with pytest.raises(InputError, match=f"^{file}: this is not a policy: line 2 of the policy: 'x' is not"):
        Witness(folder[0], at())


def test_a_state_that_cannot_be_read_signs_nothing_and_does_not_say_that_nothing_was_signed(
    folder: tuple[Path, VerifierKey], witness: Witness
) -> None:
    assert witness.add_checkpoint(request(0, 3)).status == 200
    with closing(sqlite3.connect(folder[0] / STATE)) as connection, connection:
        connection.execute("UPDATE heads SET note = 'x'")
    newest = sha256(NAME.encode()).hexdigest()
    assert (witness.add_checkpoint(request(3, 5)).status, witness.newest(newest).status) == (500, 500)
    (folder[0] / STATE).write_bytes(b"x" * 5000)
    assert (witness.add_checkpoint(request(3, 5)).status, witness.newest(newest).status) == (500, 500)
    with pytest.raises(InputError, match="cannot be read or written"):
        Witness(folder[0], at())


# Over HTTP, with a ledger


@pytest.fixture
def serving(tmp_path: Path) -> Generator[Desk]:
    """A desk with a sealed ledger's keys and a policy, and a witness that listens."""
    desk = Desk(tmp_path).with_history()
    log = desk.call("key", "new", NAME, "-o", f"{tmp_path}/seal.key").out.strip()
    (tmp_path / "witness").mkdir()
    made = desk.call("key", "new", "witness.example", "-o", f"{tmp_path}/witness/witness.key", "--witness").out.strip()
    (tmp_path / "witness" / "policy").write_text(f"log {log}\nquorum none\n")
    running = subprocess.Popen(
        [NILO, "witness", f"{tmp_path}/witness", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **desk.environment()},
    )
    assert running.stdout is not None
    found = re.search(r"at (http://\S+);", running.stdout.readline())
    assert found is not None
    desk.write("policy", f"log {log}\nwitness audit {made} {found[1]}\nquorum audit\n")
    yield desk
    running.send_signal(signal.SIGINT)
    running.stdout.close()
    assert running.wait(timeout=30) == 0


def call(desk: Desk, command: str, *args: str) -> tuple[int, str]:
    """Seals or verifies with the policy; the exit code, and all that is said."""
    key = ["--key", f"{desk.folder}/seal.key"] if command == "seal" else []
    answer = desk.call(command, *key, "--policy", f"{desk.folder}/policy", *args)
    return answer.code, answer.out + answer.err


def test_a_witness_signs_each_seal_and_a_verifier_asks_it(serving: Desk) -> None:
    backup = f"{serving.folder}/backup.db"
    assert call(serving, "seal")[0] == 0
    code, text = call(serving, "verify")
    assert (code, "witnessed: " in text) == (0, True), text
    assert serving.call("backup", backup).code == 0
    serving.call("do", "add-memory", "web01", "2MiB")
    assert call(serving, "seal")[0] == 0
    assert call(serving, "verify")[0] == 0
    # rolled back to the backup: the witness has signed more
    for file in Path(serving.folder).glob("ledger.db*"):
        file.unlink()
    shutil.copy(backup, f"{serving.folder}/ledger.db")
    code, text = call(serving, "verify")
    assert (code, "the newest checkpoint of the witness audit covers 11 events, and the ledger has 9" in text) == (
        1,
        True,
    )
    # and another history is recorded, which the witness does not sign
    serving.call("do", "add-memory", "web01", "4MiB")
    code, text = call(serving, "seal")
    assert (code, "it was rolled back, or is another one" in text) == (0, True), text
    assert call(serving, "verify")[0] == 1


def test_of_two_witnesses_in_one_folder_the_second_is_refused(serving: Desk) -> None:
    second = serving.process("witness", f"{serving.folder}/witness", "--port", "0")
    assert (second.code, second.out) == (2, "")
    assert f"another witness runs in {serving.folder}/witness; nothing was started" in second.err
    assert "hint: end that one first" in second.err


def test_a_witness_that_is_not_there_is_a_warning_and_is_asked_again(serving: Desk) -> None:
    policy = Path(f"{serving.folder}/policy")
    right = policy.read_text()
    policy.write_text(re.sub(r"http://\S+", "http://127.0.0.1:9", right))
    code, text = call(serving, "seal")
    assert (code, "warning: the witness audit at http://127.0.0.1:9 cannot be asked" in text) == (0, True)
    assert call(serving, "verify")[0] == 3
    policy.write_text(right)
    assert call(serving, "verify")[0] == 3
    assert call(serving, "seal")[0] == 0
    assert call(serving, "verify")[0] == 0


def test_over_http_the_statuses_and_the_type_are_the_specified_ones(serving: Desk) -> None:
    url = Path(f"{serving.folder}/policy").read_text().split()[5]
    for path, body, status in (
        ("add-checkpoint", b"x", 400),
        ("add-checkpoint", b"x" * 2_000_000, 413),
        ("y/checkpoint", None, 404),
    ):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(f"{url}/{path}", data=body), timeout=10)
        assert caught.value.code == status
        caught.value.close()
