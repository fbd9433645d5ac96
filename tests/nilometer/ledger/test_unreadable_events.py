"""What one event that cannot be read, or cannot follow, must not do: its stream ends before it, all else goes on."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import closing, contextmanager

import pytest
from eventsourcing.persistence import StoredEvent

from domain.errors import InputError
from nilometer.errors import LedgerWarning, UnreadableEvent
from nilometer.ledger.dry_run import DryRun
from nilometer.ledger.ledger import Ledger
from nilometer.views.log import Filter
from tests.nilometer.ledger.asking import a_vm, ask, request, vm, with_web01
from tests.nilometer.storage.meanwhile import recorder_of

GARBAGE = StoredEvent("vm/web01", 3, "vm.stopped/1", b"not JSON")
FOREIGN = StoredEvent("vm/web01", 3, "vm.exploded/1", b"{}")
AGAIN = "a second definition"
"""An event that can be read, and cannot follow."""


@contextmanager
def damaged(url: str, damage: StoredEvent | str = GARBAGE) -> Generator[Ledger]:
    """A ledger with web01 and db01, at position 6 an event of web01 that cannot be applied, and at 7 one after it."""
    with Ledger.open(url, create=True, durable=False) as ledger:
        with_web01(ledger)
        ask(ledger, "define-vm", **a_vm(vm="db01"))
        rows = list(ledger.rows())
    if isinstance(damage, str):
        damage = StoredEvent("vm/web01", 3, rows[1].topic, rows[1].body)
    with closing(Ledger.open(url, durable=False)) as ledger:
        after = StoredEvent("vm/web01", 4, rows[2].topic, rows[2].body)  # it starts again
        recorder_of(ledger).record([damage, after])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LedgerWarning)
            yield ledger


@pytest.fixture(params=[GARBAGE, FOREIGN, AGAIN], ids=["garbage", "unknown", "cannot-follow"])
def ledger(request: pytest.FixtureRequest, url: str) -> Generator[Ledger]:
    with damaged(url, request.param) as ledger:
        yield ledger


def test_its_vm_is_shown_as_it_was_before_and_all_others_go_on(ledger: Ledger) -> None:
    assert ask(ledger, "start", vm="db01").in_full
    for _ in range(2):  # from what was stored before it, and after the views were brought up to date
        fleet = ledger.views.fleet()
        assert fleet.position == 9
        assert (vm(ledger).power, vm(ledger, "db01").power) == ("running", "running")
        assert [str(error).split(" ")[1:5] for error in fleet.ended.values()] == [["vm/web01/3", "at", "position", "6"]]
        assert ledger.views.fleet(at_position=6).position == 6
        assert set(ledger.views.fleet_at("2999-01-01T00:00:00.000000Z").vms) == {"web01", "db01"}
        ledger.catch_up()


def test_nothing_is_decided_on_its_vm_and_the_other_requests_of_a_batch_are(ledger: Ledger) -> None:
    asked = [request("stop", vm="web01"), request("remove-host", host="hv01"), request("start", vm="db01")]
    refused, in_use, started = ledger.execute_all(asked, keep_going=True)
    assert isinstance(refused, InputError)
    assert "event vm/web01/3 at position 6" in refused.message
    assert "nothing was recorded" in refused.message
    assert "nilo repair" in refused.hint or "the version that wrote it" in refused.hint
    assert isinstance(in_use, InputError)  # nobody knows which VMs are on the host
    assert not isinstance(started, InputError)
    assert started.in_full


def test_a_dry_run_answers_as_the_ledger_does(ledger: Ledger) -> None:
    asked = [request("stop", vm="web01"), request("remove-host", host="hv01"), request("start", vm="db01")]
    dry = DryRun(ledger).execute_all(asked, keep_going=True)
    assert [str(answer) for answer in dry if isinstance(answer, InputError)] == [
        str(answer) for answer in ledger.execute_all(asked, keep_going=True) if isinstance(answer, InputError)
    ]


def test_the_stored_views_end_before_it_and_are_what_the_events_come_to(ledger: Ledger) -> None:
    for renew in (ledger.views.catch_up, ledger.views.rebuild):
        renew()
        replay = ledger.views.compare()
        assert replay.equal
        assert replay.events == 7
        assert len(replay.ended) == 1
        assert "event vm/web01/3 at position 6" in str(replay.ended[0])


def test_a_warning_says_once_what_is_not_shown(url: str) -> None:
    with damaged(url) as ledger, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(3):
            ledger.views.fleet()
    assert [str(warning.message).partition(": Invalid")[0] for warning in said] == [
        "event vm/web01/3 at position 6 cannot be read"
    ]


@pytest.mark.parametrize("taken_up", [False, True])
def test_the_log_has_it_in_its_place_whatever_is_wanted_that_it_may_be(url: str, taken_up: bool) -> None:
    with damaged(url) as ledger:
        if taken_up:
            ledger.catch_up()
        for wanted in (Filter(), Filter(vm="web01"), Filter(actor="ann"), Filter(asked=True)):
            found = list(ledger.views.log(wanted))
            assert [event.position for event in found if isinstance(event, UnreadableEvent)] == [6]
            assert [event.position for event in found] == sorted(event.position for event in found)
        for other in (Filter(vm="db01"), Filter(correlation="x")):
            assert not any(isinstance(event, UnreadableEvent) for event in ledger.views.log(other))
        assert [event.position for event in ledger.views.log(limit=2)] == [6, 7]


def test_an_event_that_was_damaged_after_it_was_taken_up_changes_no_state(url: str) -> None:
    with Ledger.open(url, create=True, durable=False) as ledger:
        with_web01(ledger)
    with closing(Ledger.open(url, durable=False)) as ledger:
        recorder = recorder_of(ledger)
        with recorder.transaction(write=True) as db:
            drop = (
                "DROP TRIGGER events_are_not_changed"
                if url.startswith("sqlite")
                else f"ALTER TABLE {db.events_table} DISABLE TRIGGER events_are_not_changed"
            )
            db.execute(drop)
            db.execute(f"UPDATE {db.events_table} SET state = ? WHERE {db.position_column} = 2", (b"not JSON",))
        assert ask(ledger, "add-memory", vm="web01", amount="1GiB").in_full
        with pytest.warns(LedgerWarning, match="vm/web01 is shown as it was before it"):
            assert "web01" not in ledger.views.fleet(at_position=2).vms
        assert vm(ledger).assigned == 5 * 2**30
        [first, second, *_] = ledger.views.log(Filter(vm="web01"))
        assert isinstance(first, UnreadableEvent)
        assert not isinstance(second, UnreadableEvent)
        ledger.catch_up()


def test_a_time_that_is_none_makes_an_event_unreadable(url: str) -> None:
    with Ledger.open(url, create=True, durable=False) as ledger:
        with_web01(ledger)
        row = list(ledger.rows())[2]
    body = row.body.replace(b'"happened":"2', b'"happened":"z', 1)
    assert body != row.body
    with closing(Ledger.open(url)) as ledger:
        recorder_of(ledger).record([StoredEvent("vm/web01", 3, row.topic, body)])
        with pytest.raises(UnreadableEvent, match="is not a time as events have it"):
            list(ledger.events())
