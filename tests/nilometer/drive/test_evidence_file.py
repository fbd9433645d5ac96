"""The evidence of a VM only grows, whoever writes to it, and whatever ends in the middle of that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from nilometer.drive.evidence_file import BROKEN, EvidenceFile


def open_file(folder: Path) -> EvidenceFile:
    return EvidenceFile(folder / "lab.vm0.jsonl", scenario="lab", vm="vm0")


def numbers(folder: Path) -> Iterator[int]:
    for line in (folder / "lab.vm0.jsonl").read_bytes().splitlines():
        yield json.loads(line)["seq"]


def test_writers_beside_each_other_number_their_records_in_one_row(tmp_path: Path) -> None:
    def write(count: int) -> None:
        file = open_file(tmp_path)
        for _ in range(count):
            file.append("observation", {"label": "x" * 5000})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, [50] * 4))
    assert list(numbers(tmp_path)) == list(range(1, 201))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(broken=st.binary(min_size=1, max_size=40), records=st.integers(0, 3), mended=st.booleans())
def test_what_broke_off_is_set_aside_and_nothing_else(
    tmp_path: Path, broken: bytes, records: int, mended: bool
) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    file = open_file(folder)
    for _ in range(records):
        file.append("observation")
    folder.mkdir(exist_ok=True)
    torn = b'{"v":1,"seq":' + broken.replace(b"\n", b"")
    with file.path.open("ab") as stream:
        stream.write(torn)
    other = open_file(folder)
    if mended:
        other.mend()
    other.append("observation")
    assert list(numbers(folder)) == list(range(1, records + 2))
    assert file.path.with_name(file.path.name + BROKEN).read_bytes() == torn + b"\n"
    assert other.set_aside == len(torn)


def test_a_file_of_something_else_is_never_touched(tmp_path: Path) -> None:
    file = open_file(tmp_path)
    file.path.write_text("a letter\nto somebody\n")
    with pytest.raises(InputError, match="there is no record in it"):
        file.append("observation")
    assert file.path.read_text() == "a letter\nto somebody\n"


def test_the_last_record_of_a_kind_is_found_however_long_the_file_is(tmp_path: Path) -> None:
    file = open_file(tmp_path)
    assert file.find_last("attach") is None
    file.append("attach", {"uuid": "a"})
    file.append("observation", {"label": '"kind":"attach"'})
    for _ in range(3):
        file.append("observation", {"label": "x" * 500_000})
    found = open_file(tmp_path).find_last("attach")
    assert (found or {}).get("uuid") == "a"
