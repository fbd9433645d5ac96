"""What a ledger decides under policies, when, and with whom else: on a history that adopted some, and never changes.

``web_and_erp_together`` lets two VMs hold 12 GiB, and ``growth_on_saturdays`` none grow but in the night to Sunday.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from domain.decision import Code, Outcome
from nilometer.history.checked import read_history
from nilometer.history.restoring import restore
from nilometer.ledger.ledger import Ledger
from tests.nilometer.ledger.asking import a_host, ask, request
from tests.nilometer.storage.meanwhile import Commits
from tests.nilometer.storage.test_golden_policies import GOLDENS

MONDAY, SATURDAY = datetime.fromisoformat("2026-11-30T09:00:00Z"), datetime.fromisoformat("2026-12-05T21:30:00Z")
LAST_MOMENT = datetime.fromisoformat("2026-12-06T02:59:59Z")
TOO_LATE = datetime.fromisoformat("2026-12-06T03:00:01Z")


class Times:
    """A clock that shows some times one after the other, and the last of them from then on."""

    def __init__(self) -> None:
        self.left = [MONDAY]

    def __call__(self) -> datetime:
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


@pytest.fixture
def clock() -> Times:
    return Times()


@pytest.fixture
def shop(tmp_path: Path, clock: Times) -> Iterator[Ledger]:
    """A ledger with that history: web01 is off, and is set to 11.375 GiB; erp01 has 0.5625 GiB."""
    export = GOLDENS / "policies-2.jsonl"
    with Ledger.open(f"sqlite:///{tmp_path}/shop.db", create=True, durable=False, clock=clock) as ledger:
        with export.open("rb") as file:
            restore(ledger, read_history(file, export.name))
        yield ledger


def test_a_window_is_asked_at_the_time_at_which_a_command_happens(shop: Ledger, clock: Times) -> None:
    assert ask(shop, "start", vm="web01").code is Code.POLICY
    clock.left = [SATURDAY]
    assert ask(shop, "start", vm="web01").code is None


def test_that_is_not_before_the_last_event_of_its_host(shop: Ledger) -> None:
    ahead = request("set-reserve", host="hv01", reserve="2GiB", at="2026-12-05T21:30:00.000000Z")
    shop.execute(replace(ahead, at_ahead=True))
    assert shop.execute(replace(request("start", vm="web01"), at_ahead=True)).code is None


def test_an_event_happens_when_the_policies_were_asked(shop: Ledger, clock: Times) -> None:
    clock.left = [LAST_MOMENT, TOO_LATE]
    started = ask(shop, "start", vm="web01")
    assert (started.code, started.happened) == (None, "2026-12-06T02:59:59.000000Z")


def test_a_refused_registration_is_answered_again_with_the_policies_that_refused_it(
    tmp_path: Path, clock: Times
) -> None:
    export = GOLDENS / "policies.jsonl"
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True, durable=False, clock=clock) as ledger:
        with export.open("rb") as file:
            restore(ledger, read_history(file, export.name))
        full = a_host(host="hv09", reserve="64GiB")
        first, again = [ask(ledger, "register-host", key="k1", **full) for _ in range(2)]
    assert [read.policy for read in first.policies] == ["tenth_stays_free"]
    assert (again.policies, again.code, again.repeated) == (first.policies, Code.POLICY, True)


def test_a_refusal_is_decided_anew_when_its_policy_is_retired_just_then(shop: Ledger, clock: Times) -> None:
    shop.retire_policy("web_and_erp_together", actor="ann", via="test")  # for it, a start expects much more
    with Ledger.open(shop.url, clock=clock) as other:
        commits = Commits(shop, lambda: other.retire_policy("growth_on_saturdays", actor="ann", via="test"))
        started = ask(shop, "start", vm="web01")
    assert (started.code, commits.tried) == (None, 2)


def test_two_vms_on_two_hosts_are_asked_together_also_when_the_other_grows_just_then(
    shop: Ledger, clock: Times
) -> None:
    clock.left = [SATURDAY]
    ask(shop, "register-host", **a_host(host="hv02"))
    assert ask(shop, "move-vm", vm="erp01", to="hv02").outcome is Outcome.DONE
    with Ledger.open(shop.url, clock=clock) as other:
        Commits(shop, lambda: ask(other, "grow", vm="erp01", amount="128MiB"))
        assert ask(shop, "start", vm="web01").code is Code.POLICY


def test_each_line_of_a_script_is_decided_on_what_those_before_it_left(shop: Ledger, clock: Times) -> None:
    clock.left = [SATURDAY]
    lines = [request("start", vm="web01"), request("grow", vm="erp01", amount="128MiB")]
    assert [getattr(answer, "code", None) for answer in shop.execute_all(lines)] == [None, Code.POLICY]
