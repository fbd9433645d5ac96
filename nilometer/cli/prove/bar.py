"""A progress bar on stderr, if that is a terminal. It gives way to lines that are printed."""

from __future__ import annotations

import sys
import time
from typing import Final

WIDTH: Final = 30
PATIENCE: Final = 0.3
"""Seconds before the bar is shown for the first time."""
EVERY: Final = 0.05
"""The least time between two drawings, in seconds."""


class ProgressBar:
    """Shows how much of the work is done."""

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total, self.count = label, total, 0
        self.is_on = sys.stderr.isatty()
        self._begun = self._drawn = time.monotonic()
        self._shown = False

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.hide()

    def begin(self, label: str, total: int) -> None:
        """Starts again, for another kind of work."""
        self.label, self.total, self.count = label, total, 0

    def step(self) -> None:
        """Counts one more step, and draws the bar if it is time to."""
        self.count += 1
        self.total = max(self.total, self.count)
        moment = time.monotonic() if self.is_on else 0.0
        if self.is_on and moment - self._begun > PATIENCE and moment - self._drawn > EVERY:
            self._drawn, self._shown = moment, True
            done = WIDTH * self.count // self.total
            bar = "#" * done + "." * (WIDTH - done)
            sys.stderr.write(f"\r\x1b[K{self.label} [{bar}] {self.count:,} of {self.total:,}")
            sys.stderr.flush()

    def hide(self) -> None:
        """Erases the bar, so that a line can be printed in its place."""
        if self._shown:
            self._shown = False
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
