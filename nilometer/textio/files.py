"""Files that are read, by their names."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from domain.errors import InputError


@contextmanager
def open_input(file: str) -> Generator[BinaryIO]:
    """A file to read, ``-`` for stdin. Raises ``InputError`` if it cannot be."""
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", hint="name a file, or - for stdin") from None
    with stream:
        yield stream
