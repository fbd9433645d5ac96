"""A command in a hint can be typed as it stands there, whatever the files are called."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from nilometer.history.parquet.manifest import NAME
from tests.nilometer.cli.calling import Desk

ODD = 'it\'s a $(folder) & "so"'
CALLS: Sequence[tuple[str, Sequence[str]]] = (
    ("audit ODD/unfinished", ["-o", "ODD/unfinished"]),
    ("export --follow -o ODD/x", [">>", "ODD/x"]),
    ("audit --join ODD", ["ODD/*.json"]),
    ("audit ODD/files --share 1/2", ["ODD/files/*.jsonl"]),
    ("backup ODD/none/b.db", ["mkdir", "-p", "ODD/none"]),
    ("import ODD/files/a.jsonl --ledger sqlite:///ODD/none/l.db", ["mkdir", "-p", "ODD/none"]),
    ("key new me -o ODD/none/key", ["mkdir", "-p", "ODD/none"]),
    ("witness ODD/none", ["mkdir", "ODD/none;"]),
)


@pytest.mark.parametrize(("call", "words"), CALLS, ids=[call for call, _ in CALLS])
def test_a_path_in_a_hint_is_quoted(desk: Desk, call: str, words: Sequence[str]) -> None:
    odd = desk.folder / ODD
    (odd / "files").mkdir(parents=True)
    desk.with_history()
    Path(desk.write("files.jsonl", desk.events)).rename(odd / "files" / "a.jsonl")
    unfinished = str(odd / "unfinished")
    assert desk.call("export", "--as", "parquet", "-o", unfinished).code == 0
    listed = Path(unfinished, NAME)
    listed.write_bytes(b"".join(listed.read_bytes().splitlines(keepends=True)[:-1]))
    found = desk.call(*[word.replace("ODD", str(odd)) for word in call.split()])
    assert found.code == 2
    _, _, hint = found.err.partition("\nhint: ")
    expected = [word.replace("ODD", str(odd)) for word in words]
    typed = shlex.split(hint)
    assert any(typed[start:][: len(expected)] == expected for start in range(len(typed))), hint
