"""A bar on stderr, if that is a terminal, that makes room for what is printed."""

from __future__ import annotations

import sys
import time
from typing import Final

WIDTH: Final = 30
PATIENCE: Final = 0.3
"""Seconds before the bar is shown for the first time."""
EVERY: Final = 0.05
"""At most so often, in seconds."""


class ProgressBar:
    """How far the work is."""

    def __init__(self, doing: str, total: int) -> None:
        self.doing, self.total, self.count = doing, total, 0
        self._on = sys.stderr.isatty()
        self._begun = self._told = time.monotonic()
        self._shown = False

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.hide()

    def begin(self, doing: str, total: int) -> None:
        """Something else is done now."""
        self.doing, self.total, self.count = doing, total, 0

    def step(self) -> None:
        """One more is done."""
        self.count += 1
        self.total = max(self.total, self.count)
        moment = time.monotonic() if self._on else 0.0
        if self._on and moment - self._begun > PATIENCE and moment - self._told > EVERY:
            self._told, self._shown = moment, True
            done = WIDTH * self.count // self.total
            bar = "#" * done + "." * (WIDTH - done)
            sys.stderr.write(f"\r\x1b[K{self.doing} [{bar}] {self.count:,} of {self.total:,}")
            sys.stderr.flush()

    def hide(self) -> None:
        """Takes the bar away, for a line to be printed in its place."""
        if self._shown:
            self._shown = False
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
