"""Go's own note and tlog, torchwood, transparency-dev/merkle and Tessera's fsck read what is exported.

They refuse each change of it.

Without Go on the machine these tests are skipped, and fail where CI is set (``make test`` installs it there); where
there is Go, a program that does not build is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nilometer.ledger.ledger import Ledger
from nilometer.seal.sealing import Sealer
from nilometer.seal.tables import newest_head, read_tile
from nilometer.tlog.checkpoints import parse_checkpoint
from nilometer.tlog.encoding import to_base64
from nilometer.tlog.merkle import prove_consistency
from nilometer.tlog.notes import Algorithm
from nilometer.tlog.signatures import make_signer
from nilometer.tlog.tiles import TileTree
from tests.needed import need
from tests.nilometer.cli.calling import Desk
from tests.nilometer.ledger.asking import with_web01
from tests.nilometer.seal.sealed import KEY, NAME, WITNESS, at, grow, newest

pytestmark = pytest.mark.xdist_group("interop")  # one program, built once, reads one log in all of these

SOURCE = Path(__file__).with_name("crosscheck")
SIZES = (4, 254, 256, 258, 522)
POST_QUANTUM = make_signer(NAME, Algorithm.ML_DSA_44_COSIGNATURE, b"q" * 32)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built."""
    target = tmp_path_factory.mktemp("built") / "crosscheck"
    go = need("go", "nobody who did not write them reads what is exported")
    built = subprocess.run([go, "build", "-o", target, "."], cwd=SOURCE, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return target


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported log of over two tiles, signed by two keys and a witness, with older checkpoints and proofs."""
    folder = tmp_path_factory.mktemp("made")
    desk = Desk(folder)
    old: list[bytes] = []
    with Ledger.open(desk.url, create=True, durable=False) as ledger:
        with_web01(ledger)
        sealer = Sealer(ledger.recorder, [KEY, POST_QUANTUM], at())
        for size in SIZES:
            grow(ledger, (size - ledger.position) // 2)
            sealer.seal()
            old.append(bytes(newest(ledger)))
        signed = newest(ledger).added(WITNESS.sign_head(newest(ledger).head, 1_800_000_000))
        with ledger.recorder.transaction(write=True) as db:
            db.execute("UPDATE seal_checkpoints SET note = ?", (bytes(signed),))
        assert desk.call("evidence", "-o", f"{folder}/evidence", "--log", "--sample", "9").code == 0
        (folder / "evidence" / "old").mkdir()
        with ledger.recorder.transaction(write=False) as db:
            head = newest_head(db)
            assert head is not None
            for note in old:
                size = parse_checkpoint(note).head.size
                proof = prove_consistency(size, head.size, TileTree(read_tile(db)).subtree)
                (folder / "evidence" / "old" / f"{size}.checkpoint").write_bytes(note)
                (folder / "evidence" / "old" / f"{size}.proof").write_text("\n".join(map(to_base64, proof)))
    return folder / "evidence"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "evidence"))


def check(program: Path, folder: Path) -> tuple[int, str]:
    """What the program says."""
    return call(program, str(folder), str(KEY.key), WITNESS.key.name, (b"w" * 32).hex())


def fsck(program: Path, folder: Path) -> tuple[int, str]:
    """What Tessera's fsck alone says."""
    return call(program, "fsck", str(folder), str(KEY.key))


def call(program: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and all that is said."""
    command = [str(program), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "GOTRACEBACK": "all"})
    return ran.returncode, ran.stdout + ran.stderr


def test_others_read_all_of_it(program: Path, made: Path) -> None:
    assert check(program, made) == (0, f"{SIZES[-1]} entries, 9 proofs, {len(SIZES)} older checkpoints\n")


def test_fsck_derives_the_same_tiles_and_root(program: Path, made: Path) -> None:
    files = sum(path.is_file() for path in (made / "log").rglob("*"))
    assert fsck(program, made) == (0, f"fsck: {files} files\n")


def flip(path: Path, at: int = 40) -> None:
    """Changes one bit of a file."""
    raw = bytearray(path.read_bytes())
    raw[at % len(raw)] ^= 1
    path.write_bytes(raw)


def first(folder: Path, pattern: str) -> Path:
    """The first file of this form."""
    return sorted(folder.glob(pattern))[0]


def last_signature(folder: Path) -> None:
    """The witness did not sign."""
    lines = (folder / "log" / "checkpoint").read_text("utf-8").split("\n")
    (folder / "log" / "checkpoint").write_text("\n".join(lines[:-2]) + "\n", "utf-8")


def swap_tiles(folder: Path) -> None:
    """Two tiles in each other's place."""
    one, other = (folder / "log" / "tile" / "0" / name for name in ("000", "001"))
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def other_proof(folder: Path) -> None:
    """A proof of one event for another."""
    one, other, *_ = sorted((folder / "proofs").iterdir())
    lines = one.read_text("utf-8").split("\n")
    lines[1] = other.read_text("utf-8").split("\n")[1]
    one.write_text("\n".join(lines), "utf-8")


def other_checkpoint(folder: Path) -> None:
    """One older checkpoint for another."""
    (folder / "old" / "258.checkpoint").write_bytes((folder / "old" / "254.checkpoint").read_bytes())


def cut_lines(path: Path, first: int, last: int) -> None:
    """Takes lines away."""
    lines = path.read_text("utf-8").split("\n")
    path.write_text("\n".join(lines[:first] + lines[last:]), "utf-8")


CHANGES: dict[str, Callable[[Path], None]] = {
    "a leaf": lambda folder: flip(folder / "log" / "tile" / "0" / "000"),
    "the last leaf": lambda folder: flip(first(folder, "log/tile/0/002.p/*"), -1),
    "a tile above": lambda folder: flip(first(folder, "log/tile/1/000.p/*")),
    "an entry": lambda folder: flip(folder / "log" / "tile" / "entries" / "001", 200),
    "the length of an entry": lambda folder: flip(folder / "log" / "tile" / "entries" / "000", 1),
    "swapped tiles": swap_tiles,
    "the root": lambda folder: flip(folder / "log" / "checkpoint", len(NAME) + 6),
    "the signature": lambda folder: flip(folder / "log" / "checkpoint", len(NAME) + 140),
    "no witness": last_signature,
    "another proof": other_proof,
    "a shorter proof": lambda folder: cut_lines(first(folder, "proofs/*"), 2, 3),
    "a shorter proof of consistency": lambda folder: cut_lines(folder / "old" / "254.proof", 1, 2),
    "an older root": lambda folder: flip(folder / "old" / "258.checkpoint", len(NAME) + 8),
    "another older checkpoint": other_checkpoint,
}


@pytest.mark.parametrize("change", CHANGES)
def test_others_refuse_what_was_changed(program: Path, folder: Path, change: str) -> None:
    CHANGES[change](folder)
    code, text = check(program, folder)
    assert (code, text.startswith("refused: ")) == (1, True), text


BESIDE_THE_LOG = {
    "no witness",
    "another proof",
    "a shorter proof",
    "a shorter proof of consistency",
    "an older root",
    "another older checkpoint",
}


@pytest.mark.parametrize("change", [change for change in CHANGES if change not in BESIDE_THE_LOG])
def test_fsck_refuses_what_was_changed(program: Path, folder: Path, change: str) -> None:
    CHANGES[change](folder)
    code, text = fsck(program, folder)
    assert (code, text.startswith("refused: ")) == (1, True), text
