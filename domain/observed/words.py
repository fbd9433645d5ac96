"""The words of observed events: memory devices, why memory moved, why a request fell short, and labels of measures."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

BASE_MEMORY = "base-memory"
"""The device that stands for the memory a VM boots with."""

FAILED_JOB: Final = "failed job"
"""The label of a measure that reports only that a requested change failed, and not which change."""

OWN_CHANGE: Final = "change"
"""The label of a measure that reports a recorded command of which no figures are certain: its words, and its end."""

CONTRADICTED: Final = "contradicted"
"""The label of a measure that reports that a recorded change names one account, and the host saw another."""

SHORT_RESTART: Final = "restarted short of memory"
"""The label of a measure that a guest started again with less than its startup memory."""

STATED: Final = "stated"
"""The label of a host's measure whose figures somebody stated, because no counter shows them."""

UNKNOWN_ACTOR: Final = "nobody we know of"
"""The actor of a change that was seen, where no source records who made it. Stored in events: it never changes."""


class Means(StrEnum):
    """Through what memory reaches a VM or leaves it: an account of its own for each device."""

    BOOT = "boot"
    """Memory that the VM boots with."""
    VIRTIO_MEM = "virtio-mem"
    PC_DIMM = "pc-dimm"
    """All plugged memory modules together."""
    BALLOON = "balloon"
    """The balloon's account: its size is what it leaves to the guest of boot memory and modules."""


class ObservedCode(StrEnum):
    """Why an observed request fell short, beyond the codes that our own decisions have."""

    REFUSED_BY_HYPERVISOR = "refused-by-hypervisor"
    REFUSED_BY_GUEST = "refused-by-guest"
    GUEST_LOST = "guest-lost"
    SUPERSEDED = "superseded"
    """A later request for the same device was accepted before this one reached its target."""
    VM_STOPPED = "vm-stopped"
    """The VM stopped before the target was reached."""
    NOT_CARRIED_OUT = "not-carried-out"
    """The line broke before the hypervisor answered, and it did not do what it was asked."""
    NOT_REPORTED = "not-told"
    """The source gives no reason, and the figures do not show one."""


class CauseIs(StrEnum):
    """How the cause of a short grant is known."""

    REPORTED = "told"
    """The hypervisor or the guest said so; its words are kept as they are and decide nothing."""
    INFERRED = "inferred"
    """It follows from the figures."""
    UNKNOWN = "unknown"


class WhyMoved(StrEnum):
    """Why memory moved."""

    REQUEST = "request"
    """The move went towards the target of an open request."""
    UNASKED = "unasked"
    """No request was open for the device, or the move went away from the target."""
    BALANCER = "balancer"
    """Dynamic Memory moved it."""
    CHECKPOINT = "checkpoint"
    """A checkpoint was applied, which brings back the sizes of its moment."""
