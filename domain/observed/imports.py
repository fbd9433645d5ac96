"""Events of imports: that one began, that a file was imported, and that a ledger was restored from a backup."""

from __future__ import annotations

from domain.event import event
from domain.observed.events import Observed
from domain.record import Record, record


@record()
class KindCount(Record):
    """How many records of one kind were not needed, or had a remark."""

    kind: str
    count: int


@event("import.begun", version=1)
@record(kw_only=True)
class ImportBegun(Observed):
    """The import of a file began. It is recorded together with the first events of the import, before them.

    Its stream is that of the file's ``import.recorded``. Files that are imported together begin together.
    """

    file: str
    format: str
    sha256: str
    size: int
    """The size of the file in bytes, as far as it is imported."""
    prefix: str
    began_after: int
    """The position of the last event that the import knew: if it is killed and run again, it goes on from there."""


@event("import.restored", version=1)
@record(kw_only=True)
class BackupRestored(Observed):
    """A sealed ledger was restored from a backup: what was recorded and sealed after that is given up.

    Its stream is ``import/`` and the first 16 digits of the digest of the backup's events and receipts.
    """

    file: str
    sha256: str
    events: int
    """How many events the backup has."""
    sealed_as: str
    """The name of the log that it was sealed as."""
    sealed: int
    """How many of its events are sealed under that name."""


@event("import.recorded", version=2)
@record(kw_only=True)
class ImportRecorded(Observed):
    """A whole file was imported. Its stream is ``import/`` and the first 16 digits of its digest.

    ``records`` = those that gave events (``telling``) + repeats + those not needed.
    """

    file: str
    format: str
    sha256: str
    prefix: str
    records: int
    telling: int
    """Records that gave events."""
    events: int
    repeats: int
    not_needed: tuple[KindCount, ...]
    unreadable: int = 0
    """Lines that were skipped because they could not be read."""
    remarks: tuple[KindCount, ...] = ()
    """What was odd about records that were read nevertheless, such as a gap in their numbers."""
