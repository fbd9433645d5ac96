"""Locks that the operating system lets go of when their process ends, however it ends. They need a POSIX system."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from nilometer.drive.driver import CannotBeAsked
from nilometer.errors import LedgerError
from nilometer.textio.durable import make_folders

if sys.platform != "win32":
    import fcntl


@contextmanager
def lock_file(file: int) -> Generator[None]:
    """Holds the lock of an open file, which others wait for."""
    _take(file, wait=True)
    try:
        yield
    finally:
        _let_go(file)


@contextmanager
def lock_changes(path: Path, vm: str, note: str) -> Generator[None]:
    """Holds the right to change a VM. ``note`` is what others are told meanwhile.

    Raises ``CannotBeAsked`` while somebody else holds it.
    """
    make_folders(path.parent)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    try:
        if not _take(file, wait=False):
            holder = os.pread(file, 1000, 0).decode("utf-8", "replace").strip()
            raise CannotBeAsked(
                f"{vm} is being changed by somebody else{holder and ': '}{holder}; nothing was sent",
                hint="one change of a VM at a time: try again when that one has settled",
            )
        os.ftruncate(file, 0)
        os.pwrite(file, note.encode(), 0)
        yield
        os.ftruncate(file, 0)
    finally:
        os.close(file)


@contextmanager
def nobody_changes(path: Path) -> Generator[bool]:
    """Tells whether nobody changes the VM; if so, nobody begins to before this ends."""
    make_folders(path.parent)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    try:
        yield _take(file, wait=False)
    finally:
        os.close(file)


def _take(file: int, *, wait: bool) -> bool:
    if sys.platform == "win32":
        raise LedgerError("nilo drive needs a POSIX system", hint="run it where the guest runs")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _let_go(file: int) -> None:
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_UN)
