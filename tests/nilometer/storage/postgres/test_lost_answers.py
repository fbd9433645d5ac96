"""The connection to PostgreSQL is cut at COMMIT: what was asked is granted once, and answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from psycopg.sql import SQL, Identifier

from domain.decision import Outcome
from domain.identifiers import UtcTime, vm_stream
from domain.observed.events import VmLost
from nilometer.errors import CommitUncertain
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Fact, Observation, Result
from tests.nilometer.databases import Server
from tests.nilometer.ledger.asking import a_host, a_vm, ask, request, vm, with_web01
from tests.nilometer.storage.proxy import Lose, Proxy, proxy_to

GIB = 2**30


@pytest.fixture
def proxy(postgres: Server) -> Iterator[Proxy]:
    with proxy_to(postgres.socket) as opened:
        yield opened


@pytest.fixture
def ledger(proxy: Proxy, schema: str) -> Iterator[Ledger]:
    """A ledger behind the proxy."""
    url = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres?schema={schema}"
    with closing(Ledger.open(url, create=True)) as opened:
        with_web01(opened)
        yield opened


@pytest.mark.parametrize("lose", [Lose.COMMIT, Lose.ANSWER])
@pytest.mark.parametrize("key", [None, "k1"])
@pytest.mark.parametrize(
    ("command", "given", "outcome", "events"),
    [
        ("add-memory", {"vm": "web01", "amount": "2GiB"}, Outcome.COMPLETED, 2),
        ("remove-memory", {"vm": "web01", "amount": "2GiB"}, Outcome.REJECTED, 1),
        ("define-vm", a_vm(vm="db01"), Outcome.DONE, 1),
        ("remove-host", {"host": "hv01"}, Outcome.REJECTED, 1),
        ("register-host", a_host(host="hv02", total=0), Outcome.REJECTED, 0),
    ],
)
def test_it_is_done_once_and_told(
    ledger: Ledger,
    proxy: Proxy,
    lose: Lose,
    key: str | None,
    command: str,
    given: dict[str, Any],
    outcome: Outcome,
    events: int,
) -> None:
    before = ledger.position
    proxy.lose = lose
    result = ask(ledger, command, key=key, **given)
    assert proxy.lost == 1
    assert result.outcome is outcome
    assert len(result.events) == events
    assert result.positions == tuple(range(before + 1, before + events + 1))
    assert ledger.position == before + events
    if key is None:
        assert not result.repeated  # it was asked once


@pytest.mark.parametrize("lose", [Lose.COMMIT, Lose.ANSWER])
def test_a_batch_is_done_once_as_a_whole(ledger: Ledger, proxy: Proxy, lose: Lose) -> None:
    proxy.lose = lose
    answers = ledger.execute_all([request("add-memory", vm="web01", amount="1GiB") for _ in range(10)])
    assert proxy.lost == 1
    assert [answer.granted for answer in answers if isinstance(answer, Result)] == [GIB] * 10
    assert vm(ledger).assigned == 14 * GIB
    assert ledger.position == 4 + 20


@pytest.mark.parametrize("lose", [Lose.COMMIT, Lose.ANSWER])
def test_observations_are_recorded_once(ledger: Ledger, proxy: Proxy, lose: Lose) -> None:
    lost = Fact(vm_stream("lab.vm0"), VmLost(), UtcTime("2026-11-23T09:00:00.000000Z"))
    proxy.lose = lose
    ledger.record([Observation("o1", (lost, lost))], actor="ann", via="test")
    assert proxy.lost == 1
    assert ledger.position == 4 + 2


def test_a_ledger_that_is_busy_after_a_lost_answer_is_told_without_claiming_that_nothing_was_recorded(
    ledger: Ledger, proxy: Proxy, postgres: Server, schema: str
) -> None:
    """Who believed it and asked again, without the key, would be granted twice."""
    url = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres?schema={schema}"
    with closing(Ledger.open(url, create=False, lock_timeout=0.05)) as hasty, closing(postgres.connect()) as other:
        proxy.lose = Lose.ANSWER
        events = SQL("LOCK TABLE {}.ledger_events IN EXCLUSIVE MODE").format(Identifier(schema))
        proxy.after = lambda: other.execute("BEGIN") and other.execute(events)
        with pytest.raises(CommitUncertain, match="whether the request was recorded is not known") as error:
            ask(hasty, "add-memory", vm="web01", amount="2GiB", key="k1")
    assert (proxy.lost, error.value.keys) == (1, ("k1",))
    result = ask(ledger, "add-memory", vm="web01", amount="2GiB", key="k1")
    assert (result.repeated, vm(ledger).assigned) == (True, 6 * GIB)


def test_a_server_that_stays_away_is_told_without_claiming_that_nothing_was_recorded(
    ledger: Ledger, proxy: Proxy, postgres: Server, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nilometer.storage.postgres.errors.PAUSE", 0)
    proxy.lose = Lose.ANSWER
    proxy.close()
    with pytest.raises(CommitUncertain, match="whether the request was recorded is not known") as error:
        ask(ledger, "add-memory", vm="web01", amount="2GiB", key="k1")
    assert error.value.keys == ("k1",)
    assert "key='k1'" in error.value.hint
    assert "nothing was recorded" not in str(error.value)
    assert str(error.value).count("out of reach") == 1
    assert error.value.hint.endswith("what was recorded before is not recorded twice")
    with Ledger.open(postgres.url(schema)) as again:
        result = ask(again, "add-memory", vm="web01", amount="2GiB", key="k1")
        assert (result.repeated, vm(again).assigned) == (True, 6 * GIB)
