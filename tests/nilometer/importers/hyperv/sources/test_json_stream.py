"""Documents of JSON one after the other in a file: cut apart wherever the file is read in pieces."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from nilometer.importers.hyperv.sources import json_stream
from nilometer.importers.hyperv.sources.json_stream import read_documents
from nilometer.importers.run import SkippedRecords


class Dripping:
    """A file that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._file, self._step = io.BytesIO(data), step

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, self._step))


def split(data: bytes, step: int = 10**6) -> tuple[list[tuple[str, object]], list[str]]:
    skipped = SkippedRecords(keep_going=True)
    found = list(read_documents(Dripping(data, step), "f", skipped))
    assert all(error.hint for error in skipped.errors)
    return found, [error.message for error in skipped.errors]


TEXTS = st.text(alphabet='ab"\\{}[],:\n\u00e4')
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.integers() | TEXTS | st.none(), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner)
)


@settings(deadline=None)
@given(
    st.lists(st.lists(VALUES, max_size=3) | st.dictionaries(TEXTS, VALUES, max_size=3), max_size=4),
    st.integers(1, 40),
    st.sampled_from([None, 0, 2]),
)
def test_documents_are_read_as_they_were_written_however_the_file_is_cut(
    written: list[Any], step: int, indent: int | None
) -> None:
    data = "\n".join(json.dumps(value, indent=indent) for value in written).encode()
    found, errors = split(data, step)
    assert ([value for _, value in found], errors) == (written, [])


def test_each_document_has_the_line_on_which_it_begins() -> None:
    assert split(b'\n{"a":\n1}\n\n[2]{}')[0] == [
        ("f:2", {"a": 1}),
        ("f:5", [2]),
        ("f:5: document 2", {}),
    ]


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("cut", [b'{"a": [1, {"b": 2},', b'{"a": "text', b'{"a": "text\\', b'{\n  "a": {\n', b'{"a": '])
def test_a_document_that_was_cut_off_is_told_and_the_next_is_read(cut: bytes, step: int) -> None:
    found, errors = split(b"[1]\n" + cut + b'\n{"c": 3}\n', step)
    assert [value for _, value in found] == [[1], {"c": 3}]
    assert len(errors) == 1
    assert errors[0].startswith("f:2: the document that begins here is cut off")


def test_the_last_document_may_be_cut_off() -> None:
    assert split(b'{"a": 1}\n{"b": [') == ([("f:1", {"a": 1})], ["f:2: the document that begins here is cut off"])


def test_what_is_no_json_is_told_once_and_the_next_document_is_read() -> None:
    assert split(b'Name State\nweb01 Running\n{"a": 1}') == ([("f:3", {"a": 1})], ["f:1: is not JSON: 'Name State'"])


def test_a_fault_within_a_document_has_its_own_line() -> None:
    assert split(b'[1]\n{\n "a": 1,\n "b": 1,,\n}\n[2]')[1] == [
        "f:4: is not JSON: expecting property name enclosed in double quotes at column 9"
    ]


def test_a_fault_that_has_no_column_has_the_line_on_which_its_document_begins() -> None:
    assert split(b'[1]\n{\n "a": 1,\n "a": 2\n}\n[2]') == (
        [("f:1", [1]), ("f:6", [2])],
        ["f:2: has the key 'a' twice"],
    )


def test_a_document_that_is_too_long_is_told_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "LONGEST_DOCUMENT", 100)
    found, errors = split(b'[1]\n{"a": "' + b"x" * 200 + b'"\n{"b": 2}', 50)
    assert found[0] == ("f:1", [1])
    assert errors[0] == "f:2: the document that begins here is over 100 bytes long"


def test_where_errors_are_not_collected_the_first_one_ends_the_reading() -> None:
    with pytest.raises(InputError, match="f:1: is not JSON"):
        list(read_documents(io.BytesIO(b"x\n[1]"), "f", SkippedRecords()))


def test_beginnings_without_an_end_are_not_looked_at_for_ever() -> None:
    assert len(split(b"{\n" * 20_000)[1]) <= 102


def test_packed_and_utf_16_documents_are_read() -> None:
    assert split('[1]\n{"a": "ä"}'.encode("utf-16"), 3)[0] == [("f:1", [1]), ("f:2", {"a": "ä"})]
