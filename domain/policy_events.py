"""Events about policies: which are adopted, and which commands they refused or granted less of.

What a policy refused has kinds of its own, so that all other events stay as they are, and so that a Nilometer that
knows no policies says that it does not know them.
"""

from __future__ import annotations

from typing import Literal

from domain.event import Event, event
from domain.events import HostCommandRefused, VmCommandRefused, VmMemoryAdded, VmMemoryRemoved
from domain.record import Record, record


@record()
class PolicyRead(Record):
    """What an adopted policy found of one VM or host: that a command, as the rules alone allow it, makes it worse.

    Where less can be granted: that one quantum more than was granted makes it worse.
    """

    policy: str
    version: int
    """The version of its stream at which it was adopted."""
    sentence: str
    subject: str
    """The stream of the VM or host for which it would not hold; for a group, that of its book."""
    before: int
    """How far the subject was from keeping it: 0 if it did."""
    after: int
    """How far it would have been."""
    figures: dict[str, int | bool | str]
    """The figures that the policy reads, as they would have been, keys sorted."""


@event("vm.memory-added-within-policy")
@record(kw_only=True)
class VmMemoryAddedWithinPolicy(VmMemoryAdded):
    """Less memory was given than the rules allow: the most with which the adopted ``policies`` are kept."""

    policies: tuple[PolicyRead, ...]


@event("vm.memory-removed-within-policy")
@record(kw_only=True)
class VmMemoryRemovedWithinPolicy(VmMemoryRemoved):
    """Less memory was taken than the rules allow: the most with which the adopted ``policies`` are kept."""

    policies: tuple[PolicyRead, ...]


@event("vm.refused-by-policy")
@record(kw_only=True)
class VmRefusedByPolicy(VmCommandRefused):
    """A command on the VM, which the rules alone allow, was refused: the adopted ``policies`` would not be kept."""

    policies: tuple[PolicyRead, ...]


@event("host.refused-by-policy")
@record(kw_only=True)
class HostRefusedByPolicy(HostCommandRefused):
    """A command on the host, which the rules alone allow, was refused: the adopted ``policies`` would not be kept."""

    policies: tuple[PolicyRead, ...]


BY_POLICY = VmMemoryAddedWithinPolicy | VmMemoryRemovedWithinPolicy | VmRefusedByPolicy | HostRefusedByPolicy
"""The events of commands that policies refused, or granted less of."""


# Which policies are kept


@record()
class PolicyBreaker(Record):
    """A VM or host that broke a policy when it was adopted."""

    subject: str
    """Its stream."""
    distance: int
    """How far it was from keeping the policy: bytes, where that compares sizes."""


@record(kw_only=True)
class PolicyEvent(Event):
    """An event about policies: which of them the decider keeps from now on."""

    origin: Literal["decided"] = "decided"


@event("policy.adopted")
@record(kw_only=True)
class PolicyAdopted(PolicyEvent):
    """A policy is kept from now on. What was proved of it when it was adopted is recorded with it."""

    text: str
    """The policy as it was written: it is read again, and never run."""
    digest: str
    """The SHA-256 of the text."""
    file: str
    """The file in which it stood."""
    sentence: str
    over: tuple[str, ...]
    """What it is about, as the names of its parameters: ``vm``, ``host``, ``one``, ``group``, …"""
    vms: tuple[str, ...]
    hosts: tuple[str, ...]
    """The patterns of names or ids of the VMs and hosts to which it applies."""
    monotone: tuple[str, ...]
    """Commands of which a smaller amount was proved to keep it wherever a larger one does."""
    beside: tuple[str, ...]
    """Commands that may break it of other VMs than the one that they name."""
    from_now: bool
    """Whether it was adopted although it was broken."""
    broken: tuple[PolicyBreaker, ...]
    """Who broke it then."""


@event("policy.retired")
@record(kw_only=True)
class PolicyRetired(PolicyEvent):
    """A policy is not kept any more."""

    digest: str
    """The SHA-256 of its text."""


# What the VMs of a group hold together


@record()
class GroupFigures(Record):
    """What the VMs of a group hold together, as events carry it."""

    held: int


@record(kw_only=True)
class GroupEvent(PolicyEvent):
    """An event of the book of a group: the running total of what its VMs hold, for policies over their sum."""

    after: GroupFigures


@event("group.opened")
@record(kw_only=True)
class GroupOpened(GroupEvent):
    """The book is kept from now on: it begins with what the VMs of the group hold."""

    policy: str
    """The policy for which it was opened; others over the same group read it too."""
    vms: tuple[str, ...]
    """The patterns of names or ids of its VMs."""
    entries: dict[str, int]
    """The bytes that each VM holds, by id, keys sorted; no entry is 0."""


@record(kw_only=True)
class GroupChanged(GroupEvent):
    """A command on one of its VMs changed the running total."""

    command: str
    before: GroupFigures
    vm: str
    bytes: int


@event("group.memory-granted")
@record(kw_only=True)
class GroupMemoryGranted(GroupChanged):
    """A VM of the group was given ``bytes``."""


@event("group.memory-returned")
@record(kw_only=True)
class GroupMemoryReturned(GroupChanged):
    """A VM of the group gave ``bytes`` back."""


@event("group.closed")
@record(kw_only=True)
class GroupClosed(GroupEvent):
    """The book is not kept any more: no policy that is adopted is over the group."""


@event("policies.group-changed")
@record(kw_only=True)
class PoliciesGroupChanged(PolicyEvent):
    """A group has a book from now on, or has none any more. Every command expects the version of this event's stream.

    A Nilometer that knows no books does not know this kind of event, and decides nothing: it would not keep them.
    """

    group: str
    version: int
    """The version of the event on the group's own stream."""
    opened: bool
    """Whether it has a book from now on; else it was closed."""


@event("policies.changed")
@record(kw_only=True)
class PoliciesChanged(PolicyEvent):
    """Other policies are kept from now on. Every command expects the version of this event's stream."""

    policy: str
    version: int
    """The version of the event on the policy's own stream."""
    adopted: bool
    """Whether it is kept from now on; else it was retired."""
