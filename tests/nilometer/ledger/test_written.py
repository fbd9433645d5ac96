"""What a ledger knows of its own writing: whether it has recorded anything, and events taken over as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import InputError
from nilometer.errors import LedgerError
from nilometer.ledger.ledger import Ledger
from tests.nilometer.ledger.asking import ask, ledger_with_web01, stored
from tests.nilometer.storage.meanwhile import Commits


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A ledger on a host with a VM."""
    return ledger_with_web01(tmp_path)


def recorded(ledger: Ledger) -> bool:
    """Whether it has recorded anything: a type checker believes that a field stays as it was."""
    return ledger.has_recorded


def test_who_has_recorded_something_has_recorded_something_ever_after(url: str) -> None:
    with Ledger.open(url) as ledger:
        assert not recorded(ledger), "it has read alone"
        with pytest.raises(InputError):
            ask(ledger, "stop", vm="web02")
        assert not recorded(ledger), "it was asked for what cannot be decided"
        ask(ledger, "pause", vm="web01")
        assert recorded(ledger)
        with pytest.raises(InputError):
            ask(ledger, "stop", vm="web02")
        assert recorded(ledger)


def test_events_of_another_ledger_are_taken_over_as_they_are(url: str, tmp_path: Path) -> None:
    with (
        Ledger.open(url) as one,
        Ledger.open(f"sqlite:///{tmp_path}/other.db", create=True, durable=False) as other,
    ):
        assert not recorded(other)
        other.append_raw([*one.rows()], id=one.id)
        assert recorded(other)
        assert stored(other) == stored(one)


def test_events_that_follow_no_more_when_they_are_written_are_named_by_the_position_of_the_first(
    url: str, tmp_path: Path
) -> None:
    other_url = f"sqlite:///{tmp_path}/other.db"
    with Ledger.open(url) as one, Ledger.open(other_url, create=True, durable=False) as other:
        first, *rest = one.rows()
        other.append_raw([first], id=one.id)
        with Ledger.open(other_url) as third:
            Commits(other, lambda: third.append_raw(rest[:1], id=one.id))
            with pytest.raises(LedgerError, match="the event at position 2 does not follow: another program wrote"):
                other.append_raw(rest, id=one.id)
        assert [row.position for row in other.rows()] == [1, 2]


def test_a_ledger_takes_over_nothing_of_another_history_and_no_events_of_its_own(url: str, tmp_path: Path) -> None:
    with Ledger.open(url) as one, Ledger.open(f"sqlite:///{tmp_path}/new.db", create=True, durable=False) as new:
        one.append_raw([], id=one.id)
        assert not recorded(one)
        with pytest.raises(LedgerError, match=f"another history: its id is {one.id}, that of the events is {new.id}"):
            one.append_raw([], id=new.id)
