"""Sealers that are killed at random moments: ``python -m tests.nilometer.seal.kills SEED KILLS URL``.

Each sealer tells, beside the ledger, every checkpoint that it signed and stored. None may ever contradict another.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import nilometer.seal.sealing
from nilometer.ledger.ledger import Ledger
from nilometer.seal.sealing import Sealer
from nilometer.seal.verification import SealVerdict
from nilometer.tlog.checkpoints import parse_checkpoint
from tests.nilometer.ledger.asking import with_web01
from tests.nilometer.ledger.processes import child_ended_within, ended_children, fork, watch_children
from tests.nilometer.seal.sealed import KEY, at, grow, seal, verify

nilometer.seal.sealing.STEP = 7  # type: ignore[misc]  # pyright: ignore  # more commits, more places to be killed at


def seal_on(url: str, told: Path, ready: int) -> None:
    """Seals what is there, and tells each checkpoint. It says when the ledger is open: no kill hits only that."""
    with Ledger.open(url, durable=False) as ledger:
        sealer = Sealer(ledger.recorder, [KEY], at())
        os.write(ready, b"x")
        while (added := sealer.seal_step()) is not None:
            whole = told / f"{os.getpid()}-{added.head.size}"
            whole.with_suffix(".part").write_bytes(added.head.note)
            whole.with_suffix(".part").replace(whole)


def main(seed: int, kills: int, url: str) -> None:
    """The whole of it."""
    watch_children()
    random, killed, ended, patience = Random(seed), 0, 0, 0.06
    with Ledger.open(url, create=True, durable=False) as ledger, TemporaryDirectory() as folder:
        with_web01(ledger)
        while killed < kills and ended < 10 * kills:
            grow(ledger, random.randint(1, 12))
            is_ready, ready = os.pipe()
            child = fork(partial(seal_on, url, Path(folder), ready))
            os.close(ready)
            os.read(is_ready, 1)
            os.close(is_ready)
            if child_ended_within(random.uniform(0, patience)):
                ended, patience = ended + 1, patience * 0.7
            else:
                os.kill(child, signal.SIGKILL)
                child_ended_within(10)
                has_told = any(path.name.startswith(f"{child}-") for path in Path(folder).iterdir())
                killed, patience = killed + 1, patience * (1.1 if has_told else 1.4)
            code = ended_children()[child]
            assert code in (0, -signal.SIGKILL), code
        seal(ledger)
        told = [parse_checkpoint(path.read_bytes()) for path in Path(folder).iterdir() if not path.suffix]
        found = verify(url, *told)
    print(json.dumps({"kills": killed, "ended": ended, "told": len(told), "verdict": found.verdict.value,
                      "findings": [finding.message for finding in found.findings],
                      "unsealed": found.unsealed.events, "against": found.against}))  # fmt: skip
    assert found.verdict is SealVerdict.HOLDS


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
