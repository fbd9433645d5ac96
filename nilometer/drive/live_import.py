"""Evidence that grows, into a ledger as it grows: what was read once is not read again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from nilometer.importers.qemu.importer import QemuImporter
from nilometer.importers.run import BATCH
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Observation

VIA: Final = "drive"
"""The tool that what was only measured is recorded with."""


class LiveImport:
    """The evidence of one VM, up to where it was read. It records what ``nilo import-qemu`` would record of it."""

    def __init__(self, path: Path, actor: str) -> None:
        self.path = path
        self._actor = actor
        self._importer = QemuImporter(str(path))
        self._offset = 0
        self._line = 0

    def take(self, ledger: Ledger) -> list[int]:
        """Records what is new, and returns the positions of its events. Raises ``InputError``."""
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
                yield from self._importer.read_line(line.rstrip(b"\r\n"), self._line)
