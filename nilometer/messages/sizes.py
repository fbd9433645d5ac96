"""Sizes as people read them. ``domain.shapes.parse_size`` reads what people type.

The figures of one line are compared, so they share a unit: the largest in which each has at most two decimals.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

UNKNOWN: Final = "unknown"
_HUNDREDTH: Final = Decimal("0.01")


class Unit(NamedTuple):
    """A unit of sizes."""

    name: str
    power: int
    """It has 2**power bytes."""


UNITS: Final = (Unit("PiB", 50), Unit("TiB", 40), Unit("GiB", 30), Unit("MiB", 20), Unit("KiB", 10))
_MIB: Final = Unit("MiB", 20)
_BYTES: Final = Unit("bytes", 0)


def format_size(count: int | None, unit: Unit | None = None) -> str:
    """A number of bytes, exactly: in the largest unit that needs at most two decimals, as ``3190 MiB``, ``13.75 GiB``.

    ``None`` is ``unknown``. If a ``unit`` is given, it is as ``format_sizes`` says.
    """
    return format_exact_sizes([count])[0] if unit is None else format_sizes([count], unit)[0]


def format_exact_sizes(counts: Iterable[int | None]) -> list[str]:
    """Numbers of bytes, exactly, all in one unit; in bytes if no larger unit shows each with at most two decimals."""
    counts = list(counts)
    unit = _exact_unit(counts)
    return [UNKNOWN if count is None else _format(count, unit) for count in counts]


def format_rounded(count: int | None, unit: Unit | None = None) -> str:
    """A number of bytes in MiB or a larger unit; one that is rounded to two decimals is marked ``~``."""
    return format_sizes([count], unit)[0]


def format_sizes(counts: Iterable[int | None], unit: Unit | None = None) -> list[str]:
    """Numbers of bytes, all in one unit, MiB or larger; one that is rounded to two decimals is marked ``~``."""
    counts = list(counts)
    unit = unit or common_unit(counts)
    return [UNKNOWN if count is None else _format(count, unit) for count in counts]


def format_part(granted: int | None, requested: int | None, unit: Unit | None = None) -> str:
    """What was granted of a request: ``2 GiB``, or both in one unit, ``128 MiB of 256 MiB``."""
    if granted == requested:
        return format_size(granted, unit)
    return " of ".join(format_sizes([granted, requested], unit))


def common_unit(counts: Iterable[int | None]) -> Unit:
    """The largest unit in which each number of bytes has at most two decimals, but no smaller one than MiB."""
    return max(_exact_unit(counts), _MIB, key=lambda unit: unit.power)


def format_typed(count: int) -> str:
    """A number of bytes, exactly, as it can be typed: ``4GiB``, ``14080MiB``."""
    for unit in UNITS:
        if count and count % (1 << unit.power) == 0:
            return f"{count >> unit.power}{unit.name}"
    return str(count)


def plural(count: int, noun: str) -> str:
    """A number of things: ``1 record``, ``12,000 records``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _exact_unit(counts: Iterable[int | None]) -> Unit:
    return min((_unit(abs(count)) for count in counts if count), key=lambda unit: unit.power, default=_MIB)


def _unit(count: int) -> Unit:
    for unit in UNITS:
        if count >> unit.power and (count * 100) % (1 << unit.power) == 0:
            return unit
    return _BYTES


def _format(count: int, unit: Unit) -> str:
    if unit == _BYTES:
        return f"{count} byte{'' if abs(count) == 1 else 's'}"
    exact = Decimal(count) / (1 << unit.power)
    if count * 100 % (1 << unit.power) == 0:
        return f"{_decimal(exact)} {unit.name}"
    return f"~{_decimal(exact.quantize(_HUNDREDTH, ROUND_HALF_UP))} {unit.name}"


def _decimal(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
