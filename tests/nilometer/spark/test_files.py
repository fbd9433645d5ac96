"""Files that workers read themselves: each line comes once, as Spark gives it, however the files are divided."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer.spark.files import MOST_BYTES, divide_files, find_paths, read_pieces

LINES = st.lists(st.binary(max_size=9).filter(lambda line: not {*b"\r\n"} & {*line}), max_size=12)
ENDS = st.sampled_from((b"\n", b"\r\n"))


@given(
    files=st.lists(st.tuples(LINES, ENDS, st.booleans(), st.booleans()), min_size=1, max_size=3),
    tasks=st.integers(1, 6),
    fewest=st.integers(1, 20),
    together=st.integers(1, 40),
)
def test_each_line_comes_once_and_in_order(
    files: list[tuple[list[bytes], bytes, bool, bool]], tasks: int, fewest: int, together: int
) -> None:
    expected = list[bytes]()
    with TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.jsonl") for number in range(len(files))]
        for path, (lines, end, is_ended, is_marked) in zip(paths, files, strict=True):
            text = end.join(lines) + (end if is_ended else b"")
            path.write_bytes((b"\xef\xbb\xbf" if is_marked else b"") + text)
            expected += text.splitlines()
        divided = divide_files(paths, tasks, fewest)
        found = [batch.column("value").to_pylist() for pieces in divided for batch in read_pieces(pieces, together)]
    assert [line for lines in found for line in lines] == expected


def test_a_task_has_no_more_than_spark_gives_to_one(tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    with path.open("wb") as file:
        file.truncate(3 * MOST_BYTES + 1)
    assert [sum(piece.end - piece.begin for piece in pieces) for pieces in divide_files([path], 2)] == [
        *[MOST_BYTES] * 3,
        1,
    ]


def test_files_in_one_task_are_together_as_large_as_one(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.jsonl").write_bytes(b"x" * 99)
    assert [len(pieces) for pieces in divide_files(sorted(tmp_path.iterdir()), 2)] == [5]


@pytest.mark.parametrize("name", ["a.jsonl", "with space & ä%.json"])
def test_what_lies_on_a_disk_is_found(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    assert find_paths([path.as_uri()]) == [path]


def test_what_is_packed_or_lies_elsewhere_is_left_to_spark(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.jsonl.gz"):
        (tmp_path / name).touch()
    here, packed = (tmp_path / "a.jsonl").as_uri(), (tmp_path / "a.jsonl.gz").as_uri()
    assert find_paths([here, packed]) is None
    assert find_paths([here, here.replace("file:", "hdfs:")]) is None
    assert find_paths([here.replace("file://", "file://other")]) is None
    assert find_paths([(tmp_path / "absent.jsonl").as_uri()]) is None
