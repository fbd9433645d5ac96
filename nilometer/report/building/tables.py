"""Tables of events: a sentence each, from the renderer of the terminal, and the figures after each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import subject_id
from nilometer.messages.events import describe
from nilometer.messages.provenance import describe_actor, describe_reason
from nilometer.messages.sizes import Unit
from nilometer.report.building.context import Context, bare, to_csv, unit_name
from nilometer.report.collected import ListedEvent, VmMoment
from nilometer.report.data import EventItem, EventTable
from projections.requests import is_request
from projections.series import HostPoint, VmPoint

VM_COLUMNS = ("Assigned", "Guest visible", "High watermark", "In use", "Ballooned")
HOST_COLUMNS = ("Total", "Reserve", "Held", "Free")
_BOOKKEEPING = ("position", "time", "actor", "via", "event")


def sentence(envelope: Envelope[Event], unit: Unit | None = None) -> str:
    """What an event records, without the name of what it is about: its page says that."""
    words = describe(envelope, unit)
    id = subject_id(envelope.stream)
    for subject in (f"VM {id}: ", f"VM {id} ", f"host {id}: ", f"host {id} "):
        if words.startswith(subject):
            return words.removeprefix(subject)
    return words


def vm_figures(point: VmPoint) -> tuple[int | None, ...]:
    """The figures of a VM in the order of their columns."""
    return point.assigned, point.visible, point.high_watermark, point.in_use, point.ballooned


def host_figures(point: HostPoint) -> tuple[int | None, ...]:
    """The figures of a host in the order of their columns."""
    return point.total, point.reserve, point.held, point.free


def event_table(
    context: Context, listed: Sequence[ListedEvent], events: int, unit: Unit, columns: Sequence[str], file: str
) -> EventTable:
    """The table of the events of one VM or host."""
    rows: list[EventItem] = []
    before: tuple[int | None, ...] | None = None
    for index, row in enumerate(listed):
        after = listed[index + 1] if index + 1 < len(listed) else None
        figures, is_on = _figures_of(row)
        shares = after is not None and after.envelope.metadata.happened == row.envelope.metadata.happened
        rows.append(_item(context, row.envelope, unit, figures, before, is_on=is_on, shares=shares))
        if figures is not None and not shares:
            before = figures if is_on else None
    return EventTable(
        columns=tuple(columns),
        rows=tuple(rows),
        left_out=events - len(listed),
        unit=unit_name(unit),
        csv=to_csv(
            (*_BOOKKEEPING, *(column.lower().replace(" ", "_") for column in columns)),
            (_cells(row, len(columns)) for row in listed),
        ),
        file=f"{file}.csv",
    )


def _figures_of(row: ListedEvent) -> tuple[tuple[int | None, ...] | None, bool]:
    """The figures after an event, and whether its VM is on."""
    moment = row.moment
    if isinstance(moment, VmMoment):
        return vm_figures(moment.point), moment.point.is_on
    return (None, True) if moment is None else (host_figures(moment), True)


def _item(
    context: Context,
    envelope: Envelope[Event],
    unit: Unit,
    figures: Sequence[int | None] | None,
    before: Sequence[int | None] | None,
    *,
    is_on: bool,
    shares: bool,
) -> EventItem:
    metadata = envelope.metadata
    cells: tuple[str, ...] = ()
    changed: tuple[bool, ...] = ()
    if not shares and figures is not None:
        cells = tuple(bare(size, unit) for size in figures) if is_on else ("off",)
        if is_on and before is not None:
            changed = tuple(size != last and size is not None for size, last in zip(figures, before, strict=True))
    who = f"{describe_actor(metadata)}{describe_reason(metadata)}" if is_request(envelope.event) else ""
    return EventItem(
        position=envelope.position,
        time=context.clock.clock(metadata.happened),
        says=sentence(envelope, unit),
        who=who,
        flags=tuple(context.findings_of.get(envelope.position, ())),
        cells=cells,
        changed=changed or (False,) * len(cells),
    )


def _cells(row: ListedEvent, columns: int) -> tuple[object, ...]:
    envelope = row.envelope
    figures, _ = _figures_of(row)
    metadata = envelope.metadata
    return (
        envelope.position,
        metadata.happened,
        metadata.actor,
        metadata.via,
        sentence(envelope),
        *(figures or (None,) * columns),
    )


def join_sentences(envelopes: Iterable[Envelope[Event]], say: Callable[[Envelope[Event]], str]) -> str:
    """What happened at one instant."""
    return "; ".join(map(say, envelopes))
