"""A spool's folder, as the collector keeps it: a file a day, packed or not, and ``changes``, which wait for a poll."""

from __future__ import annotations

import gzip
import json
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from nilometer.importers.hyperv.sources.spool.change_pairs import WAITING
from nilometer.times import to_utc_time

CHANGES: Final = "changes"
MOST_BYTES: Final = 65_536
"""The size of a file of a change, as the collector limits it."""
_DAY: Final = re.compile(r"(?P<host>.+)-\d{8}\.jsonl(?:\.gz)?", re.DOTALL)
_BLOCK: Final = 1 << 20


@dataclass(slots=True)
class SpoolFolder:
    """What of a spool's folder is read."""

    folder: Path
    days: list[Path] = field(default_factory=list[Path])
    """Each day once, sorted by name."""
    waiting: bytes = b""
    """The files in ``changes``, a line each, as lines of a spool."""
    passed_over: list[str] = field(default_factory=list[str])
    """The names of all other files."""


def read_spool_folder(folder: Path) -> SpoolFolder | None:
    """What of a folder is read, if it is a spool's: it has days, and ``changes``."""
    changes = folder / CHANGES
    if not changes.is_dir():
        return None
    files = sorted(path for path in folder.iterdir() if path.is_file())
    days = [path for path in files if _DAY.fullmatch(path.name)]
    if not days:
        return None
    spool = SpoolFolder(folder=folder, days=_drop_repeats(days))
    spool.passed_over = [path.name for path in files if path not in days]
    hosts = {match["host"] for path in days if (match := _DAY.fullmatch(path.name)) is not None}
    lines = list(_read_waiting(changes, hosts, spool.passed_over))
    spool.waiting = b"".join(lines)
    return spool


def _read_waiting(changes: Path, hosts: set[str], passed_over: list[str]) -> Iterator[bytes]:
    """The lines that a poll would write of the files that wait."""
    try:
        paths = sorted(changes.iterdir())
    except OSError:  # who may read the spool may not list it
        passed_over.append(f"{CHANGES}/")
        return
    for path in paths:
        host = next((host for host in hosts if path.name.startswith(f"{host}-")), None)
        if host is None:
            passed_over.append(f"{CHANGES}/{path.name}")
            continue
        content, error = _read_content(path)
        made = to_utc_time(datetime.fromtimestamp(path.lstat().st_mtime, UTC))
        line = {"schema": 2, "kind": WAITING, "time": made, "host": host, "file": path.name, "content": content}
        line["error"] = error
        yield json.dumps(line).encode() + b"\n"


def _read_content(path: Path) -> tuple[str | None, str | None]:
    """The text of a file, or why it is not read."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None, "it is not a file"
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        return None, str(error.strerror)
    if len(data) > MOST_BYTES:
        return None, f"it has more than {MOST_BYTES} bytes"
    try:
        return data.decode(), None
    except UnicodeDecodeError:
        return None, "it is not UTF-8"


def _drop_repeats(days: list[Path]) -> list[Path]:
    """The days without those that another file has whole: a crash may leave a day both packed and not."""
    dropped: set[Path] = set()
    for plain in days:
        packed = plain.with_name(f"{plain.name}.gz")
        if plain.suffix == ".gz" or packed not in days:
            continue
        shorter = _find_prefix(plain, packed)
        if shorter is not None:
            dropped.add(shorter)
    return [path for path in days if path not in dropped]


def _find_prefix(plain: Path, packed: Path) -> Path | None:
    """The file of which the other begins with all of it, so far as it can be read; ``None`` if they differ."""
    try:
        with plain.open("rb") as one, gzip.open(packed) as other:
            while True:
                here, there = one.read(_BLOCK), _read_packed(other)
                if not there or (len(there) < len(here) and here.startswith(there)):
                    return packed if not _read_packed(other) else None
                if len(here) < len(there) and there.startswith(here):
                    return plain if not one.read(1) else None
                if here != there:
                    return None
    except OSError:
        return None


def _read_packed(stream: BinaryIO | gzip.GzipFile) -> bytes:
    """The next block; nothing where the file is damaged."""
    try:
        return stream.read(_BLOCK)
    except (OSError, EOFError, ValueError):
        return b""
