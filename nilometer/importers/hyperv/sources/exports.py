"""What shops have already, as sources: what commands, counters, Prometheus and event logs export.

In these files a record is no line, so their parsers read a stream: the lines are put together again, each in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from inspect import get_annotations
from itertools import groupby
from operator import attrgetter
from typing import Final, Protocol

from nilometer.importers.hyperv.readings import HostReading, PowerReading, Reading, Record, VmReading
from nilometer.importers.hyperv.sources import counters_csv, counters_json, event_log, get_vm, prometheus
from nilometer.importers.hyperv.sources.context import Context as Beside
from nilometer.importers.hyperv.sources.context import PassOver
from nilometer.importers.hyperv.sources.source import Context, Lines, Source
from nilometer.textio.texts import ByteStream

_TELLING: Final[dict[type[Reading], Callable[[object], object]]] = {
    kind: attrgetter(*[name for name in get_annotations(kind) if name != "record"])
    for kind in (HostReading, VmReading, PowerReading)
}
"""All that each kind of reading tells, but for where it stood. With another field, known records would be new."""


class _Parser(Protocol):
    """A module that reads one kind of file."""

    def recognises(self, first: bytes) -> bool: ...

    def read(
        self, stream: ByteStream, name: str, context: Beside, pass_over: PassOver | None = None
    ) -> Iterator[Reading]: ...


class _Rejoined:
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


def _reads(parser: _Parser) -> Callable[[Lines, str, Context], Iterator[Record]]:
    def read(lines: Lines, name: str, context: Context) -> Iterator[Record]:
        beside = Beside(host=context.host, at=context.at, zone=context.zone)
        return _together(
            parser.read(_Rejoined(context.skipped.iter_readable(lines)), name, beside, context.skipped.add)
        )

    return read


def _together(readings: Iterable[Reading]) -> Iterator[Record]:
    """Readings of one place. What it says depends on more than its own text, so what it tells stands for it."""
    for _, group in groupby(readings, attrgetter("record")):
        told = tuple(group)
        said = "".join([f"{type(each).__name__}{_TELLING[type(each)](each)}" for each in told])
        yield Record(told, said.encode("utf-8", "surrogatepass"))


def _source(name: str, expected: str, parser: _Parser, *, of_a_moment: bool = False) -> Source:
    return Source(name, expected, parser.recognises, _reads(parser), of_a_moment)


EXPORTS: Final[tuple[Source, ...]] = (
    _source("hyperv-json", "Get-VM, Get-VMMemory or Get-VMHost | ConvertTo-Json", get_vm, of_a_moment=True),
    _source("hyperv-counters", "CSV of Get-Counter, relog or typeperf", counters_csv),
    _source("hyperv-counters-json", "Get-Counter | ConvertTo-Json", counters_json),
    _source("hyperv-prometheus", "query_range of windows_exporter's metrics", prometheus),
    _source("hyperv-eventlog", "Get-WinEvent of Hyper-V-Worker and -VMMS as XML", event_log),
)
"""Each with the name under which an import is recorded."""
