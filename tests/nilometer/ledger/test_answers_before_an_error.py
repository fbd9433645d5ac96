"""What is said of the requests that were answered before an error: a batch may take several commits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nilometer.errors import CommitUncertain, LedgerBusy, LedgerError
from nilometer.ledger.ledger import TRIES, Ledger
from nilometer.ledger.requests import Request, Result
from nilometer.storage.recorder import IntegrityError
from tests.nilometer.ledger.asking import a_host, ask, request, with_web01
from tests.nilometer.storage.meanwhile import Commits

# The removal of a host is decided on what is stored, so that what stands before it is committed first.
PAUSE, RESUME = request("pause", vm="web01"), request("resume", vm="web01")
REMOVE, AGAIN = request("remove-host", host="hv02", key="k1"), request("remove-host", host="hv02", key="k2")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with a running VM, and a host without any."""
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True, durable=False) as opened:
        with_web01(opened)
        ask(opened, "register-host", **a_host(host="hv02"))
        yield opened


def fails_at(ledger: Ledger, error: LedgerError, *requests: Request, commits: int = 1) -> tuple[str, tuple[str, ...]]:
    """What the error says after so many commits, and what was answered before it."""

    def fail() -> None:
        raise error

    Commits(ledger, *[lambda: None] * commits, fail)
    with pytest.raises(type(error)) as raised:
        ledger.execute_all(requests)
    results = [answer for answer in raised.value.answers if isinstance(answer, Result)]
    assert str(raised.value) == raised.value.message
    return raised.value.message, tuple(result.command for result in results)


def full() -> LedgerError:
    return LedgerError("the disk is full; nothing was recorded")


def test_of_a_first_commit_that_fails_nothing_was_answered(ledger: Ledger) -> None:
    assert fails_at(ledger, full(), PAUSE, commits=0) == ("the disk is full; nothing was recorded", ())


@pytest.mark.parametrize(
    ("before", "says", "answered"),
    [
        ((PAUSE,), "the first request was", ("pause",)),
        ((PAUSE, RESUME), "the first 2 requests were", ("pause", "resume")),
    ],
)
def test_what_was_answered_before_is_said_and_comes_with_the_error(
    ledger: Ledger, before: tuple[Request, ...], says: str, answered: tuple[str, ...]
) -> None:
    message = f"the disk is full; {says} answered before, the others were not recorded"
    assert fails_at(ledger, full(), *before, REMOVE) == (message, answered)


def test_where_the_answer_is_lost_its_keys_are_to_be_asked_again(ledger: Ledger) -> None:
    lost = CommitUncertain("the answer was lost")
    assert fails_at(ledger, lost, PAUSE, REMOVE) == (
        "the answer was lost; the first request was answered before",
        ("pause",),
    )
    assert lost.keys == ("k1",)
    assert lost.hint == "ask again with key='k1': what was recorded before is not recorded twice"


def test_of_several_lost_answers_the_first_keys_are_named(ledger: Ledger) -> None:
    lost = CommitUncertain("the answer was lost")
    assert fails_at(ledger, lost, REMOVE, AGAIN, commits=0) == ("the answer was lost", ())
    assert lost.keys == ("k1", "k2")
    assert lost.hint == "ask again with the keys 'k1', 'k2'…: what was recorded before is not recorded twice"


@pytest.mark.parametrize("error", [full(), KeyboardInterrupt()], ids=["a full disk", "a break"])
def test_what_was_not_recorded_is_forgotten(ledger: Ledger, error: BaseException) -> None:
    def fail() -> None:
        raise error

    commits = Commits(ledger, fail)
    with pytest.raises(type(error)):
        ledger.execute(PAUSE)
    assert ledger.execute(PAUSE).in_full
    assert commits.tried == 2, "the one that failed, and the second, at once"


def test_who_loses_every_race_is_told_what_was_answered_before(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nilometer.ledger.ledger.PAUSE", 0)
    message = "other programs kept changing this ledger first; the first request was answered before, the others"

    def lose() -> None:
        raise IntegrityError

    Commits(ledger, lambda: None, *[lose] * TRIES)
    with pytest.raises(LedgerBusy, match=message) as busy:
        ledger.execute_all([PAUSE, REMOVE])
    assert [answer.command for answer in busy.value.answers if isinstance(answer, Result)] == ["pause"]
