"""What an import of a recording knows behind a line where nothing waits, so that the next one goes on from there.

It is stored beside the events and never believed: the recording up to there and the ledger must be those with which it
was stored. Otherwise the recording is read from its beginning, which comes to the same events.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from domain.identifiers import StreamName
from domain.observed.host import ObservedHost
from nilometer.importers.qemu.entries import VmOrderState
from nilometer.importers.qemu.vm import QemuVm
from nilometer.importers.stored_form import StoredForm
from nilometer.storage.import_ends import StoredEnd

SHAPE: Final = "import-qemu/1"
"""What is stored has this shape. Of another version of the program it may have another, and is not read."""


@dataclass(slots=True, kw_only=True)
class QemuMemo:
    """All that an import knows of a recording up to a line."""

    scenario: str
    prefix: str
    digest: str
    """Of all records up to there."""
    highest: int
    """The highest number of a record."""
    last: str | None
    """The time of the last record that is no event."""
    orders: dict[str, VmOrderState]
    """By the names of the VMs."""
    host: ObservedHost
    vms: dict[str, QemuVm]
    streams: set[StreamName]
    """Those that have begun."""


@dataclass(slots=True, kw_only=True)
class QemuCheckpoint:
    """Where an import ended, and what it knew."""

    shape: str
    position: int
    """Of the last event in the ledger."""
    offset: int
    """The bytes that were read."""
    line: int
    memo: QemuMemo


_FORM: Final = StoredForm(QemuCheckpoint)


def encode(checkpoint: QemuCheckpoint) -> StoredEnd | None:
    """What is stored of it; ``None`` if something in it cannot be stored."""
    state = _FORM.encode(checkpoint)
    return None if state is None else StoredEnd(checkpoint.position, state)


def decode(stored: StoredEnd) -> QemuCheckpoint | None:
    """What was stored; ``None`` if it has another shape."""
    found = _FORM.decode(stored.state)
    is_known = found is not None and found.shape == SHAPE and found.position == stored.position
    return found if is_known else None


def name_end(path: Path) -> str:
    """The name under which the end of an import is stored."""
    return f"{SHAPE}/{sha256(str(path.resolve()).encode('utf-8', 'surrogateescape')).hexdigest()[:32]}"
