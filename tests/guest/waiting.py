"""Waiting for what a guest does in its own time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Waits for what a guest does in its own time; fails after three minutes."""
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.1)
