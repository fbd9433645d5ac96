"""Figures as text: sizes as people read and type them. Figures that are compared share a unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from domain.quantities import is_count

UNKNOWN: Final = "unknown"


class Unit(NamedTuple):
    """A unit of sizes."""

    name: str
    power: int
    """It has 2**power bytes."""


UNITS: Final = (Unit("PiB", 50), Unit("TiB", 40), Unit("GiB", 30), Unit("MiB", 20), Unit("KiB", 10))
MIB: Final = Unit("MiB", 20)
BYTES: Final = Unit("bytes", 0)
_UNITS_BY_POWER: Final = [next((unit for unit in UNITS if unit.power <= power), BYTES) for power in range(51)]
"""The largest unit that has at most 2**power bytes."""


def exact_unit(counts: Iterable[int | None]) -> Unit:
    """The largest unit in which each number of bytes has at most two decimals."""
    return _exact_unit(tuple(counts))


@lru_cache(maxsize=4096)  # a log names the same sizes together again and again
def _exact_unit(counts: tuple[int | None, ...]) -> Unit:
    smallest, bits = 0, 0
    for count in counts:
        if count:
            count = abs(count)
            bits |= count
            if count < smallest or not smallest:
                smallest = count
    if not smallest:
        return MIB
    # A hundred is 4 times an odd number: so all numbers, times 100, are multiples of as many powers of 2 as their
    # common bits have, and two more. And the smallest must be one unit at least.
    power = min((bits & -bits).bit_length() + 1, smallest.bit_length() - 1)
    return _UNITS_BY_POWER[min(power, len(_UNITS_BY_POWER) - 1)]


def format_exact_sizes(counts: Sequence[int | None]) -> list[str]:
    """Numbers of bytes, exactly, all in one unit: ``3190 MiB``, ``13.75 GiB``. ``None`` is ``unknown``."""
    unit = exact_unit(counts)
    return [format_in(count, unit) for count in counts]


@lru_cache(maxsize=4096)  # a log names the same sizes again and again
def format_in(count: int | None, unit: Unit) -> str:
    """A number of bytes in a unit; one that is rounded to two decimals is marked ``~``, but nothing is rounded to 0."""
    if count is None:
        return UNKNOWN
    if unit == BYTES:
        return f"{count} byte{'' if abs(count) == 1 else 's'}"
    hundredths, rest = divmod(abs(count) * 100, 1 << unit.power)
    if rest * 2 >= 1 << unit.power:
        hundredths += 1
    if count and not hundredths:
        return f"{'-' if count < 0 else ''}<0.01 {unit.name}"
    whole, part = divmod(hundredths, 100)
    places = f".{part:02}".rstrip("0") if part else ""
    return f"{'~' if rest else ''}{'-' if count < 0 else ''}{whole}{places} {unit.name}"


def format_typed(count: int) -> str | int:
    """A number of bytes, exactly, for a script: ``"4GiB"``, ``"14080MiB"``; a plain number if no unit fits."""
    for unit in UNITS:
        if count > 0 and count % (1 << unit.power) == 0:
            return f"{count >> unit.power}{unit.name}"
    return count


def format_figure(path: str, value: Any) -> str:
    """A figure as people read it. Its path says whether it is a size."""
    return format_figures(path, [value])[0]


def format_figures(path: str, values: Sequence[Any]) -> list[str]:
    """Values of one figure as people read them, sizes in one unit. The path says whether it is a size."""
    sizes = [value if type(value) is int and not is_count(path) else None for value in values]
    return [
        _format_value(value) if size is None else text
        for value, size, text in zip(values, sizes, format_exact_sizes(sizes), strict=True)
    ]


def _format_value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.value if isinstance(value, StrEnum) else str(value)
