"""What is right by its form is exported and listed as by who reads it: to the same bytes, or not at all."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.envelope import Metadata
from domain.events import Event, HostMemoryGranted, VmMemoryAdded, VmPaused
from domain.identifiers import StreamName, UtcTime
from domain.observed.events import VmMemoryMoved
from nilometer.cli.reading.log_lines import rows_to_lines
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import write_lines
from nilometer.ledger.ledger import Ledger
from nilometer.storage.bodies import decode, encode, topic_of
from nilometer.storage.canonical import BodyMatcher, body_pattern
from nilometer.storage.reader import StoredRow
from tests.nilometer.ledger.asking import ask, with_web01
from tests.nilometer.storage.test_bodies import KINDS, anything_of

LEDGER = "00000000-0000-0000-0000-000000000001"
MATCHED = [kind for kind in KINDS if body_pattern(topic_of(kind)) is not None]
NOON = UtcTime("2026-11-23T12:00:00.000000Z")


def always() -> BodyMatcher:
    return BodyMatcher(after=0)


def never() -> BodyMatcher:
    return BodyMatcher(after=2**62)


def row_of(event: Event, metadata: Metadata) -> StoredRow:
    topic, body = encode(event, metadata)
    return StoredRow(position=9, stream=StreamName("vm/any"), version=7, topic=topic, body=body)


def exported(row: StoredRow, matcher: BodyMatcher) -> list[bytes] | str:
    try:
        return list(write_lines([row], LEDGER, matcher))
    except UnreadableEvent as error:
        return str(error)


def check_same(row: StoredRow) -> None:
    assert exported(row, always()) == exported(row, never())
    assert list(rows_to_lines([row], LEDGER, always())) == list(rows_to_lines([row], LEDGER, never()))


def test_the_events_of_resizing_and_of_moves_have_patterns() -> None:
    assert {VmMemoryAdded, HostMemoryGranted, VmPaused, VmMemoryMoved} <= set(MATCHED)


@pytest.mark.parametrize("kind", MATCHED, ids=topic_of)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_event_is_written_as_if_it_were_read(kind: type[Event], data: st.DataObject) -> None:
    check_same(row_of(data.draw(anything_of(kind)), data.draw(anything_of(Metadata))))


@pytest.fixture(scope="module")
def resized(tmp_path_factory: pytest.TempPathFactory) -> StoredRow:
    """A VM that was given memory, by somebody in whose name are a backslash and a letter that is not ASCII."""
    folder = tmp_path_factory.mktemp("ledger")
    with Ledger.open(f"sqlite:///{folder}/ledger.db", create=True, durable=False) as ledger:
        with_web01(ledger)
        event = ask(ledger, "add-memory", vm="web01", amount="1GiB").events[0]
    return row_of(event, Metadata("CONTOSO\\jörg", "test", NOON, NOON, "1", reason='so "said"'))


def test_an_event_of_a_ledger_matches(resized: StoredRow) -> None:
    parts = always().match(resized.topic, resized.body)
    assert parts is not None
    assert (parts.actor.decode(), parts.causation, parts.reason) == ('"CONTOSO\\\\jörg"', None, b'"so \\"said\\""')
    assert parts.data in resized.body


LIES: Final = [
    b"",
    b" ",
    b"0",
    b"00",
    b"-0",
    b"-1",
    b"1.0",
    b"1e3",
    b"9" * 20,
    b"null",
    b"true",
    b"NaN",
    b'"',
    b'""',
    b"\\",
    b"\\u0061",
    b"\\u0000",
    b"\\/",
    b"\n",
    b"\x7f",
    b"\xff",
    b"\xed\xa0\x80",
    "é".encode(),
    b"{}",
    b"[]",
    b",",
    b"}",
    b'"a":1,',
    b'"power":"off",',
    b'"running"',
    b'"Running"',
    b"2026-02-30",
    b"2026-02-28",
    b"24:00:00",
]


TOKEN = re.compile(rb'"(?:[^"\\\\]|\\\\.)*"|[0-9]+|[a-z]+|[^a-z0-9"]')


@pytest.mark.parametrize("lie", LIES, ids=repr)
def test_a_body_that_was_changed_anywhere_is_refused_or_written_as_if_it_were_read(
    resized: StoredRow, lie: bytes
) -> None:
    """In the place of any token, or within it, stands something else."""
    body = resized.body
    for token in TOKEN.finditer(body):
        begin, end = token.span()
        check_same(replace(resized, body=body[:begin] + lie + body[end:]))
        check_same(replace(resized, body=body[: begin + 1] + lie + body[begin + 1 :]))


@pytest.mark.parametrize("name", ["happened", "recorded", "earliest"])
@pytest.mark.parametrize("time", ["2026-02-30T12:00:00.000000Z", "2026-11-23T24:00:00.000000Z", "now", ""])
def test_what_is_no_time_is_listed_as_unreadable(resized: StoredRow, name: str, time: str) -> None:
    metadata = replace(Metadata("ann", "test", NOON, NOON, "1"), **{name: UtcTime(time)})
    row = row_of(decode(resized.stream, 7, resized.topic, resized.body).event, metadata)
    check_same(row)
    assert b'"unreadable":' in next(rows_to_lines([row], LEDGER, always()))


@pytest.mark.parametrize(
    "changed",
    [
        {"topic": "vm.memory-added/02"},
        {"topic": "vm.memory-added/1"},
        {"topic": "vm.memory-removed/2"},
        {"topic": "vm.unheard-of/1"},
        {"topic": 5},
        {"topic": b"vm.memory-added/2"},
        {"stream": b"vm/any"},
        {"stream": 'vm/"any" \x00 é'},
        {"version": "7"},
        {"version": 7.0},
        {"version": -7},
        {"body": None},
        {"body": "{}"},
    ],
    ids=str,
)
def test_a_row_of_other_values_is_refused_or_written_as_if_it_were_read(
    resized: StoredRow, changed: dict[str, Any]
) -> None:
    check_same(replace(resized, **changed))


def test_the_first_bodies_of_a_class_are_read(resized: StoredRow) -> None:
    matcher = BodyMatcher(after=2)
    matches = [matcher.match(resized.topic, resized.body) is not None for _ in range(4)]
    assert matches == [False, False, True, True]
