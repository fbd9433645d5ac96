"""Files by their names; a folder is its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import InputError
from nilometer.textio.files import expand_folders, open_input


def test_a_folder_stands_for_its_files_in_order_and_a_file_for_itself(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl", "HV01/c.jsonl.gz", ".hidden", ".git/x", "ledger.db", "ledger.db-wal"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = expand_folders(["-", str(tmp_path), "gone.jsonl", str(tmp_path / "ledger.db")])
    names = [name.removeprefix(f"{tmp_path}/") for name in found]
    assert names == ["-", "HV01/c.jsonl.gz", "a.jsonl", "b.jsonl", "gone.jsonl", "ledger.db"]


def test_a_folder_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are no files to read in this folder"):
        expand_folders([str(tmp_path)])


@pytest.mark.parametrize("name", ["x" * 5000, "a/" * 3000])
def test_a_name_that_no_file_can_have_is_an_error(name: str) -> None:
    too_long = r"…: the name has \d000 characters, too many for a file"
    with pytest.raises(InputError, match=too_long):
        expand_folders([name])
    with pytest.raises(InputError, match=too_long), open_input(name):
        pass
