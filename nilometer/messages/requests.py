"""What somebody requested and its outcomes: one at once where Nilometer decides, several over time elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.envelope import Envelope
from domain.events import Decided, Event
from domain.identifiers import seconds_between, split_stream
from domain.observed.events import VmChangeRequested, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.observed.words import UNKNOWN_ACTOR
from nilometer.errors import UnreadableEvent
from nilometer.ledger.reader import LedgerReader
from nilometer.messages.annotations import read_annotation
from nilometer.messages.decided import describe_arguments
from nilometer.messages.events import describe
from nilometer.messages.observed import describe_request, describe_settlement
from nilometer.messages.policies import describe_code
from nilometer.messages.provenance import describe_actor, describe_annotation, describe_reason, describe_time
from nilometer.messages.sizes import common_unit, format_part, format_size, format_sizes
from nilometer.times import format_duration, format_time, format_time_near
from projections.requests import RequestCourse
from projections.timeline import TimelineEntry, entry

LONGEST_QUOTE: Final = 160
"""Characters of what a hypervisor said that are shown in a summary; `nilo show` has them all."""

_UNSETTLED: Final = {
    True: "outcome not recorded",
    False: "refused by the hypervisor",
    None: "the line broke: nobody knows whether it was done",
}
"""What is said of a request that never settled, by whether it was accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSummary:
    """One request. The last of its ``outcomes``, each in words, counts."""

    envelope: Envelope[Event]
    subject: str
    """The id of the VM, or ``host`` and its id."""
    change: str
    """What was requested; empty if no source recorded it."""
    outcomes: tuple[str, ...]
    annotation: str = ""
    """What was added to it later, as the end of a sentence."""

    def lines(self) -> list[str]:
        """The summary for people: the request in one line, then each outcome in a line of its own."""
        metadata = self.envelope.metadata
        actor = describe_actor(metadata)
        event = self.envelope.event
        is_recorded = isinstance(event, VmChangeRequested) and event.asked is not None
        if (
            metadata.actor == UNKNOWN_ACTOR and metadata.earliest is not None and not is_recorded
        ):  # seen by its effect only
            end = format_time_near(metadata.happened, metadata.earliest)
            request = f"between {format_time(metadata.earliest)} and {end} · {actor} changed {self.subject}"
        else:
            request = f"{describe_time(metadata)} · {actor} requested"
            request += f" for {self.subject}" if self.change else f" a change to {self.subject} (details not recorded)"
        change = f": {self.change}" if self.change else ""
        first = f"#{self.envelope.position} {request}{change}{describe_reason(metadata)}{self.annotation}"
        return [first, *[f"    {outcome}" for outcome in self.outcomes]]


def summarize(ledger: LedgerReader, envelope: Envelope[Event]) -> RequestSummary:
    """The summary of a request, from the event that records it and from what followed on its stream."""
    course = RequestCourse(asked=envelope, annotation=read_annotation(ledger, envelope))
    if isinstance(envelope.event, VmChangeRequested):
        course.settlements, course.moves = find_outcome(ledger, envelope, envelope.event)
    return summarize_course(course)


def summarize_course(course: RequestCourse) -> RequestSummary:
    """The summary of a request and of what followed."""
    envelope, settlements, moves = course.asked, course.settlements, course.moves
    listed = entry(envelope)
    kind, id = split_stream(envelope.stream)
    subject = id if kind == "vm" else listed.vm or f"host {id}"
    event = envelope.event
    if isinstance(event, VmObserved):  # a job that failed: nothing else is known of it
        change, outcomes = "", [f"failed: {event.told}"]
    elif isinstance(event, VmChangeRequested):
        settled = [size for settlement in settlements for size in (settlement.event.granted, settlement.event.amount)]
        unit = common_unit([event.amount, event.size_from, event.target, *settled])
        change = describe_request(event, unit)
        outcomes = [
            f"{_describe_delay(envelope, settlement)}: {describe_settlement(settlement.event, unit)}"
            f"{_quote(settlement.event.told)}"
            for settlement in settlements
        ]
        outcomes += _describe_moves(event, moves)
        outcomes = outcomes or [_UNSETTLED[event.accepted]]
    else:
        change, outcomes = _describe_command(listed, envelope), [_describe_outcome(listed, envelope.event)]
    return RequestSummary(
        envelope=envelope,
        subject=subject,
        change=change,
        outcomes=tuple(outcomes),
        annotation="" if course.annotation is None else describe_annotation(course.annotation),
    )


def find_outcome(
    ledger: LedgerReader, envelope: Envelope[Event], request: VmChangeRequested
) -> tuple[list[Envelope[VmRequestSettled]], list[Envelope[VmMemoryMoved]]]:
    """The settlements of a request, in order: the last of them counts; and its moves. The next request ends both."""
    settlements: list[Envelope[VmRequestSettled]] = []
    moves: list[Envelope[VmMemoryMoved]] = []
    for later in ledger.read_stream(envelope.stream, after=envelope.version):
        if isinstance(later, UnreadableEvent):
            continue
        event = later.event
        if isinstance(event, VmMemoryMoved) and event.request == request.request:
            move = Envelope(
                stream=later.stream,
                version=later.version,
                event=event,
                metadata=later.metadata,
                position=later.position,
            )
            moves.append(move)
        if isinstance(event, VmChangeRequested) and event.accepted is not False and event.device == request.device:
            break
        if isinstance(event, VmRequestSettled) and event.request == request.request:
            settlement = Envelope(
                stream=later.stream,
                version=later.version,
                event=event,
                metadata=later.metadata,
                position=later.position,
            )
            settlements.append(settlement)
    return settlements, moves


def _describe_moves(request: VmChangeRequested, moves: Sequence[Envelope[VmMemoryMoved]]) -> list[str]:
    """What is odd about the moves of a request: that they swing about its target, or went beyond it."""
    swings = [move for move in moves if move.event.swings is not None]
    if swings:
        sizes = [size for move in swings for size in (move.event.least, move.event.most) if size is not None]
        least, most = format_sizes([min(sizes), max(sizes)], None)
        since = format_time(swings[0].metadata.earliest or swings[0].metadata.happened)
        times = sum(move.event.swings or 0 for move in swings)
        return [f"swings between {least} and {most} since {since}, {times} times"]
    if not moves or request.size_from is None:
        return []
    size = moves[-1].event.size_to
    excess = size - request.target if request.target > request.size_from else request.target - size
    return [f"{format_size(excess)} beyond the target"] if excess > 0 else []


def _describe_command(listed: TimelineEntry, envelope: Envelope[Event]) -> str:
    command = listed.command or describe(envelope)
    if listed.requested is not None:
        return f"{command} {format_size(listed.requested, common_unit([listed.requested, listed.granted]))}"
    arguments = describe_arguments(envelope.event)
    return f"{command} {arguments}" if arguments else command


def _describe_outcome(listed: TimelineEntry, event: Event) -> str:
    amount = "" if listed.requested is None else f", {format_part(listed.granted, listed.requested)}"
    return f"{listed.outcome}{amount}{describe_code(event) if isinstance(event, Decided) else ''}"


def _quote(words: str | None) -> str:
    """What the hypervisor said, word for word; of a long text the beginning."""
    text = " ".join((words or "").split())
    if len(text) > LONGEST_QUOTE:
        text = f"{text[: LONGEST_QUOTE - 1]}…"
    return f': "{text}"' if text else ""


def _describe_delay(request: Envelope[Event], settlement: Envelope[VmRequestSettled]) -> str:
    """How long after the request: where only intervals are known, how long at least and at most."""
    asked, settled = request.metadata, settlement.metadata
    longest = seconds_between(asked.earliest or asked.happened, settled.happened)
    if asked.earliest is None and settled.earliest is None:
        return "at once" if longest < 0.001 else f"after {format_duration(longest)}"
    shortest = max(0.0, seconds_between(asked.happened, settled.earliest or settled.happened))
    if shortest < 0.001:
        return f"within {format_duration(longest)}"
    least, most = format_duration(shortest), format_duration(longest)
    if longest - shortest < longest / 10:
        return f"after {most}"
    number, _, unit = least.partition(" ")
    return f"after {number if most.endswith(f' {unit}') else least} to {most}"
