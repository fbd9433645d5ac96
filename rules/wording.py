"""Figures as text: sizes as people read and type them."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

UNITS: Final = (("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10))
COUNTS: Final = frozenset(("generation", "session", "buffer", "weight", "major", "minor", "vms"))
"""Figures that are not sizes, by the last part of their paths."""


def is_count(path: str) -> bool:
    """Whether a figure is not a size."""
    return path.rpartition(".")[2] in COUNTS


def size(count: int) -> str:
    """A number of bytes, exactly, in the largest unit that needs at most two decimals: ``3190 MiB``, ``13.75 GiB``."""
    if count == 0:
        return "0 MiB"
    sign, positive = ("-", -count) if count < 0 else ("", count)
    for unit, power in UNITS:
        if positive >> power and (positive * 100) % (1 << power) == 0:
            number = f"{Decimal(positive) / (1 << power):f}"
            return f"{sign}{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"
    return f"{count} byte{'' if positive == 1 else 's'}"


def typed(count: int) -> str | int:
    """A number of bytes, exactly, for a script: ``"4GiB"``, ``"14080MiB"``; a plain number if no unit fits."""
    for unit, power in UNITS:
        if count > 0 and count % (1 << power) == 0:
            return f"{count >> power}{unit}"
    return count


def figure(path: str, value: Any) -> str:
    """A figure as people read it. Its path says whether it is a size."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, int) and not is_count(path):
        return size(value)
    return str(value)
