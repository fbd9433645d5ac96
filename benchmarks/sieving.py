"""The sieve on an export of which it clears all, beside the judge and beside reading the same columns.

``python -m benchmarks.sieving FOLDER`` sieves an export in a process of its own, and prints what that took.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.child import peak
from benchmarks.commands import NILO
from benchmarks.histories import History
from benchmarks.processes import run
from nilometer.audit.sieve.events import ENCODED, READ
from nilometer.audit.sieve.memory import shared_memory_pool
from nilometer.audit.sieve.pieces import read_pieces
from nilometer.audit.sieve.sieve import sieve_export
from nilometer.history.parquet.manifest import read_manifest
from nilometer.history.parquet.writing import write_export
from nilometer.ledger.reader import open_reader


@dataclass(frozen=True, slots=True)
class Sieving:
    """What one run of the sieve took: seconds of the processor, and the most memory in use, in bytes."""

    decode: float
    """Reading the columns that it needs, and no more."""
    sieve: float
    """All, the rules read on the way."""
    events: int
    peak: int


@dataclass(frozen=True, slots=True)
class SieveCosts:
    """A run of the sieve, and the processor's seconds of ``nilo audit`` with it and without it, starts included."""

    sieving: Sieving
    whole: float
    judge: float


def measure(history: History, folder: Path, *, rounds: int) -> SieveCosts:
    """Sieves a history as Parquet in so many rounds, of which the least counts, then judges it.

    What else runs on a machine makes all of it slower.
    """
    target = folder / "sieved"
    shutil.rmtree(target, ignore_errors=True)
    with open_reader(history.url) as ledger:
        write_export(ledger, target, _ignore, _ignore)
    command = [sys.executable, "-m", "benchmarks.sieving", str(target)]
    printed = [run(command, listen=True).output for _ in range(rounds)]
    least = min((Sieving(**json.loads(text)) for text in printed), key=lambda sieving: sieving.sieve)
    whole, judge = (
        run([sys.executable, "-c", NILO, "audit", str(target), *option]).cpu for option in (["--sieve"], [])
    )
    return SieveCosts(least, whole, judge)


def sieve(folder: Path) -> Sieving:
    """Sieves an export, in this process."""
    manifest = read_manifest(folder)
    begun = time.process_time()
    found = sieve_export(manifest)
    sieved = time.process_time()
    with shared_memory_pool():
        for piece in read_pieces(manifest, READ, "vm.", ENCODED):
            for _ in piece.bodies:
                pass
    decoded = time.process_time()
    if found.undivided or found.cleared.events != found.events:
        raise AssertionError(f"a history that Nilometer wrote is not cleared: {found.undivided} {found.suspects}")
    return Sieving(
        decode=decoded - sieved,
        sieve=sieved - begun,
        events=found.events,
        peak=peak(),
    )


def _ignore(_: int) -> None: ...


if __name__ == "__main__":
    print(json.dumps(asdict(sieve(Path(sys.argv[1])))))
