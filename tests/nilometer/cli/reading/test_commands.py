"""``nilo view``, ``log``, ``show``, ``diff``, ``info``, ``replay``: what is read, in each format."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from pathlib import Path

import pytest

from nilometer import Ledger
from nilometer.cli.output import Output
from tests.nilometer.cli.calling import NILO, Desk
from tests.nilometer.cli.golden import assert_golden
from tests.paths import RECORDINGS, ROOT

GOLDENS = Path(__file__).with_name("goldens")
S7 = str(RECORDINGS / "s7_three_vms_one_budget.jsonl")
FORMATS = ("human", "plain", "json")

READ = {
    "run": ["run", "script.jsonl"],
    "view": ["view"],
    "view-vm": ["view", "--vm", "web01"],
    "view-host": ["view", "--host", "hv01"],
    "view-then": ["view", "--at", "2026-11-23T09:00:03Z"],
    "log": ["log"],
    "log-asked": ["log", "--asked"],
    "show": ["show", "6"],
    "show-ticket": ["show", "CHG-7"],
    "show-host": ["show", "1"],
    "diff": ["diff", "5", "2026-11-23T09:00:05Z"],
    "moments": ["log", "--moments"],
    "over-time": ["view", "web01", "--over-time"],
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", READ)
def test_it_reads_so(desk: Desk, name: str, form: str) -> None:
    desk.with_history()
    args = [str(desk.folder / arg) if arg.endswith(".jsonl") else arg for arg in READ[name]]
    result = desk.call(*args, "--format", form)
    assert_golden(GOLDENS / f"{name}.{form}.txt", result.out, desk.folder)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ["view", "view-vm", "log", "log-asked", "show"])
def test_an_observed_history_reads_so(desk: Desk, name: str, form: str) -> None:
    desk.call("import-qemu", S7, "--as", "lab", "--actor", "driver")
    args = {
        "view": ["view", "--host", "lab", "--at", "2026-11-23T14:53:56.7Z"],
        "view-vm": ["view", "--vm", "lab.vm1", "--at", "2026-11-23T14:53:56.7Z"],
        "log": ["log", "--until", "2026-11-23T14:53:57.9Z"],
        "log-asked": ["log", "--asked"],
        "show": ["show", "lab.vm1/1"],
    }[name]
    assert_golden(GOLDENS / f"observed-{name}.{form}.txt", desk.call(*args, "--format", form).out, desk.folder)


def test_a_terminal_gets_human_and_a_pipe_plain(desk: Desk) -> None:
    desk.with_history()
    assert desk.process("view").out == desk.call("view", "--format", "plain").out


def test_nothing_is_coloured_when_no_color_is_set_or_into_a_pipe(desk: Desk) -> None:
    desk.with_history()
    for form in FORMATS:
        assert "\x1b" not in desk.process("view", "--format", form).out
    shown = {}
    for name, more in {"colour": {}, "none": {"NO_COLOR": "1"}}.items():
        environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        ran = subprocess.run(
            ["script", "-qec", f"{NILO} run {desk.folder}/script.jsonl", "/dev/null"],
            capture_output=True,
            env={**environment, **desk.environment(), **more, "TERM": "xterm"},
            check=False,
        )
        shown[name] = ran.stdout
    assert b"\x1b[32mdone\x1b[0m" in shown["colour"]
    assert b"\x1b" not in shown["none"]


@pytest.mark.parametrize(
    ("args", "positions"),
    [
        (["-n", "2"], [8, 9]),
        (["--vm", "web01", "-n", "1"], [9]),
        (["--since", "2026-11-23T09:00:05Z"], [8, 9]),
        (["--until", "2026-11-23T09:00:01Z"], [1, 2]),
        (["--outcome", "partially-completed"], [6, 7]),
        (["--actor", "CONTOSO\\ops"], [3, 4]),
        (["--asked"], [1, 2, 3, 5, 6, 8]),
        (["--asked", "--outcome", "completed", "--host", "hv01"], [8]),
        (["--actor", "nobody"], []),
    ],
)
def test_the_log_can_be_narrowed(desk: Desk, args: list[str], positions: list[int]) -> None:
    desk.with_history()
    assert [event["position"] for event in desk.call("log", *args, "--format", "json").lines] == positions


def test_the_newest_n_lines_for_people_are_n_commands(desk: Desk) -> None:
    desk.with_history()
    assert [line.split()[0] for line in desk.call("log", "-n", "2").out.splitlines()] == ["#6", "#8"]


def test_the_history_of_what_was_removed_can_still_be_read(desk: Desk) -> None:
    desk.with_history()
    for command in ("stop", "remove-vm"):
        desk.call("do", command, "web01")
    assert desk.call("log", "--vm", "web01", "-n", "1", "--format", "json").lines[0]["type"].endswith("vm.removed.v1")
    assert desk.call("view", "--vm", "web01").code == 2


def test_an_empty_ledger_says_what_to_do_next(desk: Desk) -> None:
    Ledger.open(desk.url, create=True).close()
    for command in ("view", "log"):
        result = desk.call(command)
        assert result.code == 0
        assert result.out.startswith("The ledger is empty. Begin with: nilo do register-host --help")
    assert desk.call("view", "--format", "json").json == {"position": 0, "at": None, "hosts": [], "vms": []}


@pytest.mark.parametrize(
    "command", [["view"], ["log"], ["show", "1"], ["diff", "0", "1"], ["info"], ["export"], ["replay"]]
)
def test_reading_without_a_ledger_names_the_path_and_makes_none(desk: Desk, command: list[str]) -> None:
    result = desk.call(*command)
    assert (result.code, result.out) == (2, "")
    assert str(desk.folder / "ledger.db") in result.err
    assert "\nhint: " in result.err
    assert list(desk.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "error", "hint"),
    [
        (["view", "--vm", "wbe01"], "there is no VM 'wbe01'", "did you mean web01?"),
        (["view", "--host", "hv1"], "there is no host 'hv1'", "did you mean hv01?"),
        (["view", "wbe01"], "there is no VM and no host 'wbe01'", "did you mean web01?"),
        (["view", "web01", "--position", "1"], "there is no VM and no host 'web01'", "it did not exist at that time"),
        (["log", "hv1"], "there is no VM and no host 'hv1'", "did you mean hv01?"),
        (["show", "wbe01"], "there is no event at position wbe01 and no correlation, VM or", "did you mean web01?"),
        (["view", "web01", "--vm", "web01"], "'web01' and --vm both choose", "give one of them"),
        (["log", "web01", "--host", "hv01"], "'web01' and --host both choose", "give one of them"),
        (["log", "--vm", "wbe01"], "there is no VM 'wbe01'", "did you mean web01?"),
        (["view", "--position", "99"], "there is no position 99: the last event is at 9", ""),
        (["view", "--position", "1", "--at", "2026-11-23"], "--at and --position name two moments", "give one"),
        (["show", "99"], "there is no event at position 99 and no correlation, VM or host '99'", "nilo log"),
        (["diff", "3", "noon"], "'noon' is neither a position nor a time", "write 2026-11-17"),
        (["log", "--since", "2026-13-01"], "'2026-13-01' is not a time", "write 2026-11-17"),
        (
            ["log", "--since", "2026-11-23T09:00+24:01"],
            "'2026-11-23T09:00+24:01' is not a time: its offset",
            "write 2026-11-17",
        ),
        (["export", "--after", "x"], "invalid value for '--after': 'x' is not a whole number", "nilo export --help"),
        (["log", "--vm", "we\udcffb"], "'we\\xffb' is not UTF-8", "type it again"),
        (["view", "--host", "we\udcffb"], "'we\\xffb' is not UTF-8", "type it again"),
        (["show", "we\udcffb"], "'we\\xffb' is not UTF-8", "type it again"),
        (["audit", "--sieve", "none"], "none: No such file or directory", "nilo export --as parquet"),
    ],
)
def test_what_is_not_there_is_told_with_a_hint(desk: Desk, args: list[str], error: str, hint: str) -> None:
    result = desk.with_history().call(*args)
    assert (result.code, result.out) == (2, "")
    first, *rest = [line for line in result.err.splitlines() if not line.startswith("note")]
    assert first.startswith(f"error: {error}")
    assert "".join(rest).startswith(f"hint: {hint}")


def test_the_difference_sets_the_exit_code_where_that_is_asked_for(desk: Desk) -> None:
    desk.with_history()
    assert [desk.call("diff", *moments, "--exit-code").code for moments in (["1", "2"], ["2", "2"])] == [1, 0]
    assert desk.call("diff", "1", "2").code == 0


def test_info_tells_the_ledger_and_masks_its_password(desk: Desk) -> None:
    known = desk.with_history().call("info", "--format", "json").json
    assert (known["events"], known["hosts"], known["vms"]) == (9, 1, 1)
    assert known["latest"] == "2026-11-23T09:00:05.000000Z"
    result = desk.call("info", "--ledger", "postgresql://ann:secret@127.0.0.1:1/none")
    assert result.code == 2
    assert "secret" not in result.err
    assert "***" in result.err


def test_replay_finds_a_stored_view_that_was_changed_and_repairs_it(desk: Desk) -> None:
    desk.with_history()
    assert desk.call("replay").code == 0
    with sqlite3.connect(desk.folder / "ledger.db") as db:
        db.execute("UPDATE view_timeline SET actor = 'mallory' WHERE position = 3")
    db.close()
    result = desk.call("replay", "--format", "json")
    assert result.code == 1
    assert [item["name"] for item in result.json["projections"] if not item["equal"]] == ["timeline"]
    assert "mallory" in desk.call("replay", "--repair").out
    assert desk.call("replay").code == 0


def test_who_asks_may_be_said_in_the_environment(desk: Desk) -> None:
    desk.with_history()
    assert {event["actor"] for event in desk.call("log", "--format", "json").lines} == {"ann", "CONTOSO\\ops"}


def test_the_main_job_shows_first_what_an_operator_wants(desk: Desk) -> None:
    path = f"{NILO.parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["sh", ROOT / "docs/examples/main-job.sh", desk.folder / "main-job.db"],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, "NILO_FORMAT": "plain"},
        check=True,
    )
    assert ran.stderr == ""
    assert_golden(GOLDENS / "main-job.txt", re.sub(r"in \d+\.\d s", "in <N> s", ran.stdout), desk.folder)


HUGE = "9" * 23


def test_a_number_larger_than_the_ledger_is_no_matter_or_told(desk: Desk) -> None:
    desk.with_history()
    assert desk.call("log", "-n", HUGE).out == desk.call("log").out
    assert desk.call("log", "-n", HUGE, "--format", "json").out == desk.call("log", "--format", "json").out
    for args in (["view", "--position", HUGE], ["show", HUGE], ["diff", "0", HUGE]):
        result = desk.call(*args)
        assert (result.code, result.err.splitlines()[0]) == (2, f"error: there is no position {HUGE}")


def test_the_log_of_a_host_tells_that_a_vm_left_it(desk: Desk) -> None:
    desk.with_history()
    desk.call("do", "register-host", "hv02", "--version", "2022", "--total", "64GiB", "--reserve", "2GiB")
    desk.call("do", "move-vm", "web01", "hv02")
    for host in ("hv01", "hv02"):
        last = desk.call("log", "--host", host).out.splitlines()[-1]
        assert (
            "web01 moved from host hv01 to host hv02" if host == "hv02" else "received 7050 MiB from VM web01"
        ) in last
    assert len(desk.call("log").out.splitlines()) == 8


def test_what_was_asked_for_is_told_with_its_figures(desk: Desk) -> None:
    desk.with_history()
    desk.call("do", "resize-host", "hv01", "1GiB")
    desk.call("do", "configure-memory", "web01", "--minimum", "512MiB", "--startup", "1GiB", "--maximum", "2GiB")
    desk.call("do", "move-vm", "web01", "hv01")
    result = [line.partition("requested for ")[2] for line in desk.call("log", "--asked").out.splitlines()[::2]]
    assert result[0] == "host hv01: register-host version 2022, total 64 GiB, reserve 2.25 GiB"
    assert result[-3:] == [
        "host hv01: resize-host 1 GiB",
        "web01: configure-memory dynamic, 512 MiB to 2048 MiB, startup 1024 MiB, buffer 20 percent, weight 50",
        "web01: move-vm to hv01",
    ]


def test_a_vm_that_was_removed_is_not_taken_for_another(desk: Desk) -> None:
    desk.with_history()
    desk.call("do", "stop", "web01")
    desk.call("do", "remove-vm", "web01")
    result = desk.call("view", "--vm", "web01")
    assert result.code == 2
    assert result.err.endswith("its history: nilo log --vm web01\n")
    assert desk.call("view", "--vm", "web01", "--position", "5").code == 0


def test_a_vm_that_is_on_another_host_is_told(desk: Desk) -> None:
    desk.with_history()
    desk.call("do", "register-host", "hv02", "--version", "2022", "--total", "64GiB", "--reserve", "2GiB")
    assert desk.call("view", "--vm", "web01", "--host", "hv02").out == "VM web01 was not on host hv02 at that time.\n"


def test_nilo_alone_tells_how_it_is_used(desk: Desk) -> None:
    result = desk.call()
    assert (result.code, result.out) == (2, "")
    assert result.err == desk.call("--help").out


def test_control_characters_do_not_reach_a_coloured_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output("human")
    out.colour = True
    out.write_line(out.style("done", fg="green") + " \x1b[31m \x1b]0;title\x07 \u202egnp")
    assert capsys.readouterr().out == "\x1b[32mdone\x1b[0m \\x1b[31m \\x1b]0;title\\x07 \\u202egnp\n"
