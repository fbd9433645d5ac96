"""Damage that Arrow does not notice where it opens a file, and lists of files that say what no export says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from domain.errors import InputError
from nilometer.history.parquet.manifest import NAME, read_manifest
from nilometer.history.parquet.reading import opened
from nilometer.ledger.ledger import Ledger
from tests.domain.given import HOST, WEB
from tests.nilometer.history.parquet.exporting import (
    bytes_of,
    export,
    files_of,
    ledger_of,
    lines_of,
    problem_of,
    spoil_text,
)
from tests.rules.judging.histories import history

GARBAGE = (b"mine", b"x" * 100_000, b'{"format":"another",', b'{"mine":')


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    with ledger_of(lines_of(history(HOST, WEB)), tmp_path) as ledger:
        return export(ledger, tmp_path / "export")


def with_lines(folder: Path, lines: Sequence[bytes]) -> Path:
    (folder / NAME).write_bytes(b"".join(lines))
    return folder


@pytest.mark.parametrize("name", ["stream", "topic"])
def test_a_text_that_is_not_utf_8_is_damage(exported: Path, name: str) -> None:
    file = files_of(exported)[0]
    spoil_text(file, name, 0)
    message = f"{file}: this Parquet file is damaged, or was cut off"
    assert problem_of(exported) == message
    manifest = read_manifest(exported)
    for encoded in ((), (name,)):
        with opened(manifest, manifest.runs[0], encoded) as (one, *_), pytest.raises(InputError) as caught:
            one.read_columns([name])
        assert caught.value.message == message


def test_a_name_of_a_column_that_is_not_utf_8_is_damage(exported: Path) -> None:
    file = files_of(exported)[0]
    file.write_bytes(file.read_bytes().replace(b"vm_name", b"vm_nam\xff"))
    assert problem_of(exported) == f"{file}: this Parquet file is damaged, or was cut off"


@pytest.mark.parametrize(
    "lines",
    [
        ("{head}", '{"files":[]}\n', "{runs}", "{end}"),
        ("{head}", "{runs}", "{end}", "{end}"),
        ("{head}", "{runs}", '{"complete":false,"events":{events}}\n'),
        ("{head}", "{runs}", '{"events":{events}}\n'),
        ("{head}", "{runs}", "[" * 100_000 + "\n"),
    ],
    ids=["a run of no files", "two ends", "an end that is none", "an end without a word", "too deep"],
)
def test_a_list_that_no_export_has_is_refused(exported: Path, lines: Sequence[str]) -> None:
    head, *runs, end = (exported / NAME).read_bytes().splitlines(keepends=True)
    words = {"{head}": head, "{runs}": b"".join(runs), "{end}": end, "{events}": end[end.rindex(b":") + 1 : -2]}
    changed = [line.encode() for line in lines]
    for word, text in words.items():
        changed = [line.replace(word.encode(), text) for line in changed]
    assert problem_of(with_lines(exported, changed)) == f"{exported / NAME}: this list of the export's files is damaged"


@pytest.mark.parametrize("buckets", [0, -1, 17, 10**12])
def test_no_more_buckets_are_made_than_there_can_be(exported: Path, buckets: int) -> None:
    content = (exported / NAME).read_bytes()
    changed = with_lines(exported, [content.replace(b'"buckets":1', b'"buckets":%d' % buckets)])
    assert problem_of(changed) == f"{exported / NAME}: this list of the export's files is damaged"


@pytest.mark.parametrize("garbage", GARBAGE, ids=len)
def test_what_is_no_line_that_was_cut_off_is_somebody_elses(exported: Path, garbage: bytes) -> None:
    """An export would take away what stands there, and write into the folder."""
    whole = (exported / NAME).read_bytes()
    with Ledger.open(f"sqlite:///{exported.parent}/ledger.db", read_only=True) as ledger:
        for lines in ([garbage], [*whole.splitlines(keepends=True)[:2], garbage]):
            before = bytes_of(with_lines(exported, lines))
            assert problem_of(exported).endswith("this list of the export's files is damaged")
            with pytest.raises(InputError, match="damaged"):
                export(ledger, exported)
            assert bytes_of(exported) == before


def test_wherever_the_last_line_was_cut_off_an_export_goes_on(exported: Path) -> None:
    whole, complete = (exported / NAME).read_bytes(), bytes_of(exported)
    with Ledger.open(f"sqlite:///{exported.parent}/ledger.db", read_only=True) as ledger:
        for length in range(len(whole)):
            export(ledger, with_lines(exported, [whole[:length]]))
            assert bytes_of(exported) == complete
