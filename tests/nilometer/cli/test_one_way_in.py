"""Every command that reads files reads the same from a file however it is packed and encoded, and ends its lines."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.nilometer.cli.calling import SCRIPT, Desk
from tests.paths import EXAMPLES, RECORDINGS

ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "UTF-16, big end first": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, big end first, without a mark": lambda text: text.encode("utf-16-be"),
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "gzip in two members": lambda data: gzip.compress(data[:301]) + gzip.compress(data[301:]),
}
ENDS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}
HISTORY_SCRIPT = SCRIPT.replace("month end", "Zürich, 東京 🏞")


@dataclass(frozen=True)
class Case:
    """A command whose file was read once; the file again, in any form, has to be the same file."""

    desk: Desk
    command: tuple[str, ...]
    text: str
    answer: Any
    """What it says of the plain file the second time."""

    def read(self, data: bytes) -> Any:
        """What the command says of a file with these bytes."""
        return ask(self.desk, self.command, data)


def ask(desk: Desk, command: tuple[str, ...], data: bytes) -> Any:
    name, *options = command
    result = desk.call(name, desk.write("file", data), *options, "--format", "json")
    assert result.code in (0, 1), result.err
    if name == "run":
        return result.lines
    document = result.json
    if name == "audit":
        del document["about"]  # when it was, and the digest of the file as it is packed
    return document


def recording() -> str:
    return "".join((RECORDINGS / "s1_idle_grow_shrink.jsonl").read_text().splitlines(keepends=True)[:30])


@pytest.fixture(scope="module", params=["run", "import", "audit", "import-qemu", "import-hyperv"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    command: tuple[str, ...] = (request.param,)
    match request.param:
        case "run":
            text = HISTORY_SCRIPT
        case "import-qemu":
            text = recording()
        case "import-hyperv":
            text, command = (EXAMPLES / "HV01-20261123.jsonl").read_text(), ("import-hyperv", "--final")
        case _:
            source = Desk(tmp_path_factory.mktemp("source"))
            source.call("run", source.write("script.jsonl", HISTORY_SCRIPT))
            text = source.events
    ask(desk, command, text.encode())
    answer = ask(desk, command, text.encode())
    return Case(desk, command, text, answer)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_same_is_read_in_every_form(case: Case, encoding: str, packing: str, end: str) -> None:
    data = PACKINGS[packing](ENCODINGS[encoding](case.text.replace("\n", ENDS[end])))
    assert case.read(data) == case.answer


def test_the_answers_show_that_nothing_was_new(case: Case) -> None:
    match case.command[0]:
        case "run":
            assert len(case.answer) == 6
            assert all(line["repeated"] for line in case.answer)
        case "import":
            assert case.answer["events"] == case.answer["there"] > 0
        case "audit":
            assert case.answer["events"] > 0
            assert case.answer["unreadable"] == []
        case _:
            assert case.answer["recorded"] == 0
            assert case.answer["records"] > 0


@pytest.mark.parametrize("end", ENDS)
def test_a_packed_file_in_utf_16_gives_a_new_ledger_the_same_events(tmp_path: Path, case: Case, end: str) -> None:
    desk = Desk(tmp_path)
    answer = ask(desk, case.command, gzip.compress(case.text.replace("\n", ENDS[end]).encode("utf-16")))
    if case.command == ("audit",):
        assert answer == case.answer
        return
    kinds = [line.split('"type":')[1].split(",")[0] for line in desk.events.splitlines()]
    assert kinds == [line.split('"type":')[1].split(",")[0] for line in case.desk.events.splitlines()][: len(kinds)]
    assert len(kinds) > 5


@pytest.mark.parametrize(
    "data", [gzip.compress(SCRIPT.encode() * 40)[:-60], SCRIPT.encode("utf-16-le")[:-3]], ids=["gzip", "UTF-16"]
)
def test_a_file_that_was_cut_off_is_read_up_to_there_and_the_cut_is_named(desk: Desk, data: bytes) -> None:
    result = desk.call("run", desk.write("s.jsonl", data), "--keep-going")
    assert result.code == 2
    assert "its gzip ends too early" in result.err or "ends within a character of UTF-16" in result.err
    assert "it was cut off or damaged on its way: fetch it again" in result.err
    assert len(desk.events.splitlines()) > 4
