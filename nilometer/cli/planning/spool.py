"""``nilo can … --spool DIR``: the newest of a spool, read into a ledger of its own that is thrown away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from domain.errors import InputError
from nilometer.cli.session import Session
from nilometer.importers.hyperv.sources.spool.spool_folder import read_spool_folder
from nilometer.importers.importing import import_hyperv
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.reader import LedgerReader

DAYS: Final = 2
"""The newest files of each host, one a day: they cover the last 24 hours."""


@contextmanager
def read_spool(session: Session, folder: str) -> Generator[LedgerReader]:
    """What a spool of the collector reports, as a ledger. Raises ``InputError`` if it cannot be read."""
    with TemporaryDirectory(prefix="nilometer-spool-") as temporary:
        ledger = Ledger.open(f"sqlite:///{temporary}/spool.db", create=True, durable=False, clock=session.clock)
        with ledger:
            files, actor = _find_newest(folder), session.actor_if_any or "nilo"
            for final in (False, True):  # the first keeps the newest polls, the last records what waits for others
                import_hyperv(ledger, files, actor=actor, final=final, at_ahead=True)
            ledger.catch_up()
            yield ledger


def _find_newest(folder: str) -> list[Path]:
    """The newest files of each host in a spool's folder; any other file or folder as it is."""
    path = Path(folder)
    if not path.exists():
        raise InputError(f"{folder}: there is no such file or folder", hint="name the folder of a collector's spool")
    spool = read_spool_folder(path) if path.is_dir() else None
    if spool is None:
        return [path]
    days: defaultdict[str, list[Path]] = defaultdict(list)
    for day in spool.days:
        days[day.name.rpartition("-")[0]].append(day)
    return [day for files in days.values() for day in files[-DAYS:]]
