"""Bad scripts, histories and recordings: each with what, where, a hint, exit code 2, and nothing recorded."""

from __future__ import annotations

import gzip

import pytest

from tests.nilometer.cli.calling import SCRIPT, Desk
from tests.paths import HISTORY_GOLDENS, RECORDINGS, ROOT

WRONG_FILES = ROOT / "tests" / "nilometer" / "textio" / "identifying" / "files"
GOOD = '{"command": "register-host", "host": "hv01", "version": "2022", "total": "64GiB", "reserve": "0"}\n'
DEFINE = (
    '{"command": "define-vm", "vm": "a", "host": "hv01", "generation": 2, "guest": "windows", '
    '"config_version": "10.0", "memory": {"static": {"size": "4GiB"}}}'
)

BAD_LINES: dict[str, tuple[str | bytes, str, str]] = {
    "cut off": (
        '{"command": "start", "vm": "a',
        "is not JSON: unterminated string at column 28",
        "may have been cut off",
    ),
    "no JSON": ("start web01\n", "is not JSON: expecting value at column 1", "write one JSON object a line"),
    "no object": ("[1, 2]\n", "is not a JSON object", "write one JSON object a line"),
    "no command": ('{"vm": "a"}\n', "lacks 'command'", "write one JSON object a line"),
    "unknown command": (
        '{"command": "strat", "vm": "a"}\n',
        "command: 'strat' is not a command",
        "did you mean start?",
    ),
    "unknown key": ('{"command": "start", "vn": "a"}\n', "'vn' is not a key of start", "did you mean vm?"),
    "missing key": ('{"command": "add-memory", "vm": "a"}\n', "add-memory lacks 'amount'", "add 'amount'"),
    "key twice": ('{"command": "start", "vm": "a", "vm": "b"}\n', "has the key 'vm' twice", "write it once"),
    "NaN": (
        '{"command": "grow", "vm": "a", "amount": NaN}\n',
        "NaN is not a number in JSON",
        "number, or null",
    ),
    "fraction": ('{"command": "grow", "vm": "a", "amount": 1.5}\n', "amount: 1.5 is not a size", "write whole bytes"),
    "negative": (
        '{"command": "grow", "vm": "a", "amount": -1}\n',
        "amount: -1 is negative",
        "a size is 0 or more bytes",
    ),
    "huge": ('{"command": "grow", "vm": "a", "amount": "5PiB"}\n', "amount: 5629499534213120 is over", ""),
    "digits": (
        f'{{"command": "grow", "vm": "a", "amount": {"9" * 5000}}}\n',
        "has a number of 5000 characters",
        "a size is written in whole bytes",
    ),
    "unit": ('{"command": "grow", "vm": "a", "amount": "4gb"}\n', "amount: '4gb' has the unknown unit 'gb'", "4GB?"),
    "size is a flag": ('{"command": "grow", "vm": "a", "amount": true}\n', "amount: True is not a size", "whole bytes"),
    "version is a number": (GOOD.replace('"2022"', "2022"), "version: 2022 is a number", 'write "2022"'),
    "generation": (DEFINE.replace("2,", "3,", 1) + "\n", "generation: 3 is not one of 1, 2", "write 1 or 2"),
    "guest": (DEFINE.replace("windows", "windos") + "\n", "guest: 'windos' is not one of", "did you mean windows?"),
    "memory": (DEFINE.replace("size", "sice") + "\n", "memory: static has the unknown key 'sice'", "write {"),
    "config version": (DEFINE.replace('"10.0"', "10.0") + "\n", "config_version: 10.0 is not", '"10.0"'),
    "id empty": ('{"command": "start", "vm": ""}\n', "vm: is empty", "an id has 1 to 128 characters"),
    "id long": (f'{{"command": "start", "vm": "{"x" * 129}"}}\n', "vm: has 129 characters", "1 to 128 characters"),
    "id slash": ('{"command": "start", "vm": "a/b"}\n', "vm: has a '/'", ""),
    "id space": ('{"command": "start", "vm": " a"}\n', "vm: begins or ends with a space", "leave it out"),
    "id control": (
        '{"command": "start", "vm": "a\\u0007"}\n',
        "vm: has the control or format character U+0007",
        "type it again without it",
    ),
    "id not NFC": ('{"command": "start", "vm": "e\\u0301"}\n', "vm: is not in Unicode normal form C", ""),
    "id half": ('{"command": "start", "vm": "\\ud800"}\n', "has half of a surrogate pair, \\ud800", "write the"),
    "id number": ('{"command": "start", "vm": 5}\n', "vm: 5 is not a text", 'write "5"'),
    "no zone": (
        '{"command": "start", "vm": "a", "at": "2026-11-23 09:00"}\n',
        "at: '2026-11-23 09:00' does not say",
        "zone",
    ),
    "no time": (
        '{"command": "start", "vm": "a", "at": "noon"}\n',
        "at: 'noon' is not a time",
        "write it with its zone",
    ),
    "60 seconds": (
        '{"command": "start", "vm": "a", "at": "2026-11-23T09:00:60Z"}\n',
        "at: '2026-11-23T09:00:60Z' is",
        "",
    ),
    "actor empty": ('{"command": "start", "vm": "a", "actor": ""}\n', "actor: is empty", "write something"),
    "reason control": (
        '{"command": "start", "vm": "a", "reason": "\\u001b[1m"}\n',
        "reason: has the control",
        "leave it",
    ),
    "not UTF-8": (b'{"command": "start", "vm": "\xff"}\n', "byte 0xff at column 29 is not UTF-8", "save it as UTF-8"),
    "nested": ("[" * 100_000 + "\n", "is nested more than 100 deep", "write one JSON object a line"),
    "long": ("x" * 2**20 + "x\n", "the line is over 1048576 bytes long", "write one JSON object a line"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_told_with_its_place_before_anything_is_decided(desk: Desk, name: str) -> None:
    line, error, hint = BAD_LINES[name]
    whole = GOOD.encode() + (line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line)
    script = desk.write("s.jsonl", whole)
    result = desk.call("run", script, "--format", "json")
    assert result.code == 2
    first, second = result.err.splitlines()[:2]
    assert first.startswith(f"error: {script}:2: {error}"), result.err
    assert second.startswith("hint: ") or not hint
    assert hint in second
    assert [answer["outcome"] for answer in result.lines] == ["input-error"]
    assert not (desk.folder / "ledger.db").exists()


def test_a_byte_order_mark_and_crlf_and_blank_lines_are_no_matter(desk: Desk) -> None:
    desk.call("run", desk.write("s.jsonl", SCRIPT))
    windows = b"\xef\xbb\xbf" + SCRIPT.replace("\n", "\r\n\r\n").encode()
    result = desk.call("run", desk.write("s.jsonl", windows), "--format", "json")
    assert all(answer["repeated"] for answer in result.lines)
    assert [answer["line"] for answer in result.lines] == [1, 3, 5, 7, 9, 11]


def test_no_more_than_twenty_bad_lines_are_shown(desk: Desk) -> None:
    result = desk.call("run", desk.write("s.jsonl", "x\n" * 30))
    assert result.err.count("error: ") == 20
    assert "30 lines of" in result.err.splitlines()[-1]
    assert "the first 20 are shown" in result.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("line", "cut_off"),
    [
        ('{"command": "sta', True),
        ('{"command": "start", "vm": "a"', True),
        ('{"command": "start",', True),
        ('{"vm": "a", "vm": "b"}', False),
        ("null", False),
        ("{}", False),
        ('{"command": "start"} x', False),
        ('{"command": "grow", "amount": NaN}', False),
    ],
)
def test_only_a_last_line_that_could_go_on_may_have_been_cut_off(desk: Desk, line: str, cut_off: bool) -> None:
    result = desk.call("run", desk.write("s.jsonl", GOOD + line))
    assert result.code == 2
    assert ("may have been cut off" in result.err) == cut_off, result.err


def test_an_argument_is_named_as_the_help_names_it(desk: Desk) -> None:
    assert desk.call("drive", "web01", "xGiB", "--qmp", "none").err.startswith("error: SIZE: 'xGiB' is not a size")


def test_an_empty_name_for_a_script_is_no_name(desk: Desk) -> None:
    result = desk.call("run", desk.write("s.jsonl", SCRIPT), "--as", "")
    assert (result.code, result.err.splitlines()[0]) == (2, "error: --as is empty")


def test_a_run_that_records_nothing_says_so(desk: Desk) -> None:
    result = desk.call("run", "-", stdin="garbage\n")
    assert result.out == "1 command: 1 input-error; nothing was recorded. Nothing is sent to a hypervisor.\n"


def test_an_export_never_replaces_a_ledger(desk: Desk) -> None:
    history = desk.with_history().events
    result = desk.call("export", "-o", str(desk.folder / "ledger.db"))
    assert result.code == 2
    assert result.err.endswith("ledger.db is a SQLite database; it was not touched\nhint: name another file with -o\n")
    assert desk.events == history


READ_BY_HYPERV = ("prom-cluster.json", "winlogbeat.jsonl", "wmiperf.json")
LACKING = {
    "import-hyperv": ("prom-sum.json", "export.csv", "clixml.xml", "metrics.prom", "scvmm.json"),
    "import-qemu": ("qmp.jsonl",),
}
"""Files of a kind that the command reads, which lack something: that is told."""
READERS = ("run", "import", "audit", "import-qemu", "import-hyperv")


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("name", sorted({path.name for path in WRONG_FILES.iterdir()} - {"README.md"}))
def test_a_file_of_another_kind_is_named_with_what_to_type_and_nothing_is_recorded(
    desk: Desk, command: str, name: str
) -> None:
    result = desk.call(command, str(WRONG_FILES / name))
    if command == "import-hyperv" and name in READ_BY_HYPERV:
        assert result.code == 0
        return
    assert (result.code, result.out) == (2, "")
    error, hint = result.err.splitlines()
    if name not in LACKING.get(command, ()):
        assert error.startswith(f"error: {WRONG_FILES / name}: this is "), result.err
        assert f"; nilo {command} reads " in error
    assert hint.startswith("hint: ")
    assert "Get-Content" not in hint
    assert desk.events == ""


@pytest.mark.parametrize("command", [command for command in READERS if not command.startswith("import-")])
def test_a_folder_is_named_with_the_files_in_it(desk: Desk, command: str) -> None:
    result = desk.call(command, str(desk.folder))
    assert (result.code, result.out) == (2, "")
    assert result.err == f"error: {desk.folder}: this is a folder\nhint: name the files in it: {desk.folder}/*.jsonl\n"


@pytest.mark.parametrize("command", ["import-qemu", "import-hyperv"])
def test_a_folder_without_files_is_an_error_to_an_import(desk: Desk, command: str) -> None:
    result = desk.call(command, str(desk.folder))
    assert (result.code, result.out) == (2, "")
    says = "there are no files to read in this folder"
    assert result.err == f"error: {desk.folder}: {says}\nhint: name a file, or - for stdin\n"


@pytest.mark.parametrize("command", ["audit", "import-qemu", "import-hyperv"])
@pytest.mark.parametrize(
    "content", [b"", b"\n \r\n", b"\xff\xfe", gzip.compress(b"")], ids=["nothing", "blank", "a mark", "packed"]
)
def test_an_empty_file_is_named(desk: Desk, command: str, content: bytes) -> None:
    file = desk.write("empty", content)
    result = desk.call(command, file)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {file}: this is an empty file: there ")


def test_what_is_piped_in_is_named_too(desk: Desk) -> None:
    result = desk.call("run", "-", stdin=(HISTORY_GOLDENS / "version-1.jsonl").read_bytes())
    assert result.code == 2
    assert "error: stdin: this is a history that nilo export wrote; nilo run reads scripts" in result.err
    assert "nilo audit FILE judges it" in result.err


@pytest.mark.parametrize("command", [["run"], ["import"], ["import-qemu"]])
def test_a_file_that_is_not_there_is_named(desk: Desk, command: list[str]) -> None:
    result = desk.call(*command, "nowhere.jsonl")
    assert result.code == 2
    assert result.err.startswith("error: nowhere.jsonl: No such file or directory\nhint: name a file")


def test_a_strangers_file_is_not_touched(desk: Desk) -> None:
    stranger = desk.folder / "ledger.db"
    stranger.write_bytes(b"These are my notes.\n" * 100)
    for args in (["view"], ["run", desk.write("s.jsonl", SCRIPT)], ["do", "start", "web01"]):
        result = desk.call(*args)
        assert result.code == 2
        assert str(stranger) in result.err
    assert stranger.read_bytes() == b"These are my notes.\n" * 100


def test_a_bug_is_told_as_one_with_its_traceback_in_a_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from nilometer.cli.reading import view

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    desk.with_history()
    monkeypatch.setattr(view, "_show", broken)
    monkeypatch.setattr("tempfile.tempdir", str(desk.folder))
    result = desk.call("view")
    assert result.code == 70
    assert result.err.startswith("internal error: this is a bug in Nilometer; its traceback is in ")
    assert "Traceback" not in result.err
    (kept,) = desk.folder.glob("nilo-*.traceback.txt")
    assert "ZeroDivisionError: a bug" in kept.read_text()
    assert "ZeroDivisionError" in desk.call("view", env={"NILO_DEBUG": "1"}).err


def test_a_recording_with_a_bad_record_names_its_place(desk: Desk) -> None:
    result = desk.call("import-qemu", desk.write("r.jsonl", '{"v": 1}\n'), "--format", "json")
    assert (result.code, result.out) == (2, "")
    assert "r.jsonl:1" in result.err


def test_what_a_broken_recording_gave_before_its_break_is_told(desk: Desk) -> None:
    lines = (RECORDINGS / "s7_three_vms_one_budget.jsonl").read_text().splitlines()
    file = desk.write("r.jsonl", "\n".join([*lines[:13], lines[13][:40]]))
    result = desk.call("import-qemu", file)
    recorded = len(desk.events.splitlines()) - 1  # without the event that the import begins with
    assert (result.code, result.out) == (2, "")
    assert recorded > 0
    assert f"note: {recorded} events from before that record were recorded in sqlite:///" in result.err
    assert f"error: {file}:14: " in result.err


@pytest.mark.parametrize("command", ["audit", "import", "import-qemu", "import-hyperv"])
def test_a_file_in_which_nothing_stands_is_refused(desk: Desk, command: str) -> None:
    for content in ("", "\n \n"):
        result = desk.call(command, desk.write("nothing.jsonl", content))
        assert (result.code, result.out) == (2, "")
        assert ": this is an empty file: " in result.err
        assert "\nhint: " in result.err
        assert desk.events == ""
