"""Figures as they stand in the table, and the lines of two that are measured side by side."""

from __future__ import annotations

from typing import Final

from benchmarks.report import Line
from benchmarks.timing import SideBySide

MB: Final = 1_000_000


def format_rates(what: str, unit: str, both: SideBySide, target: float | None = None) -> Line:
    return Line(
        what,
        f"{both.ours.rate:,.0f} {unit}",
        f"{both.other.rate:,.0f} {unit}",
        f"{both.rate:.2f}",
        "" if target is None else f"≥ {target:.2g}",
        None if target is None else both.rate >= target,
    )


def format_cpu(cpu: float, wall: float) -> str:
    return f"{cpu:.1f} CPU s, {wall:.1f} s"


def format_seconds(seconds: float) -> str:
    return f"{seconds:.2f} CPU s"


def format_length(length: int) -> str:
    return f"{length // 1000}k" if length < 1_000_000 else f"{length // 1_000_000}M"
