"""Which books adopting and retiring policies open and close, and what they write there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.aggregates import HistoryError, VmAggregate
from domain.deciding.enforced import EnforcedPolicy, JointFigures
from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.event import Event
from domain.identifiers import StreamName, UtcTime
from domain.policy_events import GroupClosed, GroupFigures, GroupOpened, PoliciesGroupChanged
from domain.quantities import GiB
from domain.state import Group
from nilometer.ledger.books import BookChanges, check_groups, entries_of, plan_books, write_books
from nilometer.ledger.policies import PolicySet
from projections.fleet import Fleet
from projections.tracked import Tracked
from tests.domain.deciding.test_policies import TENTH, enforced, world
from tests.domain.given import HOST, START, WEB


def keeps(group: Group) -> JointFigures:
    return JointFigures(0, {"group.held": group.held})


def is_in_shop(id: str, name: str) -> bool:
    return id.startswith("web") or name.startswith("db")


ALONE = enforced(TENTH)
SHOP = replace(ALONE, name="together", group="shop", group_vms=("web*", "db*"), of_group=keeps)
LESS = replace(SHOP, name="less")
WIDER = replace(SHOP, name="wider", group_vms=("*",))
ELSE = replace(SHOP, name="else", group="all", group_vms=("*",))
NOW = UtcTime("2026-11-23T09:00:00.000000Z")
METADATA = Metadata(actor="ann", via="test", happened=NOW, recorded=NOW, correlation="1", reason=None, causation=None)


def adopted(*policies: EnforcedPolicy, books: tuple[str, ...] = ("shop",)) -> PolicySet:
    return PolicySet(version=4, adopted=(), enforced=policies, books=frozenset(books))


@pytest.mark.parametrize(
    ("before", "gone", "new", "closed", "opened"),
    [
        (adopted(ALONE, books=()), (), (SHOP,), (), (SHOP,)),
        (adopted(SHOP), (), (LESS,), (), ()),
        (adopted(SHOP), (), (ALONE,), (), ()),
        (adopted(SHOP, LESS), ("together",), (), (), ()),
        (adopted(SHOP, ALONE), ("together",), (), ("shop",), ()),
        (adopted(SHOP), ("together",), (WIDER,), ("shop",), (WIDER,)),
        (adopted(SHOP), (), (ELSE,), (), (ELSE,)),
        (adopted(SHOP, ELSE, books=("all", "shop")), ("else", "together"), (), ("all", "shop"), ()),
        (adopted(SHOP, books=()), (), (), (), (SHOP,)),
    ],
    ids=["first", "second", "no group", "one of two", "last", "other VMs", "other group", "all", "without a book"],
)
def test_a_book_is_kept_while_a_policy_is_over_its_group(
    before: PolicySet,
    gone: tuple[str, ...],
    new: tuple[EnforcedPolicy, ...],
    closed: tuple[str, ...],
    opened: tuple[EnforcedPolicy, ...],
) -> None:
    assert plan_books(before, gone, new) == BookChanges(closed, opened)


def test_one_group_has_the_same_vms_in_all_policies() -> None:
    check_groups([SHOP, ALONE, ELSE, LESS])
    with pytest.raises(InputError, match=r"'shop' of the policy wider has the VMs \*, and that of the policy together"):
        check_groups([ALONE, SHOP, WIDER])
    with pytest.raises(InputError):
        plan_books(adopted(SHOP), (), (WIDER,))


def written(changes: BookChanges, *known: Envelope[Event]) -> list[tuple[str, int, Event]]:
    last = {envelope.stream: envelope for envelope in known}
    return [(one.stream, one.version, one.event) for one in write_books(changes, Fleet(), last.get, 7, METADATA)]


def test_a_book_goes_on_after_its_last_event_and_each_step_is_told_on_the_common_stream() -> None:
    stream = StreamName("group/shop")
    opened = GroupOpened(policy="together", vms=("web*", "db*"), entries={}, after=GroupFigures(0))
    end = GroupClosed(after=GroupFigures(5))
    before = Envelope[Event](stream, 3, replace(opened, after=GroupFigures(5)), METADATA)

    def changed(number: int, version: int, *, is_open: bool) -> tuple[str, int, Event]:
        return "policies", number, PoliciesGroupChanged(group="shop", version=version, opened=is_open)

    first = written(BookChanges(opened=(SHOP,)))
    assert [each[1:] for each in first] == [(1, opened), changed(8, 1, is_open=True)[1:]]
    both = written(BookChanges(("shop",), (SHOP,)), before)
    assert [each[1:] for each in both] == [
        (4, end),
        changed(8, 4, is_open=False)[1:],
        (5, opened),
        changed(9, 5, is_open=True)[1:],
    ]
    again = written(BookChanges(opened=(SHOP,)), Envelope[Event](stream, 4, end, METADATA))
    assert [each[1] for each in again] == [5, 8]
    assert {each[0] for each in both} == {stream, first[1][0]}


def test_a_book_that_is_not_there_cannot_be_closed() -> None:
    with pytest.raises(HistoryError, match="group/shop has no book"):
        written(BookChanges(("shop",)))
    change = PoliciesGroupChanged(group="shop", version=1, opened=True)
    with pytest.raises(HistoryError, match="group/shop has no book"):
        written(BookChanges(("shop",)), Envelope[Event](StreamName("group/shop"), 1, change, METADATA))


def test_a_book_begins_with_what_the_vms_of_the_group_hold_by_their_ids_and_names() -> None:
    running = world(HOST, WEB, START).vm("web01").state
    off = world(HOST, WEB).vm("web01").state
    fleet = Fleet()
    for id, name, state in (
        ("7f3a", "db01", running),
        ("web02", "x", running),
        ("app01", "app", running),
        ("web03", "x", off),
    ):
        vm = VmAggregate(id=id, name=name, host="db02", state=state)
        fleet.vms[id] = Tracked(subject=vm, as_of=NOW)
    assert entries_of(replace(SHOP, has_vm=is_in_shop), fleet) == {"7f3a": 4 * GiB, "web02": 4 * GiB}
