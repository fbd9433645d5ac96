"""Cuts text into lines, whatever ends them: ``\\n``, ``\\r\\n``, or in an old Mac's file ``\\r``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

LONGEST_LINE: Final = 2**24
"""Bytes; a longer line is refused."""


class LineSplitter:
    """Takes text piece by piece, and gives its lines without ``\\n``. ``None`` stands for a line that is too long."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        """The beginning of a line; empty for a line that is too long."""
        self._size = 0
        self._ends: bytes | None = None
        """What ends a line; unknown until the first ``\\n``."""
        self._after_return = False

    def split(self, chunk: bytes) -> Iterator[bytes | None]:
        """The lines that end in the next piece of text."""
        if not chunk:
            return
        if self._ends is None and b"\n" in chunk:
            self._ends = b"\n"
        if self._ends is None:
            self._keep(chunk)
            if self._size > LONGEST_LINE:
                yield from self._without_newlines()
            return
        if self._ends == b"\r":
            chunk = self._with_newlines(chunk)
        first, *others = chunk.split(b"\n")
        for other in others:
            self._keep(first)
            yield self._line()
            first = other
        self._keep(first)

    def split_rest(self) -> Iterator[bytes | None]:
        """The lines of a file that has no ``\\n`` at all: the text ends here."""
        if self._ends is None:
            yield from self._without_newlines()

    def last(self) -> Iterator[bytes | None]:
        """The last line, if it has no end."""
        if self._size:
            yield self._line()

    def _without_newlines(self) -> Iterator[bytes | None]:
        """There was no ``\\n`` until now: this is an old Mac's file, or one endless line."""
        parts, self._parts, self._size = self._parts, [], 0
        self._ends = b"\r" if any(b"\r" in part for part in parts) else b"\n"
        for part in parts:
            yield from self.split(part)

    def _with_newlines(self, chunk: bytes) -> bytes:
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_return = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._ends is None or self._size <= LONGEST_LINE + 1:  # one more: it may be the end's first half
            self._parts.append(part)
        else:
            self._parts.clear()

    def _line(self) -> bytes | None:
        line = None if self._size > LONGEST_LINE + 1 else b"".join(self._parts)
        too_long = self._size > LONGEST_LINE and (line is None or len(line.rstrip(b"\r")) > LONGEST_LINE)
        self._parts, self._size = [], 0
        return None if too_long else line
