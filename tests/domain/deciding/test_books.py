"""What a command writes in the books of the groups that its VM is in."""

from __future__ import annotations

import dataclasses

import pytest

from domain.aggregates import GroupAggregate
from domain.deciding.books import keep_books
from domain.deciding.decider import decide, decide_by_rules
from domain.deciding.reads import Reads
from domain.identifiers import StreamName
from domain.policy_events import GroupEvent, GroupFigures, GroupMemoryGranted, GroupMemoryReturned
from domain.quantities import GiB
from domain.replacing import replace
from domain.state import Group
from tests.domain.deciding.test_policies import parse, world
from tests.domain.given import HOST, START, WEB, do
from tests.oracle.shapes import Line

GROUPS = GroupAggregate("shop", Group(10 * GiB)), GroupAggregate("all", Group(30 * GiB))


def reads(*lines: Line) -> Reads:
    """A VM of 4 GiB that is in two groups."""
    there = world(HOST, WEB, *lines)
    return Reads(vm=dataclasses.replace(there.vm("web01"), name="the shop"), host=there.host("hv01"), groups=GROUPS)


def written(line: Line, read: Reads) -> list[tuple[StreamName, GroupEvent]]:
    """What is written in books; everything else is as without them."""
    command = parse(line)
    answer, alone = decide(command, read), decide_by_rules(command, read)
    books = [(stream, event) for stream, event in answer.events if isinstance(event, GroupEvent)]
    assert answer == replace(alone, events=(*alone.events, *books))
    return books


@pytest.mark.parametrize(
    ("line", "before", "kind", "change"),
    [
        (do("add-memory", amount="2GiB"), [START], GroupMemoryGranted, 2),
        (do("start"), [], GroupMemoryGranted, 4),
        (do("stop"), [START], GroupMemoryReturned, -4),
    ],
)
def test_what_a_vm_is_given_or_gives_back_is_written_in_each_of_its_groups(
    line: Line, before: list[Line], kind: type[GroupMemoryGranted | GroupMemoryReturned], change: int
) -> None:
    assert written(line, reads(*before)) == [
        (
            StreamName(f"group/{group}"),
            kind(
                command=str(line["command"]),
                before=GroupFigures(held * GiB),
                after=GroupFigures((held + change) * GiB),
                vm="web01",
                bytes=abs(change) * GiB,
            ),
        )
        for group, held in (("shop", 10), ("all", 30))
    ]


def test_a_command_that_changes_nothing_that_is_held_writes_nothing_there() -> None:
    read = reads(START)
    for line in (do("pause"), do("start"), do("remove-memory", amount="1GiB")):
        assert written(line, read) == []
    answer = decide_by_rules(parse(do("stop")), read)
    assert keep_books(replace(read, vm=None), answer) is answer
    unknown = replace(answer, after=None)
    assert keep_books(read, unknown) is unknown
    assert keep_books(replace(read, groups=()), answer) is answer
