"""Commands as wholes: the events of one are recorded together, so a position within them was never a moment."""

from __future__ import annotations

from typing import Final

from nilometer.errors import UnreadableEvent
from nilometer.views.tables import Events
from projections.commits import are_together

MOST_EVENTS: Final = 3
"""The largest number of events of one command: a move writes on three streams."""


def complete_position(events: Events, position: int) -> int:
    """The position of the last event of the command whose event stands at a position.

    One that the ledger has not is returned as it is, and so is one at an event that cannot be read.
    """
    if position < 1:
        return position
    before = None
    for event in events(position - 1, position + MOST_EVENTS - 1):
        if isinstance(event, UnreadableEvent) or (before is not None and not are_together(before, event)):
            break
        before = event
    return position if before is None else before.position
