"""Replaying stored rows to hosts and VMs, beside a loop that parses the same rows with ``json.loads`` and no more."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.histories import History
from benchmarks.raw import SELECT
from benchmarks.timing import Piece, SideBySide, side_by_side
from nilometer import Ledger
from projections.fleet import Fleet


def replay(history: History, *, pieces: int, events: int) -> list[SideBySide]:
    """Rows are read, decoded and folded, a piece of the history after the other; both sides fetch them."""
    connection = sqlite3.connect(history.path)
    fleet = Fleet()

    def fold(ledger: Ledger, after: int) -> None:
        fleet.apply_all(ledger.events(after, after + events))

    def parse(after: int) -> None:
        for _, _, _, body in connection.execute(SELECT, (after, events)).fetchall():
            json.loads(body)

    def all_pieces(ledger: Ledger) -> Iterator[Piece]:
        for number in range(pieces):
            after = number * events
            yield Piece(events, partial(fold, ledger, after), partial(_only, partial(parse, after)))

    try:
        with Ledger.open(history.url, read_only=True) as ledger:
            return side_by_side(all_pieces(ledger))
    finally:
        connection.close()


def _only(work: Callable[[], object]) -> list[Callable[[], object]]:
    return [work]
