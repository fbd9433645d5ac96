"""``nilo run``: scripts, checked whole, decided line by line, and run again."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from nilometer.errors import CommitUncertain
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Request
from tests.nilometer.cli.calling import NILO, SCRIPT, Desk

HOST = '{"command": "register-host", "host": "hv01", "version": "2022", "total": "64GiB", "reserve": "0"}\n'
OUTCOMES = ["done", "done", "done", "done", "partially-completed", "completed"]


def test_each_line_is_answered_as_json_and_the_summary_stands_on_stderr(desk: Desk) -> None:
    result = desk.call("run", desk.write("s.jsonl", SCRIPT), "--format", "json")
    assert result.code == 1
    assert [line["outcome"] for line in result.lines] == OUTCOMES
    assert [line["line"] for line in result.lines] == [1, 2, 3, 4, 5, 6]
    partly = result.lines[4]
    assert (partly["requested"], partly["granted"]) == (4 * 2**30, 3190 * 2**20)
    assert partly["error"]["code"] == "memory-in-use"
    assert partly["error"]["message"].startswith("The memory change was only partially completed: 3190 MiB of 4096 MiB")
    assert "Nothing is sent to a hypervisor" in result.err


def test_run_again_it_gives_the_recorded_results_and_records_nothing(desk: Desk) -> None:
    script = desk.write("s.jsonl", SCRIPT)
    first = desk.call("run", script, "--format", "json")
    history = desk.events
    again = desk.call("run", script, "--format", "json")
    assert again.code == first.code
    assert desk.events == history
    assert [line | {"repeated": False} for line in again.lines] == first.lines
    assert all(line["repeated"] for line in again.lines)


def test_a_script_mended_at_its_end_goes_on_there(desk: Desk) -> None:
    lines = SCRIPT.splitlines(keepends=True)
    desk.call("run", desk.write("s.jsonl", "".join(lines[:4]) + lines[4].replace("web01", "web02")))
    result = desk.call("run", desk.write("s.jsonl", SCRIPT), "--format", "json")
    assert [line["repeated"] for line in result.lines] == [True] * 4 + [False] * 2


def test_a_script_with_a_time_over_a_day_ahead_is_refused_whole_unless_that_is_meant(desk: Desk) -> None:
    script = desk.write("s.jsonl", SCRIPT.replace("2026-11-23T09:00:05Z", "2999-01-01T00:00:00Z"))
    for options in ((), ("--dry-run",)):
        refused = desk.call("run", script, *options)
        assert refused.code == 2
        where = f"error: {script}:6: at: 2999-01-01 00:00:00Z is more than a day ahead of the clock ("
        assert where in refused.err
        assert "nothing was decided" in refused.err
        assert desk.events == ""
    meant = desk.call("run", script, "--at-ahead", "--format", "json")
    assert [line["outcome"] for line in meant.lines] == OUTCOMES


def test_of_a_stream_only_the_line_with_a_time_over_a_day_ahead_is_refused(desk: Desk) -> None:
    script = SCRIPT.replace("2026-11-23T09:00:04Z", "2999-01-01T00:00:00Z")
    result = desk.call("run", "-", "--keep-going", "--format", "json", stdin=script)
    assert [line["outcome"] for line in result.lines] == [*OUTCOMES[:4], "input-error", OUTCOMES[5]]
    assert result.lines[4]["error"]["message"].startswith("stdin:5: at: 2999-01-01 00:00:00Z is more than a day ahead")


def test_with_again_lines_are_done_anew(desk: Desk) -> None:
    desk.with_history()
    line = desk.write("more.jsonl", '{"command": "add-memory", "vm": "web01", "amount": "2GiB"}\n')
    for _ in range(2):
        assert desk.call("run", line, "--again", "--format", "json").lines[0]["repeated"] is False


def test_a_stream_has_a_memory_only_by_name(desk: Desk) -> None:
    desk.with_history()
    line = '{"command": "add-memory", "vm": "web01", "amount": "2MiB"}\n'
    named = [desk.call("run", "-", "--as", "night", "--format", "json", stdin=line).lines[0] for _ in range(2)]
    unnamed = [desk.call("run", "-", "--format", "json", stdin=line).lines[0] for _ in range(2)]
    assert [answer["repeated"] for answer in named + unnamed] == [False, True, False, False]


def test_a_stream_is_answered_line_by_line_while_it_is_written(desk: Desk) -> None:
    with subprocess.Popen(
        [NILO, "run", "-", "--format", "json", "--ledger", desk.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        for line in SCRIPT.encode().splitlines(keepends=True)[:3]:
            running.stdin.write(line)
            running.stdin.flush()
            assert b'"outcome": "done"' in running.stdout.readline()
        running.stdin.close()
        assert running.wait(timeout=30) == 0


def test_a_dry_run_decides_all_and_records_nothing_not_even_a_ledger(desk: Desk) -> None:
    result = desk.call("run", desk.write("s.jsonl", SCRIPT), "--dry-run", "--format", "json")
    assert [line["outcome"] for line in result.lines] == OUTCOMES
    assert all(line["positions"] == [] for line in result.lines)
    assert not Path(desk.folder, "ledger.db").exists()


def test_a_dry_run_goes_on_from_what_the_ledger_has(desk: Desk) -> None:
    desk.with_history()
    history = desk.events
    more = SCRIPT + '{"command": "remove-vm", "vm": "web01"}\n{"command": "remove-host", "host": "hv01"}\n'
    result = desk.call("run", desk.write("script.jsonl", more), "--dry-run", "--format", "json")
    assert [line["repeated"] for line in result.lines] == [True] * 6 + [False] * 2
    assert [line["error"]["code"] for line in result.lines[6:]] == ["wrong-power-state", "host-not-empty"]
    assert desk.events == history


def test_an_input_error_stops_the_run_and_keeps_what_was_before_it(desk: Desk) -> None:
    script = desk.write("s.jsonl", HOST + '{"command": "start", "vm": "web01"}\n' + HOST.replace("hv01", "hv02"))
    result = desk.call("run", script, "--format", "json")
    assert result.code == 2
    assert [line["outcome"] for line in result.lines] == ["done", "input-error"]
    assert f"error: {script}:2: there is no VM 'web01'" in result.err
    assert "run it again to continue" in result.err
    assert desk.events.count("\n") == 1


def test_keep_going_goes_on_after_input_errors_of_all_kinds(desk: Desk) -> None:
    script = desk.write(
        "s.jsonl", HOST + '{"command": "strat"}\n{"command": "start", "vm": "x"}\n' + HOST.replace("01", "02")
    )
    result = desk.call("run", script, "--keep-going", "--format", "json")
    assert result.code == 2
    assert [(line["line"], line["outcome"]) for line in result.lines] == [
        (1, "done"),
        (2, "input-error"),
        (3, "input-error"),
        (4, "done"),
    ]
    assert result.lines[1]["error"]["message"] == f"{script}:2: command: 'strat' is not a command"
    assert result.lines[1]["error"]["hint"] == "did you mean start?"


def test_who_asks_is_in_the_line_or_else_in_the_call(desk: Desk) -> None:
    script = desk.write("s.jsonl", SCRIPT)
    desk.call("run", script, "--actor", "bob", "--via", "cron", "--reason", "nightly", "--correlation", "R1")
    shown = [(e["actor"], e["via"], e["reason"], e["correlation"]) for e in desk.call("log", "--format", "json").lines]
    assert shown[0] == ("bob", "cron", "nightly", "R1")
    assert shown[2] == ("CONTOSO\\ops", "powershell", "month end", "R1")
    assert shown[-1] == ("bob", "cron", "nightly", "CHG-7")


def test_an_empty_script_is_no_error(desk: Desk) -> None:
    result = desk.call("run", desk.write("s.jsonl", "\n\n"))
    assert result.code == 0
    assert result.out.startswith("no commands")


def test_an_interrupted_run_says_what_is_kept_and_how_to_go_on(desk: Desk) -> None:
    import signal

    with subprocess.Popen(
        [NILO, "run", "-", "--as", "night", "--format", "json", "--ledger", desk.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdin.write(HOST.encode())
        running.stdin.flush()
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) == 130
        shown = running.stderr.read().decode()
    assert "interrupted: 1 command of stdin was decided and recorded" in shown
    assert "nilo run - --as night" in shown
    assert desk.events.count("\n") == 1


def test_a_closed_pipe_is_quiet(desk: Desk) -> None:
    desk.with_history()
    with subprocess.Popen(
        [NILO, "export", "--ledger", desk.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        running.wait(timeout=30)
        assert running.stderr.read() == b""


@pytest.mark.parametrize("form", ["plain", "human"])
def test_people_read_a_line_a_command_with_sentence_and_hint(desk: Desk, form: str) -> None:
    result = desk.call("run", desk.write("s.jsonl", SCRIPT), "--format", form)
    assert "line 5: partially-completed: remove-memory web01, 3190 MiB of 4096 MiB\n" in result.out
    assert "hint: free 906 MiB in the guest by stopping applications or services" in result.out
    last = result.out.splitlines()[-1]
    assert last.startswith("6 commands: 1 completed, 1 partially-completed, 4 done; recorded in sqlite:///")


def test_many_commands_are_decided_within_flat_time(desk: Desk) -> None:
    desk.with_history()
    report = "".join(f'{{"command": "report-in-use", "vm": "web01", "in_use": {n}}}\n' for n in range(500))
    begun = time.monotonic()
    assert desk.call("run", desk.write("many.jsonl", report)).code == 0
    assert time.monotonic() - begun < 30


def test_all_numbers_of_the_summary_are_grouped_alike(desk: Desk) -> None:
    register = '{"command": "register-host", "host": "hv%d", "version": "2022", "total": "8GiB", "reserve": "1GiB"}\n'
    script = desk.write("s.jsonl", "".join(register % number for number in range(1001)))
    assert "1,001 commands: 1,001 done; " in desk.call("run", script).out
    assert "1,001 commands: 1,001 done; 1,001 of them recorded before; " in desk.call("run", script).out
    assert "\n1,001 events replayed in " in desk.call("replay").out


def test_the_ledger_is_named_as_other_commands_name_it(desk: Desk) -> None:
    url = f"sqlite:///{desk.folder}//./ledger.db"
    ran = desk.call("run", desk.write("s.jsonl", SCRIPT), "--ledger", url)
    asked = desk.call("do", "add-memory", "web01", "2MiB", "--ledger", url)
    named = f"sqlite:///{desk.folder}/ledger.db"
    assert f"recorded in {named}. Nothing" in ran.out
    assert f"Recorded in {named} at" in asked.out


def test_after_a_lost_answer_one_hint_says_how_to_go_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of lines, which are asked again from Python, are nothing that a script can be given."""
    execute_all = Ledger.execute_all

    def lose_the_answer(ledger: Ledger, requests: Sequence[Request], *, keep_going: bool = False) -> NoReturn:
        execute_all(ledger, requests, keep_going=keep_going)
        raise CommitUncertain("the answer was lost", hint="ask again with the keys 'k1', 'k2'…")

    script = desk.write("s.jsonl", SCRIPT)
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "execute_all", lose_the_answer)
        lost = desk.call("run", script)
    assert lost.code == 2
    assert lost.err == f"error: the answer was lost\nhint: run it again to continue: nilo run {script}\n"
    again = desk.call("run", script, "--format", "json")
    assert all(line["repeated"] for line in again.lines)
