"""Some rows of a file of an export, read together, and the lines of several files in one order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import lt
from typing import NamedTuple, TypeAlias

Lines: TypeAlias = tuple[Sequence[int], Sequence[bytes]]
"""The positions of some events, which rise, and their history lines, without ends."""


class Piece(NamedTuple):
    """What the typed columns say of some events, and their history lines.

    The lines are made of all columns but ``recorded``: nobody has compared that with the bodies yet.
    """

    positions: list[int]
    streams: list[str]
    topics: list[str]
    recorded: list[str | None]
    """When they were recorded; empty if it was not read."""
    lines: list[bytes]
    recorded_in_lines: list[bytes]
    """What the lines say of it, as ``recorded_at`` writes it."""


def with_ends(lines: Iterable[bytes]) -> bytes:
    """Lines as a text: each with its end."""
    return b"\n".join((*lines, b""))


def first_not_rising(positions: Sequence[int], last: int) -> int | None:
    """The index of the first position that does not come after the one before it; ``None`` if there is none."""
    if not positions or (positions[0] > last and all(map(lt, positions, positions[1:]))):
        return None
    before = (last, *positions[:-1])
    return next(index for index, (one, other) in enumerate(zip(before, positions, strict=True)) if other <= one)


def merge_lines(files: Iterable[Iterator[Lines]]) -> Iterator[Lines]:
    """The lines of several files by position; a position that stands in two of them comes twice.

    What a file raises is raised when all lines up to its last one were given.
    """
    waiting = [_Waiting(file) for file in files]
    while waiting := [file for file in waiting if file.has_lines()]:
        bound = min(file.last for file in waiting)
        taken = [some for file in waiting if (some := file.take(bound))[0]]
        if len(taken) == 1:
            yield taken[0]
            continue
        positions = [position for its_positions, _ in taken for position in its_positions]
        lines = [line for _, its_lines in taken for line in its_lines]
        order = sorted(range(len(positions)), key=positions.__getitem__)
        yield [positions[index] for index in order], [lines[index] for index in order]


class _Waiting:
    """What was read of a file and not given yet."""

    def __init__(self, file: Iterator[Lines]) -> None:
        self._file = file
        self._positions: Sequence[int] = ()
        self._lines: Sequence[bytes] = ()
        self._begin = 0

    @property
    def last(self) -> int:
        """The last position of what was read."""
        return self._positions[-1]

    def has_lines(self) -> bool:
        """Whether there are any; if none is left, more are read."""
        while self._begin == len(self._positions):
            found = next(self._file, None)
            if found is None:
                return False
            self._positions, self._lines = found
            self._begin = 0
        return True

    def take(self, bound: int) -> Lines:
        """Those up to a position."""
        begin, end = self._begin, bisect_right(self._positions, bound, self._begin)
        self._begin = end
        return self._positions[begin:end], self._lines[begin:end]
