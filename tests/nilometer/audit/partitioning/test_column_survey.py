"""Columns surveyed all at once show what headers show, one after another: of every history, with every fault."""

from __future__ import annotations

import pyarrow
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from nilometer.audit.partitioning import column_survey
from nilometer.audit.partitioning.column_survey import survey_columns
from nilometer.audit.partitioning.grouping import Survey
from nilometer.audit.sources import EventHeader
from tests.nilometer.audit.mixed import LEDGER, Line, mixed_history, shuffled, with_faults
from tests.rules.judging.histories import moment

SOURCE = f"urn:uuid:{LEDGER}".encode()
TEXT, MOMENT = pyarrow.string(), pyarrow.timestamp("us", tz="UTC")


def header_of(line: Line) -> EventHeader:
    """A header without a text, in which hosts are named: no column has that."""
    kind = line["type"].removeprefix("nilometer.").rpartition(".v")[0]
    return EventHeader(
        stream=line["subject"].encode(),
        version=line["version"],
        position=line["position"],
        kind=kind.encode(),
        source=SOURCE,
        recorded=line["recorded"].encode(),
        text=b"",
    )


def table_of(lines: list[Line], recorded: pyarrow.DataType) -> pyarrow.Table:
    topics = [line["type"].removeprefix("nilometer.").replace(".v", "/") for line in lines]
    return pyarrow.table(
        {
            "position": pyarrow.array([line["position"] for line in lines], pyarrow.int64()),
            "stream": pyarrow.array([line["subject"] for line in lines], TEXT),
            "version": pyarrow.array([line["version"] for line in lines], pyarrow.int64()),
            "topic": pyarrow.array(topics, TEXT),
            "recorded": pyarrow.array([line["recorded"] for line in lines], TEXT).cast(recorded),
        }
    )


def encoded(table: pyarrow.Table, times: int) -> pyarrow.Table:
    """The same, with streams and topics as dictionaries in which each text stands so many times; 0 is none.

    From the 60th row on the last of them is used.
    """
    columns = {name: table.column(name).combine_chunks() for name in table.schema.names}
    for name in ("stream", "topic") if times else ():
        codes = columns[name].dictionary_encode()
        texts = codes.dictionary.to_pylist() * times
        more = len(texts) - len(texts) // times
        used = [code + more * (row >= 60) for row, code in enumerate(codes.indices.to_pylist())]
        columns[name] = pyarrow.DictionaryArray.from_arrays(
            pyarrow.array(used, pyarrow.int32()), pyarrow.array(texts, TEXT)
        )
    return pyarrow.table(columns)


def surveyed(lines: list[Line]) -> Survey:
    ordered = sorted(lines, key=lambda line: line["position"])
    return Survey().take_all(header_of({**line, "source": SOURCE.decode()}) for line in ordered)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    faults=st.integers(0, 3),
    cut=st.integers(0, 60),
    of=st.sampled_from((TEXT, MOMENT)),
    times=st.integers(0, 2),
)
def test_columns_show_what_headers_show(seed: int, faults: int, cut: int, of: pyarrow.DataType, times: int) -> None:
    lines = with_faults(mixed_history(seed, commands=20), seed, faults)[cut:]
    columns = encoded(table_of(shuffled(lines, seed), of), times)
    found, expected = survey_columns(columns, SOURCE), surveyed(lines)
    event("undivided" if expected.undivided else "divided")
    if len({line["position"] for line in lines}) == len(lines):
        assert found == expected
    assert bool(found.undivided) is bool(expected.undivided)


def test_what_is_regular_is_not_surveyed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = mixed_history(7)
    lines[50] = {**lines[50], "recorded": moment(10**9 - 70)}
    expected = surveyed(lines)
    assert (expected.undivided, set(expected.late)) == ("", {51})
    monkeypatch.setattr(column_survey, "headers_in", None)
    assert survey_columns(table_of(lines, MOMENT), SOURCE) == expected
    assert survey_columns(encoded(table_of(lines, MOMENT), 1), SOURCE) == expected
    assert survey_columns(table_of(lines, TEXT), SOURCE) == expected


@pytest.mark.parametrize("change", [{"recorded": "yesterday"}, {"subject": "policies/adopted"}, {"version": 99}])
def test_what_is_odd_has_the_words_of_the_survey_of_headers(change: Line) -> None:
    lines = mixed_history(3)
    lines[30] = {**lines[30], **change}
    found = survey_columns(table_of(lines, TEXT), SOURCE)
    assert found == surveyed(lines)
    assert "event #3" in found.undivided


def test_a_dictionary_that_has_a_text_twice_shows_the_same() -> None:
    lines = mixed_history(3)
    assert survey_columns(encoded(table_of(lines, MOMENT), 2), SOURCE) == surveyed(lines)


def test_what_lacks_something_is_said() -> None:
    table = table_of(mixed_history(3), MOMENT)
    for name in ("stream", "recorded"):
        index = table.schema.names.index(name)
        columns: list[pyarrow.Array] = [table.column(each) for each in table.schema.names]
        texts = [None, *columns[index].to_pylist()[1:]]
        columns[index] = pyarrow.array(texts, TEXT if name == "stream" else MOMENT)
        found = survey_columns(pyarrow.Table.from_arrays(columns, schema=table.schema), SOURCE)
        assert found.undivided == "the first event is not written as Nilometer writes it"


def test_no_events_are_no_survey() -> None:
    assert survey_columns(table_of([], MOMENT), SOURCE) == Survey()


def test_one_event_is_the_first_and_the_last() -> None:
    lines = mixed_history(3)
    for each in (lines[:1], lines[1:2]):
        assert survey_columns(table_of(each, MOMENT), SOURCE) == surveyed(each)
