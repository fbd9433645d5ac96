"""A line is read as it stands or not at all, whatever was done to it."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext, suppress
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nilometer.history.cloudevents import TYPE, envelope_to_cloudevent
from nilometer.history.parsing import LineReader, UnreadableLine
from nilometer.storage.upcasters import UPCASTERS
from tests.paths import HISTORY_GOLDENS

LINES = [
    line
    for line in (HISTORY_GOLDENS / "version-1.jsonl").read_bytes().splitlines()
    if (found := TYPE.fullmatch(json.loads(line)["type"])) is not None and (found[1], int(found[2])) not in UPCASTERS
]
"""Lines whose shape is still written so: others are brought up to date, and do not say the same any more."""
PIECES = [
    b"",
    b'"',
    b",",
    b":",
    b"{",
    b"}",
    b"[",
    b"0",
    b"-",
    b".",
    b"e9",
    b"\\",
    b"\\u0061",
    b" ",
    b"null",
    b"NaN",
    b"\xff",
]


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def says_the_same(read: Any, written: Any) -> bool:
    """Whether all that is written was read so; what may be left out may be there."""
    if isinstance(written, dict):
        pairs = cast("dict[str, Any]", written).items()
        return all(says_the_same(read.get(key), value) for key, value in pairs)
    return type(read) is type(written) and read == written


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A line in which something was taken away, put in, or written twice."""
    line = draw(st.sampled_from(LINES))
    if draw(st.booleans()):
        pair = draw(st.sampled_from([found[0] for found in re.finditer(rb'"[a-z_]+":("[^"]*"|[0-9]+|null)', line)]))
        line = line.replace(pair, pair + b"," + pair)
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(line)))
        end = min(len(line), start + draw(st.sampled_from([0, 1, 2, 12])))
        piece = draw(st.sampled_from([*PIECES, line[start:end] * 2, line[start : start + 30]]))
        line = line[:start] + piece + line[end:]
    return line


@given(spoiled())
@example(LINES[0].replace(b'"position":1', b'"position":-0'))
@example(LINES[0].replace(b'"reason":', b'"reason":null,"reason":'))
def test_a_spoiled_line_is_unreadable_or_read_as_it_stands(line: bytes) -> None:
    try:
        read = LineReader().read(line)
    except UnreadableLine:
        return
    written = json.loads(line, object_pairs_hook=once)
    again = envelope_to_cloudevent(read.envelope, read.source.removeprefix("urn:uuid:"))
    times = ("time", "recorded", "earliest")
    assert says_the_same(again, {key: value for key, value in written.items() if key not in times})


def alone(line: bytes) -> str:
    try:
        return str(LineReader().read(line))
    except UnreadableLine as error:
        return str(error)


@given(st.lists(st.sampled_from(LINES) | spoiled(), max_size=5), st.lists(st.sampled_from(LINES) | spoiled()))
@example(LINES, [LINES[0].replace(b'"position":1', b'"position":1,"position":1')])
def test_many_lines_are_read_as_each_of_them_is(some: list[bytes], others: list[bytes]) -> None:
    reader = LineReader()
    told = [*reader.read_all(some), *reader.read_all(others)]
    assert [str(each) for each in told] == [alone(line) for line in [*some, *others]]


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_nothing_else_is_raised_whatever_stands_there(line: bytes) -> None:
    with suppress(UnreadableLine):
        LineReader().read(line)


@pytest.mark.parametrize(("figure", "is_read"), [(2**53 - 1, True), (2**53, False)])
def test_a_figure_that_programs_may_read_as_another_is_not_read(figure: int, is_read: bool) -> None:
    line = next(line for line in LINES if b'"total":' in line)
    changed = re.sub(rb'"total":[0-9]+', b'"total":%d' % figure, line)
    with nullcontext() if is_read else pytest.raises(UnreadableLine):
        LineReader().read(changed)
