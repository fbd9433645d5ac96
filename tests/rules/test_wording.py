"""Sizes as people read them: exactly, or rounded and marked, and in one unit."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from rules.wording import BYTES, MIB, UNITS, Unit, exact_unit, format_exact_sizes, format_in

small = st.integers(-(2**12), 2**12)
near_units = st.builds(int.__sub__, st.sampled_from([unit.power for unit in UNITS]), st.integers(0, 4))
sizes = st.one_of(small, st.integers(-(2**56), 2**56), st.builds(int.__lshift__, small, near_units))
units = st.sampled_from((*UNITS, BYTES))


def has_two_decimals(size: int, unit: Unit) -> bool:
    exact = Decimal(size) / (1 << unit.power)
    return abs(exact) >= 1 and exact == exact.quantize(Decimal("0.01"))


@example(-1, MIB)
@example(1, UNITS[0])
@given(sizes, units)
def test_a_size_in_a_unit_is_its_decimal_number_with_two_places_at_most(size: int, unit: Unit) -> None:
    number, _, name = format_in(size, unit).partition(" ")
    exact = Decimal(size) / (1 << unit.power)
    assert name.removesuffix("s") == unit.name.removesuffix("s")
    if number in ("<0.01", "-<0.01"):
        assert 0 < abs(exact) < Decimal("0.005")
        assert number.startswith("-") is (size < 0)
        return
    assert size == 0 or Decimal(number.removeprefix("~"))
    assert Decimal(number.removeprefix("~")) == exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert number.startswith("~") is (Decimal(number.removeprefix("~")) != exact)
    assert not number.endswith(".0")
    assert "." not in number or not number.endswith("0")


@example([9 << 17])  # 1.125 MiB: more than two decimals
@example([9 << 18, None, 1 << 30])
@given(st.lists(st.none() | sizes, max_size=3))
def test_sizes_that_are_compared_share_the_largest_unit_in_which_all_are_exact(counts: list[int | None]) -> None:
    unit, known = exact_unit(counts), [count for count in counts if count]
    fitting = [larger for larger in UNITS if all(has_two_decimals(count, larger) for count in known)]
    assert unit == (MIB if not known else fitting[0] if fitting else BYTES)
    assert format_exact_sizes(counts) == [format_in(count, unit) for count in counts]
