"""The event-sourced application: Nilometer's mapper and recorder on the eventsourcing library.

The library is imported here and in the recorders, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from eventsourcing.application import Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, StoredEvent, Transcoder
from eventsourcing.utils import Environment, EnvType

from domain.envelope import Envelope
from domain.events import Event
from nilometer.errors import LedgerError
from nilometer.storage.bodies import UnstorableEvent, decode, encode, find_difference
from nilometer.storage.recorder import NOTHING_EXPECTED, ExpectedVersions, LedgerRecorder
from nilometer.storage.store import Database, Receipt

PAGE = 1000
"""How many events are fetched at a time: the library's default of 10 is 3.5 times slower."""


class _NoTranscoder(Transcoder):
    """Bodies are written and read whole: nothing is left for a transcoder."""

    def encode(self, obj: Any) -> bytes:
        raise NotImplementedError

    def decode(self, data: bytes) -> Any:
        raise NotImplementedError


def _gap(stream: str, after: int, version: int) -> LedgerError:
    return LedgerError(
        f"events of {stream} are missing: after version {after} comes version {version}; nothing was recorded",
        hint="restore the ledger: nilo restore BACKUP",
    )


class LedgerMapper(Mapper[str]):
    """Stores an envelope under the topic ``kind/version``, with a canonical body, and reads it back."""

    def __init__(self) -> None:
        super().__init__(_NoTranscoder())

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """An envelope as it is stored."""
        envelope = cast("Envelope[Event]", domain_event)
        topic, body = encode(envelope.event, envelope.metadata)
        return StoredEvent(envelope.stream, envelope.version, topic, body)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        """A stored event as an envelope; its position, where the store gave one."""
        position: int = getattr(stored_event, "id", 0)
        envelope = decode(
            str(stored_event.originator_id),
            stored_event.originator_version,
            stored_event.topic,
            stored_event.state,
            position,
        )
        return cast("DomainEventProtocol[str]", envelope)


def _stored(envelope: Envelope[Event]) -> StoredEvent:
    """An event as it is to be stored, once it was read back. Raises ``UnstorableEvent``."""
    try:
        topic, body = encode(envelope.event, envelope.metadata)
    except (ValueError, TypeError, AttributeError, KeyError) as error:  # pydantic's errors are ValueErrors
        raise UnstorableEvent(f"event {envelope.id} cannot be stored: {error}") from error
    difference = find_difference(envelope, topic, body)
    if difference is not None:
        raise UnstorableEvent(f"event {envelope.id} cannot be stored: {difference}")
    return StoredEvent(envelope.stream, envelope.version, topic, body)


class LedgerApplication(Application[str]):
    """The streams of hosts and VMs, on one recorder."""

    name = "ledger"

    def __init__(self, recorder: LedgerRecorder) -> None:
        self._given_recorder = recorder
        super().__init__()

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Nothing from the shell's environment: a variable there must not change what is stored."""
        return Environment(name, dict(env or {}))

    def construct_mapper(self) -> Mapper[str]:
        """Our own mapper."""
        return LedgerMapper()

    def construct_recorder(self) -> LedgerRecorder:
        """The recorder that was given."""
        return self._given_recorder

    def put(
        self,
        envelopes: Sequence[Envelope[Event]],
        receipts: Sequence[Receipt] = (),
        expected: ExpectedVersions = NOTHING_EXPECTED,
    ) -> tuple[int, ...]:
        """Stores events and receipts in one atomic write, and returns the positions. See ``LedgerRecorder.record``.

        What is to be stored is read back first: raises ``UnstorableEvent`` for an event that would become another.

        Straight to the recorder: ``Application.save`` and ``EventStore.put`` build objects beside each event that
        nobody here reads.
        """
        stored = [_stored(envelope) for envelope in envelopes]
        return tuple(self._given_recorder.record(stored, receipts, expected))

    @property
    def answers_can_be_lost(self) -> bool:
        """A commit may take place without its answer arriving."""
        return self._given_recorder.answers_can_be_lost

    def position(self) -> int:
        """The position of the last event; 0 before the first."""
        return self._given_recorder.max_notification_id() or 0

    def receipts(self, keys: Sequence[str]) -> dict[str, Receipt]:
        """What was recorded under these keys, by key."""
        return {receipt.key: receipt for receipt in self._given_recorder.receipts(keys)} if keys else {}

    def stream(self, stream: str, after: int = 0) -> Iterator[Envelope[Event]]:
        """The events of one stream after a version, in order, without their positions; fetched page by page."""
        while True:
            page = self._given_recorder.select_events(stream, gt=after, limit=PAGE)
            for stored in page:
                yield cast("Envelope[Event]", self.mapper.to_domain_event(stored))
            if len(page) < PAGE:
                return
            after = page[-1].originator_version

    def stream_in(self, db: Database, stream: str, after: int) -> Iterator[Envelope[Event]]:
        """The events of one stream after a version, in order, read in a transaction that is open."""
        page = (
            f"SELECT originator_version, topic, state, {db.position_column} FROM {db.events_table} "
            "WHERE originator_id = ? AND originator_version > ? ORDER BY originator_version LIMIT ?"
        )
        while True:
            rows = cast("Sequence[tuple[int, str, bytes, int]]", db.execute(page, (stream, after, PAGE)).fetchall())
            for version, topic, body, position in rows:
                if version != after + 1:
                    raise _gap(stream, after, version)
                yield decode(stream, version, topic, body, position)
                after = version
            if len(rows) < PAGE:
                return

    def last_in(self, db: Database, stream: str) -> Envelope[Event] | None:
        """The last event of a stream, if it ever began, read in a transaction that is open."""
        newest = (
            f"SELECT originator_version, topic, state, {db.position_column} FROM {db.events_table} "
            "WHERE originator_id = ? ORDER BY originator_version DESC LIMIT 1"
        )
        row = cast("tuple[int, str, bytes, int] | None", db.execute(newest, (stream,)).fetchone())
        if row is None:
            return None
        version, topic, body, position = row
        return decode(stream, version, topic, body, position)

    def all_in(self, db: Database, after: int) -> Iterator[Envelope[Event]]:
        """All events after a position, in order, read in a transaction that is open."""
        events = (
            f"SELECT originator_id, originator_version, topic, state, {db.position_column} FROM {db.events_table} "
            f"WHERE {db.position_column} > ? ORDER BY {db.position_column}"
        )
        rows = cast("Sequence[tuple[str, int, str, bytes, int]]", db.execute(events, (after,)).fetchall())
        for stream, version, topic, body, position in rows:
            yield decode(stream, version, topic, body, position)

    def has_begun(self, db: Database, stream: str) -> bool:
        """Whether a stream has events, read in a transaction that is open."""
        any_event = f"SELECT 1 FROM {db.events_table} WHERE originator_id = ? LIMIT 1"
        return db.execute(any_event, (stream,)).fetchone() is not None

    def last_event(self, stream: str) -> Envelope[Event] | None:
        """The last event of a stream, if it ever began, without its position."""
        for stored in self._given_recorder.select_events(stream, desc=True, limit=1):
            return cast("Envelope[Event]", self.mapper.to_domain_event(stored))
        return None

    def last(self, stream: str) -> tuple[int, str] | None:
        """The version and the topic of the last event of a stream, readable or not, if it ever began."""
        for stored in self._given_recorder.select_events(stream, desc=True, limit=1):
            return stored.originator_version, stored.topic
        return None

    def all(self, after: int = 0, upto: int | None = None) -> Iterator[Envelope[Event]]:
        """All events after a position, in the order of their positions; fetched page by page."""
        for stored, position in self.rows(after, upto):
            yield decode(str(stored.originator_id), stored.originator_version, stored.topic, stored.state, position)

    def rows(self, after: int = 0, upto: int | None = None) -> Iterator[tuple[StoredEvent, int]]:
        """All stored events after a position as they are stored, with their positions; fetched page by page."""
        while True:
            page = self._given_recorder.select_notifications(after, PAGE, stop=upto, inclusive_of_start=False)
            for stored in page:
                yield stored, stored.id
            if len(page) < PAGE:
                return
            after = page[-1].id
