"""The index of the log: a row that was changed is noticed, not used, and made anew."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from nilometer.errors import LedgerWarning
from nilometer.ledger.ledger import Ledger
from nilometer.views.log import Filter
from tests.nilometer.ledger.asking import ask, with_web01
from tests.projections.stored import stored_at

ANN = Filter(actor="ann")
DAMAGES = [
    "UPDATE view_timeline SET vm = 'db01' WHERE position = 3",
    "UPDATE view_timeline SET outcome = 'failed' WHERE position = 3",
    "UPDATE view_timeline SET latest = '2999-01-01T00:00:00.000000Z' WHERE position = 3",
    "UPDATE view_timeline SET checksum = 0 WHERE position = 3",
    "UPDATE view_tracking SET checksum = 0",
    "UPDATE view_tracking SET position = 99",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_log_is_read_from_the_events_instead_and_the_next_writer_makes_the_index_anew(
    url: str, damage: str
) -> None:
    with Ledger.open(url, create=True, durable=False) as ledger:
        with_web01(ledger)
    with stored_at(url) as other:
        other.execute(damage)
    with Ledger.open(url, durable=False) as ledger:
        with pytest.warns(LedgerWarning, match="the events were read instead"):
            found = [event.position for event in ledger.views.log(ANN)]
        assert found == [1, 2, 3, 4]
        assert [event.position for event in ledger.views.log(ANN, limit=2)] == [3, 4]
        assert [event.position for event in ledger.views.between("2000", "2999")] == [1, 2, 3, 4]
    with Ledger.open(url) as ledger, warnings.catch_warnings():
        warnings.simplefilter("error", LedgerWarning)
        assert ledger.views.compare().equal
        assert ask(ledger, "stop", vm="web01").in_full


def test_a_time_is_looked_up_past_a_changed_row(url: str) -> None:
    with Ledger.open(url, create=True, durable=False) as ledger:
        with_web01(ledger)
        first = next(ledger.events()).metadata.happened
    with stored_at(url) as other:
        other.execute("UPDATE view_timeline SET happened = '2000', latest = '2000' WHERE stream = 'vm/web01'")
    with Ledger.open(url, read_only=True) as ledger:
        with pytest.warns(LedgerWarning, match="at position [23] was changed"):
            early = ledger.views.fleet_at("2001-01-01T00:00:00.000000Z")
        assert "web01" not in early.vms
        assert set(ledger.views.fleet_at(first).hosts) == {"hv01"}


def test_a_row_that_is_missing_hides_nothing_from_a_log_without_a_filter(url: str) -> None:
    with Ledger.open(url, create=True, durable=False) as ledger:
        with_web01(ledger)
    with stored_at(url) as other:
        other.execute("DELETE FROM view_timeline WHERE position = 3")
    with Ledger.open(url, read_only=True) as ledger:
        assert [event.position for event in ledger.views.log()] == [1, 2, 3, 4]
        assert [event.position for event in ledger.views.log(limit=2)] == [3, 4]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM view_timeline WHERE position = 3",
        "DELETE FROM view_timeline WHERE position = 4",
        "DELETE FROM view_timeline",
        "UPDATE view_timeline SET position = 99 WHERE position = 3",
        "UPDATE view_timeline SET position = 0 WHERE position = 1",
    ],
)
def test_a_row_that_is_missing_or_elsewhere_hides_nothing_from_a_log_with_a_filter(tmp_path: Path, damage: str) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url, create=True, durable=False) as ledger:
        with_web01(ledger)
        before = [event.position for event in ledger.views.log(Filter(vm="web01"))]
    with stored_at(url) as other:
        other.execute(damage)
    with Ledger.open(url, read_only=True) as ledger:
        with pytest.warns(LedgerWarning, match="not one entry for each of 4 events; the events were read instead"):
            assert [event.position for event in ledger.views.log(Filter(vm="web01"))] == before
        assert [event.position for event in ledger.views.log(ANN, limit=4)] == [1, 2, 3, 4]
