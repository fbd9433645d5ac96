"""Sealing and verifying a history, beside a loop that reads the same rows and hashes their leaves, and nothing else."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median

from benchmarks.histories import History
from nilometer.ledger.ledger import Ledger
from nilometer.seal.proving import LogProver
from nilometer.seal.sealing import Sealer
from nilometer.seal.verification import SealVerdict
from nilometer.seal.verifying import Verifier
from nilometer.storage.sqlite.reader import SQLiteReader
from nilometer.storage.urls import SQLiteLocation
from nilometer.times import current_time
from nilometer.tlog.notes import Algorithm
from nilometer.tlog.signatures import make_signer

KEY = make_signer("benchmark.example/seal", Algorithm.ED25519, b"b" * 32)


@dataclass(frozen=True, slots=True)
class SealCosts:
    """Seconds of the processor."""

    floor: float
    """For an event, of the loop alone."""
    seal: float
    seal_ratio: float
    """The median of what each turn took, by its floor."""
    verify: float
    verify_ratio: float
    step: float
    """To seal 100 new events."""
    proof: float


def measure(history: History, folder: Path, *, turns: int = 5) -> SealCosts:
    """Seals and verifies a copy of a history, again and again."""
    file = folder / "sealed.db"
    shutil.copy(history.path, file)
    floors, seals, verifies = list[float](), list[float](), list[float]()
    for _ in range(turns):
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("DROP TABLE IF EXISTS seal_tiles")
            connection.execute("DROP TABLE IF EXISTS seal_checkpoints")
        floors.append(_cpu(lambda: _hash_leaves(file)) / history.events)
        with Ledger.open(f"sqlite:///{file}") as ledger, closing(SQLiteReader.open(SQLiteLocation(file))) as reader:
            sealer = Sealer(ledger.recorder, [KEY], current_time, reader=reader)
            seals.append(_cpu(sealer.seal) / history.events)
        with closing(SQLiteReader.open(SQLiteLocation(file))) as store:
            verifies.append(_cpu(lambda: _verify(store)) / history.events)
    with Ledger.open(f"sqlite:///{file}") as ledger:
        sealer = Sealer(ledger.recorder, [KEY], current_time)
        steps = [_step(ledger, sealer) for _ in range(9)]
        proofs = [_prove(ledger, number * history.events // 10 + 1) for number in range(9)]
    return SealCosts(
        floor=median(floors),
        seal=median(seals),
        seal_ratio=median(seal / floor for seal, floor in zip(seals, floors, strict=True)),
        verify=median(verifies),
        verify_ratio=median(verify / floor for verify, floor in zip(verifies, floors, strict=True)),
        step=median(steps),
        proof=median(proofs),
    )


def _cpu(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _hash_leaves(file: Path) -> None:
    """What nobody can leave out: each row is read once, and its leaf hashed; nothing is checked, kept or compared.

    A single statement reads all rows, and texts stay bytes: there is no faster way for ``sqlite3`` to read them.
    """
    select = "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events ORDER BY rowid"
    with closing(sqlite3.connect(file)) as connection:
        connection.text_factory = bytes
        for _, stream, version, topic, body in connection.execute(select):
            number = b"%d" % version
            parts = (len(stream), stream, len(number), number, len(topic), topic, len(body), body)
            sha256(b"\x00DSSEv1 %d %b %d %b %d %b %d %b" % parts).digest()


def _verify(store: SQLiteReader) -> None:
    assert Verifier(store, keys=[KEY.key]).verify().verdict is SealVerdict.HOLDS


def _step(ledger: Ledger, sealer: Sealer) -> float:
    with ledger.recorder.transaction(write=True) as db:
        last = ledger.position
        for number in range(100):
            db.execute(
                "INSERT INTO stored_events (position, originator_id, originator_version, topic, state) "
                "SELECT ?, 'vm/bench', ?, topic, state FROM stored_events WHERE position = ?",
                (last + number + 1, last + number, 1 + number),
            )
    return _cpu(sealer.seal)


def _prove(ledger: Ledger, position: int) -> float:
    def prove() -> None:
        with ledger.recorder.transaction(write=False) as db:
            LogProver(db).prove(position)

    return _cpu(prove)
