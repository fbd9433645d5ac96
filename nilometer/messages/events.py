"""What an event tells, in one sentence. Only the event itself is read."""

from __future__ import annotations

from domain import events
from domain.envelope import Envelope
from domain.events import Argument, Event
from domain.identifiers import split_stream
from domain.observed import events as observed
from domain.settings import MemorySetting, Mode
from nilometer.messages.sizes import UNKNOWN, format_part, format_rounded, format_size, format_sizes


def describe(envelope: Envelope[Event]) -> str:
    """An event in one sentence, without when, who and why."""
    kind, id = split_stream(envelope.stream)
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


def describe_setting(memory: MemorySetting) -> str:
    """A memory setting in words."""
    if memory.mode is Mode.STATIC:
        return f"static, {format_rounded(memory.startup)}"
    least, first, most = format_sizes([memory.minimum, memory.startup, memory.maximum])
    return f"dynamic, {least} to {most}, startup {first}, buffer {memory.buffer} percent, weight {memory.weight}"


def _amount(event: events.VmEvent) -> str:
    return format_part(event.granted, event.requested)


def _vm_event(event: events.VmEvent) -> str:
    before, after = event.before or event.after, event.after
    from_to = " -> ".join(format_sizes([before.assigned, after.assigned]))
    match event:
        case events.VmDefined():
            what = f"generation {event.generation}, {event.guest}, {describe_setting(event.memory)}"
            return f"defined on host {event.host}: {what}"
        case events.VmMemoryConfigured():
            return f"configured: {describe_setting(event.memory)}"
        case events.VmGuestConfigured():
            return f"configured: guest {event.guest}, configuration version {event.config_version}"
        case events.VmRemoved():
            return "removed"
        case events.VmStarted():
            return f"started with {format_size(after.assigned)}, session {after.session}"
        case events.VmRebooted():
            return f"rebooted, session {after.session}: {from_to}"
        case events.VmRestored():
            return f"restored with {format_size(after.assigned)}"
        case events.VmStopped():
            return f"stopped: {from_to}"
        case events.VmSaved():
            return f"saved with {format_size(after.assigned)}"
        case events.VmPaused():
            return "paused"
        case events.VmResumed():
            return "resumed"
        case events.VmInUseReported():
            return f"uses {format_size(event.in_use)} of {format_size(after.assigned)}"
        case events.VmMemoryAdded():
            return f"was given {_amount(event)}: {from_to}"
        case events.VmMemoryRemoved():
            paged = f", {format_size(event.paged)} paged out" if event.paged else ""
            return f"gave {_amount(event)} by {event.mechanism}: {from_to}{paged}"
        case events.VmMoved():
            return f"moved from host {event.source} to host {event.destination}"
        case events.VmCommandRefused():
            asked = "" if event.requested is None else f" of {format_size(event.requested)}"
            return f"{event.command}{asked} {event.outcome}"
        case _:
            return event.KIND


def _host_event(event: events.HostEvent) -> str:
    before, after = event.before or event.after, event.after
    match event:
        case events.HostRegistered():
            total, reserve = format_sizes([event.total, event.reserve])
            return f"registered, release {event.version}: {total}, reserve {reserve}"
        case events.HostResized():
            return f"resized: {' -> '.join(format_sizes([before.total, after.total]))}"
        case events.HostReserveSet():
            return f"reserve set: {' -> '.join(format_sizes([before.reserve, after.reserve]))}"
        case events.HostRemoved():
            return "removed"
        case events.HostMemoryGranted():
            return f"gave {format_size(event.bytes)} to VM {event.vm}, {format_size(after.free)} left"
        case events.HostMemoryReturned():
            return f"got {format_size(event.bytes)} back from VM {event.vm}, {format_size(after.free)} free"
        case events.HostCommandRefused():
            vm = event.arguments.get("vm")
            return f"{event.command}{f' of VM {vm}' if vm else ''} {event.outcome}"
        case _:
            return event.KIND


def _observed(event: observed.Observed) -> str:
    match event:
        case observed.VmObserved():
            told = [f"{name} {format_rounded(value)}" for name, value in _figures(event) if value is not None]
            power = [str(event.power)] if event.power is not None else []
            if event.memory is not None:
                told.append(f"memory {describe_setting(event.memory)}")
            if not power + told and event.label is None:
                told = [f"{each.device} {format_rounded(each.size)}" for each in event.devices]
            if event.host is not None:
                told.append(f"now on {event.host}")
            if event.name is not None:
                told.append(f"called {event.name}")
            if event.label == observed.FAILED_JOB:
                return f"was to be changed, nobody told how: {event.told}"
            return f"measured: {', '.join(power + told) or (event.label or 'nothing new')}"
        case observed.VmChangeRequested():
            refused = "" if event.accepted else ", refused"
            return f"request {event.request}: {describe_request(event)} of {event.device}{refused}"
        case observed.VmMemoryMoved():
            late = ", late" if event.late else ""
            why = f"for request {event.request}" if event.why is observed.WhyMoved.REQUEST else str(event.why)
            return f"moved {_move(event)}, {why}{late}"
        case observed.VmRequestSettled():
            return f"request {event.request}: {describe_settlement(event)}"
        case observed.VmLost():
            return "was lost: its guest does not answer any more"
        case observed.HostObserved():
            figures = (
                ("total", event.total),
                ("reserve", event.reserve),
                ("budget", event.budget),
                ("free", event.free),
            )
            told = [f"{name} {format_rounded(value)}" for name, value in figures if value is not None]
            return f"measured: {', '.join(told) or (event.label or 'nothing new')}"
        case _:
            return event.KIND


def _move(event: observed.VmMemoryMoved) -> str:
    """From where to where; and between what, where many moves are told as one and some went beyond that."""
    ends = event.size_from, event.size_to
    least = min(ends) if event.least is None else min(event.least, *ends)
    most = max(ends) if event.most is None else max(event.most, *ends)
    before, after, least_told, most_told = format_sizes([*ends, least, most])
    if (least, most) == (min(ends), max(ends)):
        return f"{' -> '.join(format_sizes(ends))} of {event.device}"
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


def describe_request(event: observed.VmChangeRequested) -> str:
    """What was asked, as ``+256 MiB (0 MiB -> 256 MiB)``; the target alone where the size then is unknown."""
    if event.size_from is None or event.amount is None:
        return f"to {format_size(event.target)}"
    before, target = format_sizes([event.size_from, event.target])
    return f"{'+' if event.target >= event.size_from else '-'}{format_size(event.amount)} ({before} -> {target})"


def describe_settlement(event: observed.VmRequestSettled) -> str:
    """How a request stands, as ``partially-completed, 128 MiB of 256 MiB, memory-in-use (inferred)``."""
    amounts = format_part(event.granted, event.amount)
    cause = "" if event.code is None else f", {event.code} ({event.cause_is or UNKNOWN})"
    late = ", late" if event.late else ""
    return f"{event.outcome}, {amounts}{cause}{late}{', still open' if event.still_open else ''}"


_SIZES = ("size", "total", "reserve", "in_use")
_SAID_BY_THE_COMMAND = (*_SIZES, "memory")
"""Arguments that need no name where they are the only one."""


def describe_arguments(event: Event) -> str:
    """What was asked for, as ``total 64 GiB, reserve 2.25 GiB``; empty where the command's name says it all."""
    match event:
        case events.VmCommandRefused() | events.HostCommandRefused():
            return _arguments({name: value for name, value in event.arguments.items() if name != "vm"})
        case events.HostRegistered():
            total, reserve = format_sizes([event.total, event.reserve])
            return f"version {event.version}, total {total}, reserve {reserve}"
        case events.HostResized():
            return format_size(event.total)
        case events.HostReserveSet():
            return format_size(event.reserve)
        case events.VmDefined():
            guest = f"guest {event.guest}, config version {event.config_version}"
            return f"on {event.host}, generation {event.generation}, {guest}, memory {describe_setting(event.memory)}"
        case events.VmMemoryConfigured():
            return describe_setting(event.memory)
        case events.VmGuestConfigured():
            return f"guest {event.guest}, config version {event.config_version}"
        case events.VmInUseReported():
            return format_size(event.in_use)
        case events.VmMoved():
            return f"to {event.destination}"
        case _:
            return ""


def _arguments(given: dict[str, Argument]) -> str:
    alone = len(given) == 1
    return ", ".join(
        _written(name, value) if alone and name in _SAID_BY_THE_COMMAND else f"{_name(name)} {_written(name, value)}"
        for name, value in given.items()
    )


def _name(argument: str) -> str:
    return argument.replace("_", " ")


def _written(name: str, value: Argument) -> str:
    if isinstance(value, dict):
        return ", ".join(_setting(mode, figures) for mode, figures in value.items())
    return format_size(value) if isinstance(value, int) and name in _SIZES else str(value)


def _setting(mode: str, figures: dict[str, int]) -> str:
    if mode == Mode.STATIC:
        return f"static, {format_size(figures['size'])}"
    return describe_setting(MemorySetting(mode=Mode.DYNAMIC, **figures))
