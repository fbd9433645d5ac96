"""Figures over time: what each VM and host had after each event, in one pass."""

from __future__ import annotations

from typing import Any, Final

from domain.aggregates import HistoryError
from nilometer.cli.documents import to_document
from nilometer.cli.output import Output
from nilometer.errors import UnreadableEvent
from nilometer.ledger.reader import LedgerReader
from nilometer.messages.sizes import UNKNOWN, format_sizes
from nilometer.times import format_exact_time
from nilometer.views.tables import Moment
from projections.series import FigurePoint, FleetSeries, VmPoint

_VM_SIZES: Final[tuple[str, ...]] = ("assigned", "visible", "high_watermark", "in_use", "ballooned")
_HOST_SIZES: Final[tuple[str, ...]] = ("total", "reserve", "held", "free")
_FIELDS: Final = (
    "position", "at", "vm", "host", "power", "session", "assigned", "held", "visible", "high_watermark", "in_use",
    "ballooned", "total", "reserve", "free",
)  # fmt: skip


def show_over_time(
    out: Output, ledger: LedgerReader, until: Moment | None, *, vm: str | None, host: str | None
) -> None:
    """Shows the figures after each event, oldest first: of one VM, of a host and the VMs on it, or of all."""
    series = FleetSeries()
    for event in ledger.read_all(0, until if isinstance(until, int) else None):
        if isinstance(event, UnreadableEvent):
            series.fleet.end(event.stream, event.position, event)
            continue
        if isinstance(until, str) and event.metadata.happened > until:
            continue
        try:
            points = series.take(event)
        except HistoryError as error:
            series.fleet.end(event.stream, event.position, error)
            continue
        for point in points:
            if _is_wanted(point, vm, host):
                _show(out, point)


def _is_wanted(point: FigurePoint, vm: str | None, host: str | None) -> bool:
    if vm is not None:
        return isinstance(point, VmPoint) and point.vm == vm
    return host in (None, point.host)


def _show(out: Output, point: FigurePoint) -> None:
    if out.json:
        known: dict[str, Any] = to_document(point)
        out.write_event({name: known.get(name) for name in _FIELDS})
        return
    names, subject = _HOST_SIZES, f"host {point.host}"
    if isinstance(point, VmPoint):
        names, subject = _VM_SIZES, f"VM {point.vm}, {point.power or f'power {UNKNOWN}'}"
    sizes = format_sizes([getattr(point, name) for name in names])
    figures = ", ".join(f"{name.replace('_', ' ')} {size}" for name, size in zip(names, sizes, strict=True))
    out.write_line(f"#{point.position} {format_exact_time(point.at)} · {subject}: {figures}")
