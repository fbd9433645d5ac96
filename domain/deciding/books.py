"""The books of groups: a command that changes what a VM holds changes the total of each group that the VM is in.

It is written with the command, as the book of its host is: the version of the group's stream can be written only once,
so two commands on two hosts do not slip past each other, and what is proved of one command holds for any number of VMs.
"""

from __future__ import annotations

from domain.deciding.answer import Answer
from domain.deciding.reads import Reads
from domain.event import Event
from domain.evolve import book_change, group_changed
from domain.identifiers import StreamName, group_stream
from domain.policy_events import GroupFigures, GroupMemoryGranted, GroupMemoryReturned
from domain.replacing import replace


def keep_books(reads: Reads, answer: Answer) -> Answer:
    """The answer, with an event for each group of which the VM now holds more or less."""
    if reads.vm is None or answer.after is None:
        return answer
    change = book_change(reads.vm.state, answer.after)
    if change == 0:
        return answer
    kind = GroupMemoryGranted if change > 0 else GroupMemoryReturned
    written: list[tuple[StreamName, Event]] = [
        (
            group_stream(group.id),
            kind(
                command=answer.command,
                before=GroupFigures(group.state.held),
                after=GroupFigures(group_changed(group.state, change).held),
                vm=reads.vm.id,
                bytes=abs(change),
            ),
        )
        for group in reads.groups
    ]
    return replace(answer, events=(*answer.events, *written))
