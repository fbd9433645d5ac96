"""One commit of observations: facts that are appended to their streams, whatever the rules say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import uuid4

from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.events import Event
from domain.identifiers import UtcTime, split_stream
from nilometer.ledger.moments import check_facts_not_ahead
from nilometer.ledger.requests import Observation
from nilometer.storage.application import LedgerApplication
from nilometer.storage.bodies import UnstorableEvent, is_decided
from nilometer.storage.store import Receipt
from nilometer.times import Clock, current_time

REMEMBERED = 100_000
"""When the versions of so many streams are remembered, all are forgotten."""


class ObservationWriter:
    """Appends observations to their streams. The versions of these streams are remembered between commits."""

    def __init__(self, application: LedgerApplication, clock: Clock) -> None:
        self._application = application
        self._clock = clock
        self._versions: dict[str, int] = {}

    def record(
        self, observations: Sequence[Observation], *, actor: str, via: str, at_ahead: bool
    ) -> list[tuple[int, ...]]:
        """Writes the observations whose keys are new, in one commit, and returns the positions of each; else none.

        Raises ``InputError`` for an observation of a host or VM that this ledger decides about, or of one that should
        begin with it and began before, or of a time far ahead unless ``at_ahead``; ``IntegrityError`` if others wrote
        meanwhile. Then nothing is written.
        """
        recorded_before = self._application.receipts([observation.key for observation in observations])
        envelopes: list[Envelope[Event]] = []
        receipts: dict[str, Receipt] = {}
        written: list[Receipt | None] = []
        recorded = current_time(self._clock)
        try:
            for observation in observations:
                before = recorded_before.get(observation.key)
                if before is not None and before.result is not None:
                    raise InputError(
                        f"the key {observation.key!r} was used before, for a command: {before.result}",
                        hint="give the observation a key of its own",
                    )
                if before is not None or observation.key in receipts:
                    written.append(None)
                    continue
                if not at_ahead:
                    check_facts_not_ahead(observation, recorded)
                receipt = Receipt(key=observation.key, position=len(envelopes), events=len(observation.facts))
                receipts[receipt.key] = receipt
                written.append(receipt)
                envelopes += self._envelopes_of(
                    observation, observation.actor or actor, observation.via or via, recorded
                )
            positions = self._application.put(envelopes, list(receipts.values())) if receipts else ()
        except UnstorableEvent as error:
            self._versions.clear()
            raise InputError(str(error), hint="mend that field of the event; nothing was recorded") from None
        except BaseException:
            self._versions.clear()
            raise
        return [() if one is None else positions[one.position : one.position + one.events] for one in written]

    def _envelopes_of(
        self, observation: Observation, actor: str, via: str, recorded: UtcTime
    ) -> Iterator[Envelope[Event]]:
        correlation = observation.correlation or uuid4().hex
        begins = set(observation.begins)
        for fact in observation.facts:
            version = self._next(fact.stream, fact.event)
            if version > 1 and fact.stream in begins:
                raise _begun_by_another(fact.stream)
            begins.discard(fact.stream)
            metadata = Metadata(
                actor=actor,
                via=via,
                happened=fact.happened,
                recorded=recorded,
                correlation=correlation,
                earliest=fact.earliest,
                reason=observation.reason,
            )
            yield Envelope(stream=fact.stream, version=version, event=fact.event, metadata=metadata)

    def _next(self, stream: str, event: Event) -> int:
        version = self._versions.get(stream)
        if version is None:
            if len(self._versions) >= REMEMBERED:
                self._versions.clear()
            last = self._application.last(stream)
            if last is not None and is_decided(last[1]):
                kind, id = split_stream(stream)
                raise InputError(
                    f"the {'VM' if kind == 'vm' else kind} {id!r} is decided by this ledger: "
                    f"{event.KIND} cannot be recorded for it",
                    hint="import under other ids (--as PREFIX), or into another ledger",
                )
            version = 0 if last is None else last[0]
        self._versions[stream] = version + 1
        return version + 1


def _begun_by_another(stream: str) -> InputError:
    kind, id = split_stream(stream)
    return InputError(
        f"the {'VM' if kind == 'vm' else kind} {id!r} is in the ledger already, observed by something else: "
        "two histories of one cannot be distinguished",
        hint="import it under other ids: --as PREFIX",
    )
