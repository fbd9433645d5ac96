"""Any values that rules take: valid and not, negative, huge, and near the numbers at which something changes."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from hypothesis import strategies as st

from domain.quantities import FLOOR, LARGEST, QUANTUM
from domain.settings import GENERATION_1_LIMIT, LIMIT_BEFORE_2022, LIMIT_SINCE_2022
from rules.symbolic.values import field_types, is_record

EDGES = (0, 1, 2, 5, 100, 2000, QUANTUM, FLOOR, GENERATION_1_LIMIT, LIMIT_BEFORE_2022, LIMIT_SINCE_2022, LARGEST)

NUMBERS: st.SearchStrategy[int] = st.one_of(
    st.sampled_from([edge + beside for edge in EDGES for beside in range(-2, 3)]),
    st.sampled_from([quanta * QUANTUM + beside for quanta in range(-3, 41) for beside in (-1, 0, 1)]),
    st.integers(-(2**70), 2**70),
)


@cache  # a strategy that is made anew for each example takes longer than to draw from it
def anything_of(kind: type) -> st.SearchStrategy[object]:
    """Any value of a type that rules have."""
    if is_record(kind):
        return st.builds(kind, **{name: anything_of(of) for name, of in field_types(kind).items()})
    if issubclass(kind, bool):
        return st.booleans()
    if issubclass(kind, StrEnum):
        return st.sampled_from(list(kind))
    return NUMBERS
