"""What the VMs of a group hold together, as a judge comes to it, and whether the group's book says the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from domain.policy_events import GroupChanged, GroupClosed, GroupEvent, GroupMemoryGranted, GroupOpened

HasVm = Callable[[str, str], bool]
"""Whether a VM is in a group, by its id and its name."""


@dataclass(slots=True)
class JudgedGroup:
    """A group: what its VMs hold by their own events, and the total of its book, where it has one."""

    vms: tuple[str, ...]
    has_vm: HasVm
    held: int = 0
    book: int | None = None
    """The total that the book has; ``None`` while it is not kept."""
    _entries: dict[str, int] = field(default_factory=dict[str, int])

    def put(self, id: str, name: str, held: int) -> None:
        """What a VM holds now, if it is in the group."""
        if self.has_vm(id, name):
            self.held += held - self._entries.get(id, 0)
            self._entries[id] = held

    def take(self, event: GroupEvent) -> Iterator[str]:
        """Follows the book; yields what is wrong with its next event."""
        is_kept, before = self.book is not None, self.book or 0
        self.book = None if isinstance(event, GroupClosed) else event.after.held
        match event:
            case GroupOpened():
                if is_kept:
                    yield "the book of the group was open already"
                entries = {id: held for id, held in self._entries.items() if held}
                if event.entries != entries or event.after.held != self.held:
                    yield f"the book begins with {event.after.held} bytes, and the VMs of the group hold {self.held}"
                if event.vms != self.vms:
                    yield "the book is of other VMs than the group of the policy"
            case GroupChanged():
                if not is_kept:
                    yield "the group has no book that is open"
                change = event.bytes if isinstance(event, GroupMemoryGranted) else -event.bytes
                if event.before.held != before or event.after.held != before + change:
                    yield (
                        f"the book goes from {event.before.held} to {event.after.held} bytes, "
                        f"and by the events before it from {before} to {before + change}"
                    )
            case _:
                if not is_kept or event.after.held != before:
                    yield f"the book is closed with {event.after.held} bytes, and had {before}"

    def compare(self) -> str | None:
        """What is wrong with the book after a whole command; said once."""
        if self.book is None or self.book == self.held:
            return None
        book, self.book = self.book, self.held
        return f"the book of the group has {book} bytes, and its VMs hold {self.held}"
