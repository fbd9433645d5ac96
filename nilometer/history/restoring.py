"""Taking a history into a ledger: an empty one, or one that has the beginning of the same history."""

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
    """Appends what the ledger does not have yet, as it is written there; returns how many events were read.

    What is there already must be the same, byte for byte. Raises ``InputError`` with ``file:line`` where it is not.
    """
    there, own = ledger.position, ledger.rows()
    waiting: list[StoredRow] = []
    count, last = 0, ""
    for line in lines:
        if there and line.ledger != ledger.id:
            raise InputError(
                f"{line.place}: this is the history of {line.ledger}; the ledger has one of its own, {ledger.id}",
                hint="import into a new ledger: --ledger sqlite:///new.db",
            )
        count += 1
        if count <= there:
            _must_be_the_same(next(own), line)
        else:
            waiting.append(line.stored)
            if len(waiting) == TOGETHER:
                ledger.append_raw(waiting, id=line.ledger)
                waiting = []
        progress(count)
        last = line.ledger
    if waiting:
        ledger.append_raw(waiting, id=last)
    return count


def _must_be_the_same(own: StoredRow, line: CheckedLine) -> None:
    if own != line.stored:
        raise InputError(
            f"{line.place}: the ledger has another event at position {own.position}: {own.stream}/{own.version}",
            hint="the two histories differ from here on; import this one into a new ledger",
        )
