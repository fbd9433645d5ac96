"""What an event tells, in one sentence. Only the event itself is read."""

from __future__ import annotations

from domain import events
from domain.envelope import Envelope
from domain.events import Event
from domain.observed import events as observed
from domain.settings import MemorySetting, Mode
from nilometer.messages.sizes import UNKNOWN, about, alike, part, size


def tell(envelope: Envelope[Event]) -> str:
    """An event in one sentence, without when, who and why."""
    kind, _, id = envelope.stream.partition("/")
    event = envelope.event
    match event:
        case events.VmEvent():
            return f"VM {id} {_vm_event(event)}{_because(event)}"
        case events.HostEvent():
            half = isinstance(event, events.HostMemoryGranted | events.HostMemoryReturned)
            return f"host {id} {_host_event(event)}{'' if half else _because(event)}"
        case observed.ImportRecorded():
            return f"{event.records} records of {event.file} imported ({event.format}): {event.events} events"
        case observed.Observed():
            return f"{'VM' if kind == 'vm' else kind} {id} {_observed(event)}"
        case _:
            return f"{envelope.stream} {event.KIND}"


def _because(event: events.Decided) -> str:
    return "" if event.code is None else f" ({event.code})"


def setting(memory: MemorySetting) -> str:
    """A memory setting in words."""
    if memory.mode is Mode.STATIC:
        return f"static, {about(memory.startup)}"
    least, first, most = alike([memory.minimum, memory.startup, memory.maximum])
    return f"dynamic, {least} to {most}, startup {first}, buffer {memory.buffer} percent, weight {memory.weight}"


def _amount(event: events.VmEvent) -> str:
    return part(event.granted, event.requested)


def _vm_event(event: events.VmEvent) -> str:
    before, after = event.before or event.after, event.after
    from_to = " -> ".join(alike([before.assigned, after.assigned]))
    match event:
        case events.VmDefined():
            what = f"generation {event.generation}, {event.guest}, {setting(event.memory)}"
            return f"defined on host {event.host}: {what}"
        case events.VmMemoryConfigured():
            return f"configured: {setting(event.memory)}"
        case events.VmGuestConfigured():
            return f"configured: guest {event.guest}, configuration version {event.config_version}"
        case events.VmRemoved():
            return "removed"
        case events.VmStarted():
            return f"started with {size(after.assigned)}, session {after.session}"
        case events.VmRebooted():
            return f"rebooted, session {after.session}: {from_to}"
        case events.VmRestored():
            return f"restored with {size(after.assigned)}"
        case events.VmStopped():
            return f"stopped: {from_to}"
        case events.VmSaved():
            return f"saved with {size(after.assigned)}"
        case events.VmPaused():
            return "paused"
        case events.VmResumed():
            return "resumed"
        case events.VmInUseReported():
            return f"uses {size(event.in_use)} of {size(after.assigned)}"
        case events.VmMemoryAdded():
            return f"was given {_amount(event)}: {from_to}"
        case events.VmMemoryRemoved():
            paged = f", {size(event.paged)} paged out" if event.paged else ""
            return f"gave {_amount(event)} by {event.mechanism}: {from_to}{paged}"
        case events.VmMoved():
            return f"moved from host {event.source} to host {event.destination}"
        case events.VmCommandRefused():
            asked = "" if event.requested is None else f" of {size(event.requested)}"
            return f"{event.command}{asked} {event.outcome}"
        case _:
            return event.KIND


def _host_event(event: events.HostEvent) -> str:
    before, after = event.before or event.after, event.after
    match event:
        case events.HostRegistered():
            total, reserve = alike([event.total, event.reserve])
            return f"registered, release {event.version}: {total}, reserve {reserve}"
        case events.HostResized():
            return f"resized: {' -> '.join(alike([before.total, after.total]))}"
        case events.HostReserveSet():
            return f"reserve set: {' -> '.join(alike([before.reserve, after.reserve]))}"
        case events.HostRemoved():
            return "removed"
        case events.HostMemoryGranted():
            return f"gave {size(event.bytes)} to VM {event.vm}, {size(after.free)} left"
        case events.HostMemoryReturned():
            return f"got {size(event.bytes)} back from VM {event.vm}, {size(after.free)} free"
        case events.HostCommandRefused():
            vm = event.arguments.get("vm")
            return f"{event.command}{f' of VM {vm}' if vm else ''} {event.outcome}"
        case _:
            return event.KIND


def _observed(event: observed.Observed) -> str:
    match event:
        case observed.VmObserved():
            told = [f"{name} {about(value)}" for name, value in _figures(event) if value is not None]
            power = [str(event.power)] if event.power is not None else []
            if event.memory is not None:
                told.append(f"memory {setting(event.memory)}")
            if not power + told and event.label is None:
                told = [f"{each.device} {about(each.size)}" for each in event.devices]
            if event.host is not None:
                told.append(f"now on {event.host}")
            if event.name is not None:
                told.append(f"called {event.name}")
            if event.label == observed.FAILED_JOB:
                return f"was to be changed, nobody told how: {event.told}"
            return f"measured: {', '.join(power + told) or (event.label or 'nothing new')}"
        case observed.VmChangeRequested():
            return (
                f"request {event.request}: {direction(event)} of {event.device}{'' if event.accepted else ', refused'}"
            )
        case observed.VmMemoryMoved():
            late = ", late" if event.late else ""
            why = f"for request {event.request}" if event.why is observed.WhyMoved.REQUEST else str(event.why)
            return f"moved {_move(event)}, {why}{late}"
        case observed.VmRequestSettled():
            return f"request {event.request}: {settlement(event)}"
        case observed.VmLost():
            return "was lost: its guest does not answer any more"
        case observed.HostObserved():
            figures = (
                ("total", event.total),
                ("reserve", event.reserve),
                ("budget", event.budget),
                ("free", event.free),
            )
            told = [f"{name} {about(value)}" for name, value in figures if value is not None]
            return f"measured: {', '.join(told) or (event.label or 'nothing new')}"
        case _:
            return event.KIND


def _move(event: observed.VmMemoryMoved) -> str:
    """From where to where; and between what, where many moves are told as one and some went beyond that."""
    ends = event.size_from, event.size_to
    least = min(ends) if event.least is None else min(event.least, *ends)
    most = max(ends) if event.most is None else max(event.most, *ends)
    before, after, least_told, most_told = alike([*ends, least, most])
    if (least, most) == (min(ends), max(ends)):
        return f"{' -> '.join(alike(ends))} of {event.device}"
    beyond = least_told.removesuffix(f" {most_told.rpartition(' ')[2]}")
    return f"{before} -> {after} of {event.device}, between {beyond} and {most_told}"


def _figures(event: observed.VmObserved) -> tuple[tuple[str, int | None], ...]:
    return (
        ("assigned", event.assigned),
        ("visible", event.visible),
        ("in use", event.in_use),
        ("ballooned", event.ballooned),
        ("guest's own total", event.guest_total),
        ("guest's own available", event.guest_available),
    )


def direction(event: observed.VmChangeRequested) -> str:
    """What was asked, as ``+256 MiB (0 MiB -> 256 MiB)``; the target alone where the size then is unknown."""
    if event.size_from is None or event.amount is None:
        return f"to {size(event.target)}"
    before, target = alike([event.size_from, event.target])
    return f"{'+' if event.target >= event.size_from else '-'}{size(event.amount)} ({before} -> {target})"


def settlement(event: observed.VmRequestSettled) -> str:
    """How a request stands, as ``partially-completed, 128 MiB of 256 MiB, memory-in-use (inferred)``."""
    amounts = part(event.granted, event.amount)
    cause = "" if event.code is None else f", {event.code} ({event.cause_is or UNKNOWN})"
    late = ", late" if event.late else ""
    return f"{event.outcome}, {amounts}{cause}{late}{', still open' if event.still_open else ''}"
