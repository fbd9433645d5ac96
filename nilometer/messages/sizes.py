"""Sizes as people read them. Reading what people type is ``domain.shapes.parse_size``."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

UNITS: Final = (("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10))
UNKNOWN: Final = "unknown"
_MIB: Final = ("MiB", 20)
_HUNDREDTH: Final = Decimal("0.01")


def size(count: int | None) -> str:
    """A number of bytes, exactly: in the largest unit that needs at most two decimals, as ``3190 MiB``, ``13.75 GiB``.

    ``None`` is ``unknown``.
    """
    if count is None:
        return UNKNOWN
    sign, count = ("-", -count) if count < 0 else ("", count)
    unit, power = _unit(count)
    if not unit:
        return "0 MiB" if count == 0 else f"{sign}{count} byte{'' if count == 1 else 's'}"
    return f"{sign}{_decimal(Decimal(count) / (1 << power))} {unit}"


def about(count: int | None) -> str:
    """A number of bytes for a table: as ``size`` says it, but what is not whole MiB is rounded and marked ``~``."""
    return alike([count])[0]


def alike(counts: Iterable[int | None]) -> list[str]:
    """Numbers of bytes that will be compared, all in one unit, MiB or larger; a rounded one is marked ``~``."""
    counts = list(counts)
    units = [_unit(abs(count)) for count in counts if count]
    unit, power = min(units, key=lambda unit: unit[1], default=_MIB)
    if power < 20:
        unit, power = _MIB
    return [UNKNOWN if count is None else _rounded(count, unit, power) for count in counts]


def part(granted: int | None, asked: int | None) -> str:
    """What was granted of what was asked: ``2 GiB``, or both in one unit, ``128 MiB of 256 MiB``."""
    return size(granted) if granted == asked else " of ".join(alike([granted, asked]))


def _rounded(count: int, unit: str, power: int) -> str:
    exact = Decimal(count) / (1 << power)
    if count * 100 % (1 << power) == 0:
        return f"{_decimal(exact)} {unit}"
    return f"~{_decimal(exact.quantize(_HUNDREDTH, ROUND_HALF_UP))} {unit}"


def _unit(count: int) -> tuple[str, int]:
    for unit, power in UNITS:
        if count >> power and (count * 100) % (1 << power) == 0:
            return unit, power
    return "", 0


def _decimal(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def typed(count: int) -> str:
    """A number of bytes, exactly, as it can be typed: ``4GiB``, ``14080MiB``."""
    for unit, power in UNITS:
        if count and count % (1 << power) == 0:
            return f"{count >> power}{unit}"
    return str(count)
