"""Every option and argument that names a file or folder: what is not there is said with a hint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from nilometer.cli.app import nilo
from tests.nilometer.cli.calling import Desk

FOR_INPUT = "hint: name a file, or - for stdin"
MISSING: dict[tuple[str, ...], str] = {
    ("run", "SCRIPT"): FOR_INPUT,
    ("import", "FILE"): FOR_INPUT,
    ("import-hyperv", "FILE"): FOR_INPUT,
    ("import-qemu", "FILE"): FOR_INPUT,
    ("audit", "FILE"): FOR_INPUT,
    ("audit", "--policies", "FILE"): FOR_INPUT,
    ("prove", "--policies", "FILE"): FOR_INPUT,
    ("report", "FILE"): FOR_INPUT,
    ("report", "--audit", "FILE"): "hint: it is what this prints: nilo audit --all --format json",
    ("apply", "PLAN"): FOR_INPUT,
    ("plan", "SCRIPT"): "hint: write a goal as 'db02 >= 16GiB', or name the file of a script",
    ("plan", "web01 >= 9GiB", "--keep", "FILE"): FOR_INPUT,
    ("policy check", "FILE"): FOR_INPUT,
    ("policy test", "FILE"): FOR_INPUT,
    ("can grow", "web01", "1GiB", "--keep", "FILE"): FOR_INPUT,
    ("can grow", "web01", "1GiB", "--spool", "DIR"): "hint: name the folder of a collector's spool",
    ("policy adopt", "FILE"): FOR_INPUT,
    ("drive", "web01", "1GiB", "--config", "FILE"): "hint: write [vm.",
    ("seal", "--key", "FILE"): "hint: make a key: nilo key new NAME -o FILE",
    ("seal", "--key", "seal.key", "--policy", "FILE"): "hint: name a file with lines such as: log VERIFIER-KEY",
    ("seal", "--sign-with", "cat", "--verifier-key", "FILE"): "hint: name the file with what nilo key new printed",
    ("verify", "--verifier-key", "FILE"): "hint: name the file with what nilo key new printed",
    ("verify", "--against", "FILE"): "hint: name a file that nilo seal --checkpoint wrote",
    ("verify", "--policy", "FILE"): "hint: name a file with lines such as: log VERIFIER-KEY",
    ("verify", "--timestamp-certificate", "FILE"): "hint: name a file with the certificate of who made the time stamps",
    ("witness", "FOLDER"): "hint: mkdir ",
    ("evidence", "-o", "new", "--policy", "FILE"): "hint: name a file with lines such as: log VERIFIER-KEY",
    ("serve", "--token-file", "FILE"): "hint: python3 -c 'import secrets;",
    ("restore", "BACKUP"): "hint: name a file that nilo backup made",
    ("repair", "--from", "BACKUP"): "hint: name a file that nilo backup made",
}
"""What is read; the last word is that file."""
NEW: dict[tuple[str, ...], str] = {
    ("report", "-o", "FILE"): "hint: name a file in a folder that can be written",
    ("export", "-o", "FILE"): "hint: name a file in a folder that can be written",
    ("plan", "web01 >= 9GiB", "-o", "FILE"): "hint: name a file in a folder that can be written",
    ("backup", "FILE"): "hint: mkdir -p ",
    ("repair", "FILE"): "hint: mkdir -p ",
    ("key new", "log.example", "-o", "FILE"): "hint: mkdir -p ",
    ("seal", "--key", "seal.key", "--checkpoint", "FILE"): "hint: mkdir -p ",
    ("evidence", "-o", "FOLDER"): "hint: mkdir -p ",
    ("do grow", "web01", "2MiB", "--proof", "FILE"): "hint: mkdir -p ",
}
"""What is written; its folder is not there."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A ledger, and a key."""
    made = Desk(tmp_path_factory.mktemp("desk")).with_history()
    assert made.call("key", "new", "log.example", "-o", f"{made.folder}/seal.key").code == 0
    return made


def typed(desk: Desk, args: tuple[str, ...], last: str) -> list[str]:
    """What is typed."""
    first, *rest = args
    here = {"seal.key": f"{desk.folder}/seal.key", "new": f"{desk.folder}/new"}
    return [*first.split(), *(here.get(word, word) for word in rest[:-1]), last]


@pytest.mark.parametrize("args", MISSING, ids=" ".join)
def test_what_is_not_there_is_named_with_a_hint(desk: Desk, args: tuple[str, ...]) -> None:
    missing = f"{desk.folder}/nope"
    answer = desk.call(*typed(desk, args, missing))
    error, hint = answer.err.splitlines()[-2:]
    assert answer.code == 2
    assert error.startswith("error: ")
    assert missing in error
    assert hint.startswith(MISSING[args])
    assert not Path(f"{desk.folder}/new").exists()


@pytest.mark.parametrize("args", NEW, ids=" ".join)
def test_what_cannot_be_made_is_named_with_a_hint_and_nothing_is_done(desk: Desk, args: tuple[str, ...]) -> None:
    before = sorted(path.name for path in desk.folder.iterdir())
    answer = desk.call(*typed(desk, args, f"{desk.folder}/none/x"))
    error, hint = answer.err.splitlines()[-2:]
    assert answer.code == 2
    assert error.startswith("error: ")
    assert "/none" in error
    assert hint.startswith(NEW[args])
    assert sorted(path.name for path in desk.folder.iterdir()) == before
    assert desk.call("info", "--format", "json").json["sealed"] is None


def named(command: click.Command, path: str = "") -> Iterator[tuple[str, str]]:
    """The options and arguments that are names of files or folders, by their commands."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from named(found, f"{path} {name}".strip())
    for option in command.params:
        name = option.metavar or (option.name or "").upper()
        if any(word in name for word in ("FILE", "FOLDER", "DIR", "SCRIPT", "PLAN", "BACKUP", "EXAMPLES")):
            yield path, option.opts[0] if isinstance(option, click.Option) else ""


def test_no_name_of_a_file_is_left_out() -> None:
    known = {(args[0], args[-2] if args[-2:-1] and args[-2].startswith("-") else "") for args in [*MISSING, *NEW]}
    others = {
        ("prove", "--smt2"), ("prove", "--save"), ("collector", "-o"), ("drive", "--evidence"),  # make their folders
        ("apply", "--evidence"), ("apply", "--config"),  # as drive has them
        ("can", "--keep"), ("can", "--spool"), ("do", "--proof"),  # of each of their commands the same
    }  # fmt: skip
    assert {family(*each) for each in named(nilo)} - {family(*each) for each in known} - others == set()


def family(path: str, option: str) -> tuple[str, str]:
    """A command and an option; all commands of ``do`` and of ``can`` have the same ones."""
    first = path.partition(" ")[0]
    return (first if first in ("can", "do") else path, option)
