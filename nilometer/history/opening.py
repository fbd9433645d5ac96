"""The one way in for a history, whatever holds it: JSON Lines in a file or from stdin, or an export as Parquet.

Parquet is read as the history lines that it was made of, so that whoever reads a history need not know of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from domain.errors import InputError
from nilometer.history.parquet.installed import require_pyarrow
from nilometer.history.parquet.manifest import EXPORT_AGAIN, NAME
from nilometer.textio.databases import open_bytes
from nilometer.textio.files import check_name, open_input
from nilometer.textio.texts import ByteStream

_MAGIC: Final = b"PAR1"
_EXPORTED: Final = ("*.parquet", "date=*/group=*/*.parquet")
"""Where the files of an export are in its folder."""


class HistoryStream(ByteStream, Protocol):
    """A history as bytes, which may be read again."""

    def seekable(self) -> bool:
        """Whether it can be read again from its beginning."""
        ...

    def seek(self, offset: int, /) -> int:
        """Goes back to the beginning, 0."""
        ...


@contextmanager
def open_history(name: str) -> Generator[HistoryStream]:
    """A history to read, ``-`` for stdin. Raises ``InputError`` if it cannot be opened."""
    read = None if name == "-" else _parquet_reader(Path(check_name(name)))
    if read is None:
        with open_input(name) as stream:
            yield stream
        return
    require_pyarrow()
    lines = LineStream(read)
    try:
        yield lines
    finally:
        lines.close()


def is_parquet(name: str) -> bool:
    """Whether a file or folder holds an export as Parquet: no lines of text can be found in it by their bytes."""
    return name != "-" and _parquet_reader(Path(name)) is not None


def check_listed(path: Path) -> None:
    """Raises ``InputError`` for a folder that has files of an export, but not the list of them."""
    if path.is_dir() and not (path / NAME).is_file() and any(next(path.glob(files), None) for files in _EXPORTED):
        raise InputError(f"{path}: {NAME} is missing, the list of the export's files", hint=EXPORT_AGAIN)


def _parquet_reader(path: Path) -> Callable[[], Iterator[bytes]] | None:
    """What reads the lines of a Parquet file, or of a folder with an export; ``None`` for anything else."""
    if (path / NAME).is_file():

        def read_folder() -> Iterator[bytes]:
            from nilometer.history.parquet.reading import read_export

            return read_export(path)

        return read_folder
    check_listed(path)

    def read_file() -> Iterator[bytes]:
        from nilometer.history.parquet.reading import read_file

        return read_file(path)

    if not path.is_file():  # a pipe must not be read before its reader comes
        return None
    try:
        with open_bytes(path) as stream:
            return read_file if stream.read(len(_MAGIC)) == _MAGIC else None
    except OSError:
        return None  # reported when it is opened


class LineStream:
    """History lines as a stream of bytes."""

    def __init__(self, read: Callable[[], Iterator[bytes]]) -> None:
        self._read_lines = read
        self._lines = read()
        self._some: bytes = b""
        """Some of the lines together, of which those from a byte on are still to be given."""
        self._begin = 0

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end. Raises ``InputError``, when the lines before it were given."""
        while self._begin == len(self._some):
            some = next(self._lines, None)
            if some is None:
                return b""
            self._some, self._begin = some, 0
        begin = self._begin
        self._begin = min(begin + size, len(self._some))
        return self._some[begin : self._begin]

    def seekable(self) -> bool:
        """It can be read again."""
        return True

    def seek(self, offset: int, /) -> int:
        """Goes back to the beginning, 0."""
        if offset:
            raise InputError(f"a history is read from its beginning, not from byte {offset}")
        self.close()
        self._lines, self._some, self._begin = self._read_lines(), b"", 0
        return 0

    def close(self) -> None:
        """Ends the reading, and closes what is read."""
        close = getattr(self._lines, "close", None)
        if close is not None:
            close()
