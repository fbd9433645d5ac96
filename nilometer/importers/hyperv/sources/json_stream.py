"""A file of JSON documents one after the other: compressed or indented, on one line or on many.

Only one document is kept at a time. One that is cut off or is not JSON is refused, and the next is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from domain.errors import InputError
from nilometer.importers.run import SkippedRecords
from nilometer.textio.strict_json import parse_strict_json
from nilometer.textio.texts import ByteStream, read_text

LONGEST_DOCUMENT: Final = 2**26
"""Bytes; a longer document is refused."""
_MOST_RESTARTS: Final = 100
"""How often the beginning of another document is looked for in documents that do not end."""

_TOKEN: Final = re.compile(rb'"(?:[^"\\\n]++|\\[^\n])*+(?P<closed>")?|[\[{\]}]')
_CLOSED: Final = re.compile(rb'"(?:[^"\\\n]++|\\[^\n])*+"')
_IN_STRING: Final = re.compile(rb'(?:[^"\\\n]++|\\[^\n])*+')
_BROKEN: Final = re.compile(rb"\\?\n")  # no string in JSON continues on another line
_BLANK: Final = re.compile(rb"[ \t\r\n]*")
_NEXT: Final = re.compile(rb"\n[\[{]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_QUICK: Final = 32
"""The nesting that the quick way can follow."""
_COLUMN: Final = re.compile(r" at column (\d+)\Z")

_EXPECTED: Final = "is it the file you meant? JSON is expected, as ConvertTo-Json writes it"
_CUT_OFF: Final = "what follows it is read; a file that is still being written can be read again later"
_LONG: Final = "collect or query a shorter time, a file each"


def read_documents(stream: ByteStream, name: str, skipped: SkippedRecords) -> Iterator[tuple[str, object]]:
    """The documents of a file, each with its place: ``name:line``, and its number if several begin on that line.

    What cannot be read is skipped.
    """
    last, count = "", 0
    for place, found in _Documents(name).split(stream):
        if isinstance(found, InputError):
            skipped.add(found)
            continue
        try:
            value = _parse(found, place, name)
        except InputError as error:
            skipped.add(error)
        else:
            last, count = place, count + 1 if place == last else 1
            yield (place if count == 1 else f"{place}: document {count}"), value


def _parse(document: bytes, place: str, name: str) -> object:
    try:
        return parse_strict_json(document, place)
    except InputError as error:
        column = _COLUMN.search(error.message)
        if column is None or b"\n" not in document:
            raise
        before = document.decode("utf-8", "replace")[: int(column[1]) - 1]  # columns count from the line's beginning
        line = int(place.removeprefix(f"{name}:")) + before.count("\n")
        what = error.message.removeprefix(place)[: -len(column[0])]
        message = f"{name}:{line}{what} at column {len(before) - before.rfind(chr(10))}"
        raise InputError(message, hint=error.hint) from None


class _Documents:
    """Cuts text into documents by its brackets."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._line = 1
        """Where the kept text begins."""
        self._text = bytearray()
        """From the beginning of a document on, or nothing."""
        self._scanned = 0
        self._depth = 0
        self._in_string = False
        self._in_junk = False
        """What is here is not JSON, and was refused: it is dropped up to a line that begins a document."""
        self._restarts = 0

    def split(self, stream: ByteStream) -> Iterator[tuple[str, bytes | InputError]]:
        """The documents, and in place of each that cannot be read, the error."""
        try:
            for piece in read_text(stream, self._name):
                self._text += piece
                yield from self._cut()
                if len(self._text) > LONGEST_DOCUMENT:
                    yield self._problem(f"the document that begins here is over {LONGEST_DOCUMENT} bytes long", _LONG)
                    self._restart()
                    yield from self._cut()
        except InputError as error:
            yield "", error
        while self._begun():
            yield self._problem("the document that begins here is cut off", _CUT_OFF)
            self._restart()
            yield from self._cut()

    def _begun(self) -> bool:
        return self._depth > 0 and not self._in_junk

    def _cut(self) -> Iterator[tuple[str, bytes | InputError]]:
        """All documents that end in the text read so far."""
        while self._text:
            if self._depth == 0:
                if (problem := self._to_beginning()) is not None:
                    yield problem
                if self._depth == 0:
                    return
            end = self._end()
            if end is not None:
                place, document = self._place(), bytes(self._text[:end])
                self._drop(end)
                yield place, document
            elif self._in_string and _BROKEN.match(self._text, self._scanned):
                yield self._problem("the document that begins here is cut off within a text", _CUT_OFF)
                self._drop(self._scanned)
                self._in_junk = True
            else:
                return

    def _to_beginning(self) -> tuple[str, InputError] | None:
        """Drops what stands before the next document, and returns the error if that is not JSON."""
        blank = _BLANK.match(self._text)
        self._drop(blank.end() if blank is not None else 0)
        problem = None
        if self._text and self._text[0] not in b"[{":
            if not self._in_junk:
                begin = bytes(self._text[:40]).decode("utf-8", "replace").splitlines()[0]
                problem = self._problem(f"is not JSON: {begin!r}", _EXPECTED)
            self._in_junk = True
            next_one = _NEXT.search(self._text)
            if next_one is None:
                last = self._text.rfind(b"\n")
                self._drop(len(self._text) if last < 0 else last)
            else:
                self._drop(next_one.end() - 1)
        if self._text and self._text[0] in b"[{":
            self._depth, self._scanned, self._in_junk = 1, 1, False
        return problem

    def _end(self) -> int | None:
        """Where the current document ends; ``None`` if its end is still to come."""
        if self._in_string:
            rest = _IN_STRING.match(self._text, self._scanned)
            self._scanned = rest.end() if rest is not None else self._scanned
            if not self._text.startswith(b'"', self._scanned):
                return None
            self._scanned, self._in_string = self._scanned + 1, False
        if self._stays_within():
            return None
        for token in _TOKEN.finditer(self._text, self._scanned):
            self._scanned = token.end()
            if token[0].startswith(b'"'):
                if token["closed"] is None:
                    self._in_string = True
                    return None
            else:
                self._depth += 1 if token[0] in b"[{" else -1
                if self._depth == 0:
                    return self._scanned
        self._scanned = len(self._text)
        return None

    def _stays_within(self) -> bool:
        """The quick way over text in which the document cannot end; ``False`` if it has to be scanned."""
        part = _CLOSED.sub(b"", bytes(self._text[self._scanned :]))
        part, quote, text = part.partition(b'"')
        if b"\n" in text:
            return False
        brackets = part.translate(None, _NO_BRACKETS)
        for _ in range(_QUICK):
            brackets, before = brackets.replace(b"[]", b"").replace(b"{}", b""), len(brackets)
            if len(brackets) == before:
                break
        opened = brackets.lstrip(b"]}")
        closed = len(brackets) - len(opened)
        if closed >= self._depth or opened.strip(b"[{"):
            return False
        self._depth += len(opened) - closed
        self._in_string = bool(quote)
        self._scanned = len(self._text) - len(text)
        return True

    def _restart(self) -> None:
        """Looks for the beginning of another document in one that does not end."""
        self._restarts += 1
        found = _NEXT.search(self._text) if self._restarts <= _MOST_RESTARTS else None
        self._drop(len(self._text) if found is None else found.end() - 1)

    def _drop(self, count: int) -> None:
        self._line += self._text.count(b"\n", 0, count)
        del self._text[:count]
        self._scanned, self._depth, self._in_string = 0, 0, False

    def _place(self) -> str:
        return f"{self._name}:{self._line}"

    def _problem(self, what: str, hint: str) -> tuple[str, InputError]:
        return self._place(), InputError(f"{self._place()}: {what}", hint=hint)
