"""Copying a whole ledger, byte for byte, from one database to another: events, receipts, and what it says of itself.

It is read at one moment, whoever writes meanwhile, and written in one transaction. Stored views are not copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol, cast

from nilometer.errors import LedgerError
from nilometer.storage.reader import StoredRow
from nilometer.storage.recorder import LedgerRecorder
from nilometer.storage.store import Database, RawText, Store

PAGE: Final = 1000
"""How many rows are read or written at once."""

Row = Sequence[object]


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Contents:
    """What a ledger holds: counts, and a digest over all events and receipts as they are stored."""

    events: int
    receipts: int
    sha256: str


Replacements = Mapping[int, StoredRow]
"""Events by the positions at which they stand in a copy, instead of what was there."""
NOTHING_REPLACED: Final[Replacements] = {}


CopyBeside = Callable[[Database, Database], None]
"""Copies further tables, in the same transactions: it reads from the first, and writes to the second."""


def copy_ledger(
    source: Store,
    target: LedgerRecorder,
    replacing: Replacements = NOTHING_REPLACED,
    beside: Sequence[CopyBeside] = (),
) -> Contents:
    """Copies a ledger into an empty one, which takes its id too. Raises ``LedgerError`` if that one has events."""
    digest = sha256()
    counts = {"events": 0, "commands": 0}
    with source.transaction(write=False) as read, target.transaction(write=True) as written:
        if written.execute(f"SELECT 1 FROM {written.events_table} LIMIT 1").fetchone() is not None:
            raise LedgerError("the ledger to restore has events already", hint="name a new one with --ledger")
        events = f"{written.events_table} ({written.position_column}, originator_id, originator_version, topic, state)"
        for table, into, pages in (
            ("events", events, _replaced(_pages_of_events(read), replacing)),
            ("commands", "commands (key, position, events, result)", _pages_of_receipts(read)),
        ):
            for page in pages:
                _add(digest, page)
                counts[table] += len(page)
                for start in range(0, len(page), 100):
                    some = page[start : start + 100]
                    mark = written.raw_text_mark
                    marks = ", ".join(
                        f"({', '.join(mark if isinstance(value, RawText) else '?' for value in row)})" for row in some
                    )
                    written.execute(f"INSERT INTO {into} VALUES {marks}", [value for row in some for value in row])
        for name in ("id", "created"):
            (value,) = read.execute("SELECT value FROM ledger WHERE name = ?", (name,)).fetchone() or ("",)
            written.execute("UPDATE ledger SET value = ? WHERE name = ?", (value, name))
        for copy in beside:
            copy(read, written)
    return Contents(counts["events"], counts["commands"], digest.hexdigest())


def _replaced(pages: Iterator[Sequence[Row]], replacing: Replacements) -> Iterator[Sequence[Row]]:
    for page in pages:
        found = [replacing.get(cast("int", row[0])) for row in page]
        yield [
            row
            if other is None
            else (
                other.position,
                RawText(other.stream.encode()),
                other.version,
                RawText(other.topic.encode()),
                other.body,
            )
            for row, other in zip(page, found, strict=True)
        ]


def read_contents(store: Store) -> Contents:
    """What a ledger holds, read at one moment."""
    digest = sha256()
    counts = [0, 0]
    with store.transaction(write=False) as db:
        for place, pages in enumerate((_pages_of_events(db), _pages_of_receipts(db))):
            for page in pages:
                _add(digest, page)
                counts[place] += len(page)
    return Contents(counts[0], counts[1], digest.hexdigest())


def _pages_of_events(db: Database) -> Iterator[Sequence[Row]]:
    return _pages(
        db,
        f"SELECT {db.position_column}, originator_id, originator_version, topic, state FROM {db.events_table} "
        f"WHERE {db.position_column} > ? ORDER BY 1 LIMIT {PAGE}",
        0,
    )


def _pages_of_receipts(db: Database) -> Iterator[Sequence[Row]]:
    return _pages(
        db,
        f"SELECT key, position, events, result FROM commands WHERE key > {db.raw_text_mark} ORDER BY 1 LIMIT {PAGE}",
        RawText(),
    )


def _pages(db: Database, select: str, after: object) -> Iterator[Sequence[Row]]:
    while True:
        page = db.select_raw(select, (after,))
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1][0]


def _add(digest: _Hash, page: Sequence[Row]) -> None:
    for row in page:
        for value in row:
            given = str(value) if isinstance(value, RawText) else value
            raw = given if isinstance(given, bytes) else repr(given).encode()
            digest.update(b"%d:" % len(raw) + raw)
