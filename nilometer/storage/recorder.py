"""What a ledger asks of its database, whichever it is.

Beside the events a ledger keeps *receipts*: which command was recorded under which key. Receipts are written in the
same transaction as the events, so that a command that is sent again, after a crash or a lost answer, is granted once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from eventsourcing.persistence import ApplicationRecorder
from eventsourcing.persistence import IntegrityError as IntegrityError
from eventsourcing.persistence import StoredEvent as StoredEvent

FORMAT: Final = 1
"""The version of the tables. A ledger of a later one is refused."""

LOCK_TIMEOUT: Final = 30.0
"""Seconds to wait for another writer, unless told otherwise."""


class StaleRead(IntegrityError):
    """Something that a decision only read has changed since: decide again."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """That the command with this key was recorded: as ``events`` events from ``position`` on.

    ``result`` is what was answered where no event was due, else ``None``: events tell it.
    """

    key: str
    position: int
    events: int
    result: str | None = None


@dataclass(frozen=True, slots=True)
class ExpectedVersions:
    """What a decision read without writing it, and must not have changed when it is recorded."""

    streams: Mapping[str, int]
    """Versions of streams."""
    position: int | None = None
    """The position of the ledger's last event, where the decision depended on all of them."""


NOTHING_EXPECTED: Final = ExpectedVersions({})


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

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> Rows:
        """Runs one statement."""
        ...


class LedgerRecorder(ApplicationRecorder):
    """Records events and receipts together, and lets views be kept beside them."""

    answers_can_be_lost: bool
    """A commit may take place without its answer arriving: then every command needs a receipt, to be found by."""

    @abstractmethod
    def record(
        self,
        events: Sequence[StoredEvent],
        receipts: Sequence[Receipt] = (),
        expected: ExpectedVersions = NOTHING_EXPECTED,
    ) -> Sequence[int]:
        """Writes all of it or nothing, and returns the events' positions.

        A receipt's ``position`` is given as an index into ``events`` and stored as a position. Raises
        ``IntegrityError`` if one of the versions or keys is there already, ``StaleRead`` if something read has changed.
        """

    @abstractmethod
    def receipts(self, keys: Sequence[str]) -> Sequence[Receipt]:
        """Those of the keys under which something was recorded."""

    @abstractmethod
    def transaction(self, *, write: bool) -> AbstractContextManager[Database]:
        """A transaction that is committed at its end, and rolled back on an exception."""

    @abstractmethod
    def facts(self) -> dict[str, str]:
        """What the ledger says of itself: ``id`` and ``created``."""

    @abstractmethod
    def adopt(self, id: str) -> None:
        """Gives an empty ledger the id of the one whose history it is to take."""

    @abstractmethod
    def bytes_used(self) -> int:
        """How many bytes the ledger takes in its database."""

    @abstractmethod
    def close(self) -> None:
        """Closes what is open."""
