"""Text files as they really come, line by line: packed or not, from any editor, cut off anywhere.

A file may be packed with gzip (several members one after the other too), and be UTF-8 with or without a byte order
mark, or UTF-16 as PowerShell writes it. Lines end with ``\\n`` or ``\\r\\n``, mixed as they like. A lone ``\\r`` ends a
line only in a file that has no ``\\n`` in its first 16 MiB, as old Macs wrote it; elsewhere it is a part of its line.
However large the file, no more than 16 MiB of it are kept. What is JSON in a line, ``parse_strict_json`` reads.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from domain.errors import InputError
from nilometer.textio.lines import LONGEST_LINE, LineSplitter

READ_BYTES: Final = 2**16
"""Bytes that are read or unpacked at once."""

_GZIP: Final = b"\x1f\x8b"
_OTHERS: Final = re.compile(
    rb"(?P<bzip2>BZh[1-9]1AY&SY)|(?P<xz>\xfd7zXZ\0)|(?P<zstd>\x28\xb5\x2f\xfd)|(?P<zip>PK\x03\x04)"
)
_HALF: Final = re.compile(rb"\xed[\xa0-\xbf]")
_UTF8_MARK: Final = codecs.BOM_UTF8
_UTF32_MARKS: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF16_MARKS: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

_AS_UTF8: Final = "save it as UTF-8; in PowerShell: Get-Content FILE | Set-Content -Encoding utf8 NEW"
_CUT_OFF: Final = "it was cut off or damaged on its way: fetch it again"
_TOO_LONG: Final = "is it the file you meant, one record a line?"


class ByteStream(Protocol):
    """What bytes are read from: an open binary file."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


def read_lines(stream: ByteStream, name: str) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers from 1, as UTF-8 without their ends.

    ``name`` is the file's, for messages. Raises ``InputError`` with ``name:number`` for a line that cannot be read: one
    over 16 MiB, or not of the file's encoding. Asked for the next line, it goes on behind it. A file that breaks off,
    packed or within a character, gives all whole lines before that, and then raises.
    """
    return _Lines(stream, name)


def read_text(stream: ByteStream, name: str) -> Iterator[bytes]:
    """The text of a file piece by piece, cut anywhere, as UTF-8: for what is not told line by line.

    What is no character stays in it. Raises ``InputError`` with ``name:number`` where the file breaks off.
    """
    number = 1
    try:
        for piece in _in_utf8(_unpacked(_chunks(stream))):
            number += piece.count(b"\n")
            yield piece
    except _Broken as broken:
        raise InputError(f"{name}:{number}: {broken}", hint=broken.hint) from None
    except OSError as error:
        raise InputError(f"{name}:{number}: cannot be read any further: {error.strerror}", hint=_CUT_OFF) from None


class _Lines(Iterator[tuple[int, bytes]]):
    """An iterator that can go on after it has raised, which a generator cannot."""

    def __init__(self, stream: ByteStream, name: str) -> None:
        self._found = _find(stream, name)

    def __next__(self) -> tuple[int, bytes]:
        found = next(self._found)
        if isinstance(found, InputError):
            raise found
        return found


class _Broken(Exception):
    """The file cannot be read any further: what is wrong, and what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def _find(stream: ByteStream, name: str) -> Iterator[tuple[int, bytes] | InputError]:
    """The lines, and in the place of each that cannot be read, why."""
    number = 0
    splitter = LineSplitter()
    try:
        for chunk in _in_utf8(_unpacked(_chunks(stream))):
            for line in splitter.split(chunk):
                number += 1
                yield _checked(line, number, name)
        for line in splitter.rest():
            number += 1
            yield _checked(line, number, name)
    except _Broken as broken:
        yield InputError(f"{name}:{number + 1}: {broken}", hint=broken.hint)
    except OSError as error:
        yield InputError(f"{name}:{number + 1}: cannot be read any further: {error.strerror}", hint=_CUT_OFF)


def _checked(line: bytes | None, number: int, name: str) -> tuple[int, bytes] | InputError:
    if line is None:
        return InputError(f"{name}:{number}: the line is over {LONGEST_LINE} bytes long", hint=_TOO_LONG)
    try:
        line.decode()
    except UnicodeDecodeError as error:
        byte, column = line[error.start], error.start + 1
        if _HALF.match(line, error.start):
            what = f"half of a surrogate pair at column {column}"
            return InputError(f"{name}:{number}: {what}", hint="was a character cut in two? write it whole")
        return InputError(f"{name}:{number}: byte 0x{byte:02x} at column {column} is not UTF-8", hint=_AS_UTF8)
    return number, line


# Bytes


def _chunks(stream: ByteStream) -> Iterator[bytes]:
    """What is read; a pipe gives what it has, so that lines come as they are written."""
    read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
    while chunk := read(READ_BYTES):
        yield chunk


def _begun(chunks: Iterator[bytes], enough: int) -> bytes:
    """The first bytes, at least so many if there are."""
    begin = b""
    while len(begin) < enough and (chunk := next(chunks, b"")):
        begin += chunk
    return begin


def _unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes; unpacked, if they are packed with gzip."""
    data = _begun(chunks, 10)
    if (packed := _OTHERS.match(data)) is not None:
        raise _Broken(f"is packed with {packed.lastgroup}", "unpack it first, or pack it with gzip")
    if not data.startswith(_GZIP):
        yield data
        yield from chunks
        return
    member = zlib.decompressobj(wbits=31)
    while True:
        try:
            unpacked = member.decompress(data, READ_BYTES)
        except zlib.error:
            raise _Broken("its gzip is damaged from here on", _CUT_OFF) from None
        if unpacked:
            yield unpacked
        data = member.unconsumed_tail
        if member.eof:
            data = _next_member(member.unused_data, chunks)
            if not data:
                return
            member = zlib.decompressobj(wbits=31)
        elif not data and not unpacked:
            data = next(chunks, b"")
            if not data:
                raise _Broken("its gzip ends too early", _CUT_OFF)


def _next_member(data: bytes, chunks: Iterator[bytes]) -> bytes:
    """What follows on a member of a gzip file: another, or nothing. Zeros may fill a file up to a block's end."""
    data = data.lstrip(b"\0")
    while len(data) < len(_GZIP) and (chunk := next(chunks, b"")):
        data = (data + chunk).lstrip(b"\0")
    if data and not data.startswith(_GZIP):
        raise _Broken("something that is no gzip follows on its gzip", _CUT_OFF)
    return data


# Characters


def _in_utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same text in UTF-8, without a byte order mark. What is no character stays none, and is found by its line."""
    begin = _begun(chunks, 4)
    if begin.startswith(_UTF32_MARKS):
        raise _Broken("is UTF-32, not UTF-8", _AS_UTF8)
    encoding = _UTF16_MARKS.get(begin[:2])
    if encoding is not None:
        begin = begin[2:]
    elif b"\0" in begin[:2] and begin[:2] != b"\0\0":  # no mark, but the first character is a Latin one
        encoding = "utf-16-le" if begin[1:2] == b"\0" else "utf-16-be"
    if encoding is None:
        yield begin.removeprefix(_UTF8_MARK)
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")  # half a pair is told by its line
    yield decoder.decode(begin).encode("utf-8", "surrogatepass")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    try:
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise _Broken("ends within a character of UTF-16", _CUT_OFF) from None
