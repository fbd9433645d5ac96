"""Shares of an audit that tests make, refuse and change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nilometer import Ledger
from nilometer.history.checked import read_history
from nilometer.history.restoring import restore
from nilometer.textio.digests import with_digest
from nilometer.textio.files import open_input
from tests.nilometer.audit.mixed import LEDGER, Line, text_of
from tests.nilometer.cli.calling import CallResult, Desk
from tests.nilometer.cli.test_schemas import problems

Json = dict[str, Any]
OTHER_LEDGER = f"urn:uuid:{LEDGER.replace('1', '2')}"


def shares_of(desk: Desk, of: int, *args: str) -> list[str]:
    """The files with all shares."""
    names = list[str]()
    for number in range(1, of + 1):
        made = desk.call("audit", *args, "--share", f"{number}/{of}")
        assert made.code == 0, made.err
        assert problems("audit-share", made.json) == []
        names.append(desk.write(f"{number}-of-{of}.json", made.out))
    return names


def stored(url: str, lines: list[Line], desk: Desk) -> None:
    name = desk.write("whole.jsonl", text_of(lines))
    with Ledger.open(url, create=True) as ledger, open_input(name) as stream:
        restore(ledger, read_history(stream, name))


def refused(answer: CallResult, *words: str) -> None:
    """Exit 2, nothing on stdout, an error with a hint."""
    assert (answer.code, answer.out) == (2, "")
    assert "hint: " in answer.err
    for word in words:
        assert word in answer.err


def changed(file: str, change: Callable[[Json], object]) -> str:
    """Another share, with a digest that fits."""
    document = json.loads(Path(file).read_text())
    change(document)
    Path(file).write_text(json.dumps(with_digest(document)))
    return file


def without_times(document: Json) -> Json:
    about = {key: value for key, value in document["about"].items() if key not in ("begun", "ended")}
    return {**document, "about": about}


def assert_joined_is_whole(desk: Desk, of: int, *args: str) -> Json:
    """The join has the same exit code, the same document and the same page as the audit in one piece."""
    whole = desk.call("audit", *args, "--format", "json")
    names = shares_of(desk, of, *args)
    joined = desk.call("audit", "--join", *reversed(names), "--format", "json")
    assert (joined.code, without_times(joined.json)) == (whole.code, without_times(whole.json))
    pages = [
        [line for line in desk.call("audit", *each).out.splitlines() if not line.startswith("  judged from")]
        for each in (args, ("--join", *names))
    ]
    assert pages[0] == pages[1]
    found: Json = joined.json
    return found
