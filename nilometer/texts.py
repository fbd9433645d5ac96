"""Lines of a text file, as they come: numbered from 1, without their ends; what was packed with gzip is unpacked."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from domain.errors import InputError

LONGEST_LINE: Final = 2**24
"""Bytes; a longer line is none of ours."""
_GZIP: Final = b"\x1f\x8b"


def lines(stream: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """The lines of a stream in UTF-8, with their numbers. Raises ``InputError`` with ``name`` where it breaks off."""
    peek = getattr(stream, "peek", None)
    packed = peek is not None and peek(2)[:2] == _GZIP
    source = cast("BinaryIO", gzip.GzipFile(fileobj=stream)) if packed else stream
    number = 0
    try:
        while content := source.readline(LONGEST_LINE):
            number += 1
            if len(content) == LONGEST_LINE:
                raise InputError(f"{name}:{number}: the line is over {LONGEST_LINE} bytes long")
            yield number, content.rstrip(b"\r\n")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        why = "it is cut off or was changed"
        raise InputError(f"{name}:{number + 1}: cannot be unpacked: {error}", hint=why) from None
