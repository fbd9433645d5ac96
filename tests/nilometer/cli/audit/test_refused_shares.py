"""Shares that are missing, edited, or of something else, and options that do not go together, are refused."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from nilometer.storage.sqlite.triggers import TRIGGERS
from tests.nilometer.audit.mixed import Line, text_of
from tests.nilometer.cli.audit.shares import Json, changed, refused, shares_of, stored
from tests.nilometer.cli.calling import Desk


@pytest.fixture
def shares(desk: Desk, lines: list[Line]) -> list[str]:
    return shares_of(desk, 2, desk.write("history.jsonl", text_of(lines)))


def test_a_share_that_is_missing_or_stands_twice_is_named(desk: Desk, shares: list[str]) -> None:
    refused(desk.call("audit", "--join", shares[1]), "share 1 of 2 is missing", "--share 1/2")
    refused(desk.call("audit", "--join", *shares, shares[0]), "it is share 1 of 2, and so is")
    refused(desk.call("audit", "--join"), "no share is named")


CHANGES: list[tuple[Callable[[Json], object], str]] = [
    (lambda share: share["history"].update(ledger="urn:uuid:other"), "the ledger is"),
    (lambda share: share["history"]["files"][0].update(sha256="0" * 64), "the files have SHA-256"),
    (lambda share: share["history"].update(position=7), "the last position is"),
    (lambda share: share["history"].update(groups=7), "the number of groups is"),
    (lambda share: share["share"].update(of=3), "the number of shares is"),
    (lambda share: share.update(tool="nilometer 0.0.1"), "the program is nilometer 0.0.1"),
    (lambda share: share.update(rules_sha256="0" * 64), "the SHA-256 of the rules is"),
    (lambda share: share["share"].update(format=3), "its format is 3, and this program reads 1 to 2"),
    (lambda share: share.update(events=3), "together the shares judged"),
    (lambda share: share.pop("counts"), "counts is missing"),
    (lambda share: share["findings"].append({}), "ledger is missing"),
    (lambda share: share.pop("share"), "it is not a share of an audit"),
]
_CHANGED = "something in it was changed"
EDITS: list[tuple[Sequence[str | int], object, str]] = [
    (["checked", 0, "holds"], 7, _CHANGED),
    (["checked", 0, "violated"], -1, _CHANGED),
    (["checked", 0, "rule"], 7, _CHANGED),
    (["checked", 0, "remarks"], float("inf"), "Infinity is not a number in JSON"),
    (["spans", 0, "last"], "1e5", _CHANGED),
    (["sealed"], 2**63, _CHANGED),
    (["unreadable_count"], True, _CHANGED),
    (["counts"], {}, _CHANGED),
    (["digest"], None, _CHANGED),
    (["unknown"], "\ud800", "has half of a surrogate pair, \\ud800"),
]


@pytest.mark.parametrize(("path", "value", "words"), EDITS, ids=str)
def test_an_edited_share_is_refused_whatever_was_edited(
    desk: Desk, shares: list[str], path: Sequence[str | int], value: object, words: str
) -> None:
    document = json.loads(Path(shares[1]).read_text())
    part = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    edited = desk.write("edited.json", json.dumps(document))
    refused(desk.call("audit", "--join", shares[0], edited), f"edited.json: {words}")


def test_a_share_that_was_only_written_otherwise_is_joined(desk: Desk, shares: list[str]) -> None:
    joined = desk.call("audit", "--join", *shares).code
    document = json.loads(Path(shares[1]).read_text())
    other = desk.write("other.json", json.dumps(document, sort_keys=True, indent=7))
    assert desk.call("audit", "--join", shares[0], other).code == joined


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_shares_of_something_else_are_refused(
    desk: Desk, shares: list[str], change: Callable[[Json], object], words: str
) -> None:
    refused(desk.call("audit", "--join", shares[0], changed(shares[1], change)), words)


def test_shares_that_are_all_of_another_program_are_refused(desk: Desk, shares: list[str]) -> None:
    for share in shares:
        changed(share, CHANGES[5][0])
    refused(desk.call("audit", "--join", *shares), "does not fit this program", "nilometer 0.0.1")


def test_a_share_that_was_cut_off_or_is_none_is_refused(desk: Desk, shares: list[str], lines: list[Line]) -> None:
    text = Path(shares[1]).read_text()
    for length in (1, len(text) // 2, len(text) - 3):
        cut = desk.write("cut.json", text[:length])
        refused(desk.call("audit", "--join", shares[0], cut), "cut.json: it was cut off")
    refused(desk.call("audit", "--join", shares[0], desk.write("empty.json", "")), "empty.json: it is empty")
    for other in (b"\xff\xfd", b"nonsense", b"[]", b"{}", text_of(lines[:1])):
        refused(desk.call("audit", "--join", shares[0], desk.write("no.json", other)), "it is not a share of an audit")
    refused(desk.call("audit", "--join", shares[0], str(desk.folder / "none.json")), "none.json: No such file")


def test_a_history_that_was_cut_off_or_cannot_be_read_makes_no_share(desk: Desk, lines: list[Line]) -> None:
    packed = gzip.compress(text_of(lines))
    refused(desk.call("audit", desk.write("cut.gz", packed[:-20]), "--share", "1/2"), "cut.gz")
    broken = text_of(lines).replace(b'"outcome":', b'"outcom":', 1)
    answers = [desk.call("audit", desk.write("broken.jsonl", broken), "--share", f"{k}/2") for k in (1, 2)]
    assert sorted(answer.code for answer in answers) == [0, 2]
    refused(max(answers, key=lambda answer: answer.code), "broken.jsonl:")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--share", "3/2"], "there is no share 3 of 2"),
        (["--share", "0/2"], "there is no share 0 of 2"),
        (["--share", "1/0"], "there are 1 to 100,000 shares, not 0"),
        (["--share", "half"], "'half' is not a share"),
        (["--share", "1/2", "--policies", "p.py"], "a policy is judged on the whole history"),
        (["--share", "1/2", "--vm", "web01"], "--share and --vm do not go together"),
        (["--share", "1/2", "--strict"], "give it when the shares are joined"),
        (["--share", "1/2", "--cores", "2"], "start as many shares as there are cores"),
        (["--share", "1/2", "--keep-going"], "--keep-going"),
        (["--share", "1/2", "--format", "sarif"], "a share is JSON, not sarif"),
        (["--share", "1/2", "--position", "3"], "--position is for a ledger"),
        (["--position", "3"], "--position is for --share"),
        (["--join", "--share", "1/2"], "--join and --share do not go together"),
        (["--join", "--since", "2026-01-01"], "--join and --since do not go together"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    desk: Desk, lines: list[Line], args: list[str], words: str
) -> None:
    refused(desk.call("audit", desk.write("history.jsonl", text_of(lines[:5])), *args), words)


def test_stdin_is_refused_because_a_share_reads_twice_and_a_folder_because_it_is_one(desk: Desk) -> None:
    refused(desk.call("audit", "-", "--share", "1/2", stdin="{}"), "stdin: a share reads its input twice")
    refused(desk.call("audit", str(desk.folder), "--share", "1/2"), "this is a folder", "name the files in it")
    refused(desk.call("audit", "none.jsonl", "--share", "1/2"), "none.jsonl: No such file")


def test_a_damaged_event_of_a_ledger_is_judged_in_one_piece(desk: Desk, lines: list[Line]) -> None:
    stored(desk.url, lines, desk)
    with closing(sqlite3.connect(desk.folder / "ledger.db")) as connection, connection:
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
        changed = 'CAST(replace(CAST(state AS TEXT), \'"data":{\', \'"data":{"a":1,\') AS BLOB)'
        connection.execute(f"UPDATE stored_events SET state = {changed} WHERE position = 40")
        for trigger in TRIGGERS.values():
            connection.execute(trigger)
    answers = [desk.call("audit", "--share", f"{k}/2") for k in (1, 2)]
    assert 2 in [answer.code for answer in answers]
    assert "judge the ledger in one piece, without --share" in "".join(answer.err for answer in answers)
