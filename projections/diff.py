"""The difference of two moments: which figures changed, and which events changed them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Final

from domain import events
from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import host_stream, vm_stream
from domain.observed.events import VmChangeRequested, VmRequestSettled
from domain.observed.settings import NOT_RECORDED
from projections.view import HostRow, View, VmRow

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


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from one view to another, by path, and the positions of the events that changed it."""

    changes: tuple[FigureChange, ...]
    positions: tuple[int, ...]


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


def _changes(
    table: str, before: Mapping[str, HostRow | VmRow], after: Mapping[str, HostRow | VmRow]
) -> dict[str, list[FigureChange]]:
    found: dict[str, list[FigureChange]] = {}
    for id in before.keys() | after.keys():
        old, new = before.get(id), after.get(id)
        path = f"{table}.{id}"
        if old is None or new is None:
            found[id] = [FigureChange(path, old, new)]
        elif old != new:
            figures_before, figures_after = dict(_figures(old)), dict(_figures(new))
            differing = [
                FigureChange(f"{path}.{name}", figures_before.get(name), figures_after.get(name))
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
