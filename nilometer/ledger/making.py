"""A ledger that is made for one purpose, and is removed again if nothing came of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from nilometer.errors import LedgerError
from nilometer.ledger.reader import postgres_recorder
from nilometer.storage.urls import SQLiteLocation, parse_url


@contextmanager
def removed_if_empty(url: str) -> Generator[None]:
    """If there is no ledger at ``url`` yet, the one that is made meanwhile is removed unless something was recorded.

    One that somebody else has open stays. Raises a ``LedgerError`` if it cannot be seen whether there is one.
    """
    remove = _remover(url)
    try:
        yield
    finally:
        if remove is not None:
            with suppress(LedgerError):  # an empty ledger does no harm
                remove()


def _remover(url: str) -> Callable[[], None] | None:
    """What removes the ledger at ``url`` if it is empty; ``None`` if there is one already."""
    location = parse_url(url)
    if isinstance(location, SQLiteLocation):
        from nilometer.storage.sqlite.files import check_file, remove_if_empty

        check_file(location)  # raises for a name that no file can have
        return None if location.path.exists() else lambda: remove_if_empty(location)
    recorder = postgres_recorder()
    from nilometer.storage.postgres.schema import Held

    found = recorder.find(location)
    if found is Held.LEDGER:
        return None
    return lambda: recorder.remove_if_empty(location, with_schema=found is Held.NO_SCHEMA)
