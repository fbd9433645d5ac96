"""Lines of several files are merged by position, whatever pieces they are read in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from nilometer.history.parquet.pieces import Lines, first_not_rising, merge_lines, with_ends

FILES = st.lists(st.lists(st.lists(st.integers(1, 60), max_size=5), max_size=4), max_size=4)
"""The positions of some files, each in pieces, some of them empty."""


def rising(file: list[list[int]]) -> list[list[int]]:
    """The same, with the positions of the file in order, each once."""
    positions = iter(sorted({position for piece in file for position in piece}))
    return [[position for _, position in zip(piece, positions, strict=False)] for piece in file]


def read(number: int, pieces: list[list[int]]) -> Iterator[Lines]:
    return ((piece, [b"%d of %d" % (position, number) for position in piece]) for piece in pieces)


@given(drawn=FILES)
def test_all_lines_come_once_and_in_order(drawn: list[list[list[int]]]) -> None:
    files = list(map(rising, drawn))
    merged = list(merge_lines(read(number, file) for number, file in enumerate(files)))
    assert all(positions for positions, _ in merged)
    assert [position for positions, _ in merged for position in positions] == sorted(
        position for file in files for piece in file for position in piece
    )
    lines = [line for _, lines in merged for line in lines]
    written = [line for number, file in enumerate(files) for _, lines in read(number, file) for line in lines]
    assert sorted(lines) == sorted(written)
    for positions, those in merged:
        assert [int(line.split()[0]) for line in those] == positions


def test_what_a_file_raises_comes_behind_all_lines_up_to_its_last() -> None:
    def damaged() -> Iterator[Lines]:
        yield from read(1, [[3, 5]])
        raise InputError("damaged")

    merged = merge_lines([read(0, [[1, 2, 4], [6, 7]]), damaged()])
    assert [position for positions, _ in (next(merged), next(merged)) for position in positions] == [1, 2, 3, 4, 5]
    with pytest.raises(InputError, match="damaged"):
        next(merged)


@given(positions=st.lists(st.integers(1, 9), max_size=6), last=st.integers(0, 3))
def test_the_first_position_that_does_not_rise_is_named(positions: list[int], last: int) -> None:
    pairs = enumerate(zip([last, *positions], positions, strict=False))
    assert first_not_rising(positions, last) == next((index for index, (one, two) in pairs if two <= one), None)


def test_each_line_has_an_end() -> None:
    assert (with_ends([]), with_ends([b"a", b""])) == (b"", b"a\n\n")
