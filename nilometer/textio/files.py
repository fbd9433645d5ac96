"""Opens the files that are read, by their names."""

from __future__ import annotations

import errno
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import BinaryIO, Final

from domain.errors import InputError
from nilometer.textio.databases import open_bytes
from nilometer.textio.identifying.kind import FOLDER, wrong_file

LARGEST_SMALL_FILE: Final = 1_000_000
_DATABASES: Final = (".db", ".sqlite", ".sqlite3")


def check_name(name: str) -> str:
    """Returns the name of a file or folder. Raises ``InputError`` for an empty or too long one, and for a URL."""
    if not name:
        raise InputError("the name of the file is empty", hint="name a file; is a variable of the shell not set?")
    if _is_too_long(name):
        raise InputError(f"{name[:60]}…: the name has {len(name)} characters, too many for a file", hint="name a file")
    if "://" in name and not Path(name).exists():
        raise InputError(f"{name} is a URL, and not the name of a file", hint="a ledger is named by --ledger URL")
    return name


def read_small_file(file: str, what: str, hint: str) -> bytes:
    """A file that is read whole: a key, a policy, a checkpoint, a certificate; ``what`` names it with its article.

    Raises ``InputError`` for one that cannot be read, or is too large to be one.
    """
    path = Path(check_name(file))
    if path.is_dir():
        raise InputError(f"{file}: this is a folder, not {what}", hint=hint)
    try:
        with open_bytes(path) as opened:
            raw = opened.read(LARGEST_SMALL_FILE + 1)
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", hint=hint) from None
    if len(raw) > LARGEST_SMALL_FILE:
        raise InputError(f"{file} has over {LARGEST_SMALL_FILE:,} bytes: it is not {what}", hint=hint)
    return raw


def check_backup(name: str) -> Path:
    """The path of a backup, which must be there. Raises ``InputError``."""
    path = Path(check_name(name))
    if not path.exists():
        raise InputError(f"{name}: No such file or directory", hint="name a file that nilo backup made")
    return path


def check_new(name: str, otherwise: str = "") -> Path:
    """The path of a file or folder that is to be made. Raises ``InputError`` if it is there, or its folder is not.

    ``otherwise`` says, after the error, what else did not happen.
    """
    path = Path(check_name(name))
    if path.exists() or path.is_symlink():
        raise InputError(f"{name} exists; it was not touched{otherwise}", hint="name a new one: nothing is replaced")
    check_folder(path, otherwise)
    return path


def check_folder(path: Path, otherwise: str = "") -> None:
    """Raises ``InputError`` if the folder that a file is to be written in does not exist."""
    parent = path.absolute().parent
    if not parent.is_dir():
        raise InputError(
            f"{path}: the folder {parent} does not exist{otherwise}", hint=f"mkdir -p {quote(str(parent))}"
        )


def _is_too_long(name: str) -> bool:
    """Whether the system takes no name that long: Python raises for it where it only asks whether a file exists."""
    try:
        Path(name).stat()
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


@contextmanager
def open_input(file: str) -> Generator[BinaryIO]:
    """A file to read, ``-`` for stdin. Raises ``InputError`` if it cannot be opened, or is a folder."""
    if file == "-":
        yield sys.stdin.buffer
        return
    if Path(check_name(file)).is_dir():
        raise wrong_file(file, FOLDER)
    try:
        stream = open_bytes(Path(file))
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", hint="name a file, or - for stdin") from None
    with stream:
        yield stream


@contextmanager
def open_repeatable_input(file: str) -> Generator[BinaryIO]:
    """A file that can be read more than once, ``-`` for stdin: what comes from a pipe is kept beside, on disk, first.

    Raises ``InputError`` if it cannot be opened or kept, or is a folder.
    """
    with open_input(file) as stream:
        if stream.seekable():
            yield stream
            return
        with tempfile.TemporaryFile() as kept:
            try:
                shutil.copyfileobj(stream, kept)
                kept.seek(0)
            except OSError as error:
                problem = f"{file}: it cannot be read, or kept in {tempfile.gettempdir()}: {error.strerror}"
                raise InputError(problem, hint="name a file, or make room there") from None
            yield kept


def expand_folders(names: Iterable[str]) -> list[str]:
    """The names of files; a folder stands for the files in it and in its folders, sorted.

    Hidden files are left out, and databases: a ledger may be kept beside the files. Raises ``InputError`` for a folder
    without files.
    """
    files: list[str] = []
    for name in names:
        folder = Path(check_name(name))
        if name == "-" or not folder.is_dir():
            files.append(name)
            continue
        found = [path for path in folder.rglob("*") if path.is_file() and not _is_left_out(path.relative_to(folder))]
        if not found:
            raise InputError(f"{name}: there are no files to read in this folder", hint="name a file, or - for stdin")
        files += [str(path) for path in sorted(found)]
    return files


def _is_left_out(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts) or path.suffix.partition("-")[0] in _DATABASES
