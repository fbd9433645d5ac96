"""Opens the files that are read, by their names."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from domain.errors import InputError
from nilometer.textio.identifying.kind import FOLDER, wrong_file


@contextmanager
def open_input(file: str) -> Generator[BinaryIO]:
    """A file to read, ``-`` for stdin. Raises ``InputError`` if it cannot be opened, or is a folder."""
    if file == "-":
        yield sys.stdin.buffer
        return
    if Path(file).is_dir():
        raise wrong_file(file, FOLDER)
    try:
        stream = Path(file).open("rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", hint="name a file, or - for stdin") from None
    with stream:
        yield stream
