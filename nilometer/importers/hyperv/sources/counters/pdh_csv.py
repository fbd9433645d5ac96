"""CSV of performance counters: from ``Get-Counter | Export-Counter``, ``relog`` or ``typeperf``.

Its times are local. ``relog`` and ``Export-Counter`` write the minutes to UTC into the head, ``typeperf`` does not.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Final

from domain.errors import InputError
from nilometer.importers.hyperv.readings import Reading
from nilometer.importers.hyperv.sources.counters.instances import Instances
from nilometer.importers.hyperv.sources.counters.samples import (
    IN_ENGLISH,
    KNOWN,
    Counter,
    Samples,
    find_counter,
)
from nilometer.importers.hyperv.sources.local_time import ClockLost, LocalClock, parse_zone
from nilometer.importers.hyperv.sources.source import FileContext, host_name
from nilometer.importers.hyperv.sources.values import BadValue
from nilometer.textio.texts import ByteStream, read_lines

_HEAD: Final = re.compile(r"\(PDH-[CT]SV 4\.0\)(?:\s*\((?P<zone>.*)\)\s*\((?P<bias>-?\d{1,4})\))?.*", re.DOTALL)
_BEGIN: Final = re.compile(rb'\s*"?\(PDH-[CT]SV 4\.0\)')
_TIME: Final = re.compile(r"(\d\d)/(\d\d)/(\d{4}) (\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6})\d*)?", re.ASCII)
_ROW: Final = re.compile(r'\s*"?\s*\d', re.ASCII)
_EXPECTED: Final = "is it the file you meant? CSV of performance counters begins with (PDH-CSV 4.0)"
_CUT_OFF: Final = "a file that is still being written can be read again later"
_COLLECT: Final = rf"collect it with: typeperf -f CSV -o FILE '{KNOWN}'"


def recognises(first: bytes) -> bool:
    """Whether a file that begins so has this format."""
    return _BEGIN.match(first) is not None


def read(stream: ByteStream, name: str, context: FileContext) -> Iterator[Reading]:
    """The readings of a file. What cannot be read is skipped, with place and hint.

    Nothing is read behind a head that cannot be read, or behind a time whose zone is uncertain. Raises ``InputError``
    for an unknown zone.
    """
    table: _Table | None = None
    others: list[_NoRow] = []
    zone = parse_zone(context.zone)
    numbered_lines = read_lines(stream, name)
    while True:
        try:
            number, line = next(numbered_lines)
            if not line.strip():
                continue
            place = f"{name}:{number}"
            if table is None or _BEGIN.match(line):
                _note_others(others, context)
                table = _Table(line.decode(), place, context, zone)
                continue
            readings = table.read_row(line.decode(), place)
        except StopIteration:
            break
        except InputError as error:
            if isinstance(error, _NoRow) and table is not None and table.rows:
                others.append(error)  # it may be what a tool says at the end
                continue
            context.skipped.add(error)
            if table is None or isinstance(error, ClockLost):
                return
        else:
            for other in others:  # no end: what stands between the rows is damage
                context.skipped.add(other)
            others.clear()
            yield from readings
    _note_others(others, context)


def _note_others(others: list[_NoRow], context: FileContext) -> None:
    """Says once that a tool wrote lines of its own behind its rows, such as *Exiting, please wait*."""
    if others:
        context.counts.add_remark(
            "lines of a tool", f"{others[0].place}: {others[0].text!r} is not a row, and no rows follow it"
        )
        others.clear()


class _NoRow(InputError):
    """A line does not begin as a row does."""

    def __init__(self, place: str, text: str) -> None:
        super().__init__(
            f"{place}: {text!r} is not a time such as 11/23/2026 09:00:00.000", hint=f"{_CUT_OFF}; {_EXPECTED}"
        )
        self.place, self.text = place, text


class _Table:
    """The columns of a file, as its head names them."""

    def __init__(self, head: str, place: str, context: FileContext, zone: tzinfo | None) -> None:
        self._delimiter = _delimiter(head)
        first, *columns = _cells(head, self._delimiter, place)
        match = _HEAD.fullmatch(first.strip())
        if match is None:
            raise InputError(f"{place}: is not CSV of performance counters", hint=_EXPECTED)
        self._columns: list[Counter | None] = [find_counter(column) for column in columns]
        if not any(self._columns):
            raise InputError(f"{place}: {_describe_problem(columns)}", hint=IN_ENGLISH if columns else _COLLECT)
        self._clock = LocalClock(zone, None if match["bias"] is None else int(match["bias"]), match["zone"] or "")
        self._context = context
        self._instances = Instances(context.counts)
        for counter in self._columns:
            if counter is not None and counter.vm is not None:
                self._instances.learn(counter.host or host_name(context.host), counter.vm)
        self.rows = 0
        """How many rows were read."""

    def read_row(self, line: str, place: str) -> list[Reading]:
        """The readings of a line."""
        if not _ROW.match(line):
            raise _NoRow(place, line.strip()[:60])
        first, *cells = _cells(line, self._delimiter, place)
        time = _TIME.fullmatch(first.strip())
        if time is None:
            raise InputError(
                f"{place}: {first[:60]!r} is not a time such as 11/23/2026 09:00:00.000",
                hint=f"{_CUT_OFF}; {_EXPECTED}",
            )
        extra = cells[len(self._columns) :]
        if len(cells) < len(self._columns) or any(cell.strip() for cell in extra):
            what = f"has {len(cells) + 1} columns, and the head has {len(self._columns) + 1}"
            raise InputError(f"{place}: {what}", hint=_CUT_OFF)
        month, day, year, hour, minute, second = (int(part) for part in time.groups()[:6])
        try:
            local = datetime(year, month, day, hour, minute, second, int(f"{time[7] or 0:0<6}"))
        except ValueError:
            raise InputError(f"{place}: {first[:60]!r} is not a time", hint=_EXPECTED) from None
        samples = Samples(self._context, self._instances)
        for column, (counter, cell) in enumerate(zip(self._columns, cells, strict=False), start=2):
            if counter is not None:
                try:
                    samples.add(counter, samples.read_size(counter, cell, f"{place}: column {column}"))
                except BadValue as bad:
                    raise InputError(f"{place}: column {column}: {bad}", hint=_CUT_OFF) from None
        at = self._clock.read(local, place)
        self.rows += 1
        return samples.make_readings(at, place)


def _describe_problem(columns: list[str]) -> str:
    if not columns:
        return "names no counters"
    return (
        f"none of its counters is one of Dynamic Memory's by its English name, such as {KNOWN}; "
        f"the first is {columns[0][:120]!r}"
    )


def _delimiter(head: str) -> str:
    """The character between the columns: the first such one behind the first column."""
    rest = head[head.find('"', 1) + 1 :] if head.startswith('"') else head
    return next((character for character in rest if character in ",;\t"), ",")


def _cells(line: str, delimiter: str, place: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [""])
    except csv.Error as error:
        raise InputError(f"{place}: is not a line of CSV: {error}", hint=_EXPECTED) from None
