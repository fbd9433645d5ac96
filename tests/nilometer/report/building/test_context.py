"""Sizes of one sentence share a unit, and none that is something is shown as nothing."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from domain.quantities import LARGEST, MiB, TiB
from nilometer.report.building.context import bare, shown_together, unit_of
from rules.wording import Unit

SIZES = st.integers(0, LARGEST // MiB).map(lambda count: count * MiB)


@given(sizes=st.lists(SIZES, min_size=1, max_size=3))
def test_sizes_that_are_compared_share_a_unit(sizes: list[int]) -> None:
    assert len({words.rpartition("\N{NO-BREAK SPACE}")[2] for words in shown_together(*sizes)}) == 1


@given(sizes=st.lists(SIZES, min_size=1, max_size=3))
@example(sizes=[8 * MiB, 660 * TiB + 4 * MiB])
def test_only_nothing_is_shown_as_nothing(sizes: list[int]) -> None:
    assert [bare(size, unit_of(sizes)) == "0" for size in sizes] == [size == 0 for size in sizes]


def test_a_small_size_beside_a_large_one_is_more_than_nothing() -> None:
    sizes = (8 * MiB, 660 * TiB + 4 * MiB, 1024 * TiB)
    assert shown_together(*sizes) == [
        "<0.01\N{NO-BREAK SPACE}TiB",
        "~660\N{NO-BREAK SPACE}TiB",
        "1024\N{NO-BREAK SPACE}TiB",
    ]
    assert bare(8 * MiB, Unit("TiB", 40)) == "<0.01"
