"""A ledger that is open to be read. What only writes is not loaded for it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, cast

from domain.errors import InputError
from domain.identifiers import POLICIES
from nilometer.errors import LedgerError, LedgerWarning, NotALedger, UnreadableEvent, install_hint
from nilometer.storage.import_ends import StoredEnd, load_ends
from nilometer.storage.reader import Columns, EventReader, ReadEvent, StoredRow, check_known_text
from nilometer.storage.store import Store
from nilometer.storage.urls import SQLiteLocation, parse_url
from nilometer.times import is_utc_time
from nilometer.views.views import Views

if TYPE_CHECKING:
    from domain.envelope import Envelope
    from domain.event import Event
    from nilometer.ledger.policies import PolicySet
    from nilometer.storage.postgres.recorder import PostgresLedgerRecorder


_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OTHERS: Final = (
    "keep this ledger as it is, and restore an older backup (nilo restore BACKUP) or an export (nilo import)"
)


class LedgerReader:
    """Reads a ledger. Use it as a context manager."""

    def __init__(self, store: Store, url: str) -> None:
        self.url = url
        self._store = store
        self._reader = EventReader(store)
        facts = store.facts()
        self.format = int(facts["format"])
        """The version of its tables: one of ``nilometer.storage.store.FORMATS``."""
        self.id = facts.get("id", "")
        """A UUID that was made with the ledger."""
        self.created: str | None = facts.get("created", "")
        """When the ledger was made; ``None`` if that cannot be read."""
        if not is_utc_time(self.created):
            self.created = None
            warnings.warn(f"{url} does not say when it was made: it was changed", LedgerWarning, stacklevel=2)
        if not _UUID.fullmatch(self.id):
            warnings.warn(f"{url} has no id: it was changed; its exports name no ledger", LedgerWarning, stacklevel=2)
        self.views = Views(store, self._reader.read_all)
        """What the events come to, stored beside them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the database."""
        self._store.close()

    @property
    def position(self) -> int:
        """The position of the last event; 0 in an empty ledger."""
        return self._reader.position()

    def import_ends(self, prefix: str) -> list[StoredEnd]:
        """What imports stored at their ends, under names that begin so; none where that cannot be read."""
        try:
            return load_ends(self._store, prefix)
        except LedgerError:  # such as a table of somebody else
            return []

    def known(self, keys: Sequence[str], upto: int | None = None) -> frozenset[str]:
        """Those of the keys under which something was recorded, until the ledger came to a position."""
        given = cast("object", keys)
        if isinstance(given, str) or not isinstance(given, Sequence):
            raise InputError(f"keys is a {type(given).__name__}, not a list of texts", hint="write ['key']")
        for key in keys:
            check_known_text("key", key)
        receipts = self._store.receipts(keys) if keys else ()
        return frozenset(receipt.key for receipt in receipts if upto is None or receipt.position <= upto)

    def first_event(self, key: str) -> Envelope[Event] | None:
        """The first event that was recorded under a key; ``None`` if there is none that can be read."""
        for receipt in self._store.receipts([key]):
            for event in self.read_all(receipt.position - 1, receipt.position) if receipt.events else ():
                return None if isinstance(event, UnreadableEvent) else event
        return None

    def events(self, after: int = 0, upto: int | None = None) -> Iterator[Envelope[Event]]:
        """All events after a position up to another, in order, fetched in pages. Raises ``UnreadableEvent``."""
        return self._reader.events(after, upto)

    def read_all(self, after: int = 0, upto: int | None = None) -> Iterator[ReadEvent]:
        """The same, with its error in the place of an event that cannot be read."""
        return self._reader.read_all(after, upto)

    def rows(self, after: int = 0, upto: int | None = None) -> Iterator[StoredRow]:
        """All events as they are stored, after a position up to another, in order, fetched in pages."""
        return self._reader.rows(after, upto)

    def columns(self, after: int = 0, upto: int | None = None) -> Iterator[Columns]:
        """The same as tuples, for who reads a million of them."""
        return self._reader.columns(after, upto)

    def stream(self, stream: str, after: int = 0, *, until_position: int | None = None) -> Iterator[Envelope[Event]]:
        """The events of one stream after a version, in order, until the ledger came to a position."""
        return self._reader.stream(stream, after, until_position=until_position)

    def version(self, stream: str, *, until_position: int | None = None) -> int:
        """The version of the last event of a stream, as it was at a position; 0 before the first."""
        return self._reader.version(stream, until_position=until_position)

    def read_stream(self, stream: str, after: int = 0) -> Iterator[ReadEvent]:
        """The same, with its error in the place of an event that cannot be read."""
        return self._reader.read_stream(stream, after)

    def has_begun(self, stream: str) -> bool:
        """Whether a stream has events, readable or not."""
        return self._reader.has_begun(stream)

    def policy_set(self) -> PolicySet:
        """The policies that are adopted. Raises ``HistoryError`` if their streams cannot be."""
        from nilometer.ledger.policies import NO_POLICIES, read_policy_set

        return read_policy_set(self.stream) if self.has_begun(POLICIES) else NO_POLICIES

    @property
    def bytes_used(self) -> int:
        """How many bytes the ledger takes in its database."""
        return self._store.bytes_used()


def open_reader(url: str) -> LedgerReader:
    """Opens the ledger at ``url`` to read it. Raises a ``LedgerError``, or ``InputError`` for an unreadable URL."""
    return LedgerReader(open_store(url), str(parse_url(url)))


def open_store(url: str) -> Store:
    """Opens the database of the ledger at ``url``, to read what is beside the events. Raises as ``open_reader``."""
    location = parse_url(url)
    if isinstance(location, SQLiteLocation):
        from nilometer.storage.sqlite.reader import SQLiteReader

        return SQLiteReader.open(location)
    return postgres_recorder().open(location, create=False, read_only=True)


def check_database(url: str) -> None:
    """Raises ``NotALedger`` if the file of a ledger is damaged, by SQLite's own check. A server checks its own."""
    location = parse_url(url)
    if isinstance(location, SQLiteLocation):
        from nilometer.storage.sqlite.files import check_file
        from nilometer.storage.sqlite.reader import check_pages

        if check_file(location) and not check_pages(location):
            raise NotALedger(f"{location.path} is damaged: SQLite's own check fails", hint=_OTHERS)


def postgres_recorder() -> type[PostgresLedgerRecorder]:
    """The recorder for PostgreSQL. Raises ``LedgerError`` if what it needs is not installed."""
    try:
        from nilometer.storage.postgres.recorder import PostgresLedgerRecorder
    except ImportError as error:
        missing = f"for a ledger on PostgreSQL something is not installed: {error}"
        raise LedgerError(missing, hint=install_hint("postgres")) from error
    return PostgresLedgerRecorder
