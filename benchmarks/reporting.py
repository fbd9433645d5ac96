"""A report of a long history, and beside it a raw query of the same rows."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.commands import in_memory
from benchmarks.histories import History


@dataclass(frozen=True, slots=True)
class ReportCost:
    """What a report takes: seconds of the clock and of the processor, and the most memory in bytes; and a raw query.

    The query fetches the same rows by ``sqlite3``, and drops them.
    """

    seconds: float
    cpu: float
    peak: int
    query: float
    """Of the clock."""
    query_cpu: float


def report(history: History, folder: Path) -> ReportCost:
    """``nilo report`` as a program, to the end, and then the raw query."""
    run = in_memory(["report", "-o", os.devnull], history.url, folder)
    begun, cpu = time.perf_counter(), time.process_time()
    connection = sqlite3.connect(history.path)
    try:
        for _ in connection.execute("SELECT * FROM stored_events ORDER BY position"):
            pass
    finally:
        connection.close()
    return ReportCost(run.seconds, run.cpu, run.peak, time.perf_counter() - begun, time.process_time() - cpu)
