"""Standard streams that are full or closed: what was recorded is said, and what is said is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nilometer.cli.failures import BROKEN_PIPE, UNREADABLE, run_guarded
from nilometer.ledger.ledger import Ledger
from tests.nilometer.ledger.asking import ask, with_web01
from tests.paths import RECORDINGS

S7 = RECORDINGS / "s7_three_vms_one_budget.jsonl"
NILO = f"{Path(sys.executable).parent}/nilo"


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/l.db"
    with Ledger.open(url, create=True, durable=False) as ledger:
        with_web01(ledger)
    return url


def position(url: str) -> int:
    with Ledger.open(url, read_only=True) as ledger:
        return ledger.position


def call(url: str, command: str, streams: str, unbuffered: str = "") -> subprocess.CompletedProcess[str]:
    """Runs ``nilo`` in a shell, which redirects its streams."""
    environment = {"NILO_LEDGER": url, "NILO_ACTOR": "ann", "PYTHONUNBUFFERED": unbuffered, "PATH": ""}
    line = f"{NILO} {command} {streams}"
    return subprocess.run(["/bin/sh", "-c", line], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("streams", ["> /dev/full", ">&-"], ids=["full", "closed"])
@pytest.mark.parametrize("command", ["do add-memory web01 2MiB", f"import-qemu {S7}"], ids=["do", "import"])
def test_an_answer_that_cannot_be_written_is_said_to_be_recorded(
    url: str, command: str, streams: str, unbuffered: str
) -> None:
    before = position(url)
    ran = call(url, command, streams, unbuffered)
    assert position(url) > before
    assert ran.returncode == 2
    assert "recorded" in ran.stderr
    assert "nothing was recorded" not in ran.stderr
    assert "hint: " in ran.stderr
    assert len(ran.stderr.splitlines()) == 2, ran.stderr


def test_what_is_only_read_is_not_said_to_be_recorded(url: str) -> None:
    ran = call(url, "view", "> /dev/full")
    assert (ran.returncode, ran.stderr) == (
        2,
        "error: stdout: No space left on device\nhint: make room and try again\n",
    )


@pytest.mark.parametrize(
    "command", ["export --follow", "log --format json", "audit --format json", "audit --share 1/1"]
)
def test_stdout_without_room_is_named_whatever_is_written(url: str, command: str) -> None:
    for unbuffered in ("", "1"):
        ran = call(url, command, "> /dev/full", unbuffered)
        assert ran.returncode == 2
        assert ran.stderr == "error: stdout: No space left on device\nhint: make room and try again\n"


def within_a_limit(url: str, command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs ``nilo`` where no file may be larger than 40 KiB."""
    environment = {"NILO_LEDGER": url, "PATH": ""}
    line = f"ulimit -f 80; {NILO} {command} > {folder}/out"
    return subprocess.run(["/bin/sh", "-c", line], env=environment, capture_output=True, text=True, check=False)


def test_a_limit_for_files_is_said(url: str, tmp_path: Path) -> None:
    with Ledger.open(url, durable=False) as ledger:
        for size in range(1, 301):
            ask(ledger, "add-memory", vm="web01", amount=2 * size * 2**20)
    for command in ("export", f"export -o {tmp_path}/events.jsonl", f"export --as parquet -o {tmp_path}/parquet"):
        ran = within_a_limit(url, command, tmp_path)
        assert ran.returncode == 2
        error, hint = ran.stderr.splitlines()
        assert re.fullmatch(rf"error: (stdout|{tmp_path}/(events.jsonl|parquet)): File too large", error)
        assert hint == "hint: write it where files may be larger; a shell may limit them: ulimit -f"
    assert sorted(path.name for path in tmp_path.rglob("*events*")) == []


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a folder that nobody can write")
def test_what_the_system_refuses_to_write_has_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(lambda: Path("/sys/kernel/nilo").write_text("x")) == UNREADABLE
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: /sys/kernel/nilo: ")
    assert hint == "hint: ask its owner, or name another place"


def test_a_file_for_which_there_is_no_room_is_named(url: str) -> None:
    ran = call(url, "export -o /dev/full", "")
    assert ran.stderr == "error: /dev/full: No space left on device\nhint: make room and try again\n"
    assert ran.returncode == 2


@pytest.mark.parametrize("streams", [">&- 2>&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_are_no_bug(url: str, streams: str) -> None:
    for command in ("do add-memory web01 2MiB", "view", "view nobody", "import-qemu -", "do nothing"):
        ran = call(url, command, streams)
        assert ran.returncode in (0, 2), ran
        assert "bug" not in ran.stderr


def test_a_folder_that_was_removed_is_named(url: str, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    line = f"cd {gone} && rmdir {gone} && {NILO} view --ledger sqlite:///l.db"
    ran = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (2, "error: the current folder does not exist any more\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say that a reader went away")
@pytest.mark.parametrize("command", ["export --follow", "export --as cef --follow", "log --follow", "audit --follow"])
def test_what_is_followed_ends_when_nobody_reads_it_any_more(url: str, command: str) -> None:
    """Not with the next event, which may come in days."""
    environment = {"NILO_LEDGER": url, "NILO_ACTOR": "ann", "PATH": ""}
    following = subprocess.Popen(
        [NILO, *command.split()], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert following.stdout is not None
    assert following.stderr is not None
    with following:
        if command.startswith("export"):
            assert following.stdout.readline() != ""
        else:
            assert "waiting for more" in following.stderr.readline()
        following.stdout.close()
        assert following.wait(timeout=60) == BROKEN_PIPE
        assert following.stderr.read() == ""


def test_a_folder_that_is_not_utf_8_is_named(url: str, tmp_path: Path) -> None:
    folder, environment = os.fsencode(tmp_path) + b"/bad\xff", {"NILO_LEDGER": url}
    subprocess.run([NILO, "export", "--as", "parquet", "-o", folder], env=environment, check=True)
    ran = subprocess.run([NILO, "audit", folder], env=environment, capture_output=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr.startswith(b"error: 'bad\\xff' is not UTF-8\nhint: ")


@pytest.mark.skipif(sys.platform == "win32", reason="the shell of Windows closes no streams")
@pytest.mark.parametrize("command", ["export --follow", "log --follow", "audit --follow"])
def test_what_is_followed_ends_where_nothing_can_be_written(url: str, command: str) -> None:
    shell = ["/bin/sh", "-c", f"exec {NILO} {command} >&-"]
    environment = {"NILO_LEDGER": url, "NILO_ACTOR": "ann", "PATH": ""}
    ran = subprocess.run(shell, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr.splitlines()[-1]) == (2, "error: stdout: Bad file descriptor")
