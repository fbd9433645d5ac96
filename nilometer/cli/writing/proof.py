"""The proof that a command is in the seal: waited for after it was recorded, and written to a file."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Final

from nilometer.cli.failures import say
from nilometer.ledger.reader import open_store
from nilometer.seal.proving import LogProver, NotSealed
from nilometer.textio.durable import write_file
from nilometer.textio.files import check_new

PAUSE_SECONDS: Final = 0.1
"""Between two looks at the seal."""


def check_proof_file(file: str) -> Path:
    """A file that a proof can be written to. Raises ``InputError``, before anything is recorded."""
    return check_new(file, "; nothing was recorded")


def wait_for_proof(url: str, position: int, file: Path, seconds: float) -> bool:
    """Waits until a checkpoint covers an event, and writes the proof; returns whether one came in time."""
    end = time.monotonic() + seconds
    with closing(open_store(url)) as store:
        while True:
            try:
                with store.transaction(write=False) as db:
                    proof = LogProver(db).prove(position)
            except NotSealed:
                if time.monotonic() >= end:
                    break
                time.sleep(PAUSE_SECONDS)
                continue
            write_file(file, bytes(proof))
            say("note", f"the proof that the event at position {position} is sealed is in {file}")
            return True
    say(
        "warning",
        f"it is recorded at position {position}, and no seal covered it within {seconds:g} s: there is no proof",
        "is nilo seal --every running? later: nilo evidence has a proof of it",
    )
    return False
