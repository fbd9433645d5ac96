"""All sources of Hyper-V histories. Which of them a file is of is known by what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from domain.errors import InputError
from nilometer.importers.hyperv.readings import Record
from nilometer.importers.hyperv.sources.exports import EXPORTS
from nilometer.importers.hyperv.sources.source import Context, Source
from nilometer.importers.hyperv.sources.spool import SPOOL
from nilometer.textio.identifying.identify import identify
from nilometer.textio.identifying.kind import IMPORT_HYPERV, wrong_file
from nilometer.textio.texts import ByteStream, read_lines

SOURCES: Final[tuple[Source, ...]] = (SPOOL, *EXPORTS)

BEGINNING: Final = 65_536
"""So many bytes of a file are looked at, up to the end of their line: PowerShell 5.1 tells what matters late."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file, and the source that it is of."""

    source: Source
    records: Iterator[Record]


def opened(stream: ByteStream, name: str, context: Context) -> Opened | None:
    """The records of a file; ``None`` if it is empty. Raises ``InputError`` if no source knows it."""
    lines = read_lines(stream, name, IMPORT_HYPERV)
    read = context.skipped.iter_readable(lines)
    begun: list[tuple[int, bytes]] = []
    try:
        size = 0
        for number, line in read:
            if line.strip():
                begun.append((number, line))
                size += len(line)
            if size >= BEGINNING:
                break
    except InputError:
        _refuse_other_kind(lines.begin, name)
        raise
    if not begun:
        return None
    first = b"\n".join(line for _, line in begun)
    for source in SOURCES:
        if source.recognises(first):
            return Opened(source, source.read(chain(begun, read), name, context))
    _refuse_other_kind(first, name)
    expected = "; ".join(source.expected for source in SOURCES)
    raise InputError(f"{name}: is none of the files that are known", hint=f"expected is one of: {expected}")


def _refuse_other_kind(begin: bytes, name: str) -> None:
    """Raises ``InputError`` if the file is of a known kind that no source reads."""
    kind = identify(begin, name)
    if kind is not None and kind.read_by != IMPORT_HYPERV.command:
        raise wrong_file(name, kind, IMPORT_HYPERV)
