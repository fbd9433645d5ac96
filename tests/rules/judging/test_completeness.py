"""Events that stand before their place are kept until it comes: each is judged once, where it belongs."""

from __future__ import annotations

import pytest

from rules.judging.descriptions import HISTORY_IS_WHOLE
from tests.oracle.strategies import Seeded
from tests.rules.judging.histories import judged, random_history

HISTORY = random_history(Seeded(3), 40)


@pytest.mark.parametrize(
    ("places", "early"),
    [
        ([1, 2, 5, 3, 4], [5]),
        ([2, 1, 3], [2]),
        ([1, 2, 5, 3, 7, 4, 6], [5, 7]),
        ([4, 1, 2, 6, 3, 5], [4, 6]),
    ],
    ids=str,
)
def test_an_early_event_is_judged_where_it_belongs(places: list[int], early: list[int]) -> None:
    rest = range(len(places) + 1, len(HISTORY) + 1)
    found, coverage = judged([HISTORY[place - 1] for place in (*places, *rest)])
    assert [(finding.at.position, finding.why.partition(",")[0]) for finding in found] == [
        (place, "the event comes too early") for place in early
    ]
    whole, expected = judged(HISTORY)
    assert whole == []
    assert coverage.rules.pop(HISTORY_IS_WHOLE).violated == len(early)
    assert expected.rules.pop(HISTORY_IS_WHOLE).violated == 0
    assert coverage == expected
