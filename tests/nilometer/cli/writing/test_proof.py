"""``nilo do --proof``: the command is recorded, and the proof waits for the seal."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from nilometer.ledger.ledger import Ledger
from nilometer.seal.rows import entry_of, read_rows
from nilometer.tlog.proofs import parse_proof
from nilometer.tlog.signatures import verify_signatures
from tests.nilometer.cli.calling import Desk
from tests.nilometer.seal.sealed import KEY, seal


def do(desk: Desk, *args: str) -> tuple[int, str]:
    """Adds memory; the exit code, and what is said on stderr."""
    answer = desk.call("do", "add-memory", "web01", "2MiB", "--proof", f"{desk.folder}/a.tlog-proof", *args)
    return answer.code, answer.err


def test_the_proof_comes_with_the_next_seal(desk: Desk) -> None:
    desk.with_history()
    before = len(desk.events.splitlines())
    ended = threading.Event()

    def seal_again_and_again() -> None:
        with Ledger.open(desk.url) as ledger:
            while not ended.is_set():
                seal(ledger)

    sealer = threading.Thread(target=seal_again_and_again)
    sealer.start()
    try:
        code, text = do(desk)
    finally:
        ended.set()
        sealer.join()
    assert (code, f"position {before + 1} is sealed" in text) == (0, True), text
    proof = parse_proof(Path(f"{desk.folder}/a.tlog-proof").read_bytes())
    assert verify_signatures(proof.checkpoint, [KEY.key])
    with Ledger.open(desk.url, read_only=True) as ledger, ledger.recorder.transaction(write=False) as db:
        proof.check_entry(entry_of(read_rows(db, before + 1, before + 1, 1)[0]))


def test_without_a_seal_the_command_is_recorded_and_it_is_said(desk: Desk) -> None:
    desk.with_history()
    before = len(desk.events.splitlines())
    code, text = do(desk, "--proof-within", "0")
    assert (code, "no seal covered it within 0 s" in text) == (3, True), text
    assert len(desk.events.splitlines()) == before + 2
    assert not Path(f"{desk.folder}/a.tlog-proof").exists()


@pytest.mark.parametrize("args", [("--dry-run",), ()])
def test_what_cannot_be_proved_records_nothing(desk: Desk, args: tuple[str, ...]) -> None:
    desk.with_history()
    before = desk.events
    if not args:
        desk.write("a.tlog-proof", "something else")
    assert do(desk, *args)[0] == 2
    assert desk.events == before
