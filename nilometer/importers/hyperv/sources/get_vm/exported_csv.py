"""``Get-VM``, ``Get-VMMemory`` and ``Get-VMHost`` through ``Export-Csv`` or ``ConvertTo-Csv``: a table of their
properties as texts, with ``#TYPE`` before its head or without.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Final

from domain.errors import InputError
from nilometer.importers.hyperv.readings import Reading
from nilometer.importers.hyperv.sources.get_vm.objects import read_objects
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.textio.texts import ByteStream, read_lines

_HEAD: Final = re.compile(
    rb'\s*(?:#TYPE[^\n]*\n\s*)?"?[A-Za-z]\w*"?[,;\t][^\n]*'
    rb"\b(?:MemoryAssigned|MemoryStartup|MemoryCapacity|MaximumPerNumaNode|SmartPagingFileInUse|ParentSnapshotId)\b"
)
_FIRST: Final = re.compile(
    rb'\s*(?:#TYPE[^\n]*\n\s*)?"?(?:MemoryAssigned|MemoryStartup|MemoryCapacity|MaximumPerNumaNode)"?[,;\t]'
)
_EXPECTED: Final = "write it with: Get-VM | Export-Csv FILE -NoTypeInformation, with all its properties"


def recognises(first: bytes) -> bool:
    """Whether a file that begins so has this format."""
    return _HEAD.match(first) is not None or _FIRST.match(first) is not None


def read(stream: ByteStream, name: str, context: FileContext) -> Iterator[Reading]:
    """The readings of a file. What cannot be read is skipped, with place and hint."""
    return read_objects(_rows(stream, name, context), name, context)


def _rows(stream: ByteStream, name: str, context: FileContext) -> Iterator[tuple[str, object]]:
    """The rows as objects, each with the place where it ends. A text in a row may go over several lines."""
    place = f"{name}:1"

    def lines() -> Iterator[str]:
        nonlocal place
        for number, line in context.skipped.iter_readable(read_lines(stream, name)):
            place = f"{name}:{number}"
            text = line.decode()
            if text.strip() and not text.startswith("#TYPE "):
                yield f"{text}\n"

    numbered = lines()
    head = next(numbered, "")
    delimiter = next((character for character in head if character in ",;\t"), ",")
    try:
        names = next(csv.reader([head], delimiter=delimiter), list[str]())
        for cells in csv.reader(numbered, delimiter=delimiter):
            if len(cells) == len(names):
                yield place, dict(zip(names, cells, strict=True))
            else:
                what = f"{place}: has {len(cells)} columns, and the head has {len(names)}"
                context.skipped.add(InputError(what, hint=_EXPECTED))
    except csv.Error as error:
        context.skipped.add(InputError(f"{place}: is not a line of CSV: {error}", hint=_EXPECTED))
