"""The one way in for the bytes of a file: its text, line by line, however it is packed and encoded.

A file may be packed with gzip, in several members too. It may be UTF-8 or UTF-16, as PowerShell writes it, with or
without a byte order mark. Lines end with ``\\n`` or ``\\r\\n``, mixed as they like. A lone ``\\r`` ends a
line only in a file that has no ``\\n`` in its first 16 MiB, as old Macs wrote it; elsewhere it is a part of its line.
However large the file, at most 16 MiB of it are kept. A file of another kind than expected is named with what to do
instead; ``parse_strict_json`` reads the JSON of a line.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final, Protocol

from domain.errors import InputError
from nilometer.textio.identifying.binaries import identify_binary
from nilometer.textio.identifying.identify import identify, identify_bytes
from nilometer.textio.identifying.kind import Expected, wrong_file
from nilometer.textio.lines import LONGEST_LINE, LineSplitter

READ_BYTES: Final = 2**16
"""Bytes that are read or unpacked at once."""
MAGIC_BYTES: Final = 16
"""Bytes that show whether a file is packed, and what kind of binary file it is."""

_GZIP: Final = b"\x1f\x8b"
_HALF: Final = re.compile(rb"\xed[\xa0-\xbf]")
_UTF8_MARK: Final = codecs.BOM_UTF8
_UTF32_MARKS: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF16_MARKS: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_LATIN: Final = frozenset(b"\t\n\r") | frozenset(range(32, 127))
"""Characters of ASCII that a text may begin with."""

_AS_UTF8: Final = "save it as UTF-8; in PowerShell: Get-Content FILE | Set-Content -Encoding utf8 NEW"
_CUT_OFF: Final = "it was cut off or damaged on its way: fetch it again"
_TOO_LONG: Final = "is it the file you meant, one record a line?"


class ByteStream(Protocol):
    """What bytes are read from: an open binary file."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


class TextLines(Iterator[tuple[int, bytes]]):
    """The lines of a file. It can go on after it has raised, which a generator cannot."""

    raw: bytes | None
    """The line that was given last, with a ``\\r`` that ended it; ``None`` if it could not be read at all."""
    ended: bool
    """Whether that line had an end; the last line of a file may have none."""
    begin: bytes
    """The beginning of the text, cut off anywhere: what ``identify`` looks at."""

    def __init__(self, stream: ByteStream, name: str, expected: Expected | None = None, lines_before: int = 0) -> None:
        self._name = name
        self._lines: Iterator[tuple[int, bytes | None, bool] | InputError]
        self.raw, self.ended = None, False
        try:
            self.begin, rest = _look_ahead(_in_utf8(_unpacked(_chunks(stream), name, expected)), _shows_kind)
        except InputError as error:
            if expected is not None:
                raise
            self.begin, self._lines = b"", iter((error,))
        else:
            if expected is not None:
                _refuse_other_kind(self.begin, name, expected)
            self._lines = _split(chain((self.begin,), rest), name, lines_before)

    def __next__(self) -> tuple[int, bytes]:
        found = next(self._lines)
        if isinstance(found, InputError):
            self.raw, self.ended = None, False
            raise found
        number, raw, self.ended = found
        self.raw = raw
        if raw is None:
            what = f"the line is over {LONGEST_LINE} bytes long"
            raise InputError(f"{self._name}:{number}: {what}", hint=_TOO_LONG)
        line = raw.rstrip(b"\r")
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise _not_utf8(line, error.start, f"{self._name}:{number}") from None
        return number, line


def read_lines(stream: ByteStream, name: str, expected: Expected | None = None, *, lines_before: int = 0) -> TextLines:
    """The lines of a file with their numbers from 1, as UTF-8 without their ends.

    ``name`` is the file's, for messages. Where ``expected`` says what is read, a file of another kind raises
    ``InputError`` at once. A line that cannot be read raises it with ``name:number``: one over 16 MiB, or not of the
    file's encoding; asked for the next line, it goes on behind it. A file that breaks off, packed or within a
    character, gives all whole lines before that, and then raises. ``stream`` may begin behind ``lines_before`` lines.
    """
    return TextLines(stream, name, expected, lines_before)


def read_text(stream: ByteStream, name: str) -> Iterator[bytes]:
    """The text of a file piece by piece, cut anywhere, as UTF-8: for formats whose records are no lines.

    Bytes that are no character stay in it. Raises ``InputError`` with ``name:number`` where the file breaks off, and
    for a binary file.
    """
    number = 1
    try:
        for piece in _in_utf8(_unpacked(_chunks(stream), name, None)):
            number += piece.count(b"\n")
            yield piece
    except (_Broken, OSError) as error:
        raise _broken_off(error, f"{name}:{number}") from None


def read_unpacked(stream: ByteStream, name: str) -> Iterator[bytes]:
    """The bytes of a file, unpacked if they are packed, as far as they can be read."""
    try:
        yield from _unpacked(_chunks(stream), name, None)
    except (_Broken, OSError):
        return


def _refuse_other_kind(begin: bytes, name: str, expected: Expected) -> None:
    kind = identify_binary(begin, name) if expected.kind is None else identify(begin, name, expected)
    if kind is not None and kind is not expected.kind and kind.read_by != expected.command:
        raise wrong_file(name, kind, expected)


class _Broken(Exception):
    """The file cannot be read any further: what is wrong, and what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def _broken_off(error: _Broken | OSError, place: str) -> InputError:
    if isinstance(error, _Broken):
        return InputError(f"{place}: {error}", hint=error.hint)
    return InputError(f"{place}: cannot be read any further: {error.strerror}", hint=_CUT_OFF)


def _not_utf8(line: bytes, start: int, place: str) -> InputError:
    column = start + 1
    if _HALF.match(line, start):
        what = f"half of a surrogate pair at column {column}"
        return InputError(f"{place}: {what}", hint="was a character cut in two? write it whole")
    hint = _AS_UTF8 if identify_binary(line, "") is None else _CUT_OFF
    return InputError(f"{place}: byte 0x{line[start]:02x} at column {column} is not UTF-8", hint=hint)


def _split(
    text: Iterator[bytes], name: str, lines_before: int
) -> Iterator[tuple[int, bytes | None, bool] | InputError]:
    """The lines with their numbers, and whether they have an end; in the place of one that cannot be read, why."""
    number = lines_before
    splitter = LineSplitter()
    try:
        for piece in text:
            for line in splitter.split(piece):
                number += 1
                yield number, line, True
        for line in splitter.split_rest():
            number += 1
            yield number, line, True
        for line in splitter.last():
            yield number + 1, line, False
    except (_Broken, OSError) as error:
        yield _broken_off(error, f"{name}:{number + 1}")


def _look_ahead(pieces: Iterator[bytes], enough: Callable[[bytes], bool]) -> tuple[bytes, Iterator[bytes]]:
    """The beginning, until it is enough or all there is, and the rest. An error comes after what was read before it."""
    begin = b""
    try:
        for piece in pieces:
            begin += piece
            if enough(begin):
                break
    except (_Broken, OSError) as error:
        return begin, _failing(error)
    return begin, pieces


def _failing(error: Exception) -> Iterator[bytes]:
    yield b""
    raise error


def _shows_packing(begin: bytes) -> bool:
    """Whether these bytes show how a file is packed and encoded; somebody who types a line is not kept waiting."""
    return len(begin) >= MAGIC_BYTES or (len(begin) >= 4 and begin.endswith(b"\n"))


def _shows_kind(begin: bytes) -> bool:
    """Whether the first line that is not blank has come."""
    text = begin.lstrip()
    return len(begin) >= READ_BYTES or b"\n" in text or b"\r" in text


# Bytes


def _chunks(stream: ByteStream) -> Iterator[bytes]:
    """What is read; a pipe gives what it has, so that lines come as they are written."""
    read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
    while chunk := read(READ_BYTES):
        yield chunk


def _unpacked(chunks: Iterator[bytes], name: str, expected: Expected | None) -> Iterator[bytes]:
    """The same bytes; unpacked, if they are packed with gzip. Raises ``InputError`` if they are no text."""
    data, chunks = _look_ahead(chunks, _shows_packing)
    if data.startswith(_GZIP):
        data, chunks = _look_ahead(_gunzipped(data, chunks), _shows_packing)
    kind = identify_bytes(data)
    if kind is not None:
        raise wrong_file(name, kind, expected)
    yield data
    yield from chunks


def _gunzipped(data: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
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
        raise _Broken("something that is not gzip follows on its gzip", _CUT_OFF)
    return data


# Characters


def _in_utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same text in UTF-8, without a byte order mark. Bytes that are no character stay: their line is refused."""
    begin, chunks = _look_ahead(chunks, _shows_packing)
    if begin.startswith(_UTF32_MARKS):
        raise _Broken("is UTF-32, not UTF-8", _AS_UTF8)
    encoding = _UTF16_MARKS.get(begin[:2])
    if encoding is not None:
        begin = begin[2:]
    elif begin[1:2] == b"\0" and begin[0] in _LATIN:  # no mark, but the first character is a Latin one
        encoding = "utf-16-le"
    elif begin[:1] == b"\0" and len(begin) > 1 and begin[1] in _LATIN:
        encoding = "utf-16-be"
    if encoding is None:
        yield begin.removeprefix(_UTF8_MARK)
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")  # half a pair is reported with its line
    yield decoder.decode(begin).encode("utf-8", "surrogatepass")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    try:
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise _Broken("ends within a character of UTF-16", _CUT_OFF) from None
