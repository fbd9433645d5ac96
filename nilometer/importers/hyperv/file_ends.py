"""Where an import ended in each file: how much of it was read, and the digest of that.

A file that has grown is read from there on, however it is packed now. One that is as it was is not read again. Whatever
differs in what was read before is another file.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from domain.identifiers import UtcTime
from nilometer.importers.hyperv.sources.source import FileMemory
from nilometer.importers.run import DigestedStream, Hash
from nilometer.textio.texts import read_unpacked

PACKED: Final = ".gz"
SETTLED_SECONDS: Final = 10
"""A file that was changed so long ago has no change under way that its times do not show."""

Stamp = tuple[int, int, int, int, int]
"""What the file system says of a file: its size, when it and its entry changed, and where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEnd:
    """Where an import ended in a file."""

    name: str
    """Of the file, without its folder and ``.gz``."""
    format: str
    sha256: str
    """Of all of it, as it was."""
    size: int
    stamp: Stamp | None
    """``None`` if it had just been changed: then it may be another in no time."""
    records: int
    """That were read of it."""
    offset: int | None = None
    """Of what is behind all that was read, in the unpacked file; ``None`` for one that is not read on."""
    read_sha256: str | None = None
    """Of all that is before the offset."""
    lines: int = 0
    """That are before the offset."""
    memory: FileMemory = field(default_factory=FileMemory)


def name_of(path: str) -> str:
    """The name of a file, whether it is packed by now or not."""
    return Path(path).name.removesuffix(PACKED)


def read_stamp(path: str) -> Stamp | None:
    """What the file system says of a file; ``None`` if it cannot say."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def is_settled(stamp: Stamp, now: UtcTime) -> bool:
    """Whether a file with this stamp, were it changed now, would have another one."""
    return max(stamp[1:3]) < (datetime.fromisoformat(now).timestamp() - SETTLED_SECONDS) * 10**9


class FileEnds:
    """The ends of the files of an import."""

    def __init__(self, ends: Sequence[FileEnd] = ()) -> None:
        self._by_name: dict[str, list[FileEnd]] = {}
        for end in ends:
            self._by_name.setdefault(end.name, []).append(end)

    def of_name(self, path: str) -> Sequence[FileEnd]:
        """The ends of files that had this name, in whatever folder."""
        return self._by_name.get(name_of(path), ())

    def find_same(self, path: str) -> FileEnd | None:
        """The end of a file that the file system shows as it was."""
        ends = [end for end in self.of_name(path) if end.stamp is not None]
        stamp = read_stamp(path) if ends else None
        return next((end for end in ends if end.stamp == stamp), None)

    def marks(self, path: str) -> Collection[int]:
        """The offsets that a file may have grown from."""
        return {end.offset for end in self.of_name(path) if end.offset is not None}

    def match(self, path: str, stream: DigestedStream) -> FileEnd | None:
        """The end of a file that is as it was, or begins with what was read of it."""
        ends = self.of_name(path)
        same = next((end for end in ends if (end.sha256, end.size) == (stream.sha256, stream.size)), None)
        if same is not None:
            return same
        for end in sorted(ends, key=lambda end: end.offset or 0, reverse=True):
            if end.offset and stream.digest_until(end.offset) == end.read_sha256:
                return end
        if path.endswith(PACKED) and any(end.offset is not None for end in ends):
            for end in ends:
                if end.offset is not None and digest_unpacked(stream, path, end.offset).at_mark == end.read_sha256:
                    return end
        return None


@dataclass(frozen=True, slots=True)
class UnpackedDigest:
    """The digests of what is in a packed file."""

    size: int
    sha256: str
    at_mark: str | None
    """Of its beginning up to the mark; ``None`` if it is shorter."""
    lines: int
    ends_line: bool
    """Whether it ends with an end of line."""


def digest_unpacked(stream: DigestedStream, name: str, mark: int) -> UnpackedDigest:
    """Reads a packed file once, and goes back to its beginning."""
    stream.rewind()
    digest: Hash = sha256()
    size, lines, at_mark, last = 0, 0, None, b""
    for piece in read_unpacked(stream, name):
        if size < mark <= size + len(piece):
            digest.update(piece[: mark - size])
            at_mark = digest.hexdigest()
            digest.update(piece[mark - size :])
        else:
            digest.update(piece)
        size, lines, last = size + len(piece), lines + piece.count(b"\n"), piece[-1:] or last
    stream.rewind()
    return UnpackedDigest(size=size, sha256=digest.hexdigest(), at_mark=at_mark, lines=lines, ends_line=last == b"\n")


class UnpackedRest:
    """What stands in a packed file behind its first ``skipped`` bytes."""

    def __init__(self, stream: DigestedStream, name: str, skipped: int) -> None:
        self._pieces = read_unpacked(stream, name)
        self._skip = skipped
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """The next bytes; none at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest, self._skip = piece[self._skip :], max(0, self._skip - len(piece))
        data, self._rest = self._rest[:size], self._rest[size:]
        return data
