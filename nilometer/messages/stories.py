"""A change as a story: the state before, the request, its outcome, and the figures before and after.

Only the events of the change are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Final

from domain.envelope import Envelope
from domain.events import Decided, Event, Evidence, HostEvent, HostFigures, VmEvent, VmFigures
from domain.observed.events import Grounds, VmChangeRequested, VmLost, VmObserved, VmRequestSettled
from domain.observed.imports import BackupRestored, ImportBegun, ImportRecorded
from domain.observed.settings import NOT_RECORDED
from domain.policy_events import PolicyAdopted, PolicyRetired
from domain.quantities import is_count
from nilometer.messages.decided import describe_arguments
from nilometer.messages.events import describe
from nilometer.messages.policies import describe_code
from nilometer.messages.provenance import describe_actor, describe_reason
from nilometer.messages.reasons import explain
from nilometer.messages.settings import describe_setting
from nilometer.messages.sizes import UNKNOWN, Unit, common_unit, format_part, format_size, format_sizes
from nilometer.times import format_exact_time, format_time

_LIMITS: Final = frozenset(("cap", "block"))
"""Sizes that have a unit of their own: 240 TiB is no measure for a VM of 8 GiB."""


def tell_change(change: Sequence[Envelope[Event]]) -> Iterator[str]:
    """The lines of a story about one change: the events of one command, or all of one observed request."""
    unit = common_unit(count for envelope in change for count in _sizes(envelope.event))
    first = change[0]
    if isinstance(first.event, Decided):
        yield from _tell_decided(first, first.event, change, unit)
    else:
        yield from _tell_observed(change, unit)


def group_by_change(envelopes: Sequence[Envelope[Event]]) -> list[list[Envelope[Event]]]:
    """Events apart by the change that they belong to: a command's, or all observed ones together."""
    changes: dict[str, list[Envelope[Event]]] = {}
    for envelope in envelopes:
        root = envelope.metadata.causation or envelope.id
        key = root if isinstance(envelope.event, Decided) else ""
        changes.setdefault(key, []).append(envelope)
    return list(changes.values())


def _sizes(record: object) -> Iterator[int]:
    """The sizes in a record and its parts."""
    if is_dataclass(record) and not isinstance(record, BackupRestored | ImportBegun | ImportRecorded):
        for field in fields(record):
            value = getattr(record, field.name)
            if type(value) is int and value != NOT_RECORDED and field.name not in _LIMITS and not is_count(field.name):
                yield value
            yield from _sizes(value)


# Decided


def _tell_decided(
    first: Envelope[Event], event: Decided, change: Sequence[Envelope[Event]], unit: Unit
) -> Iterator[str]:
    metadata = first.metadata
    yield f"#{first.position} {describe(first, unit)}"
    yield f"  {format_time(metadata.happened)} · {describe_actor(metadata)}{describe_reason(metadata)}"
    for line in _tell_evidence(event, unit):
        yield f"  Before: {line}"
    yield f"  Request: {_describe_request(event, unit)}"
    yield f"  Outcome: {_describe_outcome(event, unit)}"
    problem = explain(first.stream, event)
    if problem is not None:
        yield f"  Reason: {problem.message}"
        if problem.hint:
            yield f"    hint: {problem.hint}"
    for envelope in change:
        yield f"  {envelope.stream}, event {envelope.version}, #{envelope.position}: {describe(envelope, unit)}"
        if isinstance(envelope.event, VmEvent | HostEvent):
            for line in _tell_figures(envelope.event.before, envelope.event.after, unit):
                yield f"    {line}"
    yield f"  Recorded {format_time(metadata.recorded)}; correlation {metadata.correlation}"


def _tell_evidence(event: Decided, unit: Unit) -> Iterator[str]:
    """What was read to decide it."""
    evidence = getattr(event, "evidence", None)
    if not isinstance(evidence, Evidence):
        return
    if evidence.vm is not None and isinstance(event, VmEvent) and event.before is not None:
        read, figures = evidence.vm, event.before
        in_use = f"in use {format_size(figures.in_use, unit)}" if read.in_use_reported else "in use not reported"
        yield (
            f"the VM was {figures.power}, generation {read.generation}, guest {read.guest}, configuration version "
            f"{read.config_version}, memory {describe_setting(read.memory, unit)}, {in_use}"
        )
    for name, host in (("host", evidence.host), ("destination", evidence.destination)):
        if host is not None:
            total, reserve, held, free = format_sizes([host.total, host.reserve, host.held, host.free], unit)
            yield (
                f"{name} {host.id} (release {host.version}, at event {host.stream_version}) had total {total}, "
                f"reserve {reserve}, held by VMs {held}, free {free}"
            )
            if host.cap is not None:
                yield f"the limit of such a VM on {name} {host.id} was {format_size(host.cap)}"
    if evidence.vms is not None:
        yield f"VMs on the host: {evidence.vms}"


def _describe_request(event: Decided, unit: Unit) -> str:
    if isinstance(event, VmEvent) and event.requested is not None:
        return f"{event.command} {format_size(event.requested, unit)}"
    arguments = describe_arguments(event, unit)
    return f"{event.command} {arguments}" if arguments else event.command


def _describe_outcome(event: Decided, unit: Unit) -> str:
    amount = ""
    if isinstance(event, VmEvent) and event.requested is not None:
        amount = f", {format_part(event.granted, event.requested, unit)}"
    return f"{event.outcome}{amount}{describe_code(event)}"


def _tell_figures(before: VmFigures | HostFigures | None, after: VmFigures | HostFigures, unit: Unit) -> Iterator[str]:
    """The figures that changed, before and after; then the names of those that did not."""
    unchanged: list[str] = []
    for field in fields(after):
        values = [getattr(after, field.name)]
        if before is not None:
            values.insert(0, getattr(before, field.name))
        name = field.name.replace("_", " ")
        if len(values) == 2 and values[0] == values[1]:
            unchanged.append(name)
        elif is_count(field.name) or not isinstance(values[-1], int):
            yield f"{name}: {' -> '.join(map(str, values))}"
        else:
            yield f"{name}: {' -> '.join(format_sizes(values, unit))}"
    if unchanged:
        yield f"unchanged: {', '.join(unchanged)}"


# Observed


def _tell_observed(change: Sequence[Envelope[Event]], unit: Unit) -> Iterator[str]:
    for envelope in change:
        event = envelope.event
        yield f"#{envelope.position} {_describe_interval(envelope)}: {describe(envelope, unit)}"
        if isinstance(event, VmChangeRequested):
            yield f"    requested by {describe_actor(envelope.metadata)}{describe_reason(envelope.metadata)}"
            if event.asked is not None:
                yield f"    request, word for word: {event.asked}"
            if event.answer is not None:
                yield f"    answer, word for word: {event.answer}"
        elif isinstance(event, PolicyAdopted | PolicyRetired):
            yield f"    requested by {describe_actor(envelope.metadata)}{describe_reason(envelope.metadata)}"
        elif isinstance(event, VmRequestSettled | VmObserved | VmLost) and event.told is not None:
            yield f"    reported, word for word: {event.told}"
        if isinstance(event, VmChangeRequested | VmRequestSettled):
            yield from _tell_grounds(event.grounds, unit)
        record = getattr(event, "record", None)
        if record is not None:
            yield f"    source: record {record}"
    yield f"Correlation {change[0].metadata.correlation}"


def _describe_interval(envelope: Envelope[Event]) -> str:
    metadata = envelope.metadata
    if metadata.earliest is None:
        return format_exact_time(metadata.happened)
    return f"after {format_exact_time(metadata.earliest)}, at the latest {format_exact_time(metadata.happened)}"


def _tell_grounds(grounds: Grounds, unit: Unit) -> Iterator[str]:
    names = [field.name for field in fields(grounds)]
    known = {name: getattr(grounds, name) for name in names if getattr(grounds, name) is not None}
    if not known:
        return
    texts = {name: format_size(count, None if name in _LIMITS else unit) for name, count in known.items()}
    figures = ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in texts.items())
    yield f"    known then: {figures}{f'; all else {UNKNOWN}' if len(known) < len(names) else ''}"
