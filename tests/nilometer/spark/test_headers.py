"""Headers of lines that are read all at once are those that are read line by line."""

from __future__ import annotations

import json
from random import Random

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer.audit.partitioning.grouping import hosts_of
from nilometer.audit.sources import header_of
from nilometer.spark.headers import NO_EVENT, read_headers
from tests.nilometer.audit.mixed import Line, mixed_history, spelled

ODD = (
    (b'"recorded":', b'"reason":"so it \\"is\\", or \\\\","recorded":'),
    (b'"recorded":', b'"reason":"","recorded":'),
    (b'"data":{', b'"data":{"host":"hv\\\\1",'),
    (b'"data":{', b'"data":{"id":"a\\\\b/1",'),
    (b'"data":{', b'"data":{"id":"hv8","x":[{"id":"hv9"}],'),
    (b'"data":{', b'"data":{"id":"","to":"a/b","host":"\xc3\xa4",'),
    (b'"data":{', b'"data":{"id": "hv7",'),
    (b'"data":{', b'"data":{"i\\u0064":"hv7","x":"\\u0001",'),
    (b'"data":{', b'"data":{"x":"\\"position\\":5,",'),
    (b'"data":{', b'"data":{"x":"\xff",'),
    (b'"position":', b'"place":'),
    (b'"position":', b'"position":9999999999999999999'),
    (b'"version":', b'"version":9999999999999999999'),
    (b'.v1"', b'.more.v1"'),
    (b'"source":', b'"source": '),
    (b'"subject":"', b'"subject":"other/'),
    (b'"subject":"', b'"subject":"\xff'),
)


def header_by_line(line: bytes) -> tuple[object, ...] | None:
    """What ``nilo audit`` reads of a line; ``None`` if that is nothing, or no text."""
    header = header_of(line)
    if header is None or max(header.position, header.version) >= 10**18:
        return None
    try:
        line.decode()
    except UnicodeDecodeError:
        return None
    hosts = hosts_of(header)
    return (
        header.position,
        header.stream.decode(),
        header.version,
        header.kind.decode() + "/",
        header.recorded.decode(),
        header.source.decode(),
        {"\\"} if hosts is None else {host.decode() for host in hosts},
    )


def headers_of(table: pyarrow.Table) -> list[tuple[object, ...] | None]:
    found = zip(*(table.column(name).to_pylist() for name in table.schema.names), strict=True)
    return [
        None if row[1] is None else (*row[:-1], {host for host in str(row[-1]).split("\n") if host}) for row in found
    ]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), which=st.lists(st.sampled_from(ODD), max_size=4), often=st.floats(0, 1))
def test_all_at_once_is_as_line_by_line(seed: int, which: list[tuple[bytes, bytes]], often: float) -> None:
    random, lines = Random(seed), [spelled(line)[:-1] for line in mixed_history(seed % 20)]
    for old, new in which:
        lines = [line.replace(old, new) if random.random() < often else line for line in lines]
    assert headers_of(read_headers(pyarrow.array(lines, pyarrow.binary()))) == [header_by_line(line) for line in lines]


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_line_among_others(odd: tuple[bytes, bytes]) -> None:
    lines = [spelled(line)[:-1] for line in mixed_history(3)]
    changed = [row for row, line in enumerate(lines) if odd[0] in line][::17]
    for row in changed:
        lines[row] = lines[row].replace(*odd)
    assert changed
    assert headers_of(read_headers(pyarrow.array(lines, pyarrow.binary()))) == [header_by_line(line) for line in lines]


def test_of_a_line_without_a_header_its_position_is_known() -> None:
    document: Line = {**mixed_history(3)[0], "position": 7}
    line = spelled(document)[:-1]
    lines = [line, json.dumps(document).encode(), b'{"x":1}', line.partition(b'"position":')[2]]
    found = read_headers(pyarrow.array(lines, pyarrow.binary()))
    assert found.column("position").to_pylist() == [7, 7, NO_EVENT, NO_EVENT]
    assert [row is None for row in headers_of(found)] == [False, True, True, True]
