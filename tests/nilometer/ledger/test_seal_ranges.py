"""Several processes find in a sealed ledger what one finds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from nilometer.ledger.ledger import Ledger
from nilometer.ledger.reader import open_store
from nilometer.ledger.seal_ranges import compare_in_processes
from nilometer.seal.comparing import cut_ranges
from nilometer.seal.tables import read_seal
from nilometer.seal.verification import SealVerdict
from nilometer.seal.verifying import Verifier, compare_in_turn
from tests.nilometer.ledger.asking import with_web01
from tests.nilometer.seal.sealed import KEY, grow, seal


@pytest.mark.xdist_group("processes")
def test_two_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nilometer.seal.comparing.TILES", 1)
    file = tmp_path / "ledger.db"
    url = f"sqlite:///{file}"
    with Ledger.open(url, create=True, durable=False) as ledger:
        with_web01(ledger)
        grow(ledger, 500)
        seal(ledger)

    def findings(cores: int) -> list[object]:
        with closing(open_store(url)) as store:
            verifier = Verifier(store, keys=[KEY.key], compare=compare_in_processes(url, cores))
            result = verifier.verify()
        return [result.verdict, result.events, result.counts, result.findings]

    assert findings(2) == findings(1)
    assert findings(2)[:2] == [SealVerdict.HOLDS, 1004]
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DROP TRIGGER events_are_not_changed")
        connection.execute("DROP TRIGGER events_are_not_deleted")
        connection.execute("UPDATE stored_events SET topic = 'x/1' WHERE position IN (256, 257, 700)")
        connection.execute("DELETE FROM stored_events WHERE position = 513")
    with closing(open_store(url)) as store:
        head = read_seal(store)
        assert head is not None
        ranges = cut_ranges(store, head.size, head.position)
        assert len(ranges) == 4
        one = compare_in_turn(store, ranges, None)
        assert compare_in_processes(url, 2)(store, ranges, None) == one
        assert [difference.position for part in one for difference in part.differences] == [256, 257, 513, 700]
    assert findings(2) == findings(1)
