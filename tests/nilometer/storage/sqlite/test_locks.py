"""A ledger that a process has open more than once, beside another process: neither loses what it records."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from domain.errors import InputError
from nilometer.audit.provenance import FileDigests
from nilometer.cli.files import open_output
from nilometer.history.opening import is_parquet
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.reader import open_store
from nilometer.storage.reader import EventReader
from nilometer.storage.sqlite.files import check_file
from nilometer.storage.urls import SQLiteLocation
from nilometer.textio.databases import DATABASE_MAGIC
from nilometer.textio.files import open_input, open_repeatable_input, read_small_file
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


def take_for_a_history(path: Path) -> None:
    """It takes the file for a history, which an export and an audit read."""
    assert not is_parquet(str(path))
    digests = FileDigests()
    with digests.open(str(path)) as stream:
        while stream.read(16):
            pass
    digests.confirm(str(path))


def take_for_another_file(path: Path) -> None:
    """It takes the file for one to import, for a small one, and for one to write."""
    for open_one in (open_input, open_repeatable_input):
        with open_one(str(path)) as stream:
            assert stream.read().startswith(DATABASE_MAGIC)
    assert read_small_file(str(path), "a key", "").startswith(DATABASE_MAGIC)
    with pytest.raises(InputError, match="is a SQLite database; it was not touched"), open_output(str(path)):
        pass


def look_in_threads(path: Path) -> None:
    """Several threads of it look at once, while others open and close it."""
    threads = [Thread(target=do, args=(path,)) for do in (look, read_beside) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("again", [read_beside, look, look_in_threads, take_for_a_history, take_for_another_file])
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
