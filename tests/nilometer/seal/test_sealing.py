"""Sealing: what becomes a leaf, what is written, what is kept, and when nothing is signed."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identifiers import UtcTime
from domain.observed.imports import BackupRestored
from nilometer.ledger.backup import announce_restore, back_up, restore_backup
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.reader import open_store
from nilometer.seal.rows import FIRST, LAST, RESTORED, entry_of, read_leaves, read_rows
from nilometer.seal.sealing import Sealer, SealRefused, add_signatures
from nilometer.seal.tables import find_leaf, read_heads, read_tile
from nilometer.seal.verification import SealVerdict
from nilometer.storage.bodies import topic_of
from nilometer.storage.reader import StoredRow
from nilometer.storage.sqlite.reader import SQLiteReader
from nilometer.storage.sqlite.recorder import create_table_statements
from nilometer.storage.urls import SQLiteLocation
from nilometer.times import system_clock
from nilometer.tlog.checkpoints import parse_checkpoint
from nilometer.tlog.merkle import hash_leaf
from nilometer.tlog.notes import Algorithm
from nilometer.tlog.signatures import make_signer, verify_signatures
from nilometer.tlog.tiles import WIDTH, tiles_of
from tests.nilometer.ledger.asking import with_web01
from tests.nilometer.seal.sealed import KEY, QUORUM, THIEF, WITNESS, at, grow, newest, seal, verdict, verify
from tests.nilometer.storage.test_golden_ledger import LEDGER


def sizes(ledger: Ledger) -> list[int]:
    """The sizes of the kept checkpoints."""
    with ledger.recorder.transaction(write=False) as db:
        return [head.size for head in read_heads(db)]


def test_an_event_is_the_leaf_that_the_format_says(ledger: Ledger) -> None:
    with_web01(ledger)
    seal(ledger)
    row = next(iter(ledger.rows()))
    parts = [row.stream.encode(), b"%d" % row.version, row.topic.encode(), row.body]
    entry = b"DSSEv1" + b"".join(b" %d %b" % (len(part), part) for part in parts)
    with ledger.recorder.transaction(write=False) as db:
        assert entry_of(read_rows(db, FIRST, LAST, 1)[0]) == entry
        assert read_tile(db)(0, 0)[:32] == sha256(b"\0" + entry).digest() == hash_leaf(entry)
        assert [find_leaf(db, position, 4) for position in (0, 1, 2, 3, 4, 5)] == [None, 0, 1, 2, 3, None]


def test_a_ledger_is_sealed_step_by_step_and_holds(ledger: Ledger, url: str) -> None:
    with_web01(ledger)
    first = seal(ledger)
    assert first is not None
    assert (first.events, first.head.size, first.head.position) == (4, 4, 4)
    assert seal(ledger) is None
    grow(ledger, 3)
    second = seal(ledger)
    assert second is not None
    assert (second.events, second.head.size) == (6, 10)
    assert verify_signatures(newest(ledger), [KEY.key])
    grow(ledger, 1)
    found = verify(url)
    assert (found.verdict, found.events, found.unsealed.events) == (SealVerdict.HOLDS, 12, 2)
    assert found.unsealed.since is not None


def test_an_empty_ledger_has_nothing_to_seal(ledger: Ledger, url: str) -> None:
    assert seal(ledger) is None
    assert verdict(url) is SealVerdict.UNKNOWN


def test_of_each_day_the_last_checkpoint_is_kept_and_whatever_a_witness_signed(ledger: Ledger, url: str) -> None:
    with_web01(ledger)
    seal(ledger, time="2026-11-23T12:00:00")
    grow(ledger, 1)
    seal(ledger, time="2026-11-23T13:00:00")
    grow(ledger, 1)
    seal(ledger, time="2026-11-24T09:00:00")
    cosigned = newest(ledger).added(WITNESS.sign_head(newest(ledger).head, 1))
    with ledger.recorder.transaction(write=True) as db:
        db.execute("UPDATE seal_checkpoints SET note = ? WHERE size = 8", (bytes(cosigned),))
    for _ in range(2):
        grow(ledger, 1)
        seal(ledger, time="2026-11-24T10:00:00")
    assert sizes(ledger) == [6, 8, 12]
    assert verify(url).checkpoints == 3


def test_a_long_history_is_sealed_in_steps(ledger: Ledger, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nilometer.seal.sealing.STEP", 3)
    with_web01(ledger)
    grow(ledger, 3)
    added = seal(ledger)
    assert added is not None
    assert (added.events, added.head.size) == (10, 10)
    assert verdict(url) is SealVerdict.HOLDS


def test_a_seal_over_full_tiles_comes_to_the_same_in_whatever_steps(ledger: Ledger, url: str) -> None:
    with_web01(ledger)
    sizes = [0]
    for requests in (60, 67, 1, 200):  # to 124, 258, 260 and 660 events
        grow(ledger, requests)
        added = seal(ledger)
        assert added is not None
        sizes.append(added.head.size)
    assert any(before < WIDTH < after for before, after in pairwise(sizes))
    with ledger.recorder.transaction(write=False) as db:
        stored = {(level, number): read_tile(db)(level, number) for level, number, _ in tiles_of(sizes[-1])}
        widths = {(level, number): width for level, number, width in tiles_of(sizes[-1])}
        assert {key: len(hashes) // 32 for key, hashes in stored.items()} == widths
    whole = newest(ledger)
    for table in ("seal_tiles", "seal_checkpoints"):
        with ledger.recorder.transaction(write=True) as db:
            db.execute(f"DROP TABLE {table}")
    seal(ledger)
    assert newest(ledger).head == whole.head
    assert verdict(url, whole) is SealVerdict.HOLDS


def test_a_ledger_of_any_format_is_sealed_as_it_is(tmp_path: Path) -> None:
    file = Path(shutil.copy(LEDGER, tmp_path / "ledger.db"))
    url = f"sqlite:///{file}"
    with Ledger.open(url) as ledger:
        rows = list(ledger.rows())
        seal(ledger)
        assert list(ledger.rows()) == rows
        cosigned = newest(ledger)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("VACUUM")
    assert verdict(url, cosigned) is SealVerdict.HOLDS


def test_a_backup_has_the_seal_and_so_has_what_is_restored_from_it(url: str, tmp_path: Path) -> None:
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
        seal(ledger)
        grow(ledger, 1)
        kept = newest(ledger)
    back_up(url, tmp_path / "backup.db")
    assert verdict(f"sqlite:///{tmp_path}/backup.db", kept) is SealVerdict.HOLDS
    place = f"sqlite:///{tmp_path}/restored.db" if url.startswith("sqlite") else f"{url}r"
    restore_backup(tmp_path / "backup.db", place)
    found = verify(place, kept)
    assert (found.verdict, found.sealed is not None and found.sealed.size) == (SealVerdict.HOLDS, 4)


# When nothing is signed


def test_another_key_or_name_seals_only_when_that_is_said(ledger: Ledger, url: str) -> None:
    with_web01(ledger)
    seal(ledger)
    grow(ledger, 1)
    other_name = make_signer("other.example", Algorithm.ED25519, b"o" * 32)
    for signer in (THIEF, other_name):
        with pytest.raises(SealRefused):
            seal(ledger, signer)
    rotated = seal(ledger, THIEF, rotate=True)
    assert rotated is not None
    assert verdict(url) is SealVerdict.VIOLATED  # of the newest checkpoint the old key knows nothing
    renamed = seal(ledger, other_name, rotate=True)
    assert renamed is not None
    assert (renamed.events, renamed.head.size, renamed.head.origin) == (0, 6, "other.example")
    grow(ledger, 1)
    assert seal(ledger, other_name) is not None


def test_what_contradicts_the_newest_checkpoint_is_not_signed(ledger: Ledger) -> None:
    with_web01(ledger)
    seal(ledger)
    grow(ledger, 1)
    with ledger.recorder.transaction(write=True) as db:
        hashes = read_tile(db)(0, 0)
        changed = bytes([hashes[0] ^ 1]) + hashes[1:]
        db.execute("UPDATE seal_tiles SET hashes = ? WHERE level = 0", (changed,))
    with pytest.raises(SealRefused, match="does not come to its newest checkpoint"):
        seal(ledger)


def test_what_contradicts_a_checkpoint_that_was_kept_is_not_signed(url: str, tmp_path: Path) -> None:
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
        seal(ledger)
    back_up(url, tmp_path / "backup.db")
    with Ledger.open(url) as ledger:
        grow(ledger, 2)
        seal(ledger)
        kept = newest(ledger)
        assert Sealer(ledger.recorder, [KEY], at(), known=kept).seal() is None
    for more in (0, 1, 2, 3):  # rolled back, and then other things were recorded
        place = f"sqlite:///{tmp_path}/rolled-back-{more}.db"
        shutil.copy(tmp_path / "backup.db", tmp_path / f"rolled-back-{more}.db")
        with Ledger.open(place) as ledger:
            grow(ledger, more)
            if more:
                with pytest.raises(SealRefused, match="checkpoint that was kept"):
                    Sealer(ledger.recorder, [KEY], at(), known=kept).seal()
        assert verdict(place, kept) is SealVerdict.VIOLATED


def test_a_service_notices_that_the_ledger_was_rolled_back_under_it(ledger: Ledger) -> None:
    with_web01(ledger)
    sealer = Sealer(ledger.recorder, [KEY], at())
    sealer.seal()
    first = list(ledger.rows())
    grow(ledger, 2)
    sealer.seal()
    with ledger.recorder.transaction(write=True) as db:
        for table in ("seal_tiles", "seal_checkpoints"):
            db.execute(f"DROP TABLE {table}")
    assert len(first) == 4
    with pytest.raises(SealRefused, match="its seal was removed"):
        sealer.seal()


def test_a_key_that_is_not_the_one_that_was_named_seals_nothing(ledger: Ledger) -> None:
    with_web01(ledger)
    from nilometer.tlog.signatures import Signer

    with pytest.raises(SealRefused, match="does not sign with the key that was named"):
        seal(ledger, Signer(KEY.key, THIEF.sign))


def test_two_sealers_at_once_make_one_log(ledger: Ledger, url: str) -> None:
    with_web01(ledger)
    with Ledger.open(url) as other:
        one, two = (Sealer(each.recorder, [KEY], at()) for each in (ledger, other))
        for _ in range(3):
            one.seal()
            grow(ledger, 1)
            two.seal()
            grow(other, 1)
    seal(ledger)
    assert verify(url).verdict is SealVerdict.HOLDS


DAMAGE = {
    "a body that is a text": ("state = CAST(state AS TEXT)", "state = CAST(state AS BLOB)"),
    "a body that is a number": ("state = 7", "state = CAST('7' AS BLOB)"),
    "a stream that is not UTF-8": ("originator_id = CAST(x'FF' AS TEXT)", "originator_id = CAST(x'FE' AS TEXT)"),
    "a topic that is not UTF-8": ("topic = CAST(x'C3' AS TEXT)", "topic = '\ufffd'"),
    "a stream that is bytes": ("originator_id = x'4142'", "originator_id = 'AB'"),
    "a topic that is bytes": ("topic = x'4142'", "topic = 'AB'"),
    "a version that is not a whole number": ("originator_version = 1.5", "originator_version = 1"),
    "a version that is a text": ("originator_version = 'x'", "originator_version = 'y'"),
    "a stream with a zero byte": ("originator_id = CAST(x'410042' AS TEXT)", "originator_id = 'A'"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_rows_that_were_damaged_before_they_were_sealed_hold_and_later_damage_shows(
    tmp_path: Path, damage: str
) -> None:
    file = Path(shutil.copy(LEDGER, tmp_path / "ledger.db"))
    url = f"sqlite:///{file}"

    def change(values: str) -> None:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(f"UPDATE stored_events SET {values} WHERE rowid = 3")

    before, later = DAMAGE[damage]
    change(before)
    with Ledger.open(url) as ledger:
        seal(ledger)
    assert verdict(url) is SealVerdict.HOLDS
    change(later)
    assert [finding.position for finding in verify(url).findings] == [3]
    change(before)
    with closing(open_store(url)) as store:
        pages = list(read_leaves(store, FIRST, LAST))
        with store.transaction(write=False) as db:
            rows = read_rows(db, FIRST, LAST, 1000)
    assert b"".join(page.hashes for page in pages) == b"".join(hash_leaf(entry_of(row)) for row in rows)


@given(stream=st.text(), version=st.integers(-(2**63), 2**63 - 1), topic=st.text(), body=st.binary())
def test_what_is_read_fast_is_the_leaf_of_the_entry(stream: str, version: int, topic: str, body: bytes) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in create_table_statements(at()()):
        connection.execute(statement)
    for number, some in enumerate((body, body + b"x" * 40_000, body + b"x" * 70_000)):
        values = (stream, version - number if version > 0 else version + number, topic, some)
        connection.execute("INSERT INTO stored_events VALUES (NULL, ?, ?, ?, ?)", values)
    with closing(SQLiteReader(connection, SQLiteLocation(Path("memory")))) as store:
        (page,) = read_leaves(store, FIRST, LAST)
        with store.transaction(write=False) as db:
            rows = read_rows(db, FIRST, LAST, 9)
    assert page.hashes == b"".join(hash_leaf(entry_of(row)) for row in rows)
    assert [row[1:4] for row in rows] == [(stream.encode(), row[2], topic.encode()) for row in rows]


def test_an_event_of_over_64_kib_is_sealed_and_its_last_byte_counts(ledger: Ledger, url: str) -> None:
    with_web01(ledger)
    body = b'{"x":"' + b"y" * 100_000 + b'"}'
    row = StoredRow(5, ledger.events().__next__().stream, 99, "x/1", body)
    with ledger.recorder.transaction(write=True) as db:
        db.execute(
            f"INSERT INTO {db.events_table} ({db.position_column}, originator_id, originator_version, topic, state) "
            "VALUES (?, ?, ?, ?, ?)",
            (row.position, row.stream, row.version, row.topic, row.body),
        )
    seal(ledger)
    assert verdict(url) is SealVerdict.HOLDS
    if not url.startswith("sqlite"):
        return
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("DROP TRIGGER events_are_not_changed")
        connection.execute("UPDATE stored_events SET state = ? WHERE position = 5", (body[:-3] + b'z"}',))
    assert [finding.position for finding in verify(url).findings] == [5]


def test_gaps_between_positions_are_no_difference(ledger: Ledger, url: str) -> None:
    with_web01(ledger)
    with ledger.recorder.transaction(write=True) as db:
        db.execute(
            f"INSERT INTO {db.events_table} ({db.position_column}, originator_id, originator_version, topic, state) "
            "VALUES (?, ?, ?, ?, ?)",
            (1000, "vm/web02", 1, "x/1", b"{}"),
        )
    seal(ledger)
    assert verify(url).verdict is SealVerdict.HOLDS
    with ledger.recorder.transaction(write=False) as db:
        assert [find_leaf(db, position, 5) for position in (4, 5, 999, 1000)] == [3, None, None, 4]


def test_a_checkpoint_is_what_its_row_says(ledger: Ledger) -> None:
    with_web01(ledger)
    added = seal(ledger)
    assert added is not None
    checkpoint = parse_checkpoint(added.head.note)
    assert (checkpoint.head.origin, checkpoint.head.size) == (added.head.origin, added.head.size)
    assert checkpoint.head.extension == ()


def test_a_restore_that_is_announced_ends_the_log_and_another_goes_on(tmp_path: Path, url: str) -> None:
    assert topic_of(BackupRestored) == RESTORED
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
        seal(ledger)
        back_up(url, tmp_path / "backup.db")
        early = newest(ledger)
        grow(ledger, 3)
        seal(ledger)
        late = newest(ledger)
    place = f"sqlite:///{tmp_path}/restored.db" if url.startswith("sqlite") else f"{url}r"
    restored = restore_backup(tmp_path / "backup.db", place)
    assert verdict(place, late) is SealVerdict.VIOLATED  # as long as nobody says so
    position = announce_restore(place, tmp_path / "backup.db", restored, actor="ann", via="nilo", clock=system_clock)
    assert position == 5
    found = verify(place, early, late)
    assert [(finding.verdict, finding.about) for finding in found.findings] == [(SealVerdict.UNKNOWN, "against")]
    assert "restored at position 5 (ann, " in found.findings[0].message
    with Ledger.open(place) as ledger:
        grow(ledger, 4)
        for rotate in (False, True):
            with pytest.raises(SealRefused, match="restored from a backup at position 5"):
                seal(ledger, rotate=rotate)
        seal(ledger, make_signer("ledger.example/hv-2", Algorithm.ED25519, b"2" * 32), rotate=True)
        assert next(iter(ledger.events(4))).event.KIND == "import.restored"
    found = verify(place, early, late)
    assert {finding.verdict for finding in found.findings if finding.about == "against"} == {SealVerdict.UNKNOWN}


def test_a_restore_of_what_is_not_sealed_is_not_recorded(tmp_path: Path, url: str) -> None:
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
    back_up(url, tmp_path / "backup.db")
    place = f"sqlite:///{tmp_path}/restored.db"
    restored = restore_backup(tmp_path / "backup.db", place)
    assert announce_restore(place, tmp_path / "b", restored, actor="ann", via="nilo", clock=system_clock) is None


def test_a_seal_that_another_was_faster_than_is_made_again_on_what_that_left(ledger: Ledger, url: str) -> None:
    with_web01(ledger)
    seal(ledger)
    grow(ledger, 1)
    others: list[int] = []

    def now() -> UtcTime:  # called between reading and writing
        if not others:
            with Ledger.open(url) as other:
                grow(other, 1)
                added = seal(other)
            assert added is not None
            others.append(added.head.size)
        return at()()

    assert Sealer(ledger.recorder, [KEY], now).seal() is None
    assert others == [8]
    grow(ledger, 1)
    seal(ledger)
    found = verify(url)
    assert (found.verdict, found.sealed is not None and found.sealed.size) == (SealVerdict.HOLDS, 10)


def test_where_a_policy_asks_for_no_witness_none_has_witnessed_what_none_signed(ledger: Ledger, url: str) -> None:
    with_web01(ledger)
    seal(ledger)
    policy = replace(QUORUM, quorum="none")
    found = verify(url, policy=policy)
    assert (found.verdict, found.witnessed) == (SealVerdict.HOLDS, None)
    add_signatures(ledger.recorder, lambda checkpoint, _: [WITNESS.sign_head(checkpoint.head, 1)])
    witnessed = verify(url, policy=policy).witnessed
    assert witnessed is not None
    assert witnessed.size == newest(ledger).head.size
