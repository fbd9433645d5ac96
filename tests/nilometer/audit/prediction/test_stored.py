"""Events of a ledger are predicted as the lines of its export are, and a row that was changed is not."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer.audit.prediction.lines import LinePredictor
from nilometer.audit.reading import LineEvents, read_events
from nilometer.audit.stored import RowEvents
from rules.judging.judge import Judge
from tests.nilometer.audit.mixed import LEDGER
from tests.nilometer.audit.prediction.comparing import (
    assert_all_is_the_same,
    decided_history,
    rows_of,
)

TEXT = decided_history(0, 120)
ROWS = rows_of(TEXT)


def judged_singly(events: LineEvents[Any]) -> set[int]:
    """The positions of the events that are not predicted, in an audit that predicts from the first one on."""
    judge, taken = Judge(), set[int]()
    for batch in events.in_batches(LinePredictor(judge, 0)):
        for envelope, place, source in batch:
            assert judge.take(envelope, place, source) == []
            taken.add(envelope.position)
    return taken


SINGLY = judged_singly(RowEvents(ROWS, LEDGER))
PASSED = [number for number, row in enumerate(ROWS) if row.position not in SINGLY]


def test_the_same_events_are_predicted_as_of_an_export() -> None:
    assert judged_singly(read_events(BytesIO(TEXT), "h")) == SINGLY
    assert len(PASSED) > 20


@settings(max_examples=40, deadline=None)
@given(data=st.data(), byte=st.sampled_from(b'0129aZ"\\ ,:{}e-\xc3'))
def test_no_other_byte_of_a_body_passes(data: st.DataObject, byte: int) -> None:
    number = data.draw(st.sampled_from(PASSED))
    changed = bytearray(ROWS[number].body)
    changed[data.draw(st.integers(0, len(changed) - 1))] = byte
    row = replace(ROWS[number], body=bytes(changed))
    assert_all_is_the_same([*ROWS[:number], row, *ROWS[number + 1 :]])


def spoiled(number: int) -> list[dict[str, Any]]:
    """A row in which one value is another, or of another type."""
    row = ROWS[number]
    return [
        {"stream": row.stream.encode()},
        {"stream": f"{row.stream}0"},
        {"version": float(row.version)},
        {"version": str(row.version)},
        {"version": row.version + 1},
        {"topic": row.topic.encode()},
        {"topic": row.topic.replace("/", "/0")},
        {"topic": "vm.started/9"},
        {"body": row.body.decode()},
        {"body": None},
        {"body": row.body + b" "},
        {"body": row.body.replace(b'"causation":null,', b"")},
        {"body": row.body.replace(b'"earliest":null,', b"")},
        {"body": row.body.replace(b'"data":', b'"data":{},"data":')},
        {"body": row.body.replace(b'"earliest"', b'"dates":1,"earliest"')},
    ]


@pytest.mark.parametrize("kind", range(len(spoiled(0))))
def test_a_row_with_other_values_is_read(kind: int) -> None:
    for number in Random(kind).sample(PASSED, 4):
        row = replace(ROWS[number], **spoiled(number)[kind])
        assert_all_is_the_same([*ROWS[:number], row, *ROWS[number + 1 :]])
