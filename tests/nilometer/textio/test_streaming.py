"""Reading in batches loses nothing and keeps the order, whatever error comes between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.errors import InputError
from nilometer.textio.streaming import BATCH_EVENTS, in_batches


@pytest.mark.parametrize("count", [0, 1, BATCH_EVENTS - 1, BATCH_EVENTS, BATCH_EVENTS + 1, 3 * BATCH_EVENTS])
def test_the_batches_hold_all_items_in_their_order(count: int) -> None:
    batches = list(in_batches(range(count)))
    assert [item for batch in batches for item in batch] == list(range(count))
    assert all(len(batch) == BATCH_EVENTS for batch in batches[:-1])
    assert all(batches)


@pytest.mark.parametrize("count", [0, 1, BATCH_EVENTS, BATCH_EVENTS + 1])
def test_an_error_is_raised_after_all_items_before_it(count: int) -> None:
    def broken_off() -> Iterator[int]:
        yield from range(count)
        raise InputError("cut off", hint="read it again")

    taken: list[int] = []
    with pytest.raises(InputError, match="cut off"):
        taken.extend(item for batch in in_batches(broken_off()) for item in batch)
    assert taken == list(range(count))
