"""The difference of two moments: which figures changed, and which events changed them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Final

from domain import events
from domain.aggregates import HistoryError
from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import host_stream, split_stream, vm_stream
from domain.observed.events import HostWatched, VmChangeRequested, VmRequestSettled
from domain.observed.settings import NOT_RECORDED
from projections.fleet import Fleet
from projections.view import HostRow, View, VmRow, host_row, polled_vm_row

Value = bool | int | str | HostRow | VmRow | None
"""A figure, or a whole row where a host or VM came or went."""

_NO_FIGURES: Final = frozenset({"as_of", "in_use_as_of", "measured", "last_change", "open_requests", "unknown"})
"""The time of a measure is not a figure, nor is why there is none: where they alone differ, nothing changed."""


_WITHOUT_EFFECT: Final = (
    events.VmCommandRefused,
    events.HostCommandRefused,
    VmChangeRequested,
    VmRequestSettled,
)
"""Refusals, requests and settlements move no memory."""


@dataclass(frozen=True, slots=True)
class FigureChange:
    """One figure that differs. ``path`` is like ``vms.web01.assigned``; ``None`` is unknown, or not there."""

    path: str
    before: Value
    after: Value
    by: tuple[int, ...] = ()
    """The positions of the events that changed it, if that was asked for."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from one view to another, by path, and the positions of the events that changed it."""

    changes: tuple[FigureChange, ...]
    positions: tuple[int, ...]
    small: tuple[FigureChange, ...] = ()
    """Changes that are left out because they are small."""


def difference(before: View, after: View, between: Iterable[Envelope[Event]] = ()) -> Difference:
    """What changed from ``before`` to ``after``. ``between`` are the events that only one of them knows."""
    hosts = _changes("hosts", {row.host: row for row in before.hosts}, {row.host: row for row in after.hosts})
    vms = _changes("vms", {row.vm: row for row in before.vms}, {row.vm: row for row in after.vms})
    streams = {host_stream(id) for id in hosts} | {vm_stream(id) for id in vms}
    positions = sorted(
        envelope.position for envelope in between if envelope.stream in streams and _changes_figures(envelope.event)
    )
    changes = [change for rows in (hosts, vms) for id in sorted(rows) for change in rows[id]]
    return Difference(tuple(changes), tuple(positions))


def attribute(fleet: Fleet, between: Iterable[Envelope[Event]]) -> dict[str, tuple[int, ...]]:
    """Which of these events changed each figure, by its path, from a fleet on, which is changed.

    A whole row that came or went has the event after which it is there, or no longer is. An event that cannot follow
    changes nothing, and all others of its stream after it.
    """
    found: dict[str, list[int]] = {}
    known = {("host", id): _figures_of(fleet, "host", id) for id in fleet.hosts}  # a VM may come to any of them
    for envelope in between:
        subjects = _subjects(fleet, envelope)
        for subject in subjects - known.keys():
            known[subject] = _figures_of(fleet, *subject)
        try:
            fleet.apply(envelope)
        except HistoryError as error:
            fleet.end(envelope.stream, envelope.position, error)
            continue
        for subject in sorted(subjects | _subjects(fleet, envelope)):
            before, after = known.get(subject, {}), _figures_of(fleet, *subject)
            known[subject] = after
            for path in before | after:
                if before.get(path) != after.get(path):
                    found.setdefault(path, []).append(envelope.position)
    return {path: tuple(positions) for path, positions in found.items()}


def _subjects(fleet: Fleet, envelope: Envelope[Event]) -> set[tuple[str, str]]:
    """The VM or host of an event, and the host that a VM is on, or the VMs that polls of a host showed."""
    kind, id = split_stream(envelope.stream)
    if kind == "host":
        polled = fleet.on(id) if isinstance(envelope.event, HostWatched) else ()
        return {("host", id), *[("vm", vm) for vm in polled]}
    tracked = fleet.vms.get(id) if kind == "vm" else None
    host = None if tracked is None else tracked.subject.host
    return {("vm", id)} | (set[tuple[str, str]]() if host is None else {("host", host)}) if kind == "vm" else set()


def _figures_of(fleet: Fleet, kind: str, id: str) -> dict[str, Value]:
    if kind == "vm" and id in fleet.vms:
        return {f"vms.{id}": True} | {f"vms.{id}.{name}": value for name, value in _figures(polled_vm_row(fleet, id))}
    if kind == "host" and id in fleet.hosts:
        return {f"hosts.{id}": True} | {f"hosts.{id}.{name}": value for name, value in _figures(host_row(fleet, id))}
    return {}


def _changes(
    table: str, before: Mapping[str, HostRow | VmRow], after: Mapping[str, HostRow | VmRow]
) -> dict[str, list[FigureChange]]:
    found: dict[str, list[FigureChange]] = {}
    for id in before.keys() | after.keys():
        old, new = before.get(id), after.get(id)
        path = f"{table}.{id}"
        if old is None or new is None:
            found[id] = [FigureChange(path=path, before=old, after=new)]
        elif old != new:
            figures_before, figures_after = dict(_figures(old)), dict(_figures(new))
            differing = [
                FigureChange(path=f"{path}.{name}", before=figures_before.get(name), after=figures_after.get(name))
                for name in figures_before | figures_after
                if figures_before.get(name) != figures_after.get(name)
            ]
            if differing:
                found[id] = differing
    return found


def _figures(row: object, prefix: str = "") -> Iterator[tuple[str, Value]]:
    for field in fields(row) if is_dataclass(row) else ():
        value = getattr(row, field.name)
        if field.name in _NO_FIGURES:
            continue
        if is_dataclass(value):
            yield from _figures(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", None if value == NOT_RECORDED else value


def _changes_figures(event: Event) -> bool:
    return not isinstance(event, _WITHOUT_EFFECT)
