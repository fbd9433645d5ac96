"""The book of a group, as a judge follows it beside what the VMs of the group hold."""

from __future__ import annotations

import pytest

from domain.policy_events import (
    GroupClosed,
    GroupEvent,
    GroupFigures,
    GroupMemoryGranted,
    GroupMemoryReturned,
    GroupOpened,
)
from rules.policies.judging.group_books import JudgedGroup

SHOP = ("web*", "db*")


def has_vm(id: str, name: str) -> bool:
    return id.startswith("web") or name.startswith("db")


def opened(held: int, entries: dict[str, int], vms: tuple[str, ...] = SHOP) -> GroupOpened:
    return GroupOpened(policy="shop", vms=vms, entries=entries, after=GroupFigures(held))


def granted(before: int, after: int, bytes: int) -> GroupMemoryGranted:
    return GroupMemoryGranted(
        command="start", before=GroupFigures(before), after=GroupFigures(after), vm="web01", bytes=bytes
    )


def returned(before: int, after: int, bytes: int) -> GroupMemoryReturned:
    return GroupMemoryReturned(
        command="stop", before=GroupFigures(before), after=GroupFigures(after), vm="web01", bytes=bytes
    )


def closed(held: int) -> GroupClosed:
    return GroupClosed(after=GroupFigures(held))


def kept(*events: GroupEvent) -> JudgedGroup:
    """A group of VMs that hold 4 and 3, and are off, after events of its book that are right."""
    group = JudgedGroup(vms=SHOP, has_vm=has_vm)
    for id, name, held in (("web01", "web01", 4), ("7f3a", "db01", 3), ("web02", "web02", 0), ("app01", "app01", 9)):
        group.put(id, name, held)
    assert group.held == 7
    assert [wrong for event in (opened(7, {"7f3a": 3, "web01": 4}), *events) for wrong in group.take(event)] == []
    return group


def test_it_sums_what_the_vms_of_the_group_hold_each_once() -> None:
    group = kept()
    group.put("web01", "web01", 6)
    group.put("web02", "web02", 5)
    group.put("app01", "app01", 1)
    assert group.held == 14
    group.put("7f3a", "db01", 0)
    assert group.held == 11


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (opened(7, {"7f3a": 3, "web01": 4}), "the book of the group was open already"),
        (granted(7, 9, 1), "from 7 to 9 bytes, and by the events before it from 7 to 8"),
        (granted(6, 8, 1), "from 6 to 8 bytes, and by the events before it from 7 to 8"),
        (returned(7, 9, 2), "from 7 to 9 bytes, and by the events before it from 7 to 5"),
        (closed(6), "the book is closed with 6 bytes, and had 7"),
    ],
)
def test_an_event_that_does_not_go_on_from_the_total_is_found(event: GroupEvent, says: str) -> None:
    (wrong,) = kept().take(event)
    assert says in wrong


@pytest.mark.parametrize("event", [granted(0, 1, 1), closed(0)])
def test_a_book_that_is_not_open_neither_changes_nor_is_closed(event: GroupEvent) -> None:
    assert len([*JudgedGroup(vms=SHOP, has_vm=has_vm).take(event)]) == 1
    assert len([*kept(closed(7)).take(event)]) == 1


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (opened(8, {"7f3a": 3, "web01": 4}), "the book begins with 8 bytes, and the VMs of the group hold 7"),
        (opened(7, {"7f3a": 4, "web01": 3}), "the book begins with 7 bytes, and the VMs of the group hold 7"),
        (opened(7, {"7f3a": 3, "web01": 4}, ("web*",)), "the book is of other VMs than the group of the policy"),
    ],
)
def test_a_book_begins_with_what_each_vm_holds(event: GroupOpened, says: str) -> None:
    assert [*kept(closed(7)).take(event)] == [says]


def test_a_total_that_is_not_what_the_vms_hold_is_said_once() -> None:
    group = kept(granted(7, 9, 2))
    assert group.compare() == "the book of the group has 9 bytes, and its VMs hold 7"
    assert group.compare() is None
    group.put("web01", "web01", 5)
    assert [*group.take(granted(7, 8, 1))] == []
    assert group.compare() is None
    assert group.book == 8


def test_a_book_that_is_not_kept_says_nothing() -> None:
    assert JudgedGroup(vms=SHOP, has_vm=has_vm, held=7).compare() is None
    group = kept(closed(7))
    assert (group.book, group.compare()) == (None, None)


def test_a_book_may_be_opened_again() -> None:
    group = kept(closed(7), opened(7, {"7f3a": 3, "web01": 4}), returned(7, 3, 4))
    group.put("web01", "web01", 0)
    assert (group.book, group.compare()) == (3, None)
