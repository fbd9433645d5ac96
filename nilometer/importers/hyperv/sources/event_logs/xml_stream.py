"""The events of a Windows event log as XML, one after the other: with or without a root, on one line or on many.

Only one event is kept at a time, and each is parsed alone. A document type definition is refused, so that no entity can
be defined: no text of an event can expand, or be fetched from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree

from domain.errors import InputError
from nilometer.importers.run import SkippedRecords
from nilometer.textio.texts import ByteStream, read_text

LONGEST_EVENT: Final = 2**20
"""Bytes; a longer event is refused. Windows itself writes 64 KiB at most."""

_BEGIN: Final = re.compile(rb"<Event(?=[\s>/])")
_END: Final = re.compile(rb"</Event\s*>")
_BETWEEN: Final = re.compile(rb"(?:\s++|<\?xml[^>]*\?>|</?Events(?:\s[^<>]*)?>|<!--(?:[^-]|-[^-])*-->)*")
_DTD: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_MARGIN: Final = 32
"""Bytes of other text that are kept: a tag may begin in them."""

_EXPECTED: Final = "write it with: Get-WinEvent … | ForEach-Object { $_.ToXml() } | Set-Content -Encoding utf8 FILE"
_CUT_OFF: Final = "what follows it is read; a file that is still being written can be read again later"


def read_events(stream: ByteStream, name: str, skipped: SkippedRecords) -> Iterator[tuple[str, ElementTree.Element]]:
    """The events of a file, each with its place: ``name:line``, and its number if several begin on that line.

    What cannot be read is skipped.
    """
    last, count = "", 0
    for place, found in _Events(name).split(stream):
        if isinstance(found, InputError):
            skipped.add(found)
            continue
        try:
            event = ElementTree.fromstring(found)
        except (ElementTree.ParseError, ValueError) as error:
            skipped.add(InputError(f"{place}: is not XML: {error}", hint=_EXPECTED))
        else:
            last, count = place, count + 1 if place == last else 1
            yield (place if count == 1 else f"{place}: event {count}"), event


class _Events:
    """Cuts text into events by their tags."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._line = 1
        self._text = bytearray()
        self._in_junk = False
        self.refused = False

    def split(self, stream: ByteStream) -> Iterator[tuple[str, bytes | InputError]]:
        """The events, and in place of each that cannot be read, the error."""
        try:
            for piece in read_text(stream, self._name):
                self._text += piece
                yield from self._cut()
                if self.refused:
                    return
        except InputError as error:
            yield "", error
        yield from self._cut(at_end=True)
        if not self.refused and _BEGIN.match(self._text):
            yield self._problem("the event that begins here is cut off", _CUT_OFF)

    def _cut(self, *, at_end: bool = False) -> Iterator[tuple[str, bytes | InputError]]:
        while self._text and not self.refused:
            begin = _BEGIN.search(self._text)
            between = bytes(self._text if begin is None else self._text[: begin.start()])
            if begin is None and not at_end:  # a tag may be cut in two
                between = between[
                    : max(0, between.rfind(b"<") if len(between) < LONGEST_EVENT else len(between) - _MARGIN)
                ]
            if (dtd := _DTD.search(between)) is not None:
                self._drop(dtd.start())
                self.refused = True
                yield self._problem("has a document type definition, which no event log writes", _EXPECTED)
                return
            if not _BETWEEN.fullmatch(between) and not self._in_junk:
                blank = len(between) - len(between.lstrip())
                self._drop(blank)
                text = between.lstrip()[:40].decode("utf-8", "replace").splitlines()[0]
                between = between[blank:]
                self._in_junk = True
                yield self._problem(f"is not an event: {text!r}", _EXPECTED)
            self._drop(len(between))
            if begin is None:
                return
            self._in_junk = False
            if (problem := self._event()) is None:
                return
            yield problem

    def _event(self) -> tuple[str, bytes | InputError] | None:
        """The event that begins here, or the error; ``None`` if its end is still to come."""
        end = _END.search(self._text)
        next_begin = _BEGIN.search(self._text, 1, len(self._text) if end is None else end.start())
        if next_begin is not None:
            problem = self._problem("the event that begins here is cut off", _CUT_OFF)
            self._drop(next_begin.start())
            return problem
        if end is not None and end.end() <= LONGEST_EVENT:
            found = self._place(), bytes(self._text[: end.end()])
            self._drop(end.end())
            return found
        if end is not None or len(self._text) > LONGEST_EVENT:
            problem = self._problem(f"the event that begins here is over {LONGEST_EVENT} bytes long", _EXPECTED)
            self._drop(len(b"<Event"))
            self._in_junk = True
            return problem
        return None

    def _drop(self, count: int) -> None:
        self._line += self._text.count(b"\n", 0, count)
        del self._text[:count]

    def _place(self) -> str:
        return f"{self._name}:{self._line}"

    def _problem(self, what: str, hint: str) -> tuple[str, InputError]:
        return self._place(), InputError(f"{self._place()}: {what}", hint=hint)
