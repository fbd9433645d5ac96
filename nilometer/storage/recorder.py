"""What a ledger asks of its database to write to it, whichever it is: a recorder of the eventsourcing library."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final

from eventsourcing.persistence import ApplicationRecorder
from eventsourcing.persistence import IntegrityError as IntegrityError
from eventsourcing.persistence import StoredEvent as StoredEvent

from domain.record import Record, record
from nilometer.errors import LedgerBusy, LedgerError, LedgerReadOnly, LedgerUnreachable, NotALedger
from nilometer.storage.store import Database, Receipt


def nothing_recorded(error: LedgerError) -> LedgerError:
    """The error of a commit that did not take place: only the recorder knows that, and says so here."""
    speaks_of_something_else = isinstance(error, LedgerBusy | LedgerReadOnly | LedgerUnreachable | NotALedger)
    if not speaks_of_something_else and "nothing was recorded" not in error.message:
        error.message += "; nothing was recorded"
        error.args = (error.message,)
    return error


class StaleRead(IntegrityError):
    """Something that a decision only read has changed since: decide again."""


@record()
class ExpectedVersions(Record):
    """What a decision read without writing it, and must not have changed when it is recorded."""

    streams: Mapping[str, int]
    """Versions of streams."""
    position: int | None = None
    """The position of the ledger's last event, where the decision depended on all of them."""
    confirm: Callable[[Database], None] | None = None
    """Is asked in the transaction that writes, while nobody else writes. Raises ``StaleRead`` to undo it."""


NOTHING_EXPECTED: Final = ExpectedVersions({})


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

        A receipt's ``position`` is given as an index into ``events`` and stored as a position; without events, as that
        of the last event of all. Raises
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
        """What the ledger says of itself: ``id``, ``created``, and the ``format`` of its tables."""

    @abstractmethod
    def adopt(self, id: str) -> None:
        """Gives an empty ledger the id of the one whose history it is to take."""

    @abstractmethod
    def bytes_used(self) -> int:
        """How many bytes the ledger takes in its database."""

    @abstractmethod
    def close(self) -> None:
        """Closes what is open."""
