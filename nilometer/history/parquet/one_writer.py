"""One export at a time writes into a folder: two would name each event twice."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import InputError

if sys.platform != "win32":
    import fcntl


@contextmanager
def one_writer(folder: Path) -> Generator[None]:
    """Holds the right to write into a folder; the system takes it back however the process ends.

    It is a lock on the folder itself, so that nothing of it is left there. Where folders cannot be locked, on Windows
    and on some network file systems, nobody is kept away. Raises ``InputError`` while another has it.
    """
    if sys.platform == "win32":
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{folder}: another nilo export is writing it; this one did nothing", hint="try again when that is done"
            ) from None
        except OSError:
            pass  # it cannot be locked here
        yield
    finally:
        os.close(held)
