"""What a command that follows a ledger does between two readings of it."""

from __future__ import annotations

import os
import select
import sys
import time
from typing import Final

from nilometer.cli.failures import naming_stdout

PAUSE_SECONDS: Final = 0.25
"""Between two readings of a ledger."""


def wait_for_more() -> None:
    """Waits until the ledger is to be read again.

    Raises ``BrokenPipeError`` as soon as nobody reads stdout any more, without anything to write: the next event may
    come in days. Windows does not say that somebody went away; there it is seen with the next event.
    Raises ``OSError`` if stdout was closed from the beginning.
    """
    with naming_stdout():
        os.write(sys.stdout.fileno(), b"")  # nothing arrives, but it is refused where nothing can be written
    if sys.platform == "win32":
        time.sleep(PAUSE_SECONDS)
        return
    waiting = select.poll()
    waiting.register(sys.stdout.fileno(), 0)  # that the other side is gone is said unasked
    if any(event & (select.POLLERR | select.POLLHUP) for _, event in waiting.poll(PAUSE_SECONDS * 1000)):
        raise BrokenPipeError
