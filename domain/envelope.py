"""One event as a ledger keeps it: what happened, and where, when and by whom.

Times are UTC texts of one width, ``2026-11-23T09:00:00.000000Z``, so that their order as texts is their order in time.
"""

from __future__ import annotations

from dataclasses import field
from typing import Generic, TypeVar

from domain.event import Event
from domain.identifiers import StreamName, UtcTime
from domain.record import Record, record

E_co = TypeVar("E_co", bound=Event, covariant=True)


@record()
class Metadata(Record):
    """Who requested it, when and why. It is the same for all events of one command, except ``causation``."""

    actor: str
    """Who requested it; never empty."""
    via: str
    """With which tool; never empty."""
    happened: UtcTime
    """When it happened; the end of the interval where only an interval is known."""
    recorded: UtcTime
    """When it was recorded."""
    correlation: str
    """The same on all events of one command."""
    earliest: UtcTime | None = None
    """The beginning of the interval in which it happened (exclusive); ``None`` if ``happened`` is the moment."""
    reason: str | None = None
    causation: str | None = None
    """The id (stream/version) of the event that this one follows from."""


@record()
class Envelope(Record, Generic[E_co]):
    """An event with its place: the ``version``-th of its stream, the ``position``-th of its ledger, both from 1."""

    stream: StreamName
    version: int
    event: E_co
    metadata: Metadata
    position: int = field(default=0)
    """0 while it is not recorded yet."""

    @property
    def id(self) -> str:
        """The permanent name of the event: its stream and its version there."""
        return f"{self.stream}/{self.version}"
