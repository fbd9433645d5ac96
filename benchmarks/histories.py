"""Synthetic histories of any length, written by Nilometer itself: ten hosts and a hundred VMs whose memory moves."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.workload import Size, days, prepare, recorded, requests
from nilometer import Ledger

BATCH_COMMANDS: Final = 2000
"""How many commands share a commit: nothing is measured by that, it only has to be done soon."""


@dataclass(frozen=True, slots=True)
class History:
    """A ledger with a synthetic history, and how long it took to write it, where it was not there before."""

    path: Path
    events: int
    seconds: float | None
    """For all commands: deciding and recording them."""
    catch_up_seconds: float | None
    """For the stored projections of all events."""

    @property
    def url(self) -> str:
        """How the ledger is opened."""
        return f"sqlite:///{self.path}"

    def bytes_of_bodies(self) -> int:
        """How long the bodies of all events are together."""
        connection = sqlite3.connect(self.path)
        try:
            (total,) = connection.execute("SELECT SUM(LENGTH(state)) FROM stored_events").fetchone()
        finally:
            connection.close()
        return int(total)


def history(folder: Path, events: int) -> History:
    """A ledger with at least so many events in ``folder``; one that is there is used again."""
    path = folder / f"synthetic-{events}.db"
    if path.exists():
        with Ledger.open(f"sqlite:///{path}", read_only=True) as ledger:
            return History(path, ledger.position, None, None)
    unfinished = path.with_suffix(".unfinished")
    for left in folder.glob(f"{unfinished.name}*"):
        left.unlink()
    ledger = Ledger.open(f"sqlite:///{unfinished}", create=True, durable=False)
    try:
        size, second, written, begun = Size(), 1000, 0, time.perf_counter()
        prepare(ledger, size)
        work = days(size)
        while written < events:
            written += recorded(ledger.execute_all(requests(work, BATCH_COMMANDS, second=second)))
            second += BATCH_COMMANDS
        recorded_after = time.perf_counter()
        ledger.views.catch_up()
        caught_up = time.perf_counter()
        position = ledger.position
    finally:
        ledger.close()
    unfinished.rename(path)
    return History(path, position, recorded_after - begun, caught_up - recorded_after)
