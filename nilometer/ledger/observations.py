"""One commit of observations: facts written after whatever their streams have, whatever the rules say."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.events import Decided, Event
from domain.identifiers import split_stream
from nilometer.ledger.requests import Observation
from nilometer.storage.application import LedgerApplication
from nilometer.storage.recorder import Receipt
from nilometer.times import current_time

REMEMBERED = 100_000


class ObservationWriter:
    """The versions of observed streams, remembered between commits."""

    def __init__(self, application: LedgerApplication) -> None:
        self._application = application
        self._versions: dict[str, int] = {}

    def record(self, observations: Sequence[Observation], *, actor: str, via: str) -> list[tuple[int, ...]]:
        """Writes all that is not there yet, in one commit; the positions of each, none for what is there already.

        Raises ``InputError`` for an observation of what Nilometer decides about, or of what was to begin with it and is
        there already; ``IntegrityError`` if others wrote meanwhile: then nothing is written, and nothing remembered.
        """
        known = self._application.receipts([observation.key for observation in observations])
        envelopes: list[Envelope[Event]] = []
        receipts: dict[str, Receipt] = {}
        answers: list[Receipt | None] = []
        recorded = current_time()
        try:
            for observation in observations:
                if observation.key in known or observation.key in receipts:
                    answers.append(None)
                    continue
                receipt = Receipt(observation.key, len(envelopes), len(observation.facts))
                receipts[receipt.key] = receipt
                answers.append(receipt)
                correlation = observation.correlation or uuid4().hex
                begun = set(observation.begins)
                for fact in observation.facts:
                    metadata = Metadata(
                        actor=observation.actor or actor,
                        via=observation.via or via,
                        happened=fact.happened,
                        recorded=recorded,
                        correlation=correlation,
                        earliest=fact.earliest,
                        reason=observation.reason,
                    )
                    version = self._next(fact.stream, fact.event)
                    if version > 1 and fact.stream in begun:
                        raise _begun_by_another(fact.stream)
                    begun.discard(fact.stream)
                    envelopes.append(Envelope(fact.stream, version, fact.event, metadata))
            positions = self._application.put(envelopes, list(receipts.values())) if receipts else ()
        except BaseException:
            self._versions.clear()
            raise
        return [() if told is None else positions[told.position : told.position + told.events] for told in answers]

    def _next(self, stream: str, event: Event) -> int:
        version = self._versions.get(stream)
        if version is None:
            if len(self._versions) >= REMEMBERED:
                self._versions.clear()
            last = self._application.last(stream)
            if last is not None and isinstance(last.event, Decided):
                kind, id = split_stream(stream)
                raise InputError(
                    f"the {'VM' if kind == 'vm' else kind} {id!r} is decided by this ledger: "
                    f"{event.KIND} cannot be observed of it",
                    hint="import under other ids (--as PREFIX), or into another ledger",
                )
            version = 0 if last is None else last.version
        self._versions[stream] = version + 1
        return version + 1


def _begun_by_another(stream: str) -> InputError:
    kind, id = split_stream(stream)
    return InputError(
        f"the {'VM' if kind == 'vm' else kind} {id!r} is in the ledger already, observed by something else: "
        "two histories of one cannot be told apart",
        hint="import it under other ids: --as PREFIX",
    )
