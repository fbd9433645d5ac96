"""All file formats of Hyper-V histories, and opening a file: its format is recognised by its contents.

Formats whose records are not lines are parsed as a stream: their lines are joined again, each in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from operator import attrgetter
from typing import Final, Protocol

from domain.errors import InputError
from nilometer.importers.hyperv.readings import HostReading, PowerReading, Reading, SourceRecord, VmReading
from nilometer.importers.hyperv.sources.counters import metrics_text, pdh_csv, prometheus, sample_sets, wmi
from nilometer.importers.hyperv.sources.event_logs import event_log, winlogbeat
from nilometer.importers.hyperv.sources.get_vm import converted_json, exported_clixml, exported_csv, scvmm
from nilometer.importers.hyperv.sources.source import FileContext, FileFormat, Lines
from nilometer.importers.hyperv.sources.spool.spool_lines import SPOOL
from nilometer.textio.identifying.identify import identify
from nilometer.textio.identifying.kind import IMPORT_HYPERV, wrong_file
from nilometer.textio.texts import ByteStream, read_lines

BEGINNING_BYTES: Final = 65_536
"""How much of a file is looked at, up to the end of the line: PowerShell 5.1 writes what matters late."""

_IDENTITY: Final[dict[type[Reading], tuple[str, Callable[[object], object]]]] = {
    HostReading: ("HostReading", attrgetter("at", "host", "version", "total", "available")),
    VmReading: (
        "VmReading",
        attrgetter(
            "at", "uptime", "guest_available", "physical", "added", "removed", "listing.visible", "listing.host",
            "listing.vm_id", "listing.name", "listing.power", "listing.generation", "listing.config_version",
            "listing.dynamic", "listing.startup", "listing.minimum", "listing.maximum", "listing.buffer",
            "listing.weight", "listing.assigned",
        ),
    ),
    PowerReading: (
        "PowerReading", attrgetter("at", "host", "vm_id", "name", "power", "new_session", "log_event"),
    ),
}  # fmt: skip
"""What identifies a reading: a name, and all its values but its place. Keys of recorded imports are digests of these.

With another value, name or order, records that were imported before would be imported again.
"""


class _Parser(Protocol):
    """A module that reads one format."""

    def recognises(self, first: bytes) -> bool: ...

    def read(self, stream: ByteStream, name: str, context: FileContext) -> Iterator[Reading]: ...


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file's format, and its records."""

    format: FileFormat
    records: Iterator[SourceRecord]


def open_file(stream: ByteStream, name: str, context: FileContext) -> OpenedFile | None:
    """A file by its format; ``None`` if it is empty. Raises ``InputError`` if its format is unknown."""
    lines = read_lines(stream, name, IMPORT_HYPERV)
    readable = context.skipped.iter_readable(lines)
    first: list[tuple[int, bytes]] = []
    try:
        size = 0
        for number, line in readable:
            if line.strip():
                first.append((number, line))
                size += len(line)
            if size >= BEGINNING_BYTES:
                break
    except InputError:
        _refuse_other_kind(lines.begin, name)
        raise
    if not first:
        return None
    beginning = b"\n".join(line for _, line in first)
    for format in FORMATS:
        if format.recognises(beginning):
            return OpenedFile(format, format.read(chain(first, readable), name, context))
    _refuse_other_kind(beginning, name)
    expected = "; ".join(format.expected for format in FORMATS)
    raise InputError(f"{name}: is not a file that nilo import-hyperv knows", hint=f"expected is one of: {expected}")


def _refuse_other_kind(begin: bytes, name: str) -> None:
    """Raises ``InputError`` if the file is of a known kind that no format reads."""
    kind = identify(begin, name)
    if kind is not None and kind.read_by != IMPORT_HYPERV.command:
        raise wrong_file(name, kind, IMPORT_HYPERV)


class _JoinedLines:
    """Lines as the text that they were cut from. One that is missing was empty, or could not be read."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._next = 1

    def read(self, size: int, /) -> bytes:
        """The next line, however long."""
        found = next(self._lines, None)
        if found is None:
            return b""
        number, line = found
        missing, self._next = number - self._next, number + 1
        return b"\n" * missing + line + b"\n"


def _stream_format(
    name: str, expected: str, parser: _Parser, *, is_snapshot: bool = False, is_sampled: bool = False
) -> FileFormat:
    def read(lines: Lines, name: str, context: FileContext) -> Iterator[SourceRecord]:
        return _group_by_place(parser.read(_JoinedLines(context.skipped.iter_readable(lines)), name, context))

    return FileFormat(
        name=name,
        expected=expected,
        recognises=parser.recognises,
        read=read,
        is_snapshot=is_snapshot,
        is_sampled=is_sampled,
    )


def _group_by_place(readings: Iterable[Reading]) -> Iterator[SourceRecord]:
    """Readings of one place as one record. Its meaning depends on more than its own text, so its values identify it."""
    for _, group in groupby(readings, attrgetter("record")):
        together = tuple(group)
        identity = "".join(
            [f"{name}{values(reading)}" for reading in together for name, values in [_IDENTITY[type(reading)]]]
        )
        yield SourceRecord(together, identity.encode("utf-8", "surrogatepass"))


FORMATS: Final[tuple[FileFormat, ...]] = (
    SPOOL,
    _stream_format(
        "hyperv-json", "Get-VM, Get-VMMemory or Get-VMHost | ConvertTo-Json", converted_json, is_snapshot=True
    ),
    _stream_format("hyperv-csv", "Get-VM, Get-VMMemory or Get-VMHost | Export-Csv", exported_csv, is_snapshot=True),
    _stream_format(
        "hyperv-clixml", "Get-VM, Get-VMMemory or Get-VMHost | Export-Clixml", exported_clixml, is_snapshot=True
    ),
    _stream_format("hyperv-scvmm", "Get-SCVirtualMachine | ConvertTo-Json", scvmm, is_snapshot=True),
    _stream_format("hyperv-counters", "CSV of Get-Counter, relog or typeperf", pdh_csv, is_sampled=True),
    _stream_format("hyperv-counters-json", "Get-Counter | ConvertTo-Json", sample_sets, is_sampled=True),
    _stream_format("hyperv-prometheus", "query_range of windows_exporter's metrics", prometheus, is_sampled=True),
    _stream_format("hyperv-metrics", "a scrape of windows_exporter's /metrics", metrics_text, is_snapshot=True),
    _stream_format("hyperv-wmi", "Get-CimInstance of the counters of Dynamic Memory | ConvertTo-Json", wmi),
    _stream_format("hyperv-winlogbeat", "events of Winlogbeat, as JSON Lines", winlogbeat),
    _stream_format("hyperv-eventlog", "Get-WinEvent of Hyper-V-Worker and -VMMS as XML", event_log),
)
"""Each with the name under which an import is recorded."""
