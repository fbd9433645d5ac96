"""The headers of lines as columns, and the survey of them, in a worker of Spark."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final

import pyarrow
from pyarrow import compute

from nilometer.audit.partitioning.column_survey import HEADER, headers_in, survey_columns
from nilometer.audit.partitioning.grouping import Survey, ways_to_name
from nilometer.audit.sources import POSITION, TO_SOURCE, TO_VERSION, match_tail
from nilometer.history.groups import HOST, hosts_named, is_spelled_otherwise, patterns_of_hosts
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


def without_blank(lines: pyarrow.Array) -> pyarrow.Array:
    """Those of some lines, as bytes, that are not blank."""
    if compute.all(compute.starts_with(lines, "{")).as_py():
        return lines
    return pyarrow.array([line for line in lines.to_pylist() if line and not line.isspace()], pyarrow.binary())


def read_headers(lines: pyarrow.Array) -> pyarrow.Table:
    """The headers of lines, as bytes, with ``HEADERS``; of a line that Nilometer did not write so, its position alone.

    Those that Nilometer wrote so are read all at once, which takes half the time.
    """
    try:
        lines.cast(pyarrow.string())
        found = _read_all(lines)
    except pyarrow.ArrowException:  # some of it is no text, or a number is too large
        return _read_one_by_one(lines)
    is_read = compute.is_valid(found.column("stream").combine_chunks())
    if compute.all(is_read).as_py():
        return found
    rest = _read_one_by_one(lines.filter(compute.invert(is_read)))
    order = compute.array_sort_indices(compute.invert(is_read))  # a stable sort
    return pyarrow.concat_tables([found.filter(is_read), rest]).take(compute.array_sort_indices(order))


def _read_all(lines: pyarrow.Array) -> pyarrow.Table:
    """The headers, null where a line is not as Nilometer writes it. Raises what Arrow raises."""
    halves = compute.split_pattern(lines, POSITION.decode(), max_splits=1, reverse=True)
    is_cut = compute.equal(compute.list_value_length(halves), 2)
    ends = compute.subtract(halves.offsets.slice(1), pyarrow.scalar(1, pyarrow.int32()))
    tails = compute.if_else(is_cut, halves.flatten().take(ends), pyarrow.scalar(None, pyarrow.binary()))
    last, first = compute.extract_regex(tails, _TO_VERSION), compute.extract_regex(tails, _TO_SOURCE)
    found = {name: compute.struct_field(last, name) for name in ("position", "stream", "version", "kind")}
    found |= {name: compute.struct_field(first, name) for name in ("recorded", "source")}
    texts = {name: column.cast(pyarrow.string()) for name, column in found.items()}
    texts["topic"] = compute.binary_join_element_wise(texts["kind"], "/", "")
    numbers = {name: texts.pop(name).cast(pyarrow.int64()) for name in ("position", "version")}
    columns = {**texts, **numbers, "hosts": _read_hosts(lines, texts["stream"], found["kind"])}
    return pyarrow.table({name: columns[name] for name in (column.split()[0] for column in HEADERS.split(", "))})


def _without(names: Sequence[str], pattern: bytes) -> str:
    """A pattern for RE2, which finds its way sooner where it has to remember four groups at most."""
    return "^" + re.sub(rb"\?P<(?:%b)>" % "|".join(names).encode(), b"?:", pattern).decode()


_TO_SOURCE: Final = _without(("position",), TO_SOURCE)
_TO_VERSION: Final = _without(("recorded", "source"), TO_SOURCE + TO_VERSION)


def _read_hosts(lines: pyarrow.Array, streams: pyarrow.Array, kinds: pyarrow.Array) -> pyarrow.Array:
    """The hosts that each line connects with its stream."""
    named, codes = pyarrow.nulls(len(lines), pyarrow.string()), kinds.dictionary_encode()
    is_vm, known = compute.starts_with(streams, "vm/"), codes.dictionary.to_pylist()
    for stream, is_such in ((b"vm/", is_vm), (b"host/", compute.invert(is_vm))):
        ways = [tuple(ways_to_name(stream, kind)) for kind in known]
        for naming in {*ways} - {()}:
            which = pyarrow.array([code for code, its in enumerate(ways) if its == naming], pyarrow.int32())
            rows = compute.fill_null(compute.and_(is_such, compute.is_in(codes.indices, value_set=which)), False)
            named = compute.replace_with_mask(named, rows, _hosts_in(lines.filter(rows), naming))
    return compute.fill_null(named, "")


def _hosts_in(texts: pyarrow.Array, naming: Sequence[bytes]) -> pyarrow.Array:
    """The hosts that each text names."""
    host, host_or_unclear = patterns_of_hosts(naming)
    names = compute.struct_field(compute.extract_regex(texts, host), "host")
    counts = compute.count_substring_regex(texts, host_or_unclear)
    is_clear = compute.equal(counts, compute.is_valid(names).cast(counts.type))
    if is_spelled_otherwise(bytes(texts.buffers()[2] or b"")):
        is_clear = compute.and_(is_clear, pyarrow.scalar(False, pyarrow.bool_()))
    hosts = compute.binary_join_element_wise(HOST, names, b"")
    if not compute.all(is_clear).as_py():
        unclear = compute.invert(is_clear)
        read = [_join(hosts_named(text, naming)) for text in texts.filter(unclear).to_pylist()]
        hosts = compute.replace_with_mask(hosts, unclear, pyarrow.array(read, pyarrow.binary()))
    return hosts.cast(pyarrow.string())


def _read_one_by_one(lines: pyarrow.Array) -> pyarrow.Table:
    rows = [_read_header(line) for line in lines.to_pylist()]
    return to_columns(zip(*rows, strict=True) if rows else [()] * len(HEADERS.split(", ")), HEADERS)


def _read_header(line: bytes) -> _Header:
    tail = match_tail(line)
    if tail is None or not _is_text(line):
        return _without_header(line)
    position, recorded, source, stream, kind, version = tail.groups()
    if max(len(position), len(version)) > _MOST_DIGITS:
        return _without_header(line)
    ways = ways_to_name(stream, kind)
    named = _join(hosts_named(line, ways)) if ways else b""
    return int(position), stream, int(version), kind + b"/", recorded, source, named


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _join(hosts: Collection[bytes] | None) -> bytes:
    return _ESCAPED if hosts is None else b"\n".join(hosts)


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
    ledgers = {source for source in headers.column("source").unique().to_pylist() if source is not None}
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
