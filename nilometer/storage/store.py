"""What a ledger's database is to those who read it, whichever it is. Nothing of the eventsourcing library is needed.

Beside the events a ledger keeps *receipts*: which command was recorded under which key. Receipts are written in the
same transaction as the events, so that a command that is sent again, after a crash or a lost answer, is granted once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from domain.record import Record, record
from nilometer.errors import LedgerError

FORMAT: Final = 2
"""The version of the tables of a new ledger. Since 2 events have their positions as a key, and triggers keep them."""

FORMATS: Final = (1, 2)
"""The versions of the tables that can be read and written. A ledger of a later one is refused."""

LOCK_TIMEOUT: Final = 30.0
"""Seconds to wait for another writer, unless something else is given."""


@record()
class Receipt(Record):
    """That the command with this key was recorded: as ``events`` events from ``position`` on.

    Without events ``position`` is that of the last event before it; the first versions wrote 0.
    ``result`` is what was answered where no event was due, else ``None``: events tell it.
    """

    key: str
    position: int
    events: int
    result: str | None = None


def check_receipt(receipt: Receipt) -> Receipt:
    """Returns a receipt that was read. Raises ``LedgerError`` if it has values that none can have."""
    numbers = (receipt.position, receipt.events)
    result: object = receipt.result
    if all(type(number) is int and 0 <= number < 2**53 for number in numbers) and type(result) in (str, type(None)):
        try:
            if isinstance(json.loads(receipt.result or "{}"), dict | list):
                return receipt
        except (ValueError, RecursionError):
            pass
    raise LedgerError(
        f"the receipt of the key {receipt.key!r} cannot be read: it was damaged; nothing was recorded",
        hint="compare the ledger with a backup, and restore it with nilo restore BACKUP; or ask with another key",
    )


def hidden_event(place: str, position: int, id: str) -> LedgerError:
    """The error that a ledger has an event before position 1, which no page of events has."""
    return LedgerError(
        f"{place} has an event at position {position} ({id}), and positions begin at 1: "
        "somebody inserted it, and no answer counts it",
        hint="nilo backup NEW.db makes a copy without it, to go on with",
    )


class RawText(bytes):
    """A text as it is stored. One that was damaged need not be UTF-8."""

    __slots__ = ()

    def __str__(self) -> str:
        return decode_text(self)


def decode_text(text: bytes) -> str:
    """How texts are read: one that is no UTF-8 was damaged, and must not keep the rest of its table from being read."""
    return text.decode("utf-8", "backslashreplace")


class Rows(Protocol):
    """The rows that a statement found."""

    def fetchone(self) -> Sequence[object] | None:
        """The next row."""
        ...

    def fetchall(self) -> Sequence[Sequence[object]]:
        """All further rows."""
        ...

    def __iter__(self) -> Iterator[Sequence[object]]: ...


class Database(Protocol):
    """A transaction, for tables beside the events. Statements have ``?`` for parameters."""

    blob_type: str
    events_table: str
    """The name of the table of events."""
    position_column: str
    """The name of the column of that table which has the events' positions."""
    raw_text_mark: str
    """What stands in a statement for a parameter that is a ``RawText``."""

    def select_raw(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """The rows that a statement finds, with each text as a ``RawText``."""
        ...

    def strict_texts(self) -> AbstractContextManager[None]:
        """Within it, reading a text that is not UTF-8 raises ``UnicodeError``. It is the fastest way to read texts."""
        ...

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> Rows:
        """Runs one statement."""
        ...


def has_table(db: Database, table: str) -> bool:
    """Whether there is a table of this name, of whatever shape."""
    if db.blob_type == "BLOB":
        find = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    else:
        find = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?"
    return db.execute(find, (table,)).fetchone() is not None


class Store(Protocol):
    """A ledger that is open, for those who read it."""

    def transaction(self, *, write: bool) -> AbstractContextManager[Database]:
        """A transaction that is committed at its end, and rolled back on an exception."""
        ...

    def receipts(self, keys: Sequence[str]) -> Sequence[Receipt]:
        """Those of the keys under which something was recorded."""
        ...

    def facts(self) -> dict[str, str]:
        """What the ledger says of itself: ``id``, ``created``, and the ``format`` of its tables."""
        ...

    def bytes_used(self) -> int:
        """How many bytes the ledger takes in its database."""
        ...

    def close(self) -> None:
        """Closes what is open."""
        ...
