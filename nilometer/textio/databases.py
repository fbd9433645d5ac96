"""Opening files of which one may be a SQLite database, and be open in this process already.

When a process closes a file, POSIX releases all its locks on that file, those of other descriptors too. SQLite's
connections would go on without theirs: another program takes itself for the last one, removes the write-ahead log, and
what is written here afterwards is lost. So the bytes of a database are never read as those of another file are, and its
header is read through the descriptor that is open already.
"""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Final

DATABASE_MAGIC: Final = b"SQLite format 3\x00"
HEADER_BYTES: Final = 100


def open_bytes(path: Path) -> io.BufferedReader | io.BytesIO:
    """Opens a file to read its bytes; of a database there are no more than its header, which shows what it is.

    Raises ``OSError``.
    """
    if path.is_file():  # a pipe must not be read before its reader comes
        header = read_header(path)
        if header.startswith(DATABASE_MAGIC):
            return io.BytesIO(header)
    return path.open("rb")


def is_database(path: Path) -> bool:
    """Whether a file is a SQLite database."""
    try:
        return path.is_file() and read_header(path).startswith(DATABASE_MAGIC)
    except OSError:
        return False


def read_header(path: Path) -> bytes:
    """The first hundred bytes of a file, without taking away a lock that this process has on it. Raises ``OSError``."""
    descriptor = _find_open(path.stat())
    if descriptor is not None:
        with contextlib.suppress(OSError):  # it was closed meanwhile, or is open to be written only
            return os.pread(descriptor, HEADER_BYTES, 0)
    file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    header = b""
    try:
        header = os.read(file, HEADER_BYTES)
    finally:
        # Another thread may have opened the database meanwhile; then this descriptor is kept.
        if not header.startswith(DATABASE_MAGIC) or _find_open(os.fstat(file), but=file) is None:
            os.close(file)
    return header


def _find_open(wanted: os.stat_result, but: int | None = None) -> int | None:
    """A descriptor of this process on a file, if it has one; where there are no descriptors, no lock is lost either."""
    with contextlib.suppress(FileNotFoundError):
        for descriptor in [int(path.name) for path in Path("/dev/fd").iterdir()]:
            with contextlib.suppress(OSError):  # that of the folder itself is closed again
                if descriptor != but and os.path.samestat(os.fstat(descriptor), wanted):
                    return descriptor
    return None
