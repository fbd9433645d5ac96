"""Commands as wholes: the events of one are recorded together, so a position within them was never a moment."""

from __future__ import annotations

from nilometer.errors import UnreadableEvent
from nilometer.ledger.reader import LedgerReader

MOST_EVENTS = 3
"""The largest number of events of one command: a move writes on three streams."""


def complete_position(ledger: LedgerReader, position: int) -> int:
    """The position of the last event of the command whose event stands at a position.

    One that the ledger has not is returned as it is, and so is one at an event that cannot be read.
    """
    if position < 1:
        return position
    from projections.commits import are_together

    before = None
    for event in ledger.read_all(position - 1, position + MOST_EVENTS - 1):
        if isinstance(event, UnreadableEvent) or (before is not None and not are_together(before, event)):
            break
        before = event
    return position if before is None else before.position
