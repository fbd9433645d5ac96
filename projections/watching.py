"""Which time of each observed host was watched, and which was not: nothing can be said of what happened then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from domain.envelope import Envelope
from domain.event import Event
from domain.identifiers import UtcTime, host_id, seconds_between
from domain.observed.events import HostNotWatched, HostWatched
from domain.observed.polls import Gap


@dataclass(slots=True)
class WatchedHost:
    """What imports read of one host."""

    host: str
    since: UtcTime | None = None
    """The first poll; ``None`` where only gaps are recorded, as before imports said what they read."""
    until: UtcTime | None = None
    gaps: dict[tuple[UtcTime, UtcTime], Gap] = field(default_factory=dict[tuple[UtcTime, UtcTime], Gap])
    """By when they began and ended, in the order of their events."""

    def take(self, envelope: Envelope[Event]) -> None:
        """Takes an event of the host."""
        event, happened = envelope.event, envelope.metadata.happened
        if isinstance(event, HostWatched):
            self.since = min(event.since, self.since or event.since)
            self.until = max(happened, self.until or happened)
        elif isinstance(event, HostNotWatched) and envelope.metadata.earliest is not None:
            gap = Gap(since=envelope.metadata.earliest, until=happened)
            self.gaps[gap.since, gap.until] = gap

    def add(self, part: WatchedHost) -> None:
        """Adds what is known of the same host from a part of the same history."""
        self.since = min(filter(None, (self.since, part.since)), default=None)
        self.until = max(filter(None, (self.until, part.until)), default=None)
        self.gaps |= part.gaps

    def gaps_between(self, since: str | None = None, until: str | None = None) -> list[Gap]:
        """The times in which it was not watched and that lie in an interval, in part or whole, by when they began."""
        found = [
            gap
            for gap in self.gaps.values()
            if (since is None or gap.until > since) and (until is None or gap.since < until)
        ]
        return sorted(found, key=lambda gap: (gap.since, gap.until))


def gap_seconds(gap: Gap) -> float:
    """How long it lasted."""
    return seconds_between(gap.since, gap.until)


class Watching:
    """What imports read of all hosts: a fold of events, in whatever order they come."""

    def __init__(self) -> None:
        self._hosts: dict[str, WatchedHost] = {}

    def __iter__(self) -> Iterator[WatchedHost]:
        return iter(sorted(self._hosts.values(), key=lambda watched: watched.host))

    def take(self, envelope: Envelope[Event]) -> None:
        """Takes the next event."""
        if isinstance(envelope.event, HostWatched | HostNotWatched):
            self._host(envelope.stream).take(envelope)

    def merge(self, other: Watching) -> None:
        """Adds what is known of a part of the same history."""
        for part in other:
            self.add(part)

    def add(self, part: WatchedHost) -> None:
        """Adds what is known of one host."""
        self._hosts.setdefault(part.host, WatchedHost(part.host)).add(part)

    def _host(self, stream: str) -> WatchedHost:
        id = host_id(stream) or stream
        return self._hosts.setdefault(id, WatchedHost(id))
