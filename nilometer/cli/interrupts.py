"""Ctrl-C while foreign code runs: noted when it comes, raised where Python can handle it.

Python drops an interrupt that arrives while a Z3 object is destroyed, and Z3 creates thousands of them.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Generator[Callable[[], None]]:
    """Yields a function to call between steps: it raises ``KeyboardInterrupt`` if Ctrl-C was pressed.

    A second Ctrl-C raises at once.
    """
    came = False

    def note(number: int, _: object) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    def check() -> None:
        if came:
            raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGINT, note)
    except ValueError:  # not in the main thread, where no interrupt arrives
        yield check
        return
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
