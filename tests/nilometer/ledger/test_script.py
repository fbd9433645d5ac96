"""Script lines, times and sizes as people write them. What is wrong with bad ones is in ``tests/nilometer/cli``."""

from __future__ import annotations

import gzip
import json
import time
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commands import AddMemory, DefineVm
from domain.errors import InputError
from domain.identifiers import seconds_between
from domain.quantities import LARGEST, MiB
from domain.settings import ConfigVersion, Mode
from domain.shapes import parse_size
from nilometer.ledger.script import ScriptLine, read_script
from nilometer.messages.sizes import format_rounded, format_size, format_sizes, format_typed
from nilometer.suggesting import did_you_mean
from nilometer.times import (
    format_duration,
    format_exact_time,
    format_time,
    format_time_near,
    parse_time,
)

LINES = [b'{"command": "start", "vm": "%d"}' % number for number in range(4)]


def read(content: bytes, name: str = "") -> list[ScriptLine]:
    return list(read_script(BytesIO(content), "s.jsonl", name))


def test_a_line_is_a_command_and_who_asks_when_and_why() -> None:
    (line,) = read(
        b'{"command": "add-memory", "vm": "web01", "amount": "2GiB", "at": "2026-11-23T10:00:00+01:00", '
        b'"actor": "CONTOSO\\\\ops", "via": "powershell", "reason": "month end", "correlation": "CHG-7"}'
    )
    assert line.parsed is not None
    assert line.parsed.command == AddMemory("web01", 2 * 2**30)
    assert line.parsed.at == "2026-11-23T09:00:00.000000Z"
    assert (line.parsed.actor, line.parsed.via) == ("CONTOSO\\ops", "powershell")
    assert (line.parsed.reason, line.parsed.correlation) == ("month end", "CHG-7")
    assert line.parsed.target == "vm/web01"


def test_a_definition_carries_its_setting() -> None:
    (line,) = read(
        b'{"command": "define-vm", "vm": "db01", "host": "hv01", "generation": 1, "guest": "windows-legacy", '
        b'"config_version": "9.0", "memory": {"dynamic": {"minimum": "512MiB", "startup": "2GiB", '
        b'"maximum": "8GiB", "buffer": 20, "weight": 50}}}'
    )
    assert line.parsed is not None
    assert isinstance(line.parsed.command, DefineVm)
    assert line.parsed.command.config_version == ConfigVersion(9, 0)
    assert line.parsed.command.memory.mode is Mode.DYNAMIC


def test_a_line_is_known_by_all_lines_up_to_it() -> None:
    keys = [line.key for line in read(b"\n".join(LINES))]
    assert len(set(keys)) == 4
    mended = [line.key for line in read(b"\n".join([*LINES[:2], LINES[3]]))]
    assert mended[:2] == keys[:2]
    assert mended[2] not in keys
    assert [line.key for line in read(b"\n".join(LINES), "night")] != keys


def test_the_same_line_twice_is_two_lines() -> None:
    first, second = read(LINES[0] + b"\n" + LINES[0])
    assert first.key != second.key


def test_blank_lines_and_line_ends_do_not_count() -> None:
    plain = [line.key for line in read(b"\n".join(LINES))]
    assert [line.key for line in read(b"\xef\xbb\xbf" + b"\r\n\r\n  \r\n".join(LINES) + b"\r\n")] == plain


def long_line(size: int) -> bytes:
    return b'{"command": "start", "vm": "' + b"x" * size + b'"}'


MEBI = 2**20
SCRIPTS = {
    "LF": b"\n".join(LINES) + b"\n",
    "CRLF with a mark and blank lines": b"\xef\xbb\xbf" + b"\r\n\r\n  \r\n".join(LINES) + b"\r\n",
    "without a last end": b"\n".join(LINES),
    "a return within a line": b'{"command":\r "start", "vm": "a"}\n' + LINES[0] + b"\r\r\n" + LINES[1],
    "no UTF-8": LINES[0] + b'\n{"vm": "\xff"}\n' + LINES[1] + b"\n",
    "broken lines": b"what?\n\x00\x01\n[]\n" + LINES[0] + b"\n",
    "a long line": long_line(3 * MEBI) + b"\n" + LINES[0] + b"\n",
    "a long line, CRLF": long_line(3 * MEBI) + b"\r\n" + LINES[0] + b"\r\n",
    "a long last line": LINES[0] + b"\n" + long_line(3 * MEBI),
} | {
    f"{count} MiB {more} {name}": b"x" * (size * MEBI + more) + end + LINES[0] + end
    for count, size in (("one", 1), ("two", 2))
    for more in (-1, 0, 1, 2)
    for name, end in (("LF", b"\n"), ("CRLF", b"\r\n"))
}
KEYS = json.loads((Path(__file__).parent / "goldens" / "script-keys.json").read_text())
"""The number and key of each line, as commit 4e669ca gave them."""


@pytest.mark.parametrize("name", KEYS)
def test_a_script_that_an_older_version_ran_half_way_is_known_again(name: str) -> None:
    script = name.removesuffix(", with a name")
    lines = read(SCRIPTS[script], "night" if name != script else "")
    assert [[line.number, line.key] for line in lines] == KEYS[name]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_script_is_known_in_every_encoding_packed_or_not(encoding: str) -> None:
    text = b"\n".join(LINES).decode()
    keys = [line.key for line in read(text.encode())]
    for ends in ("\n", "\r\n", "\r"):
        data = text.replace("\n", ends).encode(encoding)
        assert [line.key for line in read(data)] == keys
        assert [line.key for line in read(gzip.compress(data))] == keys


def test_a_line_longer_than_memory_is_read_in_pieces_and_told_once() -> None:
    long = b'{"command": "start", "vm": "' + b"x" * (3 * 2**20) + b'"}'
    one, two = read(long + b"\n" + LINES[0])
    assert one.error is not None
    assert "over 1048576 bytes" in one.error.message
    assert two.parsed is not None
    assert read(long.replace(b"xx", b"xy", 1) + b"\n" + LINES[0])[1].key != two.key
    assert read(long[:-3] + b'y"}' + b"\n" + LINES[0])[1].key != two.key


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T09:00:00Z", "2026-11-23T09:00:00.000000Z"),
        ("2026-11-23 09:00Z", "2026-11-23T09:00:00.000000Z"),
        ("2026-11-23T09:00:00.1234567+01:00", "2026-11-23T08:00:00.123456Z"),
        ("2026-11-23T09:00:00,5-0130", "2026-11-23T10:30:00.500000Z"),
    ],
)
def test_a_time_with_a_zone_is_kept_in_utc(text: str, moment: str) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize("text", ["", "noon", "2026-11-23", "2026-11-23Z", "20261123T090000Z", "2026-02-30T00:00Z"])
def test_what_is_no_time_with_a_zone_is_refused(text: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_time(text)
    assert raised.value.hint


def test_times_are_shown_in_local_time_with_its_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert format_time("2026-11-23T09:00:00.120000Z") == "2026-11-23 10:00:00+01:00"
        assert format_time("2026-07-23T09:00:00.000000Z") == "2026-07-23 11:00:00+02:00"
        assert format_time_near("2026-11-23T22:30:00.000000Z", "2026-11-23T22:00:00.000000Z") == "23:30:00+01:00"
        assert format_time_near("2026-11-23T23:30:00.000000Z", "2026-11-23T22:30:00.000000Z")[:10] == "2026-11-24"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_times_and_stretches_as_they_are_shown() -> None:
    assert format_time("2026-11-23T09:00:00.000000Z") == "2026-11-23 09:00:00Z"
    assert format_time("2026-11-23T09:00:00.120000Z") == "2026-11-23 09:00:00Z"
    assert format_exact_time("2026-11-23T09:00:00.000000Z") == "2026-11-23 09:00:00Z"
    assert format_exact_time("2026-11-23T09:00:00.120000Z") == "2026-11-23 09:00:00.120Z"
    assert format_exact_time("2026-11-23T09:00:00.120010Z") == "2026-11-23 09:00:00.120010Z"
    assert format_time("0001-01-01T00:00:00.000000Z") == "0001-01-01 00:00:00Z"
    assert seconds_between("2026-11-23T09:00:00.000000Z", "2026-11-23T09:00:50.300000Z") == pytest.approx(50.3)
    assert [format_duration(each) for each in (0.25, 8.8, 50.3, 100, 3700, 90000)] == [
        "250 ms",
        "8.8 s",
        "50 s",
        "1 min 40 s",
        "1 h 1 min",
        "1 d 1 h",
    ]


@pytest.mark.parametrize(
    ("count", "exact", "rounded"),
    [
        (0, "0 MiB", "0 MiB"),
        (1, "1 byte", "<0.01 MiB"),
        (-1, "-1 byte", "-<0.01 MiB"),
        (3190 * MiB, "3190 MiB", "3190 MiB"),
        (14080 * MiB, "13.75 GiB", "13.75 GiB"),
        (1408 * MiB, "1408 MiB", "1408 MiB"),
        (40_472_576, "39524 KiB", "~38.6 MiB"),
        (LARGEST, "4 PiB", "4 PiB"),
        (-256 * MiB, "-256 MiB", "-256 MiB"),
    ],
)
def test_sizes_as_they_are_shown(count: int, exact: str, rounded: str) -> None:
    assert (format_size(count), format_rounded(count)) == (exact, rounded)


def test_sizes_that_are_compared_share_a_unit() -> None:
    assert format_sizes([1280 * MiB, 1216 * MiB, None]) == ["1280 MiB", "1216 MiB", "unknown"]
    assert format_sizes([8 * 2**30, 0]) == ["8 GiB", "0 GiB"]


@given(st.integers(0, LARGEST))
def test_a_size_can_be_typed_as_it_is_hinted(count: int) -> None:
    assert parse_size(format_typed(count)) == count


def test_did_you_mean() -> None:
    assert did_you_mean("strat", ["start", "stop"]) == "did you mean start?"
    assert did_you_mean("WEB01", ["web01"]) == "did you mean web01?"
    assert did_you_mean("zzz", [f"vm{n}" for n in range(7)]) == "known: vm0, vm1, vm2, vm3, vm4 and 2 more"
