"""What a ledger does when it is closed, and what it asks of its views before it writes without reading them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from domain.identifiers import UtcTime, vm_stream
from domain.observed.events import VmLost
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Fact, Observation
from nilometer.views.tables import EventsMissing
from tests.nilometer.ledger.asking import ask, ledger_with_web01
from tests.nilometer.ledger.test_written import recorded

LOST = Observation("k1", (Fact(vm_stream("lab.vm0"), VmLost(record="s7#12"), UtcTime("2020-07-07T09:00:00.000000Z")),))


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A ledger of four events, which its views have taken up."""
    return ledger_with_web01(tmp_path)


def remove_the_last_event(url: str) -> None:
    """As somebody does who knows the tables."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("DELETE FROM stored_events WHERE rowid = (SELECT MAX(rowid) FROM stored_events)")


def lose(ledger: Ledger) -> None:
    """A VM that was watched was lost."""
    ledger.record([LOST], actor="ann", via="test")


def test_what_was_recorded_before_a_command_that_writes_nothing_is_taken_up_at_the_end(url: str) -> None:
    with Ledger.open(url) as ledger:
        ask(ledger, "pause", vm="web01")
        assert ask(ledger, "set-memory", vm="web01", size="4GiB").events == ()
    with Ledger.open(url, read_only=True) as reader:
        assert reader.views.are_complete


def test_what_was_observed_is_taken_up_at_the_end(url: str) -> None:
    with Ledger.open(url) as ledger:
        lose(ledger)
        assert recorded(ledger)
    with Ledger.open(url, read_only=True) as reader:
        assert reader.views.are_complete


def take_over_none(ledger: Ledger) -> None:
    """Takes over no events of the ledger itself."""
    ledger.append_raw([], id=ledger.id)


@pytest.mark.parametrize("write", [lose, take_over_none])
def test_nothing_is_observed_or_taken_over_while_views_are_ahead_of_the_events(
    url: str, write: Callable[[Ledger], None]
) -> None:
    remove_the_last_event(url)
    with pytest.warns(match="trigger"):
        ledger = Ledger.open(url)
    with pytest.raises(EventsMissing, match="ends at position 3, and its views had come to position 4"):
        write(ledger)
    assert (ledger.position, recorded(ledger)) == (3, False)
    ledger.close()


def test_what_fails_at_the_end_is_said_with_its_own_words(url: str) -> None:
    with Ledger.open(url) as ledger:
        ask(ledger, "pause", vm="web01")
        ledger.catch_up()
        ask(ledger, "resume", vm="web01")
        for _ in range(2):
            remove_the_last_event(url)
    (said,) = ledger.warnings
    assert said.message.startswith(
        "everything answered so far is recorded, but the stored views were not brought up to date: the ledger ends"
    )
