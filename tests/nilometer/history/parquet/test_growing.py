"""An export grows with its ledger: behind what was written, in the same buckets, whenever it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from nilometer.history.parquet import manifest, writing
from nilometer.history.parquet.manifest import NAME, Manifest, read_manifest
from nilometer.history.parquet.reading import read_export
from nilometer.history.parquet.writing import write_export
from nilometer.ledger.ledger import Ledger
from tests.nilometer.history.parquet.exporting import (
    bytes_of,
    export,
    files_of,
    ledger_of,
    lines_of,
)
from tests.oracle.strategies import Drawn, Seeded
from tests.rules.judging.histories import random_history

pytestmark = pytest.mark.usefixtures("in_small_pieces")


def grown(lines: Sequence[bytes], ends: Sequence[int], folder: Path) -> Path:
    """An export that was made when the ledger had so many of its events, and then so many."""
    target = folder / "export"
    for end in ends:
        with ledger_of(b"".join(lines[:end]), folder) as ledger:
            export(ledger, target)
    return target


@settings(max_examples=10, deadline=None)
@given(data=st.data(), length=st.integers(2, 40))
def test_however_often_it_grew_it_comes_back_to_the_byte(data: st.DataObject, length: int) -> None:
    lines = lines_of(random_history(Drawn(data), length)).splitlines(keepends=True)
    if not lines:
        return
    ends = [*sorted(data.draw(st.lists(st.integers(1, len(lines)), max_size=3), "ends")), len(lines)]
    with TemporaryDirectory() as folder:
        target = grown(lines, ends, Path(folder))
        assert b"".join(read_export(target)) == b"".join(lines)
        found = read_manifest(target)
        assert (found.grown, found.last) == (tuple(sorted({*ends} - {len(lines)})), len(lines))
        event(f"buckets that were joined: {len(found.joined)}")


def test_what_was_written_before_is_not_touched(tmp_path: Path) -> None:
    lines = lines_of(random_history(Seeded(11), 60)).splitlines(keepends=True)
    target = grown(lines, [30], tmp_path)
    before = {name: content for name, content in bytes_of(target).items() if name != NAME}
    grown(lines, [30, len(lines)], tmp_path)
    assert before.items() < bytes_of(target).items()


# Stopped in between


class Killed(Exception):
    """Stands for a kill."""


def killed(*_: object, **__: object) -> None:
    raise Killed


def kill_while_counting(ledger: Ledger, target: Path, _: pytest.MonkeyPatch) -> None:
    write_export(ledger, target, lambda _: None, killed)


def kill_at(position: int) -> Callable[[Ledger, Path, pytest.MonkeyPatch], None]:
    def kill(ledger: Ledger, target: Path, _: pytest.MonkeyPatch) -> None:
        write_export(ledger, target, lambda at: killed() if at == position else None, lambda _: None)

    return kill


def kill_in(place: object, name: str, ledger: Ledger, target: Path, patch: pytest.MonkeyPatch) -> None:
    """Before a function does what it does."""
    patch.setattr(place, name, killed)
    export(ledger, target)


def kill_before_the_list_is_replaced(ledger: Ledger, target: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Path, "replace", killed)
    export(ledger, target)


def kill_while_the_list_is_written(ledger: Ledger, target: Path, patch: pytest.MonkeyPatch) -> None:
    def write(stream: BinaryIO, *_: object) -> None:
        stream.write(b'{"format":"nilometer-par')
        raise Killed

    patch.setattr(manifest, "_write", write)
    export(ledger, target)


@pytest.mark.parametrize(
    "kill",
    [
        kill_while_counting,
        kill_while_the_list_is_written,
        kill_before_the_list_is_replaced,
        kill_at(2),
        kill_at(31),
        kill_at(45),
        partial(kill_in, Manifest, "add_run"),
        partial(kill_in, Manifest, "complete"),
        partial(kill_in, writing, "to_table"),
    ],
)
def test_one_that_was_killed_while_it_grew_goes_on_to_the_same_files(
    kill: Callable[[Ledger, Path, pytest.MonkeyPatch], None], tmp_path: Path
) -> None:
    lines = lines_of(random_history(Seeded(11), 60)).splitlines(keepends=True)
    whole = bytes_of(
        grown(lines, [30, len(lines)], Path(tmp_path / "whole-here").joinpath() if False else _new(tmp_path, "whole"))
    )
    target = grown(lines, [30], _new(tmp_path, "killed"))
    with ledger_of(b"".join(lines), tmp_path / "killed") as ledger:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
            kill(ledger, target, patch)
        if read_manifest(target).is_complete:  # nothing was done yet
            assert b"".join(read_export(target)) == b"".join(lines[:30])
        else:
            with pytest.raises(InputError, match="the export was not finished"):
                list(read_export(target))
        export(ledger, target)
    assert {name: content for name, content in bytes_of(target).items() if "/." not in f"/{name}"} == whole


def _new(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


# What is refused


def test_a_ledger_that_went_on_otherwise_from_a_backup_is_refused(tmp_path: Path) -> None:
    lines = lines_of(random_history(Seeded(11), 60)).splitlines(keepends=True)
    target = grown(lines, [30], _new(tmp_path, "one"))
    before = bytes_of(target)
    otherwise = [line.replace(b'"actor":"anna"', b'"actor":"anton"') for line in lines]
    assert otherwise[29] != lines[29]
    with (
        ledger_of(b"".join(otherwise), _new(tmp_path, "other")) as ledger,
        pytest.raises(InputError, match="an export with another event at position 30") as error,
    ):
        export(ledger, target)
    assert "older backup" in error.value.hint
    assert bytes_of(target) == before


def test_an_export_that_lacks_a_file_does_not_grow(tmp_path: Path) -> None:
    lines = lines_of(random_history(Seeded(11), 60)).splitlines(keepends=True)
    target = grown(lines, [30], tmp_path)
    files_of(target)[0].unlink()
    with ledger_of(b"".join(lines), tmp_path) as ledger, pytest.raises(InputError, match="is missing"):
        export(ledger, target)
    assert read_manifest(target).is_complete
