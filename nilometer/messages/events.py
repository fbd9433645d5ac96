"""What an event records, in one sentence. Only the event itself is read.

With a ``unit`` all sizes are in that unit; without one each sentence has the unit that fits its figures.
"""

from __future__ import annotations

from domain import events
from domain.envelope import Envelope
from domain.event import Event
from domain.identifiers import split_stream
from domain.policy_events import PolicyEvent
from nilometer.messages.decided import describe_host_event, describe_vm_event
from nilometer.messages.observed import describe_observed
from nilometer.messages.policies import describe_code, describe_policy_event
from nilometer.messages.sizes import Unit


def describe(envelope: Envelope[Event], unit: Unit | None = None) -> str:
    """An event in one sentence, without when, who and why."""
    kind, id = split_stream(envelope.stream)
    event = envelope.event
    subject = f"{'VM' if kind == 'vm' else kind} {id}"
    match event:
        case events.HostMemoryGranted() | events.HostMemoryReturned():
            return describe_host_event(subject, event, unit)
        case events.VmEvent():
            return f"{describe_vm_event(subject, event, unit)}{describe_code(event)}"
        case events.HostEvent():
            return f"{describe_host_event(subject, event, unit)}{describe_code(event)}"
        case PolicyEvent():
            return describe_policy_event(envelope.stream, event)
        case _:
            return describe_observed(envelope, subject, unit)
