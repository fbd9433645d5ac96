"""What a ledger is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from domain.commands import Command
from domain.decision import Code, Outcome
from domain.events import Event
from domain.identifiers import StreamName, UtcTime


@dataclass(frozen=True, slots=True)
class Request:
    """A command, and who gives it, when, with what tool and why.

    ``at`` is when it happened (``None``: now). ``key`` makes it happen once: asked again under the same key it is not
    decided again, but answered as it was; without one it gets a fresh key.
    """

    command: Command
    actor: str
    via: str
    at: str | None = None
    reason: str | None = None
    correlation: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended. Sizes are bytes."""

    request: Request
    command: str
    """The command by its name, as it was given."""
    target: StreamName
    """The stream that it names, as ``vm/web01``."""
    outcome: Outcome
    code: Code | None
    """Why it was not granted in full."""
    requested: int | None
    granted: int | None
    positions: tuple[int, ...]
    """Of its events in the ledger; none where no event was due."""
    events: tuple[Event, ...]
    repeated: bool = False
    """It was recorded before, under the same key."""
    happened: UtcTime | None = None
    """When its events happened, in the form of ``domain.envelope.Metadata``; ``None`` where no event was due.

    Without an ``at`` this is now; or later, where the latest event of what the command names is later than now.
    """

    @property
    def in_full(self) -> bool:
        """All that was asked was granted or done."""
        return self.outcome in (Outcome.COMPLETED, Outcome.DONE)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that was observed. ``earliest`` is when the interval began in which it happened, if no moment is known.

    Times are in the form of ``domain.envelope.Metadata``.
    """

    stream: StreamName
    event: Event
    happened: UtcTime
    earliest: UtcTime | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """Facts that are recorded together, once: ``key`` tells them from all others."""

    key: str
    facts: tuple[Fact, ...]
    correlation: str | None = None
    reason: str | None = None
    actor: str | None = None
    """Who did it, if that is known to be another than who records it."""
    via: str | None = None
    begins: frozenset[StreamName] = frozenset()
    """Streams that begin with these facts: recorded now, they must not be there yet."""
