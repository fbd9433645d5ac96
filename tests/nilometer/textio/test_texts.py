"""Text files as they really come: packed, in any encoding, with any line ends, cut off, damaged, endless."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from nilometer.textio.lines import LONGEST_LINE
from nilometer.textio.texts import read_lines

TEXT = '{"vm": "Zürich"}\n{"vm": "東京 🏞"}\n'
LINES = [line.encode() for line in TEXT.splitlines()]


class Slow(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__()
        self._data, self._step = data, step

    def read(self, size: int = -1, /) -> bytes:
        given, self._data = self._data[: self._step], self._data[self._step :]
        return given


def read(data: bytes, step: int | None = None) -> list[bytes]:
    """All lines; they are numbered from 1."""
    found = list(read_lines(io.BytesIO(data) if step is None else Slow(data, step), "file"))
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    return [line for _, line in found]


def read_on(data: bytes) -> list[bytes | str]:
    """The lines, and for each that cannot be read what is said of it."""
    found = list[bytes | str]()
    try:
        every = read_lines(io.BytesIO(data), "file")
    except InputError as error:
        return [error.message if error.hint else "no hint"]
    while True:
        try:
            found.append(next(every)[1])
        except InputError as error:
            found.append(error.message if error.hint else "no hint")
        except StopIteration:
            return found


ENCODED: dict[str, bytes] = {
    "UTF-8": TEXT.encode(),
    "UTF-8 with a mark": codecs.BOM_UTF8 + TEXT.encode(),
    "UTF-16 as PowerShell writes it": codecs.BOM_UTF16_LE + TEXT.replace("\n", "\r\n").encode("utf-16-le"),
    "UTF-16, big end first": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "UTF-16, big end first, without a mark": TEXT.encode("utf-16-be"),
    "without a last line end": TEXT.rstrip("\n").encode(),
    "with ends as in Windows": TEXT.replace("\n", "\r\n").encode(),
    "with ends as on old Macs": TEXT.replace("\n", "\r").encode(),
    "UTF-16 with ends as on old Macs": codecs.BOM_UTF16_LE + TEXT.replace("\n", "\r").encode("utf-16-le"),
    "mixed ends": TEXT.replace("\n", "\r\n", 1).encode(),
}
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "gzip in two members": lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:]),
    "gzip with an empty member": lambda data: gzip.compress(b"") + gzip.compress(data) + gzip.compress(b""),
    "gzip filled up with zeros": lambda data: gzip.compress(data) + bytes(100),
}


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("encoded", ENCODED)
@pytest.mark.parametrize("step", [None, 1, 3])
def test_the_same_lines_come_from_every_encoding_packed_or_not(encoded: str, packed: str, step: int | None) -> None:
    assert read(PACKED[packed](ENCODED[encoded]), step) == LINES


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"\r", [b""]),
        (b"\r\n", [b""]),
        (b"a\n\nb", [b"a", b"", b"b"]),
        (b"a\r\rb", [b"a", b"", b"b"]),
        (b"a\rb\r\nc\n", [b"a\rb", b"c"]),
        (b"a\r\r\nb", [b"a", b"b"]),
        (b"a\x0bb\x0cc\x85d".decode("latin-1").encode(), ["a\x0bb\x0cc\x85d".encode()]),
        ("a\u2028b\n".encode(), ["a\u2028b".encode()]),
        (codecs.BOM_UTF8, []),
        (codecs.BOM_UTF16_LE, []),
        (gzip.compress(b"", mtime=0), []),
        (b"\x1f", [b"\x1f"]),
        (b"\0\0\0", [b"\0\0\0"]),
        (b"BZh9 is no magic word\n", [b"BZh9 is no magic word"]),
    ],
)
@pytest.mark.parametrize("step", [None, 1])
def test_only_line_ends_end_lines(data: bytes, expected: list[bytes], step: int | None) -> None:
    assert read(data, step) == expected


def test_a_lone_return_is_a_part_of_its_line_if_a_newline_follows_within_16_mib() -> None:
    filling = b"x" * 2**20
    assert len(read(b"\r".join([filling] * 15) + b"\nend\n")) == 2
    assert read(b"\r".join([filling] * 17) + b"\nend\n") == [filling] * 17 + [b"end"]
    assert read(b"\r\n".join([b"a\rb"] * 3)) == [b"a\rb"] * 3


def test_an_old_macs_file_that_goes_on_with_other_ends_has_each_line_once() -> None:
    class Pieces(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            return pieces.pop(0) if pieces else b""

    filling = b"x" * 2**20
    pieces = [filling + b"\r"] * 17 + [b"a\r", b"\nb\r\n", b"c\n", b"\r", b"\n", b"d"]
    assert [line for _, line in read_lines(Pieces(), "file")][17:] == [b"a", b"b", b"c", b"", b"d"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a\n\xff\nb\n", [b"a", "file:2: byte 0xff at column 1 is not UTF-8", b"b"]),
        (b"a\nx\xc3\n", [b"a", "file:2: byte 0xc3 at column 2 is not UTF-8"]),
        (b"a\n\xed\xa0\x80\nb", [b"a", "file:2: half of a surrogate pair at column 1", b"b"]),
        (
            codecs.BOM_UTF16_LE + "a\n\ud800\nb".encode("utf-16-le", "surrogatepass"),
            [b"a", "file:2: half of a surrogate pair at column 1", b"b"],
        ),
        (bz2.compress(b"a"), ["file: this is packed with bzip2"]),
        (lzma.compress(b"a"), ["file: this is packed with xz"]),
        (b"\x28\xb5\x2f\xfd...", ["file: this is packed with zstd"]),
        (b"PK\x03\x04...", ["file: this is a zip archive"]),
        ("a\nb\n".encode("utf-16-le") + b"c", [b"a", b"b", "file:3: ends within a character of UTF-16"]),
        (codecs.BOM_UTF32_LE + "a".encode("utf-32-le"), ["file:1: is UTF-32, not UTF-8"]),
        (codecs.BOM_UTF32_BE + "a".encode("utf-32-be"), ["file:1: is UTF-32, not UTF-8"]),
        (
            gzip.compress(b"a\nb\n", mtime=0) + b"junk",
            [b"a", b"b", "file:3: something that is not gzip follows on its gzip"],
        ),
        (b"\x1f\x8b", ["file:1: its gzip ends too early"]),
        (b"\x1f\x8b\x00 no gzip", ["file:1: its gzip is damaged from here on"]),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line_and_what_can_is_read(
    data: bytes, expected: list[bytes | str]
) -> None:
    assert read_on(data) == expected


def test_a_packed_file_that_was_cut_off_gives_its_whole_lines() -> None:
    text = b"".join(zlib.crc32(b"%d" % n).to_bytes(4, "big").hex().encode() + b"\n" for n in range(50_000))
    packed = gzip.compress(text)
    for end in (len(packed) // 2, len(packed) - 1):
        *found, last = read_on(packed[:end])
        assert last == f"file:{len(found) + 1}: its gzip ends too early"
        assert found == text.splitlines()[: len(found)]
        assert len(found) > 20_000


def test_a_packed_file_with_a_changed_byte_is_not_believed_to_its_end() -> None:
    packed = bytearray(gzip.compress(b"line\n" * 1000))
    packed[-5] ^= 1  # its checksum
    assert read_on(bytes(packed))[-1] in (
        "file:1: its gzip is damaged from here on",
        "file:1001: its gzip is damaged from here on",
    )


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_over_16_mib_is_refused_and_the_next_is_read(end: bytes) -> None:
    longest = b"x" * LONGEST_LINE
    refused = f"file:2: the line is over {LONGEST_LINE} bytes long"
    assert read_on(end.join([b"a", longest, b"b"])) == [b"a", longest, b"b"]
    assert read_on(end.join([b"a", longest + b"x", b"b"])) == [b"a", refused, b"b"]
    assert read_on(end.join([b"a", longest * 3])) == [b"a", refused]
    assert read_on(longest + b"x") == [refused.replace(":2:", ":1:")]


def test_memory_does_not_grow_with_the_file() -> None:
    def endless(parts: int) -> Iterator[bytes]:
        for _ in range(parts):
            yield b'{"size": 1}\n' * 10_000

    class Long(io.RawIOBase):
        def __init__(self, parts: Iterator[bytes]) -> None:
            super().__init__()
            self._parts = parts

        def read(self, size: int = -1, /) -> bytes:
            return next(self._parts, b"")

    packed = gzip.compress(b"x" * 2**27)  # a small file, a huge line
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_lines(Long(endless(20)), "file"))
        assert len(read_on(packed)) == 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 200_000
    assert peak < 4 * LONGEST_LINE


BEGINS = (b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"\x1f\x8b\x08\x00")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(BEGINS))
def test_any_bytes_are_lines_or_refused(data: bytes, begin: bytes) -> None:
    for line in read_on(begin + data):
        assert isinstance(line, bytes | str)
    for line in read_on(gzip.compress(data)[:-1]):
        assert isinstance(line, bytes | str)
