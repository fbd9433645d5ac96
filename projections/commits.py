"""Commands as they were committed: all events of one are recorded together, so half of one was never there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from domain.envelope import Envelope
from domain.events import Decided, Event
from domain.identifiers import UtcTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The events of one command, or one event that was observed."""

    position: int
    """Of its last event: a view at this position shows all of it."""
    positions: tuple[int, ...]
    at: UtcTime
    subjects: tuple[str, ...]
    """The streams that it is recorded on, such as ``vm/web01`` and ``host/hv01``."""
    correlation: str
    says: tuple[str, ...] = ()
    """What its events record, a sentence each."""


def commits(events: Iterable[Envelope[Event]]) -> Iterator[list[Envelope[Event]]]:
    """Events in the order of their positions, those of each commit together."""
    group: list[Envelope[Event]] = []
    for event in events:
        if group and not are_together(group[-1], event):
            yield group
            group = []
        group.append(event)
    if group:
        yield group


def are_together(event: Envelope[Event], following: Envelope[Event]) -> bool:
    """Whether the next event is of the same command."""
    root = following.metadata.causation
    return isinstance(following.event, Decided) and root is not None and root in (event.id, event.metadata.causation)


def commit_of(events: list[Envelope[Event]], says: Iterable[str] = ()) -> Commit:
    """The commit of these events."""
    last = events[-1]
    return Commit(
        position=last.position,
        positions=tuple(event.position for event in events),
        at=max(event.metadata.happened for event in events),
        subjects=tuple(dict.fromkeys(event.stream for event in events)),
        correlation=last.metadata.correlation,
        says=tuple(says),
    )
