"""What a decider reads of the world, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from domain.aggregates import HostAggregate, VmAggregate
from domain.decision import Code, Decision, Outcome
from domain.errors import InputError
from domain.events import Event
from domain.identifiers import StreamName
from domain.state import Vm


class World(Protocol):
    """The aggregates that commands name. What is not there raises ``UnknownVm`` or ``UnknownHost``."""

    def vm(self, id: str) -> VmAggregate:
        """The decided VM with this id, not removed."""
        ...

    def host(self, id: str) -> HostAggregate:
        """The decided host with this id, not removed."""
        ...

    def is_taken(self, stream: StreamName) -> bool:
        """Whether a stream of this name ever began: an id is never used again."""
        ...

    def vms_on(self, host: str) -> int:
        """How many VMs, running or not, are on a host."""
        ...


def refuse_taken(kind: str, id: str, stream: StreamName, world: World) -> None:
    """Raises ``InputError`` if a new VM or host would have the id of another, or of one that was."""
    if world.is_taken(stream):
        raise InputError(
            f"the {kind} id {id!r} is taken: one with it exists, or once did",
            hint="choose another id; an id is never used again, so that its history stays its own",
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to a command, and the events to record for it, in one atomic write, by stream."""

    command: str
    target: StreamName
    """The stream that the command names, as ``vm/web01`` or ``host/hv01``."""
    decision: Decision
    requested: int | None
    granted: int | None
    events: tuple[tuple[StreamName, Event], ...]
    after: Vm | None = None
    """The VM's figures afterwards, where a VM that was there has changed: what its event comes to."""

    @property
    def outcome(self) -> Outcome:
        """How the command ended."""
        return self.decision.outcome

    @property
    def code(self) -> Code | None:
        """Why it was not granted in full; ``None`` when it was."""
        return None if self.decision.code is Code.NONE else self.decision.code
