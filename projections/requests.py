"""Requests with what became of them, in one pass over the events: who asked, what moved, how it was settled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast
from weakref import WeakValueDictionary

from domain.decision import Outcome
from domain.envelope import Envelope
from domain.events import Event, VmCommandRefused, VmMemoryAdded, VmMemoryRemoved
from domain.identifiers import UtcTime, subject_id, vm_id
from domain.observed.events import VmAnnotated, VmChangeRequested, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.observed.words import FAILED_JOB, ObservedCode

_RESIZES = frozenset(("add-memory", "remove-memory", "set-memory", "grow", "reclaim"))
_TAKES = frozenset(("remove-memory", "reclaim"))


@dataclass(slots=True, weakref_slot=True)
class RequestCourse:
    """One request for memory, and what followed. A decided command has none of both lists: its event says it all."""

    asked: Envelope[Event]
    settlements: list[Envelope[VmRequestSettled]] = field(default_factory=list[Envelope[VmRequestSettled]])
    moves: list[Envelope[VmMemoryMoved]] = field(default_factory=list[Envelope[VmMemoryMoved]])
    annotation: VmAnnotated | None = None
    """What people added to it later."""

    @property
    def vm(self) -> str:
        """The id of its VM."""
        return subject_id(self.asked.stream)

    @property
    def amount(self) -> int | None:
        """How much was asked for; below 0 if it was asked to give that back. ``None`` if it is not recorded."""
        event = self.asked.event
        if isinstance(event, VmChangeRequested):
            if event.amount is None or event.size_from is None:
                return None
            return event.amount if event.target >= event.size_from else -event.amount
        if isinstance(event, VmMemoryAdded):
            return event.requested
        if isinstance(event, VmMemoryRemoved):
            return None if event.requested is None else -event.requested
        if isinstance(event, VmCommandRefused) and event.requested is not None:
            return -event.requested if event.command in _TAKES else event.requested
        return None

    @property
    def granted(self) -> int | None:
        """How much of it moved in the end."""
        event = self.asked.event
        if self.settlements:
            return self.settlements[-1].event.granted
        return event.granted if isinstance(event, VmMemoryAdded | VmMemoryRemoved | VmCommandRefused) else None

    @property
    def outcome(self) -> Outcome | None:
        """How it ended so far; ``None`` while it is not known."""
        event = self.asked.event
        if self.settlements:
            return self.settlements[-1].event.outcome
        if isinstance(event, VmChangeRequested):
            return Outcome.REJECTED if event.accepted is False else None
        if isinstance(event, VmObserved):
            return Outcome.FAILED
        return event.outcome if isinstance(event, VmMemoryAdded | VmMemoryRemoved | VmCommandRefused) else None

    @property
    def is_open(self) -> bool:
        """Whether more may follow."""
        event = self.asked.event
        if not isinstance(event, VmChangeRequested) or event.accepted is False:
            return False
        return not self.settlements or self.settlements[-1].event.still_open

    @property
    def closed(self) -> UtcTime | None:
        """When it was settled for good; ``None`` while it is open."""
        if self.is_open:
            return None
        return (self.settlements[-1] if self.settlements else self.asked).metadata.happened


class RequestCourses:
    """Takes events in order; keeps each request for memory with what became of it."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], RequestCourse] = {}
        self._asked: WeakValueDictionary[tuple[str, int], RequestCourse] = WeakValueDictionary()
        """By stream and version, as long as anybody keeps them: of a long history these are not all."""

    def join(self, later: RequestCourses) -> None:
        """Takes the requests of the stretch of the history that follows."""
        self._open |= later._open
        self._asked.update(later._asked)

    def __getstate__(self) -> tuple[dict[tuple[str, int], RequestCourse], dict[tuple[str, int], RequestCourse]]:
        return self._open, dict(self._asked)

    def __setstate__(
        self, state: tuple[dict[tuple[str, int], RequestCourse], dict[tuple[str, int], RequestCourse]]
    ) -> None:
        self._open, asked = state
        self._asked = WeakValueDictionary(asked.items())

    def take(self, envelope: Envelope[Event]) -> RequestCourse | None:
        """Takes the next event: the request that it records, or one that it settles or serves; else ``None``."""
        event, stream = envelope.event, envelope.stream
        if vm_id(stream) is None:
            return None
        if isinstance(event, VmMemoryMoved):
            course = None if event.request is None else self._open.get((stream, event.request))
            if course is not None:
                course.moves.append(cast("Envelope[VmMemoryMoved]", envelope))
            return course
        if isinstance(event, VmRequestSettled):
            course = self._open.get((stream, event.request))
            if course is not None:
                course.settlements.append(cast("Envelope[VmRequestSettled]", envelope))
                if not event.still_open:
                    del self._open[stream, event.request]
            return course
        if isinstance(event, VmAnnotated):
            course = self._asked.get((stream, event.about))
            if course is not None:
                course.annotation = _merge(course.annotation, event)
            return course
        if not is_request(event):
            return None
        course = RequestCourse(asked=envelope)
        if isinstance(event, VmChangeRequested):
            self._open[stream, event.request] = course
        if not isinstance(event, VmMemoryAdded | VmMemoryRemoved | VmCommandRefused):
            self._asked[stream, envelope.version] = course
        return course


def belongs_to_request(event: Event) -> bool:
    """Whether an event tells how a request went that an earlier event records."""
    if isinstance(event, VmMemoryMoved):
        return event.request is not None
    return isinstance(event, VmRequestSettled | VmAnnotated)


def is_request(event: Event) -> bool:
    """Whether an event records that somebody asked for memory, or to give some back."""
    if isinstance(event, VmCommandRefused):
        return event.command in _RESIZES
    if isinstance(event, VmObserved):
        return event.label == FAILED_JOB
    return isinstance(event, VmMemoryAdded | VmMemoryRemoved | VmChangeRequested)


def is_short(settled: Event) -> bool:
    """Whether an event settles a request with less than was asked for. A later request is no shortage."""
    if isinstance(settled, VmRequestSettled):
        return (
            settled.outcome in (Outcome.PARTIALLY_COMPLETED, Outcome.FAILED)
            and settled.code is not ObservedCode.SUPERSEDED
        )
    if isinstance(settled, VmCommandRefused):
        return settled.command in _RESIZES
    if isinstance(settled, VmMemoryAdded | VmMemoryRemoved):
        return settled.outcome is not Outcome.COMPLETED
    return False


def _merge(known: VmAnnotated | None, added: VmAnnotated) -> VmAnnotated:
    if known is None:
        return added
    return VmAnnotated(
        about=added.about,
        reason=added.reason or known.reason,
        ticket=added.ticket or known.ticket,
        approved_by=added.approved_by or known.approved_by,
    )
