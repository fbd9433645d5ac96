"""Labels at the ends of lines."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer.report.chart.labels import spread

HEIGHTS = st.lists(st.floats(0, 300), min_size=1, max_size=40).map(sorted)


@settings(max_examples=60, deadline=None)
@given(HEIGHTS)
def test_labels_do_not_overlap_keep_their_order_and_stay_in_the_picture(heights: list[float]) -> None:
    placed = spread(heights, 10, 296)
    gap = min(17.0, 286 / max(1, len(heights) - 1))
    assert len(placed) == len(heights)
    assert all(later - earlier >= gap - 1e-6 for earlier, later in pairwise(placed))
    assert all(10 - 1e-6 <= place <= 296 + 1e-6 for place in placed)


def test_labels_that_have_room_stay_where_their_lines_end() -> None:
    assert spread([20, 100, 200], 10, 296) == [20, 100, 200]


def test_two_at_one_height_part_evenly() -> None:
    assert spread([20, 200, 200], 10, 296) == [20, 191.5, 208.5]
