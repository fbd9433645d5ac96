"""Files that are on the disk, under their names, before anybody says so: a power failure takes nothing of them away.

The content of a file and its name in its folder are kept apart by a file system: each has to be written out.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO, Final, TextIO

_NOT_FOLDERS: Final = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)
"""Some file systems write out no folders; and a folder that may be written may still not be read."""


def sync_file(file: BinaryIO | TextIO | int) -> None:
    """Waits until what was written to a file is on the disk."""
    if not isinstance(file, int):
        file.flush()
        file = file.fileno()
    os.fsync(file)


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk: of files that were made, renamed or removed in it."""
    if os.name == "nt":  # Windows opens no folder for that, and writes the names out itself
        return
    try:
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError as error:
        if error.errno not in _NOT_FOLDERS:
            raise


def make_folders(folder: Path, mode: int = 0o777) -> None:
    """Makes a folder, if there is none, and those that it is in, and waits until their names are on the disk."""
    missing = [] if folder.exists() else [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(mode, parents=True, exist_ok=True)
    for one in reversed(missing):
        sync_folder(one.parent)


def replace_file(written: Path, target: Path) -> None:
    """Gives a file that is written out its name, in the place of what has that name."""
    written.replace(target)
    sync_folder(target.parent)


def write_file(target: Path, content: bytes) -> None:
    """Puts a whole file in the place of the one before. Killed, it leaves either one. Raises ``OSError``."""
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with beside.open("wb") as stream:
            stream.write(content)
            sync_file(stream)
        replace_file(beside, target)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
