"""The books of groups: a command that changes what a VM holds changes the total of each group that the VM is in.

It is written with the command, as the book of its host is: the version of the group's stream can be written only once,
so two commands on two hosts do not slip past each other, and what is proved of one command holds for any number of VMs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.deciding.answer import Answer
from domain.deciding.reads import Reads
from domain.event import Event
from domain.identifiers import StreamName, group_stream
from domain.policy_events import GroupChanged, GroupFigures, GroupMemoryGranted, GroupMemoryReturned
from domain.recording.groups import GroupEventKind, record_on_group
from domain.replacing import replace

GROUP_EVENTS: Final[Mapping[GroupEventKind, type[GroupChanged]]] = {
    GroupEventKind.MEMORY_GRANTED: GroupMemoryGranted,
    GroupEventKind.MEMORY_RETURNED: GroupMemoryReturned,
}
"""The event of each kind that is recorded."""


def keep_books(reads: Reads, answer: Answer) -> Answer:
    """The answer, with an event for each group of which the VM now holds more or less."""
    if reads.vm is None or answer.after is None:
        return answer
    written: list[tuple[StreamName, Event]] = []
    for group in reads.groups:
        recorded = record_on_group(group.state, reads.vm.state, answer.after)
        if recorded.event is not GroupEventKind.NOTHING:
            event = GROUP_EVENTS[recorded.event](
                command=answer.command,
                before=GroupFigures(recorded.before.held),
                after=GroupFigures(recorded.after.held),
                vm=reads.vm.id,
                bytes=recorded.bytes,
            )
            written.append((group_stream(group.id), event))
    return replace(answer, events=(*answer.events, *written)) if written else answer
