"""What was measured, as a table, on the terminal and in docs/performance.md."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN: Final = "<!-- make bench: from here -->"
END: Final = "<!-- make bench: to here -->"

HEADINGS: Final = ("what", "Nilometer", "beside", "ratio", "target", "")


@dataclass(frozen=True, slots=True)
class Line:
    """One figure. ``ok`` is whether it is what it should be, ``None`` where there is no target."""

    what: str
    ours: str
    beside: str = ""
    ratio: str = ""
    target: str = ""
    ok: bool | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells of its row."""
        verdict = "" if self.ok is None else "ok" if self.ok else "short"
        return (self.what, self.ours, self.beside, self.ratio, self.target, verdict)


def table(lines: Sequence[Line]) -> list[str]:
    """The lines of a table in Markdown, in columns."""
    rows = [HEADINGS, *(line.cells for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    written = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]
    return [written[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *written[1:]]


def machine() -> str:
    """The machine and the programs that the figures are of."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def write(lines: Sequence[Line], page: Path = PAGE) -> None:
    """Puts the table in the place of the one on the page."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{page} has no place for the table: put {BEGIN} and {END} there")
    middle = "\n".join(["", f"Measured {machine()}.", "", *table(lines), ""])
    page.write_text(f"{before}{BEGIN}{middle}{END}{after}", encoding="utf-8")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()
