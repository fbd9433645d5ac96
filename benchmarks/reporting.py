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
    """What a report takes: seconds of the clock, the most memory in bytes, and seconds of a raw query."""

    seconds: float
    peak: int
    query: float
    """The same rows, fetched by ``sqlite3`` and dropped."""


def report(history: History, folder: Path) -> ReportCost:
    """``nilo report`` as a program, to the end, and then the raw query."""
    run = in_memory(["report", "-o", os.devnull], history.url, folder)
    begun = time.perf_counter()
    connection = sqlite3.connect(history.path)
    try:
        for _ in connection.execute("SELECT * FROM stored_events ORDER BY position"):
            pass
    finally:
        connection.close()
    return ReportCost(run.seconds, run.peak, time.perf_counter() - begun)
