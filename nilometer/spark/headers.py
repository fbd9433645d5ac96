"""The headers of lines as columns, and the survey of them, in a worker of Spark."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import pyarrow

from nilometer.audit.partitioning.column_survey import HEADER, headers_in, survey_columns
from nilometer.audit.partitioning.grouping import Survey, ways_to_name
from nilometer.audit.sources import match_tail
from nilometer.history.groups import hosts_named
from nilometer.spark.history import to_columns
from nilometer.storage.reader import LAST_POSITION

HEADERS: Final = (
    "position long, stream string, version long, topic string, recorded string, source string, hosts string"
)
NO_EVENT: Final = -1
"""The position of a line that is no event."""
_ESCAPED: Final = b"\\"
"""Stands for hosts whose names could not be read."""
_MOST_DIGITS: Final = 18
"""Of a number that surely fits in 64 bits."""
_Header = tuple[int, bytes | None, int | None, bytes | None, bytes | None, bytes | None, bytes | None]


def read_headers(lines: Sequence[bytes]) -> pyarrow.Table:
    """The headers of lines, with ``HEADERS``; of a line that Nilometer did not write so, its position alone."""
    rows = [_read_header(line) for line in lines]
    return to_columns(zip(*rows, strict=True) if rows else [()] * len(HEADERS.split(", ")), HEADERS)


def _read_header(line: bytes) -> _Header:
    tail = match_tail(line)
    if tail is None:
        return _without_header(line)
    position, recorded, source, stream, kind, version = tail.groups()
    if max(len(position), len(version)) > _MOST_DIGITS:
        return _without_header(line)
    ways = ways_to_name(stream, kind)
    hosts = hosts_named(line, ways) if ways else ()
    named = _ESCAPED if hosts is None else b"\n".join(hosts)
    return int(position), stream, int(version), kind + b"/", recorded, source, named


def _without_header(line: bytes) -> _Header:
    return _position_in(line), None, None, None, None, None, None


def _position_in(line: bytes) -> int:
    with suppress(ValueError, KeyError, TypeError, IndexError, RecursionError):
        position: object = json.loads(line)["position"]
        if type(position) is int and 0 <= position <= LAST_POSITION:
            return position
    return NO_EVENT


def survey_headers(headers: pyarrow.Table) -> Survey:
    """The survey of the consecutive events whose headers these are, whatever the order of their rows."""
    sources = headers.column("source").to_pylist()
    ledgers = {source for source in sources if source is not None}
    if len(ledgers) < 2:
        survey = survey_columns(headers, "".join(ledgers).encode())
    else:
        headers = headers.sort_by("position")
        sources = headers.column("source").to_pylist()
        found = zip(headers_in(headers.select(list(HEADER)), b""), sources, strict=True)
        survey = Survey().take_all(
            None if header is None or source is None else header._replace(source=source.encode())
            for header, source in found
        )
    named = headers.select(["stream", "hosts"]).group_by(["stream", "hosts"]).aggregate([])
    for stream, hosts in zip(named.column("stream").to_pylist(), named.column("hosts").to_pylist(), strict=True):
        if hosts == _ESCAPED.decode():
            survey.undivided = survey.undivided or f"an event of {stream} names a host in a spelling of its own"
        elif hosts:
            survey.connected.update((stream.encode(), host.encode()) for host in hosts.split("\n"))
    return survey
