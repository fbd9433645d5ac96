"""Stored rows to hosts and VMs, and to lines, beside a loop that parses the same rows with ``json.loads`` alone."""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.histories import History
from benchmarks.raw import SELECT
from benchmarks.timing import Piece, SideBySide, side_by_side
from nilometer import Ledger
from nilometer.cli.escaping import escape_controls
from nilometer.cli.reading.log import format_log_line
from nilometer.cli.reading.log_lines import first_of_rows, rows_to_lines
from nilometer.cli.vm_names import VmNames
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import write_lines
from projections.fleet import Fleet

Work = Callable[[Ledger, int, int], object]
"""Something that is done with the events of a ledger after a position up to another."""


def replay(history: History, *, pieces: int, events: int) -> SideBySide:
    """Rows are read, decoded and folded."""
    fleet = Fleet()
    return _beside_parsing(
        history, lambda ledger, after, upto: fleet.apply_all(ledger.events(after, upto)), pieces=pieces, events=events
    )


def export(history: History, *, pieces: int, events: int) -> SideBySide:
    """Rows become the lines of ``nilo export``."""
    return _beside_parsing(history, _export, pieces=pieces, events=events)


def list_as_json(history: History, *, pieces: int, events: int) -> SideBySide:
    """Rows become the lines of ``nilo log --format json``."""
    return _beside_parsing(history, _list_as_json, pieces=pieces, events=events)


def list_in_words(history: History, *, pieces: int, events: int) -> SideBySide:
    """Rows become the lines of ``nilo log``: one for each command."""
    return _beside_parsing(history, _list_in_words, pieces=pieces, events=events)


def _export(ledger: Ledger, after: int, upto: int) -> None:
    deque(write_lines(ledger.rows(after, upto), ledger.id), maxlen=0)


def _list_as_json(ledger: Ledger, after: int, upto: int) -> None:
    deque(rows_to_lines(ledger.rows(after, upto), ledger.id), maxlen=0)


def _list_in_words(ledger: Ledger, after: int, upto: int) -> None:
    name = VmNames(ledger).put_in
    for event in first_of_rows(ledger.rows(after, upto)):
        assert not isinstance(event, UnreadableEvent)
        escape_controls(name(format_log_line(event)))


def _beside_parsing(history: History, work: Work, *, pieces: int, events: int) -> SideBySide:
    """Works on a piece of the history after the other; both sides fetch the rows."""
    connection = sqlite3.connect(history.path)

    def parse(after: int) -> None:
        for _, _, _, body in connection.execute(SELECT, (after, events)).fetchall():
            json.loads(body)

    def all_pieces(ledger: Ledger) -> Iterator[Piece]:
        for number in range(pieces):
            after = number * events
            yield Piece(events, partial(work, ledger, after, after + events), partial(_only, partial(parse, after)))

    try:
        with Ledger.open(history.url, read_only=True) as ledger:
            (both,) = side_by_side(all_pieces(ledger))
            return both
    finally:
        connection.close()


def _only(work: Callable[[], object]) -> list[Callable[[], object]]:
    return [work]
