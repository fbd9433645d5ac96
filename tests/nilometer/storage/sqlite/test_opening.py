"""Files that are no ledgers, or not ones that can be used: what is said, and that they are not touched."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp

import pytest

from nilometer.errors import LedgerBusy, LedgerError, LedgerFull, LedgerWarning, NoLedger, NotALedger
from nilometer.ledger.backup import back_up
from nilometer.ledger.ledger import Ledger
from nilometer.storage.sqlite.files import remove_if_empty
from nilometer.storage.sqlite.recorder import SQLiteLedgerRecorder
from nilometer.storage.urls import SQLiteLocation
from tests.nilometer.databases import Way
from tests.nilometer.ledger.asking import a_host, ask, stored, with_web01
from tests.nilometer.storage import somebody_else
from tests.nilometer.storage.meanwhile import recorder_of

_JOURNAL = bytes.fromhex("d9d505f920a163d7")
WAYS: list[Way] = [{"read_only": True}, {}, {"create": True}]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, with its bytes."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def refused(path: Path, error: type[LedgerError]) -> set[tuple[str, str]]:
    """What is said of a file, however it is opened, and that no file beside it or in it changes."""
    said: set[tuple[str, str]] = set()
    before = contents(path.parent)
    for way in WAYS:
        with pytest.raises(error) as caught:
            Ledger.open(f"sqlite:///{path}", **way)
        said.add((str(caught.value), caught.value.hint))
        assert contents(path.parent) == before
    return said


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The file of a ledger with a few hundred events."""
    path = tmp_path / "ledger.db"
    with Ledger.open(f"sqlite:///{path}", create=True, durable=False) as ledger:
        with_web01(ledger)
        for _ in range(200):
            ask(ledger, "add-memory", vm="web01", amount="2MiB")
    return path


class TestStrangers:
    def test_a_text_file(self, tmp_path: Path) -> None:
        path = tmp_path / "notes.txt"
        path.write_text("Buy milk.\n" * 100)
        assert refused(path, NotALedger) == {
            (f"{path} is not a Nilometer ledger; it was not touched", "name another file with --ledger")
        }

    @pytest.mark.parametrize("journal", ["delete", "wal"])
    def test_another_programs_sqlite_database(self, tmp_path: Path, journal: str) -> None:
        path = tmp_path / "places.sqlite"
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("CREATE TABLE stored_events (originator_id TEXT)")
        connection.commit()
        connection.close()
        ((message, hint),) = refused(path, NotALedger)
        assert message == (
            f"{path} is not a Nilometer ledger; it was not touched (it is another program's SQLite database)"
        )
        assert hint == "name another file with --ledger"

    def test_a_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "ledgers"
        folder.mkdir()
        ((message, hint),) = refused(folder, NotALedger)
        assert (message, hint) == (f"{folder} is a folder", f"name a file: sqlite:///{folder}/nilometer.db")
        assert list(folder.iterdir()) == []

    def test_a_ledger_of_a_later_format(self, written: Path) -> None:
        with sqlite3.connect(written) as connection:
            connection.execute("PRAGMA user_version = 3")
        connection.close()
        ((message, hint),) = refused(written, NotALedger)
        assert message == f"{written} is a ledger of format 3; this Nilometer knows formats 1 to 2; it was not touched"
        assert "newer" in hint

    @pytest.mark.parametrize("kept", [1, 17, 99])
    def test_a_file_with_less_than_a_header(self, written: Path, kept: int) -> None:
        written.write_bytes(written.read_bytes()[:kept])
        ((message, _),) = refused(written, NotALedger)
        assert "is not a Nilometer ledger; it was not touched" in message


class TestWhatIsNotThere:
    def test_a_file_that_is_not_there_is_told_with_its_whole_path(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(NoLedger) as error:
            Ledger.open("sqlite:///fleet.db", read_only=True)
        assert str(error.value) == f"there is no ledger at {tmp_path}/fleet.db"
        assert contents(tmp_path) == {}

    def test_an_empty_file_is_no_ledger_yet_and_becomes_one(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.db"
        path.touch()
        with pytest.raises(NoLedger):
            Ledger.open(f"sqlite:///{path}", read_only=True)
        assert contents(tmp_path) == {"ledger.db": b""}
        with Ledger.open(f"sqlite:///{path}", create=True) as ledger:
            assert ask(ledger, "register-host", **a_host()).positions == (1,)

    def test_a_ledger_whose_maker_was_killed_is_no_ledger_yet_and_becomes_one(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.db"
        journal = tmp_path / "ledger.db-journal"
        Ledger.open(f"sqlite:///{path}", create=True).close()
        made = sqlite3.connect(path, isolation_level=None)
        made.execute("PRAGMA journal_mode = DELETE")
        made.close()
        # Killed after the pages were written, before the journal that would undo them was deleted.
        sector, page, pages_before = 512, 4096, 0
        journal.write_bytes(struct.pack(">8s5I484x", _JOURNAL, 0, 0, pages_before, sector, page))
        with pytest.raises(NoLedger):
            Ledger.open(f"sqlite:///{path}", read_only=True)
        with Ledger.open(f"sqlite:///{path}", create=True) as ledger:
            assert ask(ledger, "register-host", **a_host()).positions == (1,)

    def test_a_link_to_a_file_that_is_not_there_leads_to_a_private_ledger(self, tmp_path: Path) -> None:
        link, file = tmp_path / "link.db", tmp_path / "file.db"
        link.symlink_to(file.name)
        with Ledger.open(f"sqlite:///{link}", create=True):
            assert file.stat().st_mode & 0o777 == 0o600
        remove_if_empty(SQLiteLocation(link))
        assert not file.exists()
        assert link.is_symlink()
        link.unlink()
        link.symlink_to("none/file.db")
        with pytest.raises(NoLedger, match=f"the folder {tmp_path}/none does not exist"):
            Ledger.open(f"sqlite:///{link}", create=True)

    def test_a_pipe_or_a_device_is_no_ledger_and_is_not_waited_for(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        for path in (pipe, Path("/dev/null")):
            for read_only in (True, False):
                with pytest.raises(NotALedger, match=f"{path} is a pipe or a device"):
                    Ledger.open(f"sqlite:///{path}", read_only=read_only, create=not read_only)

    def test_a_ledger_beside_a_journal_that_was_left_behind_is_a_ledger(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.db"
        with Ledger.open(f"sqlite:///{path}", create=True) as ledger:
            ask(ledger, "register-host", **a_host())
        # Killed while it was switched from write-ahead logging to a journal, which undoes nothing.
        (tmp_path / "ledger.db-journal").write_bytes(bytes(512))
        with Ledger.open(f"sqlite:///{path}", read_only=True) as ledger:
            assert ledger.position == 1

    def test_only_a_ledger_without_events_is_touched_to_remove_it(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.db"
        with Ledger.open(f"sqlite:///{path}", create=True) as ledger:
            ask(ledger, "register-host", **a_host())
        before = path.read_bytes()
        remove_if_empty(SQLiteLocation(path))
        assert path.read_bytes() == before
        with Ledger.open(f"sqlite:///{tmp_path}/empty.db", create=True):
            pass
        remove_if_empty(SQLiteLocation(tmp_path / "empty.db"))
        assert not (tmp_path / "empty.db").exists()

    def test_a_folder_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        path = tmp_path / "none" / "ledger.db"
        with pytest.raises(NoLedger, match=f"the folder {path.parent} does not exist") as error:
            Ledger.open(f"sqlite:///{path}", create=True)
        assert error.value.hint == f"mkdir -p {path.parent}"


class TestDamage:
    @pytest.mark.parametrize(
        ("kept", "zeros"), [(200_000, 0), (4096, 0), (100, 0), (100, 200_000)], ids=["half", "page", "header", "zeros"]
    )
    def test_a_damaged_file_is_told_as_such_and_left_as_it_is(self, written: Path, kept: int, zeros: int) -> None:
        written.write_bytes(damaged := written.read_bytes()[:kept] + bytes(zeros))
        for read_only in (True, False):
            with pytest.raises(NotALedger, match="is damaged") as error:
                read_all(written, read_only=read_only)
            assert error.value.hint == "restore it from a copy or an export (nilo import)"
        assert written.read_bytes() == damaged


def read_all(path: Path, *, read_only: bool) -> int:
    """How many events are in a file."""
    with Ledger.open(f"sqlite:///{path}", read_only=read_only) as ledger:
        return len(stored(ledger))


class TestLocked:
    def test_who_cannot_have_the_lock_says_so_and_has_recorded_nothing(self, written: Path) -> None:
        other = sqlite3.connect(written, isolation_level=None)
        with Ledger.open(f"sqlite:///{written}", lock_timeout=0.05) as ledger:
            before = stored(ledger)
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(LedgerBusy) as error:
                ask(ledger, "add-memory", vm="web01", amount="2MiB")
            assert str(error.value) == f"{written} is locked by another program"
            assert error.value.hint == "try again when it is done"
            assert stored(ledger) == before  # readers read on
            other.execute("ROLLBACK")
            assert ask(ledger, "add-memory", vm="web01", amount="2MiB").in_full
            assert len(stored(ledger)) == len(before) + 2
        other.close()

    def test_a_ledger_that_somebody_else_is_making_is_waited_for(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.db"
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerBusy):
            Ledger.open(f"sqlite:///{path}", create=True, lock_timeout=0.05)
        other.close()
        assert contents(tmp_path) == {"ledger.db": b""}


class TestFull:
    def test_what_there_is_no_room_for_is_not_recorded_at_all(self, written: Path) -> None:
        with Ledger.open(f"sqlite:///{written}") as ledger:
            recorder = recorder_of(ledger)
            assert isinstance(recorder, SQLiteLedgerRecorder)
            writer = recorder._writer()  # pyright: ignore[reportPrivateUsage]
            (pages,) = writer.execute("PRAGMA page_count").fetchone()
            writer.execute(f"PRAGMA max_page_count = {pages}")
            before: list[object] = []

            def fill() -> None:
                for _ in range(100):
                    before[:] = stored(ledger)
                    ask(ledger, "add-memory", vm="web01", amount="2MiB")

            with pytest.raises(LedgerFull) as error:
                fill()
            assert str(error.value) == f"there is no room left for {written}; nothing was recorded"
            assert error.value.hint == "make room and try again"
            assert stored(ledger) == before
            writer.execute(f"PRAGMA max_page_count = {pages + 100}")
            assert ask(ledger, "add-memory", vm="web01", amount="2MiB").positions == (len(before) + 1, len(before) + 2)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may enter: pytest's own is for one user alone."""
    folder = Path(mkdtemp(prefix="nilometer-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


class TestOfAnotherUser:
    def ledger(self, folder: Path) -> tuple[Path, list[tuple[str, int, str, bytes]]]:
        path = folder / "ledger.db"
        with Ledger.open(f"sqlite:///{path}", create=True) as ledger:
            ask(ledger, "register-host", **a_host())
            return path, stored(ledger)

    def unchanged(self, path: Path, events: list[tuple[str, int, str, bytes]]) -> None:
        path.parent.chmod(0o755)
        path.chmod(0o644)
        with Ledger.open(f"sqlite:///{path}", read_only=True) as ledger:
            assert stored(ledger) == events

    def test_a_file_in_a_folder_that_may_only_be_read_is_read(self, shared: Path) -> None:
        path, events = self.ledger(shared)
        path.chmod(0o444)
        shared.chmod(0o555)
        before = contents(shared)
        assert somebody_else.run(f"sqlite:///{path}", "read_only") == {"position": 1}
        assert contents(shared) == before
        self.unchanged(path, events)

    def test_a_file_that_may_not_be_written_says_so(self, shared: Path) -> None:
        path, events = self.ledger(shared)
        path.chmod(0o444)
        shared.chmod(0o777)
        told = somebody_else.run(f"sqlite:///{path}", "write")
        assert (told["error"], told["hint"]) == ("LedgerReadOnly", "ask its owner, or name another ledger")
        assert told["message"] == f"{path} may not be written by this user"
        self.unchanged(path, events)

    def test_a_folder_that_may_not_be_written_says_so(self, shared: Path) -> None:
        path, events = self.ledger(shared)
        path.chmod(0o666)
        shared.chmod(0o555)
        told = somebody_else.run(f"sqlite:///{path}", "write")
        assert told["error"] == "LedgerReadOnly"
        assert "folder must be writable too" in told["hint"]
        self.unchanged(path, events)

    def test_a_file_that_may_not_be_read_says_so(self, shared: Path) -> None:
        path, events = self.ledger(shared)
        path.chmod(0o000)
        for how in ("read_only", "write"):
            told = somebody_else.run(f"sqlite:///{path}", how)
            assert told["error"] == "LedgerReadOnly"
            assert told["message"] == f"{path} may not be read by this user"
        self.unchanged(path, events)

    def test_no_ledger_is_made_where_one_may_not(self, shared: Path) -> None:
        shared.chmod(0o555)
        told = somebody_else.run(f"sqlite:///{shared}/ledger.db", "create")
        assert told["error"] == "LedgerReadOnly"
        assert told["hint"]
        assert list(shared.iterdir()) == []


@pytest.mark.parametrize("how", [{}, {"create": True}, {"read_only": True}])
def test_a_name_that_no_file_can_have_is_no_ledger(tmp_path: Path, how: Way) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotALedger, match=r"/file/x\.db: Not a directory"):
        Ledger.open(f"sqlite:///{tmp_path}/file/x.db", **how)
    with pytest.raises(NotALedger, match="x…: File name too long"):
        Ledger.open(f"sqlite:///{'x' * 5000}", **how)


@pytest.mark.parametrize("position", [-1, 0])
def test_an_event_before_the_first_position_is_said_at_once_and_a_backup_is_without_it(
    tmp_path: Path, position: int
) -> None:
    url, copy = f"sqlite:///{tmp_path}/ledger.db", tmp_path / "copy.db"
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
        before = stored(ledger)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        connection.execute(
            f"INSERT INTO stored_events SELECT {position}, originator_id, originator_version + 1, topic, state "
            "FROM stored_events WHERE position = 4"
        )

    with pytest.raises(LedgerError, match=rf"an event at position {position} \(.*/3\)") as error:
        Ledger.open(url)
    assert "nilo backup NEW.db" in error.value.hint
    with pytest.warns(LedgerWarning, match="positions begin at 1"):
        back_up(url, copy)

    with Ledger.open(f"sqlite:///{copy}") as ledger:
        assert stored(ledger) == before
        assert ask(ledger, "stop", vm="web01").in_full
