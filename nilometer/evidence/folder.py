"""The folder that evidence is written to: file after file, each with its digest, and nothing held in memory."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from nilometer.textio.durable import make_folders, sync_file


class EvidenceFolder:
    """A new folder, and the SHA-256 of what was written to it."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._place.mkdir()
        self.digests: dict[str, str] = {}

    def write(self, name: str, *parts: bytes) -> None:
        """Writes a file."""
        self.write_parts(name, parts)

    def write_parts(self, name: str, parts: Iterable[bytes]) -> None:
        """Writes a file, part by part."""
        path, digest = self._place / name, sha256()
        make_folders(path.parent)
        with path.open("wb") as opened:
            for part in parts:
                opened.write(part)
                digest.update(part)
            sync_file(opened)
        self.digests[name] = digest.hexdigest()
