"""What is answered to a command."""

from __future__ import annotations

from domain.decision import Code, Decision, Outcome
from domain.events import Event
from domain.identifiers import StreamName
from domain.policy_events import PolicyRead
from domain.record import Record, record
from domain.state import Vm


@record()
class Answer(Record):
    """The answer to a command, and the events that record it, by stream. They are written in one commit, or none is."""

    command: str
    target: StreamName
    """The stream that the command names, as ``vm/web01`` or ``host/hv01``."""
    decision: Decision
    requested: int | None
    """The bytes that were requested; ``None`` for a command without an amount."""
    granted: int | None
    """The bytes that were granted; ``None`` for a command without an amount."""
    events: tuple[tuple[StreamName, Event], ...]
    after: Vm | None = None
    """The figures of the VM after the command, where a VM changed."""
    policies: tuple[PolicyRead, ...] = ()
    """The policies that refused it, where no event says so."""

    @property
    def outcome(self) -> Outcome:
        """How the command ended."""
        return self.decision.outcome

    @property
    def code(self) -> Code | None:
        """Why the command was not granted in full; ``None`` when it was."""
        return None if self.decision.code is Code.NONE else self.decision.code
