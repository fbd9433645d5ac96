"""A change as a story: what was so, what was asked, what came of it, and the figures before and after.

Only the events of the change are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from domain import events
from domain.envelope import Envelope
from domain.events import Decided, Event, HostEvent, HostFigures, HostRead, VmEvent, VmFigures
from domain.observed import events as observed
from nilometer.messages.events import describe, describe_arguments, describe_setting
from nilometer.messages.reasons import explain
from nilometer.messages.sizes import UNKNOWN, format_size, format_sizes
from nilometer.times import shown

_COUNTS = ("session",)


def describe_change(change: Sequence[Envelope[Event]]) -> Iterator[str]:
    """The lines of a story about one change: the events of one command, or all of one observed request."""
    first = change[0]
    event = first.event
    if isinstance(event, Decided):
        yield from _decided(first, event, change)
    else:
        yield from _observed(change)


def _who(envelope: Envelope[Event]) -> str:
    said = envelope.metadata
    why = f', because "{said.reason}"' if said.reason else ""
    return f"{said.actor} via {said.via}{why}"


def _when(envelope: Envelope[Event]) -> str:
    said = envelope.metadata
    if said.earliest is None:
        return shown(said.happened)
    return f"after {shown(said.earliest)} and by {shown(said.happened)}"


# Decided


def _decided(first: Envelope[Event], event: Decided, change: Sequence[Envelope[Event]]) -> Iterator[str]:
    yield f"#{first.position} {describe(first)}"
    yield f"  {_when(first)}, asked by {_who(first)}"
    for line in _let(event):
        yield f"  Let {line}"
    yield f"  Then {_asked(event)}: {event.outcome}"
    trouble = explain(first.stream, event)
    if trouble is not None:
        yield f"  However: {trouble.message}"
        if trouble.hint:
            yield f"    hint: {trouble.hint}"
    for envelope in change:
        told = envelope.event
        yield f"  {envelope.stream}, event {envelope.version}, #{envelope.position}: {describe(envelope)}"
        if isinstance(told, VmEvent | HostEvent):
            for line in _figures(told.before, told.after):
                yield f"    {line}"
    yield f"  Recorded {shown(first.metadata.recorded)}; correlation {first.metadata.correlation}"


def _let(event: Decided) -> Iterator[str]:
    """What was read to decide it."""
    evidence = getattr(event, "evidence", None)
    if not isinstance(evidence, events.Evidence):
        return
    if evidence.vm is not None and isinstance(event, VmEvent) and event.before is not None:
        read = evidence.vm
        told = f"in use {format_size(event.before.in_use)}" if read.in_use_reported else "in use not reported"
        yield (
            f"the VM be {event.before.power}, generation {read.generation}, guest {read.guest}, configuration version "
            f"{read.config_version}, memory {describe_setting(read.memory)}, {told}"
        )
    for name, host in (("host", evidence.host), ("destination", evidence.destination)):
        if host is not None:
            yield _host(name, host)
    if evidence.vms is not None:
        yield f"{evidence.vms} VMs be on the host"


def _host(name: str, host: HostRead) -> str:
    total, reserve, held, free = format_sizes([host.total, host.reserve, host.held, host.free])
    most = "" if host.cap is None else f"; such a VM can have {format_size(host.cap)} there"
    return (
        f"{name} {host.id} (release {host.version}, at event {host.stream_version}) have {total}, reserve {reserve}, "
        f"held by VMs {held}, free {free}{most}"
    )


def _asked(event: Decided) -> str:
    if isinstance(event, VmEvent) and event.requested is not None:
        return (
            f"{event.command} of {format_size(event.requested)} was asked for, and {format_size(event.granted)} granted"
        )
    wanted = describe_arguments(event)
    return f"{event.command}{f' ({wanted})' if wanted else ''} was asked for"


def _figures(before: VmFigures | HostFigures | None, after: VmFigures | HostFigures) -> Iterator[str]:
    """The figures that changed, before and after; then the names of those that did not."""
    same: list[str] = []
    for field in fields(after):
        now = getattr(after, field.name)
        was = None if before is None else getattr(before, field.name)
        name = field.name.replace("_", " ")
        if before is not None and was == now:
            same.append(name)
        elif isinstance(now, int) and field.name not in _COUNTS:
            yield f"{name}: {' -> '.join(format_sizes([was, now]) if before is not None else format_sizes([now]))}"
        else:
            yield f"{name}: {now}" if before is None else f"{name}: {was} -> {now}"
    if same:
        yield f"unchanged: {', '.join(same)}"


# Observed


def _observed(change: Sequence[Envelope[Event]]) -> Iterator[str]:
    for envelope in change:
        yield f"#{envelope.position} {_when(envelope)}: {describe(envelope)}"
        match envelope.event:
            case observed.VmChangeRequested() as event:
                yield f"    asked by {_who(envelope)}"
                if event.asked is not None:
                    yield f"    asked, word for word: {event.asked}"
                if event.answer is not None:
                    yield f"    answered, word for word: {event.answer}"
                yield from _grounds(event.grounds)
            case observed.VmRequestSettled() as event:
                if event.told is not None:
                    yield f"    told, word for word: {event.told}"
                yield from _grounds(event.grounds)
            case observed.VmObserved(told=str(told)) | observed.VmLost(told=str(told)):
                yield f"    told, word for word: {told}"
            case _:
                pass
        record = getattr(envelope.event, "record", None)
        if record is not None:
            yield f"    record {record}"
    yield f"Correlation {change[0].metadata.correlation}"


def _grounds(grounds: observed.Grounds) -> Iterator[str]:
    names = [field.name for field in fields(grounds)]
    known = [(name, getattr(grounds, name)) for name in names if getattr(grounds, name) is not None]
    told = format_sizes([value for _, value in known])
    if known:
        figures = ", ".join(f"{name.replace('_', ' ')} {text}" for (name, _), text in zip(known, told, strict=True))
        yield (
            f"    known then: {figures}; all else {UNKNOWN}"
            if len(known) < len(names)
            else f"    known then: {figures}"
        )


def group_by_change(envelopes: Sequence[Envelope[Event]]) -> list[list[Envelope[Event]]]:
    """Events apart by the change that they belong to: a command's, or all observed ones together."""
    changes: dict[str, list[Envelope[Event]]] = {}
    for envelope in envelopes:
        root = envelope.metadata.causation or envelope.id
        key = root if isinstance(envelope.event, Decided) else ""
        changes.setdefault(key, []).append(envelope)
    return list(changes.values())
