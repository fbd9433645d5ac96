"""What is kept of polls: over which time a measure held, and single polls that say more than the last one."""

from __future__ import annotations

from domain.identifiers import UtcTime
from domain.record import Record, record


@record()
class Stretch(Record):
    """The polls over which a measure held: all had the same sizes. Its event is of the last of them."""

    first: UtcTime
    polls: int
    longest_gap: int
    """The longest time between two of them, in seconds."""
    least_available: int | None
    """The least that the guest had available, in bytes; ``None`` where no poll shows that."""
    least_available_at: UtcTime | None


@record()
class PollFigures(Record):
    """The figures of a VM in one poll. Sizes are bytes."""

    at: UtcTime
    assigned: int
    visible: int | None
    in_use: int | None


@record()
class NewestPoll(Record):
    """The newest poll of a VM, where it differs from the VM's last event. Sizes are bytes."""

    vm: str
    figures: PollFigures


@record()
class ListedVms(Record):
    """The VMs that one poll of a host lists."""

    count: int
    complete: bool
    """Whether the host listed all that it has."""
    assigned: int | None
    """What they are assigned together, in bytes; ``None`` if one that runs does not show it."""


@record()
class TightestPoll(Record):
    """The poll in which a host had the least memory left since it was last measured."""

    at: UtcTime
    free: int
    assigned: int | None
    """What the VMs that it listed were assigned together."""


@record()
class Gap(Record):
    """A time in which a host was not polled."""

    since: UtcTime
    until: UtcTime
