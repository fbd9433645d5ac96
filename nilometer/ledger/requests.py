"""Requests and their results, and observations: what a ledger takes and returns."""

from __future__ import annotations

from domain.commands import NAMES, Command
from domain.deciding.answer import Answer
from domain.decision import Code, Outcome
from domain.events import Event
from domain.identifiers import StreamName, UtcTime
from domain.policy_events import PolicyRead
from domain.record import Record, record


@record()
class Request(Record):
    """A command, and who requests it, when, with what tool and why.

    ``at`` is when it happened (``None``: now); a time over a day ahead of the ledger's clock needs ``at_ahead``, which
    says that it is meant. ``key`` makes it happen once: a second request under the same key is not
    decided again, and gets the result of the first. Without a key the request gets a fresh one.
    """

    command: Command
    actor: str
    via: str
    at: str | None = None
    reason: str | None = None
    correlation: str | None = None
    key: str | None = None
    at_ahead: bool = False


@record()
class Result(Record):
    """How a command ended. Sizes are bytes."""

    request: Request
    command: str
    """The name of the command, as it was requested."""
    target: StreamName
    """The stream that it names, as ``vm/web01``."""
    outcome: Outcome
    code: Code | None
    """Why it was not granted in full."""
    requested: int | None
    granted: int | None
    positions: tuple[int, ...]
    """The positions of its events in the ledger; none if it wrote no event."""
    events: tuple[Event, ...]
    repeated: bool = False
    """Whether it was recorded before, under the same key."""
    happened: UtcTime | None = None
    """When its events happened, in the form of ``domain.envelope.Metadata``; ``None`` without events.

    Without an ``at`` this is now, or the time of the latest event of the streams that it reads, if that is later.
    """
    policies: tuple[PolicyRead, ...] = ()
    """The adopted policies that refused it, where no event says so: of the registration of a host."""

    @property
    def in_full(self) -> bool:
        """Whether the whole request was granted or done."""
        return self.outcome in (Outcome.COMPLETED, Outcome.DONE)


def result_of(request: Request, answer: Answer, positions: tuple[int, ...], happened: UtcTime | None) -> Result:
    """The result of a request that was just decided; ``positions`` are those of its events, once it is recorded."""
    return Result(
        request=request,
        command=NAMES[type(request.command)],
        target=answer.target,
        outcome=answer.outcome,
        code=answer.code,
        requested=answer.requested,
        granted=answer.granted,
        positions=positions,
        events=tuple([event for _, event in answer.events]),
        happened=happened,
        policies=answer.policies,
    )


@record()
class Fact(Record):
    """An event that was observed. ``earliest`` is the beginning of the interval in which it happened, if that is known.

    Times are in the form of ``domain.envelope.Metadata``.
    """

    stream: StreamName
    event: Event
    happened: UtcTime
    earliest: UtcTime | None = None


@record()
class Observation(Record):
    """Facts that are recorded together, once: no other observation has their ``key``."""

    key: str
    facts: tuple[Fact, ...]
    correlation: str | None = None
    reason: str | None = None
    actor: str | None = None
    """Who did it, if it is known to be somebody other than who records it."""
    via: str | None = None
    begins: frozenset[StreamName] = frozenset()
    """Streams that must begin with these facts, and not be there before."""
