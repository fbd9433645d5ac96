"""What an observed event records, in one sentence: what was measured, requested and moved, and what imports did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.decision import Outcome
from domain.envelope import Envelope, Metadata
from domain.event import Event
from domain.observed.events import (
    HostInventoried,
    HostNotWatched,
    HostObserved,
    HostRetired,
    HostWatched,
    VmAnnotated,
    VmChangeRequested,
    VmCheckpoint,
    VmLost,
    VmMemoryMoved,
    VmMemoryShort,
    VmNotListed,
    VmObserved,
    VmRequestSettled,
    VmRetired,
)
from domain.observed.imports import BackupRestored, ImportBegun, ImportRecorded
from domain.observed.words import (
    CONTRADICTED,
    FAILED_JOB,
    OWN_CHANGE,
    SHORT_RESTART,
    STATED,
    CauseIs,
    ObservedCode,
    WhyMoved,
)
from nilometer.messages.provenance import describe_annotation
from nilometer.messages.settings import describe_setting
from nilometer.messages.sizes import UNKNOWN, Unit, format_part, format_rounded, format_size, format_sizes, plural
from nilometer.times import format_time

_ANSWERS: Final = {
    True: "",
    False: ", refused by the hypervisor",
    None: ", and the line broke before an answer came",
}
"""How a hypervisor answered a request, by whether it accepted it."""
_LOG_EVENTS: Final = {
    "Hyper-V-Worker 18590": "had a crash of its guest",
    "Hyper-V-Worker 18617": "was reset by the watchdog",
    "Hyper-V-VMMS 13002": "was created",
    "Hyper-V-VMMS 18304": "was created",
    "Hyper-V-VMMS 13003": "was deleted",
    "Hyper-V-VMMS 14070": "lost its worker process",
    "Hyper-V-VMMS 18303": "was exported",
    "Hyper-V-VMMS 20415": "was migrated",
}
"""What an event of Hyper-V's logs says of a VM, in words."""


def describe_observed(envelope: Envelope[Event], subject: str, unit: Unit | None) -> str:
    """What was observed; ``subject`` names the host or VM."""
    event = envelope.event
    match event:
        case ImportBegun():
            return f"{event.file} ({event.format}, {format_size(event.size)}): the import began"
        case BackupRestored():
            kept = (
                f"it goes on after {plural(event.events, 'event')}; {event.sealed} of them sealed as {event.sealed_as}"
            )
            return f"the ledger was restored from the backup {event.file}: {kept}"
        case ImportRecorded():
            counts = f"{plural(event.records, 'record')}, {plural(event.events, 'event')}"
            return f"{event.file} ({event.format}) was imported: {counts}"
        case VmCheckpoint():
            done = "was applied: what the VM had then comes back" if event.applied else "was taken"
            return f"{subject}: the checkpoint {event.name} {done}"
        case VmObserved():
            return f"{subject} {_describe_vm_measurement(event, unit)}"
        case HostObserved() if event.label == STATED:
            return f"{subject}: its reserve was stated: {format_size(event.reserve, unit)}"
        case HostObserved():
            figures = _describe_figures(_host_figures(event), unit)
            return f"{subject} was measured: {figures or event.label or 'no new figures'}"
        case VmLost():
            return f"{subject} was lost: its guest no longer responds"
        case VmNotListed():
            return f"{subject} is no longer listed by host {event.host}, nor by another host"
        case VmMemoryShort():
            return f"{subject} {_describe_shortage(event, unit)}"
        case VmAnnotated():
            return f"{subject}: a note on its event {event.about}{describe_annotation(event)}"
        case HostInventoried():
            parts = [f"booted {format_time(event.booted)}"] if event.booted is not None else []
            parts += [f"in the cluster {event.cluster}"] if event.cluster is not None else []
            if event.numa_spanning is not None:
                parts.append(f"NUMA spanning is {'on' if event.numa_spanning else 'off'}")
            if event.numa_nodes:
                parts.append(f"NUMA nodes of {', '.join(format_sizes(event.numa_nodes, unit))}")
            return f"{subject}: {', '.join(parts) or 'nothing new of itself'}"
        case VmRetired() | HostRetired():
            return f"{subject} was retired: it is gone for good"
        case HostNotWatched():
            since = envelope.metadata.earliest or envelope.metadata.happened
            return f"{subject} was not watched from {format_time(since)} to {format_time(envelope.metadata.happened)}"
        case HostWatched():
            until = format_time(envelope.metadata.happened)
            return f"{subject} was watched from {format_time(event.since)} to {until}: {plural(event.polls, 'poll')}"
        case VmChangeRequested():
            answer = _ANSWERS[event.accepted]
            return f"{subject}: request {event.request} for {event.device}: {describe_request(event, unit)}{answer}"
        case VmMemoryMoved():
            return f"{subject}: {_describe_move(event, unit, envelope.metadata)}"
        case VmRequestSettled():
            return f"{subject}: request {event.request}: {describe_settlement(event, unit)}"
        case _:
            return f"{envelope.stream} {event.KIND}"


def _describe_vm_measurement(event: VmObserved, unit: Unit | None) -> str:
    if event.label == FAILED_JOB:
        return f"was to be changed, which failed (details not recorded): {event.told}"
    happened = _LOG_EVENTS.get(event.told or "")
    parts = [str(event.power)] if event.power is not None else []
    if event.session is not None and event.session > 1:
        parts.append(f"session {event.session}")
    parts += filter(None, [_describe_figures(_vm_figures(event), unit)])
    if event.memory is not None:
        parts.append(f"memory {describe_setting(event.memory, unit)}")
    if not parts and event.label is None:
        parts += filter(None, [_describe_figures([(device.device, device.size) for device in event.devices], unit)])
    if event.host is not None:
        parts.append(f"on host {event.host}")
    if event.name is not None:
        parts.append(f"named {event.name}")
    if event.label == SHORT_RESTART:
        parts.append(f"{event.label}: Smart Paging may make up for the rest")
    if event.label == CONTRADICTED and event.told is not None:
        parts.append(event.told)
    if event.label == OWN_CHANGE and event.told is not None and not parts:
        return f"had a recorded command: {event.told}"
    if event.label == OWN_CHANGE and event.told is not None:
        parts.append(f"a recorded command: {event.told}")
    if happened is not None:
        return ": ".join(filter(None, [f"{happened} ({event.told})", ", ".join(parts)]))
    reported = event.label or event.told
    if not parts and reported is not None and not event.devices:
        return f"reported {reported}"
    return f"was measured: {', '.join(parts) or event.label or 'no new figures'}"


def _vm_figures(event: VmObserved) -> list[tuple[str, int | None]]:
    return [
        ("assigned", event.assigned),
        ("visible", event.visible),
        ("in use", event.in_use),
        ("ballooned", event.ballooned),
        ("guest's own total", event.guest_total),
        ("guest's own available", event.guest_available),
    ]


def _host_figures(event: HostObserved) -> list[tuple[str, int | None]]:
    return [("total", event.total), ("reserve", event.reserve), ("budget", event.budget), ("free", event.free)]


def _describe_figures(figures: Sequence[tuple[str, int | None]], unit: Unit | None) -> str:
    """The figures that are known, as ``assigned 4 GiB, visible 4 GiB``."""
    known = [(name, count) for name, count in figures if count is not None]
    texts = format_sizes([count for _, count in known], unit)
    return ", ".join(f"{name} {text}" for (name, _), text in zip(known, texts, strict=True))


def _describe_move(event: VmMemoryMoved, unit: Unit | None, metadata: Metadata) -> str:
    """From where to where and why; and how far, where one event records many moves and some went beyond that."""
    ends = event.size_from, event.size_to
    least = min(ends) if event.least is None else min(event.least, *ends)
    most = max(ends) if event.most is None else max(event.most, *ends)
    before, after, lowest, highest = format_sizes([*ends, least, most], unit)
    beyond = "" if (least, most) == (min(ends), max(ends)) else f" (lowest {lowest}, highest {highest})"
    causes = {
        WhyMoved.BALANCER: "by Dynamic Memory",
        WhyMoved.CHECKPOINT: "by a checkpoint",
        WhyMoved.UNASKED: "without a request",
    }
    cause = causes.get(event.why, f"for request {event.request}")
    if event.swings is not None:
        since = "" if metadata.earliest is None else f" since {format_time(metadata.earliest)}"
        return f"{event.device} swings between {lowest} and {highest}{since}, {event.swings} times, {cause}"
    moves = "" if event.moves is None or event.moves == 1 else f", {event.moves} moves"
    tightest = event.tightest
    if moves and tightest is not None and tightest.in_use is not None:
        in_use, assigned = format_sizes([tightest.in_use, tightest.assigned], unit)
        moves += f", tightest at {format_time(tightest.at)} with {in_use} of {assigned} in use"
    return f"{event.device} {before} -> {after}{beyond}{moves}, {cause}{', late' if event.late else ''}"


def _describe_shortage(event: VmMemoryShort, unit: Unit | None) -> str:
    """Since when a guest is short of memory and by what, or that it no longer is."""
    figures: list[str] = []
    if event.available is not None:
        figures.append(f"{format_rounded(event.available, unit)} available")
    if event.pressure is not None:
        figures.append(f"pressure {event.pressure} %")
    now = f" ({', '.join(figures)})" if figures else ""
    if event.over:
        return f"is no longer short of memory{now}"
    return f"is short of memory since {format_time(event.since)}{now}"


def describe_request(event: VmChangeRequested, unit: Unit | None = None) -> str:
    """What was requested, as ``+256 MiB (0 MiB -> 256 MiB)``; the target alone if the size then is unknown."""
    if event.size_from is None or event.amount is None:
        return f"to {format_size(event.target, unit)}"
    amount, before, target = format_sizes([event.amount, event.size_from, event.target], unit)
    sign = "+" if event.target >= event.size_from else "-"
    return f"{'~' if amount.startswith('~') else ''}{sign}{amount.removeprefix('~')} ({before} -> {target})"


def describe_settlement(event: VmRequestSettled, unit: Unit | None = None) -> str:
    """The outcome of a request so far, as ``partially-completed, 128 MiB of 256 MiB, memory-in-use (inferred)``."""
    cause = "" if event.code is None else f", {describe_cause(event)}"
    late = ", late" if event.late else ""
    still_open = ", still open" if event.still_open else ""
    near = ""
    if event.outcome is Outcome.COMPLETED and event.remaining and event.grounds.block is not None:
        near = f", as near as the guest's pages of {format_size(event.grounds.block)} allow"
    return f"{event.outcome}, {format_part(event.granted, event.amount, unit)}{near}{cause}{late}{still_open}"


def describe_cause(event: VmRequestSettled) -> str:
    """Why a request fell short, as ``memory-in-use (inferred)``."""
    if event.code is ObservedCode.NOT_REPORTED:
        return "cause not recorded"
    return f"{event.code} ({'reported' if event.cause_is is CauseIs.REPORTED else event.cause_is or UNKNOWN})"
