"""The book of a group: kept in the write of each command on one of its VMs, and touched by no other command."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from domain.decision import Code
from domain.envelope import Envelope
from domain.errors import InputError
from domain.event import Event
from domain.identifiers import POLICIES
from domain.policy_events import (
    GroupClosed,
    GroupFigures,
    GroupMemoryGranted,
    GroupMemoryReturned,
    GroupOpened,
    PoliciesGroupChanged,
)
from domain.quantities import GiB
from nilometer.history.checked import read_history
from nilometer.history.restoring import restore
from nilometer.ledger.ledger import Ledger
from rules.policies.judging.adopted import AdoptedJudge
from tests.domain.given import HOST, START, WEB, do
from tests.nilometer.ledger import processes
from tests.nilometer.ledger.test_adopting import adopt, execute, request
from tests.nilometer.ledger.test_adopting_kinds import DB, GROUP, OTHER_HOST, START_DB, timed
from tests.oracle.shapes import Line
from tests.paths import ROOT

APP: Line = {**WEB, "vm": "app01"}
START_APP: Line = {**START, "vm": "app01"}
BOOK = "group/shop"
BEFORE_BOOKS = ROOT / "tests/nilometer/storage/goldens/policies-2.jsonl"
"""A history whose group was adopted when there were no books; it is retired at position 37."""


def book(ledger: Ledger) -> list[Event]:
    return [envelope.event for envelope in ledger.stream(BOOK)]


def totals(ledger: Ledger) -> list[int]:
    return [
        event.after.held
        for event in book(ledger)
        if isinstance(event, GroupOpened | GroupMemoryGranted | GroupMemoryReturned)
    ]


def find_all(history: list[Envelope[Event]]) -> list[str]:
    judge = AdoptedJudge()
    found = [finding for envelope in history for finding in judge.take(envelope)]
    return [finding.why for finding in (*found, *judge.finish())]


@pytest.fixture
def shop(ledger: Ledger) -> Iterator[Ledger]:
    """A ledger with VMs on two hosts, of which two are in a group that a policy limits to 20 GiB."""
    execute(ledger, HOST, OTHER_HOST, WEB, DB, APP, START, START_DB, START_APP)
    assert adopt(ledger, GROUP).refusal is None
    yield ledger
    assert find_all(list(ledger.events())) == []


def test_it_begins_with_what_the_vms_of_the_group_hold(shop: Ledger) -> None:
    (opened,) = book(shop)
    entries = {"db01": 4 * GiB, "web01": 4 * GiB}
    after = GroupFigures(8 * GiB)
    assert opened == GroupOpened(policy="shop", vms=("web*", "db*"), entries=entries, after=after)
    *_, changed = shop.stream(POLICIES)
    assert changed.event == PoliciesGroupChanged(group="shop", version=1, opened=True)


def test_each_command_that_changes_what_a_vm_of_the_group_holds_writes_the_total(shop: Ledger) -> None:
    given = execute(shop, do("add-memory", amount="2GiB"))
    assert given.events[-1] == GroupMemoryGranted(
        command="add-memory", before=GroupFigures(8 * GiB), after=GroupFigures(10 * GiB), vm="web01", bytes=2 * GiB
    )
    execute(shop, do("pause"), do("resume"), do("report-in-use", in_use="1GiB"), do("move-vm", to="hv02"))
    assert totals(shop) == [8 * GiB, 10 * GiB]
    execute(shop, do("remove-memory", amount="1GiB"), do("save"), do("restore"), do("stop", "db01"), START_DB)
    assert totals(shop) == [size * GiB for size in (8, 10, 9, 4, 9, 5, 9)]
    execute(shop, do("stop"), do("set-memory", size="3GiB"), START, do("set-memory", size="4GiB"), do("reboot-guest"))
    assert totals(shop)[7:] == [size * GiB for size in (4, 7, 8)]


def test_commands_on_other_vms_leave_it_alone(shop: Ledger) -> None:
    execute(shop, do("add-memory", "app01", amount="8GiB"), do("stop", "app01"), do("remove-vm", "app01"))
    assert len(book(shop)) == 1


def test_it_is_kept_also_while_no_policy_over_the_group_applies(ledger: Ledger) -> None:
    for line in (HOST, WEB, START):
        ledger.execute(timed(line, "2026-11-20T09:00:00Z"))
    saturdays = GROUP.replace("@scope(", '@scope(inside="Sat 22:00-04:00", zone="Europe/Berlin", ').replace("20", "8")
    assert adopt(ledger, saturdays).refusal is None
    times = "2026-11-28T12:00:00Z", "2026-11-28T21:00:00Z", "2026-11-29T12:00:00Z"
    lines = do("add-memory", amount="3GiB"), do("add-memory", amount="3GiB"), do("add-memory", amount="5GiB")
    answers = [ledger.execute(timed(line, time)) for line, time in zip(lines, times, strict=True)]
    assert [(answer.code, answer.granted) for answer in answers] == [
        (None, 3 * GiB),
        (Code.POLICY, GiB),
        (None, 5 * GiB),
    ]
    assert totals(ledger) == [size * GiB for size in (4, 7, 8, 13)]
    assert find_all(list(ledger.events())) == []


def test_a_vm_that_is_defined_later_and_matches_is_in_the_group(shop: Ledger) -> None:
    execute(shop, {**WEB, "vm": "web02"}, {**START, "vm": "web02"})
    assert totals(shop) == [8 * GiB, 12 * GiB]
    assert execute(shop, do("add-memory", "web02", amount="9GiB")).granted == 8 * GiB


def test_who_remembers_an_older_total_decides_again(shop: Ledger) -> None:
    with Ledger.open(shop.url) as other:
        execute(other, do("add-memory", "db01", amount="1GiB"))
        assert execute(shop, do("add-memory", amount="10GiB")).granted == 10 * GiB
        refused = execute(other, do("add-memory", "db01", amount="2GiB"))
    assert (refused.code, refused.granted) == (Code.POLICY, GiB)
    assert totals(shop)[-1] == 20 * GiB


def test_who_remembers_a_full_group_decides_again_before_refusing(shop: Ledger) -> None:
    with Ledger.open(shop.url) as other:
        execute(other, do("add-memory", "db01", amount="12GiB"))
        execute(shop, do("stop"))
        assert execute(other, do("add-memory", "db01", amount="2GiB")).code is None
    assert totals(shop) == [size * GiB for size in (8, 20, 16, 18)]


def test_who_remembers_a_book_that_is_closed_decides_without_its_policy(shop: Ledger) -> None:
    with Ledger.open(shop.url) as other:
        execute(other, do("add-memory", "db01", amount="12GiB"))
        shop.retire_policy("shop", actor="ann", via="test")
        assert execute(other, do("add-memory", "db01", amount="2GiB")).code is None
    assert len(book(shop)) == 3


def test_who_remembers_a_policy_alone_that_is_retired_decides_without_it(shop: Ledger) -> None:
    with Ledger.open(shop.url) as other:
        execute(other, do("pause", "app01"))
        shop.retire_policy("shop", actor="ann", via="test")
        position = shop.position
        assert execute(other, do("add-memory", "db01", amount="20GiB")).code is None
        assert other.position == position + 2
    assert len(book(shop)) == 2


def test_commands_in_one_commit_count_on_each_other(shop: Ledger) -> None:
    lines = [do("add-memory", "db01", amount="7GiB"), do("add-memory", amount="7GiB"), do("stop", "db01")]
    granted = [getattr(answer, "granted", None) for answer in shop.execute_all([request(line) for line in lines])]
    assert granted == [7 * GiB, 5 * GiB, None]
    assert totals(shop) == [size * GiB for size in (8, 15, 20, 9)]


def test_it_is_closed_when_no_policy_is_over_the_group_and_opened_anew(shop: Ledger) -> None:
    second = GROUP.replace("def shop", "def less").replace("20", "30")
    adopt(shop, second)
    assert len(book(shop)) == 1  # both are over the same group
    shop.retire_policy("shop", actor="ann", via="test")
    assert len(book(shop)) == 1
    shop.retire_policy("less", actor="ann", via="test")
    assert book(shop)[1:] == [GroupClosed(after=GroupFigures(8 * GiB))]
    execute(shop, do("add-memory", amount="2GiB"))
    assert len(book(shop)) == 2
    adopt(shop, GROUP)
    assert totals(shop) == [8 * GiB, 10 * GiB]
    execute(shop, do("add-memory", amount="2GiB"))
    assert totals(shop)[-1] == 12 * GiB


def test_a_policy_that_is_replaced_by_one_over_other_vms_has_another_book(shop: Ledger) -> None:
    adopt(shop, GROUP.replace('("web*", "db*")', '("web*",)'))
    assert [type(event) for event in book(shop)] == [GroupOpened, GroupClosed, GroupOpened]
    assert totals(shop) == [8 * GiB, 4 * GiB]


def test_two_policies_over_different_vms_do_not_share_the_name_of_a_group(shop: Ledger) -> None:
    other = GROUP.replace("def shop", "def others").replace('"db*"', '"app*"')
    with pytest.raises(InputError, match=r"the group 'shop' of the policy others has the VMs web\*, app\*"):
        adopt(shop, other)


def test_a_group_that_breaks_its_policy_begins_with_what_it_holds(ledger: Ledger) -> None:
    execute(ledger, HOST, WEB, START, do("add-memory", amount="20GiB"))
    assert adopt(ledger, GROUP, from_now=True).refusal is None
    assert totals(ledger) == [24 * GiB]
    assert execute(ledger, do("add-memory", amount="1GiB")).code is Code.POLICY
    assert execute(ledger, do("report-in-use", in_use="1GiB"), do("remove-memory", amount="1GiB")).code is None
    assert totals(ledger) == [24 * GiB, 23 * GiB]
    assert find_all(list(ledger.events())) == []


def test_a_group_that_was_adopted_before_there_were_books_is_enforced_and_gets_one(tmp_path: Path) -> None:
    before = tmp_path / "before.jsonl"
    before.write_text("".join(BEFORE_BOOKS.read_text().splitlines(keepends=True)[:22]))
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True) as ledger:
        with before.open("rb") as file:
            restore(ledger, read_history(file, before.name))
        limit, end = ledger.policy_set(), ledger.position
        assert "shop_together" in [policy.name for policy in limit.adopted]
        assert limit.books == frozenset()
        first = execute(ledger, do("grow", "erp01", amount="64MiB"))
        opened, changed = ledger.events(end, end + 2)
        assert (opened.id, changed.event) == (
            "group/shop/1",
            PoliciesGroupChanged(group="shop", version=1, opened=True),
        )
        assert first.positions[0] == end + 3
        assert first.events[-1] == next(ledger.events(end + 4)).event
        assert find_all(list(ledger.events())) == []


# What the judge finds


def _without(history: list[Envelope[Event]], kind: type[Event]) -> list[Envelope[Event]]:
    """The history without the last event of a kind."""
    last = max(index for index, one in enumerate(history) if isinstance(one.event, kind))
    return [replace(one, position=0) for index, one in enumerate(history) if index != last]


def _with(history: list[Envelope[Event]], kind: type[Event], **figures: object) -> list[Envelope[Event]]:
    last = max(index for index, one in enumerate(history) if isinstance(one.event, kind))
    changed = replace(history[last], event=replace(cast("Any", history[last].event), **figures))
    return [*history[:last], changed, *history[last + 1 :]]


def test_a_book_that_does_not_agree_with_its_vms_is_found(shop: Ledger) -> None:
    execute(shop, do("add-memory", amount="2GiB"), do("stop", "db01"))
    history = list(shop.events())
    assert find_all(history) == []
    assert "the book of the group has 10737418240 bytes, and its VMs hold 6442450944" in find_all(
        _without(history, GroupMemoryReturned)
    )
    less = GroupFigures(GiB)
    assert any(
        "by the events before it from" in why for why in find_all(_with(history, GroupMemoryGranted, after=less))
    )
    assert any(
        "by the events before it from" in why for why in find_all(_with(history, GroupMemoryGranted, before=less))
    )
    assert find_all(_with(history, GroupMemoryReturned, bytes=GiB)) != []
    opened = find_all(_with(history, GroupOpened, entries={"web01": 4 * GiB}))
    assert opened == ["the book begins with 8589934592 bytes, and the VMs of the group hold 8589934592"]
    assert find_all(_with(history, GroupOpened, vms=("*",))) == [
        "the book is of other VMs than the group of the policy"
    ]


@pytest.mark.xdist_group("processes")
def test_commands_on_vms_outside_the_group_lose_no_race(url: str) -> None:
    told = processes.run("strangers", url)
    assert told == {"failed": [], "lost": 0, "recorded": told["recorded"], "total": told["sum"], "sum": told["sum"]}
    assert told["recorded"] > 0
