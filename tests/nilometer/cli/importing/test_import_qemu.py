"""Recordings at the command line: packed, in any encoding, odd, twice, and two of one scenario."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.nilometer.cli.calling import Desk
from tests.paths import RECORDINGS

S7 = RECORDINGS / "s7_three_vms_one_budget.jsonl"
TEXT = S7.read_text(encoding="utf-8")
ODD = TEXT.splitlines(keepends=True)
ODD[3:3] = [ODD[2], json.dumps({**json.loads(ODD[2]), "kind": "weather", "seq": 999}) + "\n"]


@pytest.mark.parametrize(
    "data",
    [gzip.compress(TEXT.encode()), b"\xff\xfe" + TEXT.replace("\n", "\r\n").encode("utf-16-le")],
    ids=["gzip", "UTF-16"],
)
def test_a_recording_is_the_same_packed_or_in_another_encoding(desk: Desk, data: bytes) -> None:
    assert desk.call("import-qemu", desk.write("r.jsonl", TEXT), "--as", "lab").code == 0
    result = desk.call("import-qemu", desk.write("r.other", data), "--as", "lab", "--format", "json")
    assert (result.code, result.json["recorded"], result.json["records"]) == (0, 0, 53)
    assert desk.call("import-qemu", "-", "--as", "lab", "--format", "json", stdin=data).json["recorded"] == 0


def test_what_is_odd_is_noted_on_stderr_and_counted(desk: Desk) -> None:
    file = desk.write("r.jsonl", "".join(ODD))
    result = desk.call("import-qemu", file, "--format", "json")
    assert result.code == 0
    assert result.err.splitlines() == [
        f"note: {file}:5: the record has the seq 999: those before it, from 4 on, are missing",
        f"note: {file}:5: the kind 'weather' is unknown: the record is skipped",
        f"note: {file}:6: seq 4 comes after 999",
    ]
    assert result.json["remarks"] == {"gap": 1, "out of order": 1, "unknown kind": 1}
    assert result.json["not_needed"] == {"kind weather": 1, "meta": 2}
    assert (result.json["records"], result.json["repeats"], result.json["events"]) == (55, 7, 45)


def test_what_is_odd_in_front_of_a_line_that_cannot_be_read_is_noted_too(desk: Desk) -> None:
    file = desk.write("r.jsonl", "".join([*ODD[:6], '{"v": 1, "v": 1}\n']))
    result = desk.call("import-qemu", file)
    assert result.code == 2
    assert "is unknown: the record is skipped" in result.err
    assert f"error: {file}:7: has the key 'v' twice\nhint: write it once" in result.err


def test_of_many_odd_records_the_first_are_noted(desk: Desk) -> None:
    file = desk.write("r.jsonl", "".join(ODD[:3] + ODD[5:40:2]))
    result = desk.call("import-qemu", file)
    notes = [line for line in result.err.splitlines() if line.startswith("note: ")]
    assert (result.code, len(notes)) == (0, 6 + 1)
    assert notes[-2] == f"note: {file}: 12 more of the same (gap)"
    assert notes[-1].endswith(" are pending; import the next file, or use --final if there is none")


def test_two_recordings_of_one_scenario_need_two_names(desk: Desk) -> None:
    assert desk.call("import-qemu", desk.write("monday.jsonl", TEXT)).code == 0
    history = desk.events
    tuesday = desk.write("tuesday.jsonl", TEXT.replace("2026-11-23T", "2026-11-24T"))
    result = desk.call("import-qemu", tuesday)
    assert (result.code, result.out) == (2, "")
    assert f"error: {tuesday}: the host 's7_three_vms_one_budget' is in the ledger already" in result.err
    assert "hint: import it under other ids: --as PREFIX" in result.err
    assert desk.events == history
    assert desk.call("import-qemu", tuesday, "--as", "tuesday").code == 0
    assert desk.call("import-qemu", tuesday, "--as", "tuesday", "--format", "json").json["recorded"] == 0


def test_who_keeps_going_is_told_of_the_recording_that_was_refused_and_gets_the_others(desk: Desk) -> None:
    monday = desk.write("monday.jsonl", TEXT)
    tuesday = desk.write("tuesday.jsonl", TEXT.replace("2026-11-23T", "2026-11-24T"))
    s2 = str(S7.with_name("s2_shrink_in_use_partial.jsonl"))
    result = desk.call("import-qemu", monday, tuesday, s2, "--keep-going", "--format", "json")
    assert result.code == 2
    assert f"error: {tuesday}: the host" in result.err
    assert [entry["recorded"] for entry in result.json["files"]] == [58, 0, 34]
