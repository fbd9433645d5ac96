"""Output files: written completely, or not at all."""

from __future__ import annotations

import io
import os
import stat
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from domain.errors import InputError
from nilometer.cli.failures import FULL
from nilometer.textio.databases import is_database
from nilometer.textio.durable import replace_file, sync_file
from nilometer.textio.files import check_name

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _NamedFile(io.FileIO):
    """A file that is written under a name for the time being: its errors have the name that it is to get."""

    def __init__(self, handle: int, target: Path) -> None:
        super().__init__(handle, "wb")
        self._target = target

    def write(self, data: ReadableBuffer, /) -> int:
        """Writes bytes. Raises ``OSError``."""
        try:
            return super().write(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._target)) from None


@contextmanager
def open_output(file: str | None) -> Generator[BinaryIO]:
    """Opens stdout, or a file that appears under its name only when all of it is written.

    Raises ``InputError`` for a file that is a database: it may be a ledger, and is never replaced.
    """
    if file in (None, "-"):
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except OSError as error:
            if error.errno in FULL and error.filename is None:
                error.filename = "stdout"
            raise
        return
    target = Path(check_name(str(file)))
    if target.is_symlink():  # what it leads to is written, and it stays
        target = target.resolve()
    if target.is_dir():
        raise InputError(f"{target}: this is a folder", hint="name a file in it")
    if target.exists() and not target.is_file():  # a device or a pipe cannot be replaced
        with io.BufferedWriter(_NamedFile(os.open(target, os.O_WRONLY), target)) as stream:
            yield stream
        return
    if is_database(target):
        raise InputError(f"{target} is a SQLite database; it was not touched", hint="name another file with -o")
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise InputError(f"{target}: {error.strerror}", hint="name a file in a folder that can be written") from None
    try:
        with io.BufferedWriter(_NamedFile(handle, target)) as stream:
            yield stream
            sync_file(stream)
        if target.exists():  # else it stays private: what a history holds is nobody else's business
            Path(name).chmod(stat.S_IMODE(target.stat().st_mode))
        replace_file(Path(name), target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
