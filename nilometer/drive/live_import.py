"""Evidence that grows, into a ledger as it grows: what was read once is not read again, by the next process neither."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from nilometer.errors import LedgerError
from nilometer.importers.qemu.importer import QemuImporter
from nilometer.importers.qemu.memo import SHAPE, QemuCheckpoint, decode, encode, name_end
from nilometer.importers.run import BATCH
from nilometer.importers.stored_form import NotTheEnd
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Observation
from nilometer.storage.import_ends import load_end, save_end

VIA: Final = "drive"
"""The tool that what was only measured is recorded with."""
STORED_EACH: Final = 200
"""After so many lines it is stored how far they were read: a process that is killed leaves no more to read again."""


class LiveImport:
    """The evidence of one VM, up to where it was read. It records what ``nilo import-qemu`` would record of it."""

    def __init__(self, path: Path, actor: str) -> None:
        self.path = path
        self.lines_read = 0
        """The lines that this object read."""
        self._actor = actor
        self._begin()

    def _begin(self) -> None:
        self._importer = QemuImporter(str(self.path))
        self._offset = self._line = self._stored = 0
        self._has_looked = False

    def take(self, ledger: Ledger, *, ends: bool = False) -> list[int]:
        """Records what is new, and returns the positions of its events; ``ends`` if it is the last time.

        Raises ``InputError``.
        """
        if not self._has_looked:
            self._go_on(ledger)
        try:
            positions = self._record(ledger)
        except NotTheEnd:  # what was recorded meanwhile is recorded once
            self._begin()
            self._has_looked = True
            positions = self._record(ledger)
        if self._line - self._stored >= (1 if ends else STORED_EACH):
            self._store(ledger)
        return positions

    def _record(self, ledger: Ledger) -> list[int]:
        positions: list[int] = []
        observations = self._read()
        while batch := list(islice(observations, BATCH)):
            recorded = ledger.record(batch, actor=self._actor, via=VIA)
            positions += [position for one in recorded for position in one]
        return positions

    def _read(self) -> Iterator[Observation]:
        """What is certain by the lines that are new. A line whose end is not written yet is for the next time."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                self._line += 1
                self.lines_read += 1
                yield from self._importer.read_line(line.rstrip(b"\r\n"), self._line)

    # How far it was read

    def _go_on(self, ledger: Ledger) -> None:
        """Goes on from where the evidence was last read to, if that is stored, and the evidence is what it was."""
        self._has_looked = True
        try:
            stored = load_end(ledger.recorder, name_end(self.path))
        except LedgerError:  # such as a table of somebody else
            return
        found = None if stored is None else decode(stored)
        if found is None or not self.path.exists() or not 0 < found.offset <= self.path.stat().st_size:
            return
        with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            before = memoryview(content)[: found.offset]
            try:
                self._importer.go_on(found.memo, before, found.line)
            except NotTheEnd:
                return
            finally:
                before.release()
        self._offset, self._line, self._stored = found.offset, found.line, found.line

    def _store(self, ledger: Ledger) -> None:
        """Stores how far it was read. If it cannot be, the next process reads more, and comes to the same."""
        memo = self._importer.remember()
        if memo is None:
            return
        checkpoint = QemuCheckpoint(
            shape=SHAPE, position=ledger.position, offset=self._offset, line=self._line, memo=memo
        )
        encoded = encode(checkpoint)
        if encoded is None:
            return
        try:
            save_end(ledger.recorder, name_end(self.path), encoded)
        except LedgerError as failed:
            what = f"all events are recorded, but not how far the evidence was read: {failed.message}"
            ledger.warnings.append(LedgerError(what, hint="nothing is lost: the next run reads all of it"))
        else:
            self._stored = self._line
