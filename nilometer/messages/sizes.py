"""Sizes as people read them. ``domain.shapes.parse_size`` reads what people type.

The figures of one line are compared, so they share a unit: the largest in which each has at most two decimals.
"""

from __future__ import annotations

from collections.abc import Iterable

from rules.wording import MIB, UNITS, exact_unit, format_in
from rules.wording import UNKNOWN as UNKNOWN
from rules.wording import Unit as Unit
from rules.wording import format_exact_sizes as format_exact_sizes


def format_size(count: int | None, unit: Unit | None = None) -> str:
    """A number of bytes, exactly: in the largest unit that needs at most two decimals, as ``3190 MiB``, ``13.75 GiB``.

    ``None`` is ``unknown``. If a ``unit`` is given, it is as ``format_sizes`` says.
    """
    return format_exact_sizes([count])[0] if unit is None else format_sizes([count], unit)[0]


def format_rounded(count: int | None, unit: Unit | None = None) -> str:
    """A number of bytes in MiB or a larger unit; one that is rounded to two decimals is marked ``~``."""
    return format_sizes([count], unit)[0]


def format_sizes(counts: Iterable[int | None], unit: Unit | None = None) -> list[str]:
    """Numbers of bytes, all in one unit, MiB or larger; one that is rounded to two decimals is marked ``~``."""
    counts = list(counts)
    unit = unit or common_unit(counts)
    return [format_in(count, unit) for count in counts]


def format_part(granted: int | None, requested: int | None, unit: Unit | None = None) -> str:
    """What was granted of a request: ``2 GiB``, or both in one unit, ``128 MiB of 256 MiB``."""
    if granted == requested:
        return format_size(granted, unit)
    return " of ".join(format_sizes([granted, requested], unit))


def common_unit(counts: Iterable[int | None]) -> Unit:
    """The largest unit in which each number of bytes has at most two decimals, but no smaller one than MiB."""
    unit = exact_unit(counts)
    return unit if unit.power >= MIB.power else MIB


def format_typed(count: int) -> str:
    """A number of bytes, exactly, as it can be typed: ``4GiB``, ``14080MiB``."""
    for unit in UNITS:
        if count and count % (1 << unit.power) == 0:
            return f"{count >> unit.power}{unit.name}"
    return str(count)


def plural(count: int, noun: str) -> str:
    """A number of things: ``1 record``, ``12,000 records``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
