"""Files that a worker reads itself: those on a disk. Spark then need not give it their lines, one row each.

Spark says which files there are. What lies in a cluster's storage, or is packed, Spark reads.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

import pyarrow

from nilometer.spark.chunks import WINDOW_BYTES

FEWEST_BYTES: Final = 2**22
"""A task is given so many bytes at least, if there are any more: it costs some milliseconds."""
MOST_BYTES: Final = 2**27
_NOT_PACKED: Final = (".jsonl", ".json", ".ndjson")


class FilePiece(NamedTuple):
    """The lines of a file that begin from a byte on, and before another."""

    path: Path
    begin: int
    end: int


def find_paths(names: Iterable[str]) -> list[Path] | None:
    """The paths of files whose URLs these are, in order; ``None`` unless a worker can read all of them itself."""
    paths = list[Path]()
    for name in names:
        url = urlsplit(name)
        path = Path(unquote(url.path))
        if url.scheme != "file" or url.netloc or path.suffix not in _NOT_PACKED or not _is_readable(path):
            return None
        paths.append(path)
    return sorted(paths)


def _is_readable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.R_OK)


def divide_files(paths: Sequence[Path], tasks: int, fewest: int = FEWEST_BYTES) -> list[list[FilePiece]]:
    """What each task reads, of so many tasks or more, in order."""
    sizes = [path.stat().st_size for path in paths]
    most = min(MOST_BYTES, max(fewest, -(-sum(sizes) // tasks)))
    found, room = list[list[FilePiece]](), 0
    for path, size in zip(paths, sizes, strict=True):
        begin = 0
        while begin < size:
            if not room:
                found.append([])
                room = most
            end = min(size, begin + room)
            found[-1].append(FilePiece(path, begin, end))
            room -= end - begin
            begin = end
    return found


def read_pieces(pieces: Iterable[FilePiece], together: int = WINDOW_BYTES) -> Iterator[pyarrow.RecordBatch]:
    """The lines of some pieces, about so many bytes of them together, as Spark gives those of a file."""
    for path, begin, end in pieces:
        with path.open("rb") as file:
            if begin:
                file.seek(begin - 1)
                file.readline()  # it begins in the piece before, unless it is the end of one
            while (at := file.tell()) < end:
                text = file.read(min(together, end - at))
                if not text:
                    return  # somebody shortened it meanwhile: the judge misses what was there
                if not text.endswith(b"\n"):
                    text += file.readline()
                lines = text.removeprefix(codecs.BOM_UTF8).splitlines() if not at else text.splitlines()
                yield from pyarrow.table({"value": pyarrow.array(lines, pyarrow.binary())}).to_batches()
