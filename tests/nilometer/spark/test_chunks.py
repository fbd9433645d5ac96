"""Lines in chunks: all of them come back, in order, and each chunk is of one group."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable
from typing import cast

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer.audit.partitioning.grouping import Survey
from nilometer.audit.sources import header_of
from nilometer.spark.chunks import WINDOW_BYTES, cut_lines, lines_in
from nilometer.spark.headers import NO_EVENT
from tests.nilometer.audit.mixed import Line, mixed_history, shuffled, spelled, with_faults


def cut(lines: Iterable[bytes], window: int = WINDOW_BYTES) -> list[pyarrow.RecordBatch]:
    texts = pyarrow.array([line.removesuffix(b"\n") for line in lines], pyarrow.string())
    return list(cut_lines(iter(pyarrow.table({"value": texts}).to_batches(max_chunksize=7)), window))


def rows_of(batches: list[pyarrow.RecordBatch], *, chunks: bool) -> pyarrow.Table:
    table = pyarrow.Table.from_batches(batches)
    streams = table.column("stream").to_pylist()
    return table.take([row for row, stream in enumerate(streams) if (stream is not None) is chunks])


def chunks_of(batches: list[pyarrow.RecordBatch]) -> pyarrow.Table:
    return rows_of(batches, chunks=True)


def survey_of(batches: list[pyarrow.RecordBatch]) -> Survey | None:
    (content,) = rows_of(batches, chunks=False).column("survey").to_pylist()
    return None if content is None else cast("Survey", pickle.loads(content))


def read(chunks: pyarrow.Table) -> list[tuple[int, bytes]]:
    return [numbered for batch in lines_in(chunks) for numbered in batch]


def numbered(lines: Iterable[Line]) -> list[tuple[int, bytes]]:
    return sorted((line["position"], spelled(line)[:-1]) for line in lines)


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    faults=st.integers(0, 2),
    window=st.sampled_from((1, 20_000, WINDOW_BYTES)),
    in_order=st.booleans(),
)
def test_all_lines_come_back_in_order_and_each_chunk_is_of_one_group(
    seed: int, faults: int, window: int, in_order: bool
) -> None:
    lines = sorted(with_faults(mixed_history(seed), seed, faults), key=lambda line: line["position"])
    table = cut(map(spelled, lines if in_order else shuffled(lines, seed)), window)
    assert sorted(read(chunks_of(table))) == numbered(lines)
    assert [position for position, _ in read(chunks_of(table))] == [position for position, _ in numbered(lines)]
    grouping = Survey().take_all(header_of(spelled(line)[:-1]) for line in lines).group()
    survey = survey_of(table)
    if survey is not None:
        assert (survey.group().group_of, survey.group().late) == (grouping.group_of, grouping.late)
        assert bool(survey.group().undivided) is bool(grouping.undivided)
    assert in_order is False or survey is not None or grouping.undivided
    for row in () if grouping.undivided else chunks_of(table).to_batches(max_chunksize=1):
        (stream,) = row.column("stream").to_pylist()
        streams = {json.loads(line)["subject"].encode() for _, line in read(pyarrow.Table.from_batches([row]))}
        assert {grouping.group_of[each] for each in streams} == {grouping.group_of[stream.encode()]}


def test_stretches_in_another_order_are_not_surveyed_where_they_are_read() -> None:
    texts = [spelled(line) for line in mixed_history(3)]
    middle = len(texts) - 70  # as many lines come at once as make no batch of both stretches
    assert survey_of(cut(texts, 1)) is not None
    assert survey_of(cut([*texts[middle:], *texts[:middle]], 1)) is None


def test_lines_of_one_group_that_are_looked_at_together_are_one_chunk() -> None:
    table = cut(map(spelled, mixed_history(3)))
    survey = survey_of(table)
    assert survey is not None
    assert chunks_of(table).num_rows == len(survey.group().sizes)


def test_blank_lines_are_left_out() -> None:
    lines = mixed_history(3)
    texts = [spelled(line) for line in lines]
    table = cut([b"", *texts[:40], b"\t ", b"", *texts[40:]])
    assert read(chunks_of(table)) == numbered(lines)
    assert survey_of(table) is not None
    assert cut([b"", b" "]) == []


@pytest.mark.parametrize(
    ("line", "position"),
    [
        (b'{"position": 41, "subject": "host/a"}', 41),
        (b'{"position":"41"}', NO_EVENT),
        (b"nonsense", NO_EVENT),
        (spelled({**mixed_history(3)[40], "position": 2**63}), NO_EVENT),
    ],
)
def test_a_line_that_nilometer_did_not_write_so_is_kept_and_there_is_no_survey(line: bytes, position: int) -> None:
    lines = mixed_history(3)
    texts = [spelled(line) for line in lines]
    table = cut([*texts[:40], line, *texts[41:]])
    assert survey_of(table) is None
    found = read(chunks_of(table))
    assert (position, line.removesuffix(b"\n")) in found
    assert len(found) == len(lines)


def test_chunks_that_come_later_are_not_unpacked_before_their_turn() -> None:
    lines = mixed_history(3)
    chunks = chunks_of(cut(map(spelled, lines), 20_000))
    last = chunks.num_rows - 1
    texts = pyarrow.array([*chunks.column("lines").to_pylist()[:last], b""], pyarrow.binary())
    damaged = pyarrow.table({**{name: chunks.column(name) for name in ("positions", "lengths")}, "lines": texts})
    batches = lines_in(damaged)
    assert next(batches)[0] == numbered(lines)[0]
    with pytest.raises(OSError, match=r"[Ll]z4"):
        list(batches)
