"""Backups: a ledger copied whole into a file of its own, checked before it has its name; and back again."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from pathlib import Path
from shlex import quote

from domain.errors import InputError
from domain.identifiers import import_stream
from domain.observed.imports import BackupRestored
from nilometer.errors import LedgerError, NoLedger, NotALedger
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.making import removed_if_empty
from nilometer.ledger.reader import check_database
from nilometer.ledger.requests import Fact, Observation
from nilometer.seal.tables import copy_seal, newest_head
from nilometer.storage.copying import NOTHING_REPLACED, Contents, Replacements, copy_ledger, read_contents
from nilometer.storage.recorder import IntegrityError
from nilometer.storage.sqlite.reader import SQLiteReader
from nilometer.storage.urls import SQLiteLocation
from nilometer.textio.durable import sync_file, sync_folder
from nilometer.times import Clock, current_time


def back_up(url: str, file: Path, replacing: Replacements = NOTHING_REPLACED) -> Contents:
    """Copies the ledger at ``url`` into a new file, as it is at one moment, and checks the copy.

    ``replacing`` has events that are to stand in the copy instead of those at their positions.

    The file appears under its name only when it is complete: its events and receipts have the digest of what was read,
    and its views, made anew, are what its events come to. Raises ``InputError`` if the file exists.
    """
    if file.exists() or file.is_symlink():
        raise InputError(f"{file} exists; it was not touched", hint="name a new file")
    if not file.absolute().parent.is_dir():
        raise InputError(f"the folder of {file} does not exist", hint=f"mkdir -p {quote(str(file.absolute().parent))}")
    check_database(url)
    with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix=f".{file.name}.") as folder:
        made = Path(folder) / "ledger.db"
        with Ledger.open(url, read_only=True) as source:
            copied = _copy(source, f"sqlite:///{made}", replacing)
        os.link(made, file)  # unlike a renaming, it never replaces what came there meanwhile
        with file.open("rb+") as copy:
            sync_file(copy)
        sync_folder(file.absolute().parent)
    return copied


def restore_backup(file: Path, url: str) -> Contents:
    """Copies a backup into the ledger at ``url``, which must be new or empty, in one transaction, and checks it."""
    check_backup_file(file)
    with removed_if_empty(url), Ledger.open(f"sqlite:///{file.absolute()}", read_only=True) as source:
        return _copy(source, url)


def check_backup_file(file: Path) -> None:
    """Raises ``LedgerError`` for a file that is not a ledger, or is damaged."""
    try:
        check_database(f"sqlite:///{file.absolute()}")
        with closing(SQLiteReader.open(SQLiteLocation(file))):
            pass  # raises if the file is not a ledger
    except (NoLedger, NotALedger) as error:
        names_a_ledger = "--ledger" in (error.hint or "") or "sqlite://" in (error.hint or "")  # a backup has no URL
        hint = "name a file that nilo backup made" if names_a_ledger else error.hint
        raise NotALedger(error.message, hint=hint) from None


def announce_restore(url: str, file: Path, restored: Contents, *, actor: str, via: str, clock: Clock) -> int | None:
    """Records in a restored ledger, if it is sealed, that it was restored; returns the position.

    Without that, whoever kept a checkpoint of what came after the backup would find that events were removed.
    """
    with Ledger.open(url, clock=clock) as ledger:
        with ledger.recorder.transaction(write=False) as db:
            head = newest_head(db)
        if head is None:
            return None
        event = BackupRestored(
            file=str(file), sha256=restored.sha256, events=restored.events, sealed_as=head.origin, sealed=head.size
        )
        fact = Fact(stream=import_stream(restored.sha256), event=event, happened=current_time(clock))
        ((position,),) = ledger.record([Observation(key=os.urandom(16).hex(), facts=(fact,))], actor=actor, via=via)
        return position


def _copy(source: Ledger, url: str, replacing: Replacements = NOTHING_REPLACED) -> Contents:
    with Ledger.open(url, create=True) as target:
        try:
            copied = copy_ledger(source.recorder, target.recorder, replacing, [copy_seal])
        except IntegrityError as error:
            raise LedgerError(
                f"{source.url} is damaged: its events or receipts do not fit together ({error}); nothing was copied",
                hint="take an older backup, or an export (nilo import)",
            ) from error
    with Ledger.open(url) as target:
        target.views.rebuild()
        if read_contents(target.recorder) != copied or target.id != source.id or not target.views.compare().equal:
            raise LedgerError(f"{target.url} is not the same as what was copied", hint="try again, and report this")
    check_database(url)
    return copied
