"""``nilo log``: narrowed by reason and name, sorted by time, followed, and as CSV."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess

import pytest

from tests.nilometer.cli.calling import NILO, Desk

CHANGE = ("--asked", "8GiB", "--before", "4GiB", "--after", "8GiB")


@pytest.fixture
def reported(desk: Desk) -> Desk:
    """A desk where three changes were reported, the last of which happened first."""
    for vm, reason, hour in (
        ("web01", "CHG-7 month end", 10),
        ("web02", "=cmd|' /C calc'!A0", 11),
        ("db01", "chg-8", 9),
    ):
        time = f"2026-11-23T{hour:02}:00:00Z"
        assert desk.call("record", vm, "--new", *CHANGE, "--reason", reason, "--happened", time).code == 0
    return desk


@pytest.mark.parametrize(
    ("args", "vms"),
    [
        (["--reason", "CHG"], ["web01", "db01"]),
        (["--reason", "month"], ["web01"]),
        (["--name", "WEB"], ["web01", "web02"]),
        (["--name", "0"], ["web01", "web02", "db01"]),
        (["--name", "web", "--reason", "chg"], ["web01"]),
        (["--by-time"], ["db01", "web01", "web02"]),
        (["--by-time", "-n", "4"], ["web02"]),
        (["--name", "db", "-n", "1"], ["db01"]),
        (["--name", "nobody"], []),
    ],
)
def test_the_log_is_narrowed_and_sorted(reported: Desk, args: list[str], vms: list[str]) -> None:
    found = [event["subject"].removeprefix("vm/") for event in reported.call("log", *args, "--format", "json").lines]
    assert list(dict.fromkeys(found)) == vms
    shown = reported.call("log", *args).out
    assert [vm for vm in ("web01", "web02", "db01") if f"VM {vm}" in shown] == [
        vm for vm in ("web01", "web02", "db01") if vm in vms
    ]


def test_as_csv_it_has_a_row_for_each_event_and_no_formula(reported: Desk) -> None:
    rows = list(csv.DictReader(io.StringIO(reported.call("log", "--asked", "--format", "csv").out)))
    assert [(row["vm"], row["happened"], row["requested"], row["actor"]) for row in rows] == [
        ("web01", "2026-11-23T10:00:00.000000Z", "4294967296", "ann"),
        ("web02", "2026-11-23T11:00:00.000000Z", "4294967296", "ann"),
        ("db01", "2026-11-23T09:00:00.000000Z", "4294967296", "ann"),
    ]
    assert rows[1]["reason"] == "'=cmd|' /C calc'!A0"
    assert rows[0]["text"] == "VM web01: request 1 for base-memory: +4 GiB (4 GiB -> 8 GiB)"


def test_as_csv_nothing_is_the_head_alone(reported: Desk) -> None:
    assert reported.call("log", "--name", "nobody", "--format", "csv").out.startswith("position,happened,earliest,")
    assert reported.call("view", "--format", "csv").code == 2


@pytest.mark.parametrize("form", ["plain", "json"])
def test_followed_it_shows_each_new_event_and_ends_with_ctrl_c(reported: Desk, form: str) -> None:
    command = [str(NILO), "log", "--follow", "-n", "1", "--name", "web", "--format", form]
    environment = {**os.environ, **reported.environment()}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        before = following.stdout.readline()
        assert following.stderr.readline() == "note: waiting for more (Ctrl-C ends)\n"
        reported.call("record", "db01", *CHANGE)
        reported.call("record", "web02", "--asked", "9GiB", "--before", "8GiB", "--after", "9GiB", "--happened", "now")
        after = following.stdout.readline()
        following.send_signal(signal.SIGINT)
        rest, _ = following.communicate(timeout=30)
    assert "web02" in before
    assert "web02" in after
    assert "db01" not in after + rest
    assert following.returncode == 0
