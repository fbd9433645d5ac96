"""Events of observed hosts and VMs: what a hypervisor was asked, what moved, how it settled, and what was measured.

They are facts, recorded whatever the rules say. A figure without a measure is ``None``, never 0. Sizes are bytes.
The metadata of an event says who acted, when it happened (a moment, or an interval) and when it was recorded.
"""

from __future__ import annotations

from typing import Literal

from domain.decision import Code, Outcome
from domain.event import Event, event
from domain.guests import Guest, Mechanism
from domain.identifiers import UtcTime
from domain.observed.polls import ListedVms, NewestPoll, PollFigures, Stretch, TightestPoll
from domain.observed.shortage import ShortBy
from domain.observed.words import CauseIs, Means, ObservedCode, WhyMoved
from domain.record import Record, record
from domain.settings import HostVersion, MemorySetting
from domain.shapes import ConfigVersionText
from domain.state import Power


@record(kw_only=True)
class Observed(Event):
    """Common to all observed events."""

    record: str | None = None
    """The record of the source that reports it, such as ``s2_shrink_in_use_partial#12``."""
    origin: Literal["observed"] = "observed"


@record()
class DeviceFigures(Record):
    """One memory device of a VM, as it was measured."""

    device: str
    means: Means | None
    size: int | None
    maximum: int | None = None
    backed: bool | None = None
    """Whether the host's budget backs this memory."""
    mechanism: Mechanism | None = None
    """How the guest's own total follows this device; ``None`` where that is unknown."""


@record()
class Grounds(Record):
    """The figures that explain a request, as they were known at its time; ``None`` was not measured."""

    assigned: int | None = None
    in_use: int | None = None
    """What the guest could not give up: assigned less what it said was available."""
    free: int | None = None
    """What was left of the host's budget, where that backs the device."""
    maximum: int | None = None
    """The largest size of the device."""
    block: int | None = None
    """The grain in which the guest takes or gives memory."""


@event("vm.observed", version=3)
@record(kw_only=True)
class VmObserved(Observed):
    """A VM was measured. A figure that is ``None`` was not measured, and stays as it was known."""

    name: str | None = None
    host: str | None = None
    hypervisor: str | None = None
    generation: int | None = None
    guest: Guest | None = None
    kernel: str | None = None
    """The guest's operating system, as it names itself."""
    config_version: ConfigVersionText | None = None
    memory: MemorySetting | None = None
    power: Power | None = None
    session: int | None = None
    """The session: the number of the guest's boot, from 1. With another number its figures are unknown again."""
    assigned: int | None = None
    visible: int | None = None
    ballooned: int | None = None
    in_use: int | None = None
    paged_out: int | None = None
    held: int | None = None
    """What the VM holds of its host's budget, if the source reports that beside the devices; 0 without a process."""
    guest_total: int | None = None
    """The guest's own count of its memory, without what firmware and kernel keep."""
    guest_available: int | None = None
    guest_block: int | None = None
    guest_offline: int | None = None
    """Memory that the guest has but left offline: its own count leaves it out."""
    devices: tuple[DeviceFigures, ...] = ()
    label: str | None = None
    told: str | None = None
    """The words of the source beside the figures."""
    stretch: Stretch | None = None
    """The polls over which these figures held; ``None`` for those of a single one."""


@event("vm.change-requested", version=2)
@record(kw_only=True)
class VmChangeRequested(Observed):
    """The hypervisor was asked to change the size of a device. Acceptance alone moves no memory."""

    request: int
    """The VM's requests are counted from 1."""
    device: str
    means: Means | None
    size_from: int | None
    """The size of the device at the time of the request."""
    target: int
    amount: int | None
    """The distance to the target, which is above ``size_from`` or below."""
    accepted: bool | None
    """``None``: nobody knows whether the hypervisor got it, because the line broke before it answered."""
    asked: str | None
    """The request, word for word."""
    answer: str | None
    """The hypervisor's answer, word for word."""
    grounds: Grounds = Grounds()
    expected: int | None = None
    """How much of the amount the requester expected to be granted, by the figures that it had."""


@event("vm.memory-moved", version=4)
@record(kw_only=True)
class VmMemoryMoved(Observed):
    """The size of a device changed. ``least`` and ``most`` bound it where one record reports several moves."""

    device: str
    means: Means | None
    size_from: int
    size_to: int
    why: WhyMoved
    request: int | None = None
    """The request that it serves."""
    late: bool = False
    """The request had settled short before."""
    backed: bool | None = None
    """Whether the host's budget backs this memory."""
    mechanism: Mechanism | None = None
    """How the guest's own total follows this move; ``None`` where that is unknown."""
    least: int | None = None
    most: int | None = None
    swings: int | None = None
    """How many moves one event records of a size that swings about its target, between ``least`` and ``most``."""
    moves: int | None = None
    """How many moves of Dynamic Memory one event records, as far as polls show them."""
    tightest: PollFigures | None = None
    """Of the polls from the first of these moves on, the one in which the guest had the least available."""
    newest: PollFigures | None = None
    """The last poll that shows the size after them."""


@event("vm.request-settled")
@record(kw_only=True)
class VmRequestSettled(Observed):
    """The outcome of a request so far. An open request may settle again, and the last settlement counts."""

    request: int
    device: str
    amount: int | None
    granted: int | None
    remaining: int | None
    outcome: Outcome
    code: Code | ObservedCode | None
    cause_is: CauseIs | None
    """``None`` where nothing fell short."""
    told: str | None = None
    """The reason that the source gives, word for word."""
    still_open: bool = False
    late: bool = False
    """It had settled short before."""
    grounds: Grounds = Grounds()


@event("vm.lost")
@record(kw_only=True)
class VmLost(Observed):
    """The guest was lost: it no longer answers."""

    told: str | None = None


@event("vm.not-listed")
@record(kw_only=True)
class VmNotListed(Observed):
    """A complete list of its last host does not have the VM any more, nor has any other host listed it since."""

    host: str


@event("vm.retired")
@record(kw_only=True)
class VmRetired(Observed):
    """Somebody says that the VM is gone for good. It holds nothing, and is hidden until it is seen again."""


@event("host.inventoried")
@record(kw_only=True)
class HostInventoried(Observed):
    """What is known of the host itself; ``None`` was not recorded. It is recorded again when a part of it changes."""

    booted: UtcTime | None = None
    cluster: str | None = None
    """The failover cluster that it is a member of."""
    numa_spanning: bool | None = None
    """Whether the memory of a VM may span NUMA nodes."""
    numa_nodes: tuple[int, ...] = ()
    """What each NUMA node has, in bytes; recorded only where spanning is off."""


@event("host.retired")
@record(kw_only=True)
class HostRetired(Observed):
    """Somebody says that the host is gone for good. It is hidden until it is seen again."""


@event("vm.memory-short")
@record(kw_only=True)
class VmMemoryShort(Observed):
    """Polls show that the guest is short of memory, or that this is over. Its moment is that of the last poll."""

    by: ShortBy
    since: UtcTime
    over: bool = False
    available: int | None = None
    """The least that was available since then, in bytes; when it is over, what is available."""
    pressure: int | None = None
    """Dynamic Memory's pressure in the last poll, in percent."""


@event("vm.checkpoint")
@record(kw_only=True)
class VmCheckpoint(Observed):
    """A checkpoint of the running VM was taken; or it was applied, which brings back what the VM was then."""

    name: str
    applied: bool


@event("vm.annotated")
@record(kw_only=True)
class VmAnnotated(Observed):
    """Somebody added to an event of the VM what its source did not record. The event stays as it is."""

    about: int
    """The version of that event in the VM's stream."""
    reason: str | None = None
    ticket: str | None = None
    approved_by: str | None = None


@event("host.not-watched")
@record(kw_only=True)
class HostNotWatched(Observed):
    """The host was not read for longer than usual; the interval of the event says from when to when."""


@event("host.watched")
@record(kw_only=True)
class HostWatched(Observed):
    """An import read polls of the host; its moment is that of the last. Times without polls are events of their own."""

    since: UtcTime
    polls: int
    longest_gap: int
    """The longest time between two of them, in seconds."""
    newest: tuple[NewestPoll, ...] = ()
    free: int | None = None
    """What the host had left in the last of them that shows it; ``least`` and ``most`` are of all of them."""
    least: int | None = None
    most: int | None = None


@event("host.observed", version=2)
@record(kw_only=True)
class HostObserved(Observed):
    """A host was measured. A figure that is ``None`` was not measured, and stays as it was known."""

    name: str | None = None
    version: HostVersion | None = None
    total: int | None = None
    reserve: int | None = None
    budget: int | None = None
    """What the VMs may have together, where something enforces that; it need not back all their memory."""
    free: int | None = None
    """What was left of the budget, or of the host's memory where there is no budget."""
    label: str | None = None
    listed: ListedVms | None = None
    tightest: TightestPoll | None = None
