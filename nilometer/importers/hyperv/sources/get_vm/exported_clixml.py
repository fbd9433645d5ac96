"""``Get-VM``, ``Get-VMMemory`` and ``Get-VMHost`` through ``Export-Clixml``: objects of PowerShell as XML.

Only the properties of the outermost objects are read: what is nested in them says nothing about memory. A document
type definition is refused, so that no entity can expand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from domain.errors import InputError
from nilometer.importers.hyperv.readings import Reading
from nilometer.importers.hyperv.sources.get_vm.objects import read_objects
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.textio.texts import ByteStream, read_text

_BEGIN: Final = re.compile(rb"\s*(?:<\?xml[^>]*\?>|#<\s*CLIXML)?\s*<Objs[\s>]")
_DTD: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DURATION: Final = re.compile(
    r"P(?:(\d{1,7})D)?(?:T(?:(\d{1,2})H)?(?:(\d{1,2})M)?(?:(\d{1,2})(?:\.\d+)?S)?)?", re.ASCII
)
_WHOLE_TAGS: Final = frozenset(("I16", "I32", "I64", "U16", "U32", "U64", "By", "SB"))
_TEXT_TAGS: Final = frozenset(("S", "C", "G", "DT", "Version", "URI"))
_TICKS: Final = 10_000_000
_MARGIN: Final = 16
_EXPECTED: Final = "write it with: Get-VM | Export-Clixml FILE, or better: Get-VM | ConvertTo-Json"


def recognises(first: bytes) -> bool:
    """Whether a file that begins so has this format."""
    return _BEGIN.match(first) is not None


def read(stream: ByteStream, name: str, context: FileContext) -> Iterator[Reading]:
    """The readings of a file. What cannot be read is skipped, with place and hint."""
    return read_objects(_read_objects(stream, name, context), name, context)


def _read_objects(stream: ByteStream, name: str, context: FileContext) -> Iterator[tuple[str, object]]:
    """The outermost objects, each with its number."""
    number = 0
    try:
        for element in _parse(stream, name):
            number += 1
            yield f"{name}: object {number}", _read_properties(element)
    except ParseError as error:
        context.skipped.add(InputError(f"{name}: object {number + 1} is not XML: {error}", hint=_EXPECTED))
    except InputError as error:
        context.skipped.add(error)


def _parse(stream: ByteStream, name: str) -> Iterator[Element]:
    """The children of the root, one at a time. Raises ``ParseError`` and ``InputError``."""
    parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
    depth, before = 0, b""
    root: Element | None = None

    def take() -> Iterator[Element]:
        nonlocal depth, root
        for event, element in cast("Iterator[tuple[str, Element]]", parser.read_events()):
            if event == "start":
                root = element if depth == 0 else root
                depth += 1
                continue
            depth -= 1
            if depth == 1:
                yield element
                if root is not None:
                    root.clear()

    for piece in read_text(stream, name):
        if _DTD.search(before + piece):
            raise InputError(f"{name}: has a document type definition, which PowerShell never writes", hint=_EXPECTED)
        before = piece[-_MARGIN:]
        parser.feed(piece.replace(b"#< CLIXML", b"", 1) if depth == 0 else piece)
        yield from take()
    parser.close()
    yield from take()


def _read_properties(element: Element) -> dict[str, object]:
    """The properties of an object, adapted (``Props``) and added (``MS``, as of Select-Object), by name."""
    found: dict[str, object] = {}
    for group in element:
        if _tag(group) in ("Props", "MS"):
            for part in group:
                name = part.get("N")
                if name is not None:
                    found.setdefault(name, _read_value(part))
    return found


def _read_value(element: Element) -> object:
    """A value as ``ConvertTo-Json`` of Windows PowerShell would write it."""
    tag, text = _tag(element), element.text or ""
    if tag in _TEXT_TAGS:
        return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    if tag in _WHOLE_TAGS:
        return int(text) if re.fullmatch(r"-?\d{1,20}", text) else text
    if tag == "B":
        return {"true": True, "false": False}.get(text, text)
    if tag == "TS":
        return _read_duration(text)
    if tag == "Obj":  # an enum has its number, other objects at most their text
        parts = {_tag(part): part for part in element}
        number = parts.get("I32")
        shown = parts.get("ToString")
        return _read_value(number) if number is not None else None if shown is None else shown.text
    return None


def _read_duration(text: str) -> object:
    """A TimeSpan, written as ``P1DT2H3M4.5S``, as the object that JSON has of it."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return text
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return {"Ticks": (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * _TICKS}


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
