"""Backups and restoring: the same ledger, whoever writes meanwhile, on both databases; and what is refused."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from domain.errors import InputError
from nilometer.errors import LedgerError, LedgerWarning, NotALedger
from nilometer.history.cloudevents import write_lines
from nilometer.history.repairing import plan_repair
from nilometer.ledger.backup import back_up, restore_backup
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.reader import check_database
from nilometer.storage.store import FORMAT
from tests.nilometer.ledger.asking import a_host, a_vm, ask, request, stored, with_web01
from tests.nilometer.storage.test_golden_ledger import EXPORT, LEDGER


def test_a_ledger_comes_back_with_its_id_events_and_receipts(url: str, tmp_path: Path) -> None:
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
        first = ledger.execute(request("define-vm", key="k1", **a_vm(vm="web02")))
        history, id, created = stored(ledger), ledger.id, ledger.created
    copied = back_up(url, tmp_path / "backup.db")
    assert (copied.events, copied.receipts, len(copied.sha256)) == (5, 4 if url.startswith("postgres") else 1, 64)

    place = url.replace("ledger.db", "restored.db") if url.startswith("sqlite") else f"{url}r"
    assert restore_backup(tmp_path / "backup.db", place) == copied
    with Ledger.open(place) as ledger:
        assert (stored(ledger), ledger.id, ledger.created) == (history, id, created)
        again = ledger.execute(request("define-vm", key="k1", **a_vm(vm="web02")))
        assert (again.repeated, again.positions) == (True, first.positions)
        assert ask(ledger, "start", vm="web02").positions == (6, 7)


def test_a_backup_of_format_1_is_of_the_newest_format_and_exports_the_same(tmp_path: Path) -> None:
    source = Path(shutil.copy(LEDGER, tmp_path / "old.db"))
    before = source.read_bytes()
    back_up(f"sqlite:///{source}", tmp_path / "new.db")
    assert source.read_bytes() == before
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (FORMAT,)
    with Ledger.open(f"sqlite:///{tmp_path}/new.db", read_only=True) as ledger:
        assert b"".join(write_lines(ledger.rows(), ledger.id)) == EXPORT.read_bytes()


def test_texts_that_are_no_utf_8_any_more_are_copied_byte_for_byte(tmp_path: Path) -> None:
    source, copy = tmp_path / "ledger.db", tmp_path / "copy.db"
    with Ledger.open(f"sqlite:///{source}", create=True) as ledger:
        with_web01(ledger)
        ledger.execute(request("stop", key="k1", vm="web01"))
    with closing(sqlite3.connect(source)) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE commands SET key = CAST(x'ff6b31' AS TEXT)")
        connection.execute("UPDATE stored_events SET originator_id = CAST(x'766d2f77ff' AS TEXT) WHERE rowid = 4")
        connection.commit()

    with pytest.warns(LedgerWarning):
        back_up(f"sqlite:///{source}", copy)

    assert raw_rows(copy) == raw_rows(source)
    assert b"vm/w\xff" in raw_rows(copy)


def raw_rows(file: Path) -> list[bytes]:
    """All texts and bodies of a file, as they are stored."""
    with closing(sqlite3.connect(file)) as connection:
        connection.text_factory = bytes
        found = connection.execute("SELECT originator_id, topic, state FROM stored_events ORDER BY rowid").fetchall()
        found += connection.execute("SELECT key, result, x'' FROM commands ORDER BY key").fetchall()
    return [value for row in found for value in row]


def test_while_others_write_a_backup_is_the_ledger_at_one_moment(url: str, tmp_path: Path) -> None:
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
    done = threading.Event()
    begun = threading.Event()

    def write() -> None:
        with Ledger.open(url, durable=False) as ledger:
            while not done.is_set():
                ask(ledger, "stop", vm="web01")
                ask(ledger, "start", vm="web01")
                begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(60)
        copied = back_up(url, tmp_path / "backup.db")
    finally:
        done.set()
        writer.join()
    with (
        Ledger.open(url, read_only=True) as ledger,
        Ledger.open(f"sqlite:///{tmp_path}/backup.db", read_only=True) as backup,
    ):
        assert stored(ledger)[: copied.events] == stored(backup)
        assert copied.events >= 8


def test_what_has_events_or_exists_is_not_replaced(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url, create=True) as ledger:
        ask(ledger, "register-host", **a_host())
    with pytest.raises(InputError, match="exists; it was not touched"):
        back_up(url, tmp_path / "ledger.db")
    back_up(url, tmp_path / "backup.db")
    with pytest.raises(LedgerError, match="has events already"):
        restore_backup(tmp_path / "backup.db", url)
    assert {path.name for path in tmp_path.iterdir()} == {"ledger.db", "backup.db"}
    link = tmp_path / "link.db"
    link.symlink_to("nothing.db")
    with pytest.raises(InputError, match=r"link.db exists; it was not touched"):
        back_up(url, link)
    assert link.is_symlink()


def test_a_damaged_file_is_not_backed_up_and_not_restored(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
    file = tmp_path / "ledger.db"
    pages = bytearray(file.read_bytes())
    pages[4096 * 2 : 4096 * 2 + 64] = b"\xff" * 64  # a page of the table of events or its index
    file.write_bytes(pages)
    for refused in (
        lambda: check_database(url),
        lambda: back_up(url, tmp_path / "backup.db"),
        lambda: restore_backup(file, f"sqlite:///{tmp_path}/new.db"),
    ):
        with pytest.raises(NotALedger, match="is damaged"):
            refused()
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]


def test_what_cp_leaves_out_a_backup_has(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
    with Ledger.open(url) as ledger:
        ask(ledger, "stop", vm="web01")
        shutil.copy(tmp_path / "ledger.db", tmp_path / "cp.db")
        back_up(url, tmp_path / "backup.db")
    for name, events in (("cp.db", 4), ("backup.db", 6)):
        with Ledger.open(f"sqlite:///{tmp_path}/{name}", read_only=True) as ledger:
            assert ledger.position == events


def test_a_new_ledger_and_a_backup_are_private(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}  # also its log
        back_up(url, tmp_path / "backup.db")
    assert (tmp_path / "backup.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"# The seal", None], ids=["empty", "text", "folder"])
def test_what_is_no_backup_is_refused_with_the_hint_to_name_one(tmp_path: Path, content: bytes | None) -> None:
    url, wrong = f"sqlite:///{tmp_path}/ledger.db", tmp_path / "wrong"
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
    wrong.mkdir() if content is None else wrong.write_bytes(content)
    for refused in (lambda: restore_backup(wrong, f"sqlite:///{tmp_path}/new.db"), lambda: plan_repair(url, wrong)):
        with pytest.raises(NotALedger) as error:
            refused()
        assert error.value.hint == "name a file that nilo backup made"
