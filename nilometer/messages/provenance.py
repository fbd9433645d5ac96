"""When an event happened, who did it with which tool, and why: what its metadata says, and what was added to it."""

from __future__ import annotations

from typing import Final

from domain.envelope import Envelope, Metadata
from domain.event import Event
from domain.observed.events import VmAnnotated, VmMemoryMoved, VmRequestSettled
from domain.observed.words import UNKNOWN_ACTOR
from nilometer.times import format_time

UNNAMED: Final = "an unnamed user"
"""Who did what no source names anybody for."""
_HYPERVISORS: Final = frozenset(("hyper-v", "qemu", "import-qemu"))
"""Tools that say nothing of who did it: what is known of a change is that the hypervisor shows it."""


def describe_time(metadata: Metadata) -> str:
    """When an event happened: a time, or the end of the interval in which it did."""
    return f"{format_time(metadata.happened)}{'' if metadata.earliest is None else ', at the latest'}"


def describe_actor(metadata: Metadata) -> str:
    """Who did it and with which tool: ``CONTOSO\\anna via powershell``."""
    if metadata.actor == UNKNOWN_ACTOR:
        return UNNAMED if metadata.via in _HYPERVISORS else f"{UNNAMED} via {metadata.via}"
    return f"{metadata.actor} via {metadata.via}"


def describe_origin(envelope: Envelope[Event]) -> str:
    """Who did it; or which hypervisor, where it moved memory or settled a request: no user did."""
    metadata = envelope.metadata
    if metadata.actor == UNKNOWN_ACTOR and isinstance(envelope.event, VmMemoryMoved | VmRequestSettled):
        return metadata.via
    return describe_actor(metadata)


def describe_reason(metadata: Metadata) -> str:
    """Why, as the end of a sentence: ``, because "month end"``; empty if no reason was given."""
    return f', because "{metadata.reason}"' if metadata.reason else ""


def describe_annotation(annotation: VmAnnotated) -> str:
    """What was added to an event, the end of a sentence: ``, because "month end", ticket CHG-1, approved by ann``."""
    reason = f', because "{annotation.reason}"' if annotation.reason else ""
    ticket = f", ticket {annotation.ticket}" if annotation.ticket else ""
    return f"{reason}{ticket}{f', approved by {annotation.approved_by}' if annotation.approved_by else ''}"
