"""What somebody requested and how it ended, as data: for programs that read ``nilo log --asked``. Sizes are bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.decision import Code, Outcome
from domain.envelope import Envelope
from domain.events import Event, VmEvent, VmMemoryAdded, VmMemoryRemoved
from domain.observed.events import VmChangeRequested, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.observed.words import UNKNOWN_ACTOR, CauseIs, ObservedCode
from nilometer.errors import UnreadableEvent
from nilometer.ledger.reader import LedgerReader
from nilometer.messages.annotations import read_annotation
from nilometer.messages.requests import find_outcome, summarize_course
from nilometer.views.log import Filter
from projections.requests import RequestCourse
from projections.timeline import entry


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRecord:
    """Memory that moved for a request."""

    position: int
    at: str
    after: str | None
    """The beginning of the interval in which it moved; ``None`` if ``at`` is the moment."""
    size_from: int
    size_to: int
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementRecord:
    """How a request was settled: while it is open it may be settled again, and the last counts."""

    position: int
    at: str
    after: str | None
    granted: int | None
    remaining: int | None
    outcome: Outcome | None
    code: Code | ObservedCode | None
    cause_is: CauseIs | None
    still_open: bool
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """One request, and how it stands. ``None`` is unknown, or does not apply."""

    position: int
    """Of the event that records the request: ``nilo show`` and ``nilo annotate`` take it."""
    vm: str | None
    name: str | None
    """What the VM is called now."""
    host: str | None
    """The host, of a request that names one."""
    actor: str | None
    """Who asked; ``None`` if no source says so."""
    via: str
    reason: str | None
    ticket: str | None
    approved_by: str | None
    correlation: str
    command: str | None
    """The command that Nilometer decided, or the words of the tool."""
    request: int | None
    """Its number: the requests of an observed VM are counted from 1."""
    device: str | None
    size_from: int | None
    target: int | None
    requested: int | None
    """The amount that was asked for."""
    granted: int | None
    outcome: Outcome | None
    """``None`` if it was not recorded how the request ended."""
    code: Code | ObservedCode | None
    cause_is: CauseIs | None
    """How the cause of a short grant is known."""
    message: str | None
    """The words of the source about how it ended."""
    still_open: bool
    late: bool
    asked_after: str | None
    """The beginning of the interval in which it was asked for; ``None`` if ``asked_at`` is the moment."""
    asked_at: str
    settled_after: str | None
    settled_at: str | None
    positions: tuple[int, ...]
    """Of the events that record it, its moves and its settlements."""
    moves: tuple[MoveRecord, ...]
    settlements: tuple[SettlementRecord, ...]
    says: tuple[str, ...]
    """What was requested and how it ended, a sentence each: as ``nilo log --asked`` shows it."""


def read_request(ledger: LedgerReader, envelope: Envelope[Event], names: Mapping[str, str]) -> RequestRecord:
    """Reads a request, from the event that records it and from what followed. ``names`` has the names of VMs."""
    event, listed, metadata = envelope.event, entry(envelope), envelope.metadata
    note = read_annotation(ledger, envelope)
    settlements: list[Envelope[VmRequestSettled]] = []
    moves: list[Envelope[VmMemoryMoved]] = []
    if isinstance(event, VmChangeRequested):
        settlements, moves = find_outcome(ledger, envelope, event)
    course = RequestCourse(asked=envelope, settlements=settlements, moves=moves, annotation=note)
    last = settlements[-1] if settlements else None
    settled = None if last is None else last.event
    parts = list(_find_parts(ledger, envelope))
    positions = {part.version: part.position for part in parts if part.stream == envelope.stream}
    is_decided = not isinstance(event, VmChangeRequested | VmObserved)
    asked = event if isinstance(event, VmChangeRequested) else None
    return RequestRecord(
        position=envelope.position,
        vm=listed.vm,
        name=None if listed.vm is None else names.get(listed.vm),
        host=listed.host,
        actor=None if metadata.actor == UNKNOWN_ACTOR else metadata.actor,
        via=metadata.via,
        reason=note.reason or metadata.reason,
        ticket=note.ticket,
        approved_by=note.approved_by,
        correlation=metadata.correlation,
        command=listed.command if is_decided else None if asked is None else asked.asked,
        request=None if asked is None else asked.request,
        device=None if asked is None else asked.device,
        size_from=None if asked is None else asked.size_from,
        target=None if asked is None else asked.target,
        requested=listed.requested if asked is None else asked.amount,
        granted=listed.granted if settled is None else settled.granted,
        outcome=_outcome_of(event, settled, listed.outcome),
        code=listed.code if settled is None else settled.code,
        cause_is=None if settled is None else settled.cause_is,
        message=event.told if isinstance(event, VmObserved) else None if settled is None else settled.told,
        still_open=settled is not None and settled.still_open,
        late=settled is not None and settled.late,
        asked_after=metadata.earliest,
        asked_at=metadata.happened,
        settled_after=None if last is None else last.metadata.earliest,
        settled_at=metadata.happened if is_decided else None if last is None else last.metadata.happened,
        positions=tuple(sorted({envelope.position, *(part.position for part in parts)})),
        moves=tuple(_moves_of(course, positions)),
        settlements=tuple(_settlements_of(course, positions)),
        says=tuple(line.strip() for line in summarize_course(course).lines()),
    )


def _moves_of(course: RequestCourse, positions: Mapping[int, int]) -> Iterator[MoveRecord]:
    """The moves of a request; a decided command is one, if anything was granted."""
    asked = course.asked
    event = asked.event
    if isinstance(event, VmMemoryAdded | VmMemoryRemoved) and event.granted:
        before = event.before or event.after
        yield MoveRecord(
            position=asked.position,
            at=asked.metadata.happened,
            after=None,
            size_from=before.assigned,
            size_to=event.after.assigned,
            late=False,
        )
    for move in course.moves:
        yield MoveRecord(
            position=positions.get(move.version, 0),
            at=move.metadata.happened,
            after=move.metadata.earliest,
            size_from=move.event.size_from,
            size_to=move.event.size_to,
            late=move.event.late,
        )


def _settlements_of(course: RequestCourse, positions: Mapping[int, int]) -> Iterator[SettlementRecord]:
    """How a request was settled; a decided command is settled by its own event."""
    asked = course.asked
    event = asked.event
    if isinstance(event, VmEvent):
        requested, granted = event.requested, event.granted
        yield SettlementRecord(
            position=asked.position,
            at=asked.metadata.happened,
            after=None,
            granted=granted,
            remaining=None if requested is None or granted is None else requested - granted,
            outcome=event.outcome,
            code=event.code,
            cause_is=None,
            still_open=False,
            late=False,
        )
    for settled in course.settlements:
        yield SettlementRecord(
            position=positions.get(settled.version, 0),
            at=settled.metadata.happened,
            after=settled.metadata.earliest,
            granted=settled.event.granted,
            remaining=settled.event.remaining,
            outcome=settled.event.outcome,
            code=settled.event.code,
            cause_is=settled.event.cause_is,
            still_open=settled.event.still_open,
            late=settled.event.late,
        )


def _find_parts(ledger: LedgerReader, envelope: Envelope[Event]) -> Iterator[Envelope[Event]]:
    """The events of a request: all have its correlation, but others may have it too."""
    event = envelope.event
    for found in ledger.views.log(Filter(correlation=envelope.metadata.correlation)):
        if isinstance(found, UnreadableEvent) or found.position < envelope.position:
            continue
        if isinstance(event, VmChangeRequested):
            part = found.event if found.stream == envelope.stream else None
            if isinstance(part, VmMemoryMoved | VmRequestSettled) and part.request == event.request:
                yield found
        elif found.metadata.causation == envelope.id:
            yield found


def _outcome_of(event: Event, settled: VmRequestSettled | None, outcome: Outcome | None) -> Outcome | None:
    if settled is not None:
        return settled.outcome
    if isinstance(event, VmChangeRequested) and event.accepted is False:
        return Outcome.REJECTED
    return Outcome.FAILED if isinstance(event, VmObserved) else outcome
