"""What is stored is cut and compared piece by piece; that has to say the same as joining the pieces."""

from __future__ import annotations

import numpy
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer.audit.sieve.text_pool import EMPTY, TextPool

TEXTS = st.text("aé\0", max_size=14)
"""Arrow keeps texts of up to twelve bytes otherwise than longer ones."""


def array(*texts: str | None) -> pyarrow.Array:
    return pyarrow.array(texts, pyarrow.string())


@st.composite
def pools(draw: st.DrawFn) -> tuple[TextPool, list[str | None]]:
    """A pool, and the texts in it by their numbers; some are missing."""
    pool, known = TextPool(), list[str | None]([""])
    for texts in draw(st.lists(st.lists(TEXTS | st.none(), min_size=1, max_size=3), min_size=1, max_size=3)):
        assert pool.add(array(*texts)) == len(known)
        known += texts
    return pool, known


@given(pools(), st.data())
def test_a_text_is_the_pieces_just_when_they_are_joined_to_it(
    made: tuple[TextPool, list[str | None]], data: st.DataObject
) -> None:
    pool, known = made
    width = data.draw(st.integers(1, 4))
    numbers = st.lists(st.integers(0, len(known) - 1), min_size=width, max_size=width)
    rows = data.draw(st.lists(numbers, min_size=1, max_size=5))
    pieces = [[known[number] for number in row] for row in rows]
    joined = [None if None in row else "".join(map(str, row)) for row in pieces]
    stored = [data.draw(st.sampled_from([text or "", f"{text}a", *filter(None, joined)]) | TEXTS) for text in joined]
    before = data.draw(st.lists(TEXTS, max_size=2))
    which = numpy.array(rows, numpy.int32)

    found = pool.are_joined(array(*before, *stored, "behind")[len(before) : -1], which)

    assert found.tolist() == [text == other for text, other in zip(stored, joined, strict=True)]
    assert pool.join(which).to_pylist() == joined


@pytest.mark.parametrize("long", ["0123456789abc", "0123456789abc" * 3])
@pytest.mark.parametrize("place", range(13))
def test_one_other_character_is_seen_wherever_it_is(long: str, place: int) -> None:
    pool = TextPool()
    which = numpy.array([[pool.add(array("short")), pool.add(array(long)), EMPTY]])
    other = long[:place] + "!" + long[place + 1 :]
    assert pool.are_joined(array(f"short{long}"), which).tolist() == [True]
    assert pool.are_joined(array(f"short{other}"), which).tolist() == [False]


def test_pieces_that_have_the_right_length_only_together_with_their_neighbours_are_not_the_same() -> None:
    pool = TextPool()
    first, second = (pool.add(array(text)) for text in ("ab", "c"))
    which = numpy.array([[first, second], [second, first]])
    assert pool.are_joined(array("a", "bcabc"), which).tolist() == [False, False]


def test_texts_that_are_added_twice_have_one_number() -> None:
    pool, texts = TextPool(), array("a", "b")
    assert pool.add(texts) == pool.add(texts)
    assert pool.add(array("a", "b")) != pool.add(texts)


def test_texts_can_be_added_after_a_comparison() -> None:
    pool = TextPool()
    pool.are_joined(array(""), numpy.array([[EMPTY]]))
    number = pool.add(array("a", "b"))
    assert pool.are_joined(array("ab", "ba"), numpy.array([[number, number + 1]] * 2)).tolist() == [True, False]


def test_what_is_null_is_not_the_same_as_anything_but_no_text() -> None:
    pool = TextPool()
    number = pool.add(array("a"))
    assert pool.are_joined(array(None, "a"), numpy.array([[number]] * 2)).tolist() == [False, True]
