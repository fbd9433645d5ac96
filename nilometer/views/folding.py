"""Folding events of which some cannot be read, or cannot follow: their streams end before them, all others go on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from domain.aggregates import HistoryError
from domain.identifiers import split_stream
from nilometer.errors import UnreadableEvent

if TYPE_CHECKING:
    from domain.envelope import Envelope
    from domain.event import Event
    from nilometer.storage.reader import ReadEvent
    from projections.fleet import Fleet


def fold(fleet: Fleet, events: Iterable[ReadEvent], *, dense: bool = True) -> Fleet:
    """Applies events to a fleet, in order, and returns it. ``Fleet.ended`` names the streams that came to an end.

    If they are ``dense``, all events after those that the fleet has, one that is missing ends its stream too.
    """
    for event in events:
        if isinstance(event, UnreadableEvent):
            fleet.end(event.stream, event.position, event)
            continue
        try:
            if dense:
                check_version(event, _version(fleet, event.stream))
            fleet.apply(event)
        except HistoryError as error:
            fleet.end(event.stream, event.position, cannot_follow(event, error))
    return fleet


def _version(fleet: Fleet, stream: str) -> int | None:
    kind, id = split_stream(stream)
    tracked = fleet.vms.get(id) if kind == "vm" else fleet.hosts.get(id) if kind == "host" else None
    return None if tracked is None else tracked.subject.version


def check_version(event: Envelope[Event], before: int | None) -> None:
    """Raises ``HistoryError`` if events of a stream are missing before an event; ``before`` is what its stream has.

    Where that is ``None``, nothing is known of the stream: it begins, was removed, or is neither a host's nor a VM's.
    """
    if event.version != (before or 0) + 1 and split_stream(event.stream)[0] in ("vm", "host"):
        raise HistoryError(f"events of {event.stream} are missing before it")


def cannot_follow(event: Envelope[Event], error: HistoryError) -> HistoryError:
    """The error of an event that can be read, and not be applied to what was before it, with its place."""
    place = f"event {event.id} at position {event.position}"
    message = error.message if error.message.startswith(place) else f"{place} cannot follow: {error.message}"
    return HistoryError(message, hint="nilo repair says what can be mended")
