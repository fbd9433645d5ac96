"""Requests as spans: who asked for what, what moved, how it was settled."""

from __future__ import annotations

from domain.decision import Outcome
from domain.identifiers import UtcTime
from domain.observed.events import VmRequestSettled
from nilometer.messages.provenance import describe_actor, describe_reason
from nilometer.messages.requests import summarize_course
from nilometer.report.building.context import signed
from nilometer.report.clocks import Clock24
from nilometer.report.series import RequestEnd, RequestMove, RequestSpan, RequestState
from projections.requests import RequestCourse

_STATES: dict[Outcome | None, RequestState] = {
    Outcome.COMPLETED: "completed",
    Outcome.PARTIALLY_COMPLETED: "partial",
    Outcome.FAILED: "failed",
    Outcome.REJECTED: "rejected",
    Outcome.DONE: "completed",
    None: "open",
}


def state_of(course: RequestCourse) -> RequestState:
    """How a request stands. One that is still open and has something is partly granted."""
    return _STATES[course.outcome]


def describe_course(course: RequestCourse) -> str:
    """How a request went, in a sentence."""
    summary = summarize_course(course)
    return "; ".join(summary.outcomes)


def describe_asker(course: RequestCourse) -> str:
    """Who asked, with which tool, and why, with what was added later."""
    metadata = course.asked.metadata
    return f"{describe_actor(metadata)}{describe_reason(metadata)}{summarize_course(course).annotation}"


def request_span(course: RequestCourse, clock: Clock24) -> RequestSpan:
    """A request as a chart takes it."""
    asked = course.asked
    ends = [_end(settled.position, settled.event, settled.metadata.happened) for settled in course.settlements]
    moves = [
        RequestMove(
            time=move.metadata.happened,
            position=move.position,
            size=abs(move.event.size_to - move.event.size_from),
            late=move.event.late,
        )
        for move in course.moves
    ]
    if not ends and not course.is_open:
        happened = asked.metadata.happened
        ends = [RequestEnd(time=happened, position=asked.position, state=state_of(course), granted=course.granted)]
        if course.granted:
            moves = [RequestMove(time=happened, position=asked.position, size=course.granted)]
    return RequestSpan(
        position=asked.position,
        asked=asked.metadata.happened,
        amount=course.amount,
        title=signed(course.amount),
        clock=clock.clock(asked.metadata.happened),
        who=describe_asker(course),
        state=state_of(course),
        says=describe_course(course),
        moves=tuple(moves),
        ends=tuple(ends),
        closed=course.closed,
    )


def _end(position: int, event: VmRequestSettled, time: UtcTime) -> RequestEnd:
    return RequestEnd(time=time, position=position, state=_STATES[event.outcome], granted=event.granted)
