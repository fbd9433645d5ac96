"""The door: takes a history event by event, in its order, and gives the findings.

Memory grows with the number of hosts and VMs, not with the length of the history.
"""

from __future__ import annotations

from domain.envelope import Envelope
from domain.events import Event
from rules.judging.findings import Account, Finding
from rules.judging.scope import EVERYTHING, Scope


class Judge:
    """Judges one history. Events come in the order of their positions; ``place`` is ``file:line`` of each, or empty."""

    def __init__(self, scope: Scope = EVERYTHING) -> None:
        self.scope = scope
        self.account = Account()

    def take(self, envelope: Envelope[Event], place: str = "") -> list[Finding]:
        """What is found once this event was read; it may be about events before it."""
        self.account.events += 1
        return []

    def finish(self) -> list[Finding]:
        """What is found because the history ends here."""
        return []
