"""What nobody else may read, and what may not reach a terminal: modes of files, passwords, control characters."""

from __future__ import annotations

from pathlib import Path

import pytest

from nilometer.storage.urls import masked
from tests.nilometer.cli.calling import Desk


def test_a_new_export_is_private_and_one_that_is_replaced_keeps_its_mode(desk: Desk) -> None:
    desk.with_history()
    file = Path(desk.folder, "history.jsonl")
    assert desk.call("export", "-o", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    assert desk.call("export", "-o", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o644


def test_an_export_under_a_link_is_written_where_it_leads(desk: Desk) -> None:
    desk.with_history()
    file, link = Path(desk.folder, "history.jsonl"), Path(desk.folder, "latest.jsonl")
    file.write_text("old", encoding="utf-8")
    file.chmod(0o640)
    link.symlink_to("history.jsonl")
    assert desk.call("export", "-o", str(link)).code == 0
    assert link.is_symlink()
    assert file.read_text(encoding="utf-8") == desk.events
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("args", [["import", "a\x1b[31mb"], ["view", "--ledger", "sqlite:///a\x1b]0;x\x07b.db"]])
def test_control_characters_of_names_do_not_reach_the_terminal(desk: Desk, args: list[str]) -> None:
    result = desk.call(*args)
    assert result.code == 2
    assert "\x1b" not in result.err
    assert "\\x1b" in result.err


@pytest.mark.parametrize(
    "name",
    ["password", "PassWord", "sslpassword", "passwd", "pwd", "pass", "api_token", "secret", "access-key", "auth"],
)
@pytest.mark.parametrize("sign", ["?", "?schema=x&", "?schema=x;"])
def test_whatever_looks_like_a_password_is_masked(name: str, sign: str) -> None:
    shown = masked(f"postgresql://ann@db/fleet{sign}{name}=geheim&other=plain")
    assert "geheim" not in shown
    assert f"{name}=***" in shown
    assert shown.endswith("&other=plain")


READING = ("audit", "run", "import", "import-hyperv", "import-qemu", "backup", "restore")
SECRET = "postgresql://ann:geheim@127.0.0.1:1/fleet?sslpassword=geheim"


@pytest.mark.parametrize(
    "args",
    [
        *[[command, SECRET] for command in READING],
        *[["export", "-o", SECRET], ["collector", "-o", SECRET], ["info", SECRET], ["view", SECRET], ["show", SECRET]],
        *[
            ["audit", "--vm", SECRET],
            ["do", "start", SECRET],
            ["audit", SECRET, SECRET],
            [SECRET],
            ["view", "--at", SECRET],
        ],
        ["info", "--ledger", SECRET],
        ["info", "--ledger", "postgresql://ann:1/geheim@127.0.0.1:1/fleet"],
    ],
    ids=lambda args: args[0] if args[0] != SECRET else "nilo",
)
def test_a_password_is_shown_nowhere_wherever_the_url_stands(
    desk: Desk, args: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.with_history()
    monkeypatch.chdir(desk.folder)
    before = sorted(desk.folder.rglob("*"))
    result = desk.call(*args)
    assert result.code == 2
    assert "geheim" not in result.out + result.err
    assert sorted(desk.folder.rglob("*")) == before


@pytest.mark.parametrize(
    "args",
    [
        *[[command, ""] for command in READING],
        *[["export", "-o", ""], ["collector", "-o", ""], ["view", "--ledger", ""], ["audit", "history.jsonl", ""]],
    ],
    ids=lambda args: args[0],
)
def test_an_empty_name_is_no_folder_and_no_default(
    desk: Desk, args: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.with_history()
    monkeypatch.chdir(desk.folder)
    desk.call("export", "-o", "history.jsonl")
    before = sorted(desk.folder.rglob("*"))
    result = desk.call(*args)
    assert (result.code, result.out) == (2, "")
    assert " is empty\nhint: name a" in result.err
    assert sorted(desk.folder.rglob("*")) == before
