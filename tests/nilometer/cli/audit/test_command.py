"""``nilo audit``: which history is judged, what is asked of it, and what cannot be read."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nilometer.cli.audit.test_formats import sarif_problems
from tests.nilometer.cli.calling import NILO, Desk
from tests.nilometer.cli.test_schemas import S7, problems

# What is judged


def test_the_ledger_is_judged_where_no_file_is_named(desk: Desk) -> None:
    desk.with_history()
    result = desk.call("audit")
    assert (result.code, result.err) == (0, "")
    assert re.match(rf"holds: 9 events.* \({re.escape(desk.url)}\)\n", result.out)


def test_a_file_is_judged_without_any_ledger(desk: Desk, history: str) -> None:
    (desk.folder / "ledger.db").unlink()
    result = desk.call("audit", history)
    assert (result.code, result.err) == (0, "")
    assert re.match(rf"holds: 9 events.* \({re.escape(history)}\)\n", result.out)
    assert not (desk.folder / "ledger.db").exists()


def test_stdin_and_packed_files_are_judged_too(desk: Desk, history: str) -> None:
    content = Path(history).read_bytes()
    result = desk.process("audit", "-", stdin=content)
    assert (result.code, result.out.startswith("holds: 9 events")) == (0, True)
    assert "(stdin)" in result.out
    assert desk.call("audit", desk.write("history.jsonl.gz", gzip.compress(content))).out.startswith("holds: 9 events")


def test_several_files_are_judged_together(desk: Desk, history: str) -> None:
    lines = Path(history).read_text().splitlines(keepends=True)
    second = desk.write("b.jsonl", "".join(lines[3:]))
    first = desk.write("a.jsonl", "".join(lines[:3]))
    result = desk.call("audit", second, first)
    assert result.code == 0
    assert re.match(rf"holds: 9 events.* \({re.escape(second)}, {re.escape(first)}\)\n", result.out)


def test_what_programs_read_is_as_the_schema_says(desk: Desk, history: str) -> None:
    result = desk.call("audit", history, "--format", "json")
    assert result.code == 0
    assert problems("audit", result.json) == []
    assert (result.json["events"], result.json["verdict"], result.json["unreadable"]) == (9, "holds", [])


def test_what_a_hypervisor_did_is_told_as_the_schemas_say(desk: Desk) -> None:
    assert desk.call("import-qemu", S7, "--as", "lab").code == 0
    result = desk.call("audit", "--format", "json")
    assert (result.code, problems("audit", result.json)) == (0, [])
    verdicts = {finding["verdict"] for finding in result.json["findings"]}
    assert verdicts == {"unknown", "remark"}
    assert result.json["verdict"] == "unknown"
    assert sarif_problems(desk.call("audit", "--all", "--format", "sarif").json) == []
    assert desk.call("audit", "--strict").code == 3
    assert desk.call("audit", "--require", "within_bounds").code == 3
    assert desk.call("audit", "--require", "history_is_whole").code == 0


def test_there_are_more_formats_than_of_other_commands(desk: Desk, history: str) -> None:
    assert desk.call("audit", history, "--format", "sarif").json["version"] == "2.1.0"
    assert desk.call("audit", history, "--format", "github").out.startswith("holds: 9 events")
    assert desk.call("--format", "sarif", "audit", history).json["version"] == "2.1.0"
    assert desk.call("audit", history, env={"NILO_FORMAT": "github"}).out.startswith("holds: 9 events")


def test_other_commands_do_not_have_these_formats(desk: Desk, history: str) -> None:
    for result in (
        desk.call("view", "--format", "sarif"),
        desk.call("--format", "sarif", "view"),
        desk.call("view", env={"NILO_FORMAT": "sarif"}),
    ):
        assert (result.code, result.out) == (2, "")
        assert "'sarif' is not one of 'human', 'plain', 'json'\nhint: nilo view --help" in result.err
    assert desk.call("--format", "sarif", "view", "--format", "plain").code == 0


def test_an_audit_writes_nothing(desk: Desk) -> None:
    desk.with_history()
    before = (desk.folder / "ledger.db").read_bytes()
    desk.call("audit")
    assert (desk.folder / "ledger.db").read_bytes() == before


# What is asked


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["--rule", "host_never_overcomitted"], "no rule 'host_never_overcomitted'", "did you mean host_never_over"),
        (["--require", "history_is_hole"], "no rule 'history_is_hole'", "did you mean history_is_whole?"),
        (["--vm", "wbe01"], "no VM 'wbe01'", "did you mean web01?"),
        (["--host", "hv1"], "no host 'hv1'", "did you mean hv01?"),
        (["--since", "soon"], "'soon' is not a time", "write 2026-11-17"),
        (["--follow", "x.jsonl"], "--follow judges a ledger, not files", "leave FILE out"),
        (["--format", "xml"], "'xml' is not one of", "nilo audit --help"),
        (["none.jsonl"], "none.jsonl: No such file", "name a file, or - for stdin"),
    ],
)
def test_what_cannot_be_meant_is_told_with_a_hint(desk: Desk, args: list[str], message: str, hint: str) -> None:
    desk.with_history()
    result = desk.call("audit", *args)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert f"hint: {hint}" in result.err


@pytest.mark.parametrize(("option", "name"), [("--vm", "wbe01"), ("--host", "hv1")])
def test_a_vm_or_host_that_a_file_does_not_know_is_told(desk: Desk, history: str, option: str, name: str) -> None:
    result = desk.call("audit", history, option, name)
    assert (result.code, result.out) == (2, "")
    assert (
        f"error: the history has no {'VM' if option == '--vm' else 'host'} {name!r}\nhint: did you mean" in result.err
    )


def test_what_could_not_be_read_may_have_been_about_the_vm_that_was_named(desk: Desk, history: str) -> None:
    result = desk.call("audit", desk.write("x.jsonl", "what?\n"), "--keep-going", "--vm", "web01")
    assert result.code == 2
    assert "x.jsonl:1: is not JSON" in result.err
    assert "the history has no VM" not in result.err


def test_what_was_asked_is_said(desk: Desk, history: str) -> None:
    options = ["--vm", "web01", "--host", "hv01", "--since", "2026-11-23T09:00:00Z", "--rule", "maximal"]
    for files in ([], [history]):
        result = desk.call("audit", *files, *options)
        assert result.code == 0
        assert "; only VM web01, host hv01, since 2026-11-23 09:00:00Z, maximal)" in result.out.splitlines()[0]


# What cannot be read


def test_a_line_that_cannot_be_read_ends_it(desk: Desk, history: str) -> None:
    lines = Path(history).read_text().splitlines(keepends=True)
    spoiled = desk.write("spoiled.jsonl", "".join([*lines[:4], "what?\n", *lines[4:]]))
    result = desk.call("audit", spoiled)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {spoiled}:5: is not JSON: ")
    assert "--keep-going" in result.err


def test_with_keep_going_the_rest_is_judged_and_the_exit_code_is_2(desk: Desk, history: str) -> None:
    lines = Path(history).read_text().splitlines(keepends=True)
    spoiled = desk.write("spoiled.jsonl", "".join([*lines, "what?\n", "{\n"]))
    result = desk.call("audit", spoiled, "--keep-going")
    assert result.code == 2
    assert result.out.startswith("holds: 9 events")
    assert "\n2 lines could not be read and were not judged\n" in result.out
    assert [line for line in result.err.splitlines() if line.startswith("error: ")] == [
        f"error: {spoiled}:10: is not JSON: expecting value at column 1",
        f"error: {spoiled}:11: is not JSON: expecting property name enclosed in double quotes at column 2",
    ]
    answer = desk.call("audit", spoiled, "--keep-going", "--format", "json").json
    assert [entry["message"] for entry in answer["unreadable"]] == [line[7:] for line in result.err.splitlines()[::2]]


def test_another_file_is_judged_though_one_is_of_another_kind(desk: Desk, history: str) -> None:
    script = desk.write("s.jsonl", '{"command":"start","vm":"web01"}\n')
    result = desk.call("audit", script, history, "--keep-going")
    assert result.code == 2
    assert result.out.startswith("holds: 9 events")
    assert "this is a script of commands; nilo audit reads histories" in result.err


def test_a_folder_is_no_file(desk: Desk) -> None:
    result = desk.call("audit", str(desk.folder))
    assert (result.code, result.err) == (
        2,
        f"error: {desk.folder}: this is a folder\nhint: name the files in it: {desk.folder}/*.jsonl\n",
    )


def test_a_pipe_that_can_be_read_only_once_is_judged_among_others(desk: Desk, history: str) -> None:
    shell = f'"{NILO}" audit "{history}" <(head -n 3 "{history}") --format json'
    ran = subprocess.run(
        ["bash", "-c", shell],
        cwd=desk.folder,
        capture_output=True,
        env={**os.environ, **desk.environment()},
        check=False,
    )
    assert b'"events": 9' in ran.stdout, ran.stderr


# On a terminal


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
def test_colour_says_nothing_that_the_words_do_not(desk: Desk, history: str) -> None:
    result = desk.terminal("audit", history)
    assert result.code == 0
    assert "\x1b[32m" in result.out
    assert re.sub(r"\x1b\[\d*m", "", result.out).startswith("holds: 9 events")
