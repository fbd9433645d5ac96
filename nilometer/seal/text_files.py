"""Files with a policy, a checkpoint or keys: what is wrong in one is said with its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from domain.errors import InputError
from nilometer.textio.files import read_small_file
from nilometer.tlog.errors import TlogError

T = TypeVar("T")


def parse_file(file: str, parse: Callable[[bytes], T], what: str, hint: str) -> T:
    """What a file holds; ``what`` names it with its article. Raises ``InputError`` that names the file."""
    raw = read_small_file(file, what, hint)
    try:
        return parse(raw)
    except TlogError as error:
        raise InputError(f"{file}: this is not {what}: {error.message}", hint=error.hint or hint) from None
