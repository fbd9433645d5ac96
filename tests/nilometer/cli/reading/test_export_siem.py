"""``nilo export`` for SIEMs: from a position on, and as events are recorded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.nilometer.cli.calling import NILO, Desk

FORMS = ("ocsf", "ecs", "cef")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path).with_history()


@pytest.mark.parametrize("form", FORMS)
def test_every_event_is_a_line_on_stdout_or_in_a_file(desk: Desk, form: str) -> None:
    result = desk.call("export", "--as", form)
    assert (result.code, result.err) == (0, "")
    assert len(result.out.splitlines()) == 9
    file = desk.folder / "events"
    assert desk.call("export", "--as", form, "-o", str(file)).err == f"note: 9 events in {file}\n"
    assert file.read_text() == result.out


@pytest.mark.parametrize("form", ["cloudevents", *FORMS])
def test_only_events_behind_a_position(desk: Desk, form: str) -> None:
    everything = desk.call("export", "--as", form).out.splitlines()
    assert desk.call("export", "--as", form, "--after", "7").out.splitlines() == everything[7:]
    beyond = desk.call("export", "--as", form, "--after", "99")
    end = len(everything)
    assert (beyond.code, beyond.out) == (0, "")
    assert beyond.err == f"note: no event comes after position 99: the ledger ends at {end}\n"
    file = desk.folder / "events"
    assert desk.call("export", "--as", form, "--after", "7", "-o", str(file)).err == f"note: 2 events in {file}\n"


@pytest.mark.parametrize("form", ["cloudevents", "ecs"])
def test_a_ledger_that_is_followed_gives_each_new_event_until_ctrl_c(desk: Desk, form: str) -> None:
    following = subprocess.Popen(
        [NILO, "export", "--as", form, "--after", "8", "--follow"],
        env={**os.environ, **desk.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert following.stdout is not None
    with following:
        assert position_of(following.stdout.readline()) == 9
        assert desk.call("do", "add-memory", "web01", "2MiB", "--reason", "more").code == 0
        lines = [following.stdout.readline(), following.stdout.readline()]
        assert [position_of(line) for line in lines] == [10, 11]
        assert '"reason":"more"' in lines[0]
        following.send_signal(signal.SIGINT)
        out, err = following.communicate(timeout=60)
    assert (following.returncode, out, err) == (0, "", "")


def test_who_follows_from_behind_the_end_is_told(desk: Desk) -> None:
    following = subprocess.Popen(
        [NILO, "export", "--after", "12", "--follow"],
        env={**os.environ, **desk.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert following.stderr is not None
    with following:
        note = following.stderr.readline()
        following.send_signal(signal.SIGINT)
        assert following.communicate(timeout=60) == ("", "")
    assert note == "note: the ledger ends at 9: events up to position 12 are left out when they come\n"


def position_of(line: str) -> int:
    document = json.loads(line)
    return int(document["position"] if "position" in document else document["event"]["sequence"])


def test_what_is_followed_goes_to_stdout_alone(desk: Desk) -> None:
    result = desk.call("export", "--as", "ecs", "--follow", "-o", "events.ndjson")
    assert result.code == 2
    assert result.err == (
        "error: --follow writes to stdout, not to a file\n"
        "hint: append its output to the file: nilo export --as ecs --follow >> events.ndjson\n"
    )
    for option in (("--follow",), ("--after", "3")):
        result = desk.call("export", "--as", "parquet", "-o", "new", *option)
        assert result.code == 2
        assert "--follow and --after are for lines, not for parquet" in result.err


def test_a_position_that_no_ledger_can_have_is_named_with_its_option(desk: Desk) -> None:
    for more in ((), ("--follow",), ("--as", "ocsf")):
        refused = desk.call("export", "--after", "9" * 23, *more)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err == f"error: --after: there is no position {'9' * 23}\nhint: see the last: nilo log -n 1\n"
