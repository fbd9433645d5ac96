"""Any values that rules take: valid and not, negative, huge, and near the numbers at which something changes."""

from __future__ import annotations

from enum import StrEnum

from hypothesis import strategies as st

from domain.quantities import FLOOR, LARGEST, QUANTUM
from domain.settings import GENERATION_1_LIMIT, LIMIT_BEFORE_2022, LIMIT_SINCE_2022
from rules.symbolic.values import field_types, is_record

_EDGES = (0, 1, 2, 5, 100, 2000, QUANTUM, FLOOR, GENERATION_1_LIMIT, LIMIT_BEFORE_2022, LIMIT_SINCE_2022, LARGEST)

NUMBERS: st.SearchStrategy[int] = st.one_of(
    st.tuples(st.sampled_from(_EDGES), st.integers(-2, 2)).map(sum),
    st.tuples(st.integers(-3, 40).map(QUANTUM.__mul__), st.integers(-1, 1)).map(sum),
    st.integers(-(2**70), 2**70),
)


def anything_of(kind: type) -> st.SearchStrategy[object]:
    """Any value of a type that rules have."""
    if is_record(kind):
        return st.builds(kind, **{name: anything_of(of) for name, of in field_types(kind).items()})
    if issubclass(kind, bool):
        return st.booleans()
    if issubclass(kind, StrEnum):
        return st.sampled_from(list(kind))
    return NUMBERS
