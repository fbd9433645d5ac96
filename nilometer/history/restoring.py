"""Restores a history into a ledger that is empty, or that has the beginning of the same history."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from domain.errors import InputError
from nilometer.history.checked import CheckedLine
from nilometer.ledger.ledger import Ledger
from nilometer.storage.reader import StoredRow

TOGETHER: Final = 1000
"""How many events share a commit."""


def restore(
    ledger: Ledger, lines: Iterable[CheckedLine], progress: Callable[[int], None] = lambda position: None
) -> int:
    """Appends the events that the ledger does not have yet, as they are written there; returns how many were read.

    Events that it has already must be the same, byte for byte; else it raises ``InputError`` with ``file:line``.
    """
    position, rows = ledger.position, ledger.rows()
    pending: list[StoredRow] = []
    count, last = 0, ""
    for line in lines:
        if position and line.ledger != ledger.id:
            raise InputError(
                f"{line.place}: this is the history of {line.ledger}; the ledger has one of its own, {ledger.id}",
                hint="import into a new ledger: --ledger sqlite:///new.db",
            )
        count += 1
        if count <= position:
            _check_same(next(rows), line)
        else:
            pending.append(line.stored)
            if len(pending) == TOGETHER:
                ledger.append_raw(pending, id=line.ledger)
                pending = []
        progress(count)
        last = line.ledger
    if pending:
        ledger.append_raw(pending, id=last)
    return count


def _check_same(row: StoredRow, line: CheckedLine) -> None:
    if row != line.stored:
        raise InputError(
            f"{line.place}: the ledger has another event at position {row.position}: {row.stream}/{row.version}",
            hint="the two histories differ from here on; import this one into a new ledger",
        )
