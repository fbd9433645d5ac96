"""An import that kills its own process after so many commits.

``python -m tests.nilometer.importers.killed_import COMMITS import-hyperv|import-qemu URL FILE…``
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import nilometer.importers.hyperv.importer as hyperv
import nilometer.importers.run as importing
from nilometer.importers.importing import import_hyperv, import_qemu
from nilometer.ledger.ledger import Ledger

FEW = 8
"""Observations in a commit: more commits, more places to be killed at."""


def run(command: str, names: Sequence[str], url: str, commits: int | None = None) -> int:
    """Imports files, and returns how many commits it took. The process is killed before the next after ``commits``."""
    done = 0
    hyperv.BATCH = importing.BATCH = FEW  # type: ignore[misc,attr-defined]  # pyright: ignore
    with Ledger.open(url, create=True, durable=False) as ledger:
        record = ledger.record

        def record_or_die(*given: Any, **named: Any) -> list[tuple[int, ...]]:
            nonlocal done
            if done == commits:
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1
            return record(*given, **named)

        ledger.record = record_or_die  # type: ignore[method-assign]
        if command == "import-hyperv":
            import_hyperv(ledger, names, actor="ann")
        else:
            import_qemu(ledger, names, actor="ann")
    return done


if __name__ == "__main__":
    run(sys.argv[2], sys.argv[4:], sys.argv[3], int(sys.argv[1]))
