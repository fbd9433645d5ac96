"""Opening a ledger: one that is there, one that is not, and one that is made."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from domain.errors import InputError
from nilometer.errors import NoLedger
from nilometer.ledger.ledger import Ledger
from nilometer.storage.urls import SQLiteLocation, parse_url
from tests.nilometer.databases import Way
from tests.nilometer.ledger.asking import a_host, ask, stored
from tests.nilometer.storage.meanwhile import recorder_of


@pytest.mark.parametrize("how", [{"read_only": True}, {"create": True, "read_only": True}, {}])
def test_only_who_writes_makes_a_ledger(url: str, how: Way) -> None:
    with pytest.raises(NoLedger, match="there is no ledger at") as error:
        Ledger.open(url, **how)
    assert "nilo run SCRIPT.jsonl" in error.value.hint
    with pytest.raises(NoLedger):  # still
        Ledger.open(url)


def test_what_one_has_recorded_the_next_one_reads(url: str) -> None:
    with Ledger.open(url, create=True) as ledger:
        ask(ledger, "register-host", **a_host())
        written, id, created = stored(ledger), ledger.id, ledger.created
    with Ledger.open(url, read_only=True) as reader:
        assert (stored(reader), reader.id, reader.created) == (written, id, created)
    with Ledger.open(url, create=True) as again:
        assert (stored(again), again.id) == (written, id)


def test_a_ledger_that_is_only_read_is_not_written(url: str) -> None:
    with Ledger.open(url, create=True) as ledger:
        ask(ledger, "register-host", **a_host())
        before = stored(ledger)
    with Ledger.open(url, read_only=True) as reader:
        with pytest.raises(OSError, match="may not be written"):
            ask(reader, "set-reserve", host="hv01", reserve="1GiB")
        assert stored(reader) == before


def test_who_only_reads_a_ledger_leaves_its_views_behind(url: str) -> None:
    behind = Ledger.open(url, create=True)
    ask(behind, "register-host", **a_host())
    behind.close()
    with Ledger.open(url, read_only=True) as reader:
        assert reader.position == 1
    assert (reader.warnings, reader.has_recorded) == ([], False)


def test_many_that_make_it_at_once_make_one(url: str) -> None:
    together = Barrier(4)

    def make(n: int) -> str:
        together.wait()
        with Ledger.open(url, create=True) as ledger:
            ask(ledger, "register-host", **a_host(host=f"hv{n:02}"))
            return ledger.id

    with ThreadPoolExecutor(4) as programs:
        ids = set(programs.map(make, range(4)))
    with Ledger.open(url, read_only=True) as ledger:
        assert ids == {ledger.id}
        assert sorted(stream for stream, *_ in stored(ledger)) == [f"host/hv{n:02}" for n in range(4)]


def test_variables_in_the_shell_change_nothing_that_is_stored(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPRESSOR_TOPIC", "zlib")
    monkeypatch.setenv("LEDGER_COMPRESSOR_TOPIC", "zlib")
    monkeypatch.setenv("CIPHER_TOPIC", "eventsourcing.cipher:AESCipher")
    monkeypatch.setenv("PERSISTENCE_MODULE", "eventsourcing.popo")
    monkeypatch.setenv("SQLITE_DBNAME", ":memory:")
    monkeypatch.setenv("AGGREGATE_CACHE_MAXSIZE", "1")
    with Ledger.open(url, create=True) as ledger:
        ask(ledger, "register-host", **a_host())
        ((stream, version, topic, body),) = stored(ledger)
    assert (stream, version, topic) == ("host/hv01", 1, "host.registered/1")
    assert body.startswith(b'{"actor":"ann","causation":null,"correlation":"')


def test_on_disk_means_on_disk(url: str) -> None:
    place = parse_url(url)
    with Ledger.open(url, create=True) as durable, Ledger.open(url, durable=False) as hasty:
        for ledger, sqlite, postgres in ((durable, 2, "on"), (hasty, 1, "off")):
            recorder = recorder_of(ledger)
            with recorder.transaction(write=True) as database:
                if isinstance(place, SQLiteLocation):
                    assert [tuple(row) for row in database.execute("PRAGMA synchronous")] == [(sqlite,)]
                else:
                    assert database.execute("SHOW synchronous_commit").fetchall() == [(postgres,)]


@pytest.mark.parametrize("url", ["mysql://db/x", "sqlite://x", "sqlite:///:memory:", "postgresql://u:secret@h"])
def test_a_url_that_names_no_ledger_is_told_with_what_to_write(url: str) -> None:
    with pytest.raises(InputError) as error:
        Ledger.open(url, create=True)
    assert "write " in error.value.hint
    assert "secret" not in str(error.value)


def test_without_psycopg_a_ledger_on_postgresql_says_what_to_install() -> None:
    program = """
import sys
sys.modules["psycopg"] = None
from nilometer.errors import LedgerError
from nilometer.ledger.ledger import Ledger
try:
    Ledger.open("postgresql://localhost/db")
except LedgerError as error:
    print(error.message, "|", error.hint)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "PostgreSQL" in ended.stdout
    assert ended.stdout.endswith("| pip install 'nilometer[postgres]'; in a checkout of Nilometer: make extras\n")


def test_a_ledger_on_sqlite_needs_no_psycopg() -> None:
    program = (
        "import sys\nfrom nilometer.ledger.ledger import Ledger\n"
        "import nilometer.storage.sqlite.recorder\nprint(*sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "psycopg" not in ended.stdout.split()


def test_a_ledger_carries_the_number_of_its_format_and_its_maker(url: str) -> None:
    with Ledger.open(url, create=True) as ledger:
        recorder = recorder_of(ledger)
    place = parse_url(url)
    if isinstance(place, SQLiteLocation):
        with sqlite3.connect(place.path) as connection:
            assert connection.execute("PRAGMA application_id").fetchone() == (int.from_bytes(b"NILO", "big"),)
            assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        connection.close()
        assert list(place.path.parent.iterdir()) == [place.path]
    else:
        assert recorder.facts()["format"] == "2"
