"""Work by turns: nothing is lost or changes its place, whatever comes between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.errors import InputError
from nilometer.textio.turns import AT_ONCE, by_turns


@pytest.mark.parametrize("count", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE])
def test_turns_are_all_there_is_in_its_order(count: int) -> None:
    turns = list(by_turns(range(count)))
    assert [each for some in turns for each in some] == list(range(count))
    assert all(len(some) == AT_ONCE for some in turns[:-1])
    assert all(turns)


@pytest.mark.parametrize("count", [0, 1, AT_ONCE, AT_ONCE + 1])
def test_an_error_is_raised_when_what_came_before_it_was_taken(count: int) -> None:
    def broken_off() -> Iterator[int]:
        yield from range(count)
        raise InputError("cut off", hint="read it again")

    taken: list[int] = []
    with pytest.raises(InputError, match="cut off"):
        taken.extend(each for some in by_turns(broken_off()) for each in some)
    assert taken == list(range(count))
