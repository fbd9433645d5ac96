"""A ledger that a process has open more than once, beside another process: neither loses what it records."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from nilometer.ledger.ledger import Ledger
from nilometer.ledger.reader import open_store
from nilometer.storage.reader import EventReader
from nilometer.storage.sqlite.files import check_file
from nilometer.storage.urls import SQLiteLocation
from tests.nilometer.ledger.asking import ask, with_web01

OTHER = """
import sys
from nilometer.ledger.ledger import Ledger
from tests.nilometer.ledger.asking import ask
with Ledger.open(sys.argv[1], durable=False) as ledger:
    print(ledger.position)
    ask(ledger, sys.argv[2], vm="web01")
"""


def in_another_process(url: str, command: str) -> int:
    """Records a command in a process that opens the ledger and ends; how many events it found there."""
    ran = subprocess.run([sys.executable, "-c", OTHER, url, command], capture_output=True, text=True, check=True)
    return int(ran.stdout)


def read_beside(path: Path) -> None:
    """The same process opens the ledger once more, to read it, and closes it."""
    with closing(open_store(f"sqlite:///{path}")) as store:
        EventReader(store).position()


def look(path: Path) -> None:
    """The same process looks whether there is a ledger."""
    assert check_file(SQLiteLocation(path))


def look_in_threads(path: Path) -> None:
    """Several threads of it look at once, while others open and close it."""
    threads = [Thread(target=do, args=(path,)) for do in (look, read_beside) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("again", [read_beside, look, look_in_threads])
def test_what_two_processes_record_is_there_although_one_opened_the_file_again(
    tmp_path: Path, again: Callable[[Path], None]
) -> None:
    path = tmp_path / "ledger.db"
    url = f"sqlite:///{path}"
    with Ledger.open(url, create=True, durable=False) as ledger:
        with_web01(ledger)
        before = ledger.position
        again(path)
        assert in_another_process(url, "stop") == before
        assert ledger.position > before  # else this one goes on with a log that the other one removed
        ask(ledger, "start", vm="web01")
        recorded = ledger.position
        assert in_another_process(url, "stop") == recorded
    with Ledger.open(url, read_only=True) as ledger:
        assert ledger.position > recorded
