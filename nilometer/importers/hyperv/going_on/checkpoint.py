"""What an import stores at its end, so that the next one reads only what is new: where it ended, and what it knew.

It is stored beside the events and never believed: the files and the ledger must be those that it ended with. Otherwise
all is read anew, which comes to the same events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from domain.errors import InputError
from domain.identifiers import UtcTime, seconds_between
from nilometer.importers.hyperv.file_ends import FileEnd
from nilometer.importers.hyperv.going_on.memo import FoldMemo, PairsMemo
from nilometer.importers.hyperv.hyperv_file import HypervFile
from nilometer.importers.hyperv.readings import HostReading
from nilometer.importers.hyperv.sources.spool.change_pairs import ChangeFile, ChangePairs
from nilometer.importers.stored_form import NotTheEnd, StoredForm
from nilometer.storage.import_ends import StoredEnd

SHAPE: Final = "import-hyperv/1"
"""What is stored has this shape. Of another version of the program it may have another, and is not read."""
LATE_SECONDS: Final = 600
"""Files of two hosts that are fetched one after the other end at times that are no farther apart."""
KEPT_PAIRS: Final = 1000
"""The files of so many changes are kept: each might come again."""


@dataclass(slots=True, kw_only=True)
class HypervCheckpoint:
    """Where an import ended, and what it knew."""

    shape: str
    position: int
    """Of the last event that it knew."""
    digest: str
    """Of the keys of all records."""
    files: list[FileEnd]
    polled_at: dict[str, UtcTime]
    """When each host was last polled, by its names in files."""
    fold: FoldMemo
    pairs: PairsMemo

    def check(self, files: Sequence[HypervFile]) -> None:
        """Raises ``NotTheEnd`` if a file that is new begins before the end: it belongs between what was read."""
        newest = max(self.polled_at.values(), default=None)
        for file in files:
            if file.end is not None or file.is_waiting or newest is None:
                continue
            try:
                first = file.peek()
            except InputError as error:
                raise NotTheEnd(f"{file.name} cannot be read") from error
            if first is None:
                continue
            host = next((reading.host for reading in first.record.readings if isinstance(reading, HostReading)), None)
            until = self.polled_at.get(host or "")
            is_late = first.at < until if until is not None else seconds_between(first.at, newest) > LATE_SECONDS
            if is_late:
                raise NotTheEnd(f"{file.name} begins before the end of the last import")

    def encode(self) -> StoredEnd | None:
        """What is stored of it; ``None`` if something in it cannot be stored."""
        state = _FORM.encode(self)
        return None if state is None else StoredEnd(self.position, state)


_FORM: Final = StoredForm(HypervCheckpoint)


def decode(stored: StoredEnd) -> HypervCheckpoint | None:
    """What was stored; ``None`` if it has another shape."""
    found = _FORM.decode(stored.state)
    is_known = found is not None and found.shape == SHAPE and found.position == stored.position
    return found if is_known else None


def name_end(names: Sequence[str], options: Sequence[object]) -> str | None:
    """The name under which the end of an import is stored: the same for files of the same folders, and options.

    ``None`` for an import that cannot be gone on with, as it reads from a pipe.
    """
    if "-" in names:
        return None
    folders = sorted({str(Path(name).resolve().parent) for name in names})
    return f"{SHAPE}/{sha256(repr([folders, *options]).encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def keep_pairs(pairs: ChangePairs) -> PairsMemo:
    """The files of changes that the next import has to know. Those that still wait for a poll come again with it."""
    return PairsMemo(begun=_keep(pairs.begun), ends=_keep(pairs.ends))


def _keep(files: dict[str, ChangeFile]) -> dict[str, ChangeFile]:
    taken_in = [(id, file) for id, file in files.items() if file.seen_at is not None]
    return dict(taken_in[-KEPT_PAIRS:])
