"""A unit of work: commands decided one after the other, each on what those before it left, then written together.

Each command is loaded, decided and written: ``Repository.load``, ``decide``, and ``commit`` for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from domain import commands
from domain.aggregates import HistoryError
from domain.deciding.answer import Answer
from domain.deciding.decider import decide
from domain.deciding.enforced import at_time, has_windows, reads_beside
from domain.deciding.reads import named_streams
from domain.deciding.redecide import find_other_decision
from domain.decision import accepted
from domain.envelope import Envelope, Metadata
from domain.errors import InputError, InternalError
from domain.events import Event
from domain.identifiers import POLICIES, StreamName, UtcTime, host_stream
from domain.record import Record, record
from domain.replacing import replace
from nilometer.errors import UnreadableEvent
from nilometer.ledger.adopting import policy_metadata
from nilometer.ledger.books import BookChanges, write_books
from nilometer.ledger.moments import find_moment
from nilometer.ledger.receipts import repeat_answer, write_receipt
from nilometer.ledger.repository import BookMissingError, Repository
from nilometer.ledger.requests import Request, Result, result_of
from nilometer.storage.application import LedgerApplication
from nilometer.storage.bodies import UnstorableEvent
from nilometer.storage.recorder import ExpectedVersions
from nilometer.storage.store import Receipt
from nilometer.times import Clock, current_time

_REPORT: Final = "please report this"


@record()
class _Decided(Record):
    """An answer that is not committed yet, and the index of its first event among those that are not."""

    request: Request
    answer: Answer
    first: int
    happened: UtcTime | None

    def result(self, positions: tuple[int, ...]) -> Result:
        """The result, once the events have these positions."""
        own = positions[self.first : self.first + len(self.answer.events)]
        return result_of(self.request, self.answer, own, self.happened)


class UnitOfWork:
    """Commands that are committed together. It is used once, and undone if it could not be committed."""

    def __init__(self, application: LedgerApplication, repository: Repository, clock: Clock) -> None:
        self._application = application
        self._clock = clock
        self._repository = repository
        self._recorded: Mapping[str, Receipt] = {}
        """Receipts of commands that were recorded before, by key."""
        self._touched: set[StreamName] = set()
        """Streams that were read or written, and are forgotten if the unit of work is undone."""
        self._keys: set[str] = set()
        """The keys of all receipts of this unit of work, committed or not."""
        self.answers: list[Result | InputError] = []
        """What is answered to the requests that are committed."""
        self.wrote = False
        """Whether anything was committed."""
        # What is not committed yet:
        self._written: set[StreamName] = set()
        self._envelopes: list[Envelope[Event]] = []
        self._receipts: list[Receipt] = []
        self._pending: list[_Decided | Result | InputError] = []
        self._expected_versions: dict[str, int] = {}
        self._expected_position: int | None = None

    def execute(
        self,
        requests: Sequence[tuple[Request | InputError, str]],
        recorded: Mapping[str, Receipt],
        *,
        keep_going: bool,
    ) -> None:
        """Decides all requests, each with its key, and commits. Raises ``IntegrityError`` if others wrote meanwhile.

        In the place of a request that cannot be read stands its error. ``recorded`` are the receipts that their keys
        have.
        """
        self._recorded = recorded
        self._repository.begin()
        for request, key in requests:
            try:
                if isinstance(request, InputError):
                    raise request
                self._execute(request, key)
            except InputError as error:
                self._pending.append(error)
                if not keep_going:
                    break
        self.commit()

    def commit(self) -> None:
        """Writes what is decided; only then is it answered."""
        positions: tuple[int, ...] = ()
        if self._envelopes or self._receipts:
            expected = ExpectedVersions(self._expected_versions, self._expected_position)
            self._redecide()
            try:
                positions = self._application.put(self._envelopes, self._receipts, expected)
            except UnstorableEvent as error:
                raise InternalError(f"{error}; nothing was recorded; {_REPORT}") from error
            self.wrote = True
        for pending in self._pending:
            self.answers.append(pending.result(positions) if isinstance(pending, _Decided) else pending)
        self._envelopes, self._receipts, self._pending, self._written = [], [], [], set()
        self._expected_versions, self._expected_position = {}, None

    def _redecide(self) -> None:
        """Decides what is to be written again, from the evidence in its events alone: it must come to the same."""
        for envelope in self._envelopes:
            difference = find_other_decision(envelope.event)
            if difference is not None:
                raise InternalError(
                    f"event {envelope.id} does not follow from its own evidence: {difference}; "
                    f"nothing was recorded; {_REPORT}"
                )

    def undo(self) -> None:
        """Forgets what was decided but not committed."""
        self._repository.forget(self._touched)
        self._repository.forget_policies()

    # Load, decide

    def _execute(self, request: Request, key: str) -> None:
        command = request.command
        if key in self._keys:  # the same key twice in this unit of work
            self.commit()
            self._recorded = {**self._recorded, **self._application.receipts([key])}
        if key in self._recorded:
            try:
                self._pending.append(repeat_answer(request, self._recorded[key], self._application))
            except (UnreadableEvent, HistoryError) as error:
                raise undecidable(error) from error
            return
        if isinstance(command, commands.RemoveHost):
            self._expect_position()
        try:
            reads, answer, recorded = self._decide(request)
        except (UnreadableEvent, HistoryError) as error:
            raise undecidable(error) from error
        if isinstance(command, commands.DefineVm) and accepted(answer.decision):
            self._expect_unchanged(host_stream(command.host))
        self._append(request, key, reads, answer, recorded)

    def _decide(self, request: Request) -> tuple[set[StreamName], Answer, UtcTime | None]:
        """The streams that a command reads, its answer, and the time now where policies depended on it.

        An error, a refusal, or an answer that writes nothing may come of state that others have changed since it was
        remembered: it is believed only on state that is fresh.
        """
        command, recorded = request.command, None
        while True:
            try:
                try:
                    reads = self._repository.load(command)
                except BookMissingError:
                    self._open_books(request)
                    continue
                if POLICIES not in self._expected_versions:
                    self._expected_versions[POLICIES] = self._repository.policy_set().version
                if reads.policies:
                    if not self._reads_what_is_stored and reads_beside(reads.policies, command):
                        self._expect_position()
                        continue
                    if has_windows(reads.policies):
                        recorded = current_time(self._clock)
                        moment = self._time_of(request, recorded, reads.streams or named_streams(command))
                        reads = replace(reads, policies=at_time(reads.policies, moment))
                answer = decide(command, reads)
            except InputError:
                if self._repository.refresh(named_streams(command), self._written):
                    continue
                raise
            streams = reads.streams
            self._touched |= streams
            if accepted(answer.decision) and answer.events:
                return streams, answer, recorded
            if not answer.events and self._repository.refresh_policies():
                continue
            if not self._repository.refresh(streams, self._written):
                return streams, answer, recorded

    def _open_books(self, request: Request) -> None:
        """Opens the books of groups whose policies were adopted when books were not known, in a commit of its own."""
        self.commit()
        self._repository.forget_policies()
        adopted, fleet = self._repository.policy_set(), self._repository.fleet()
        now = current_time(self._clock)
        metadata = policy_metadata(
            adopted,
            actor=request.actor,
            via=request.via,
            reason=request.reason,
            correlation=request.correlation,
            now=now,
        )
        changes = BookChanges(opened=adopted.without_book)
        envelopes = tuple(write_books(changes, fleet, self._application.last_event, adopted.version, metadata))
        self._application.put(envelopes, (), ExpectedVersions({POLICIES: adopted.version}, fleet.position))
        self.wrote = True
        self._repository.forget_policies()

    def _expect_position(self) -> None:
        """Decides what follows on what is stored, and expects that nothing is written until it is recorded itself."""
        self.commit()
        self._expected_position = self._application.position()

    @property
    def _reads_what_is_stored(self) -> bool:
        """Whether all that is read is what was stored at the expected position: commands before this are committed."""
        return self._expected_position is not None and not self._envelopes

    def _expect_unchanged(self, stream: StreamName) -> None:
        if stream not in self._written:
            self._expected_versions[stream] = self._repository.version(stream)

    # Write

    def _append(
        self, request: Request, key: str, reads: set[StreamName], answer: Answer, recorded: UtcTime | None
    ) -> None:
        first = len(self._envelopes)
        happened = None
        if answer.events:
            recorded = recorded or current_time(self._clock)
            happened = self._time_of(request, recorded, reads.union([stream for stream, _ in answer.events]))
            self._append_events(request, key, happened, recorded, answer)
        decided = _Decided(request=request, answer=answer, first=first, happened=happened)
        if request.key is not None or self._application.answers_can_be_lost:
            kept = write_receipt(request.command, None if answer.events else decided.result(()))
            self._receipts.append(Receipt(key=key, position=first, events=len(answer.events), result=kept))
            self._keys.add(key)
        self._pending.append(decided)

    def _append_events(self, request: Request, key: str, happened: UtcTime, recorded: UtcTime, answer: Answer) -> None:
        correlation, causation = request.correlation or key, None
        for stream, event in answer.events:
            metadata = Metadata(  # by position, as the envelope: every event is recorded by this
                request.actor,
                request.via,
                happened,
                recorded,
                correlation,
                None,
                request.reason,
                causation,
            )
            envelope = Envelope(stream, self._repository.version(stream) + 1, event, metadata)
            causation = causation or envelope.id
            self._repository.apply(envelope, answer.after)
            self._envelopes.append(envelope)
            self._written.add(stream)
            self._touched.add(stream)  # a VM that is only now defined was not read by the decision

    def _time_of(self, request: Request, recorded: UtcTime, streams: set[StreamName]) -> UtcTime:
        """When the events of a request happen: not before the last event of the streams that it reads or writes."""
        as_of = self._repository.as_of
        return find_moment(request, recorded, as_of(streams), lambda: max(streams, key=lambda stream: as_of([stream])))


def undecidable(error: UnreadableEvent | HistoryError) -> InputError:
    """The error that a request reads what comes of an event that cannot be read, or cannot follow."""
    message = f"{error.message}; nothing can be decided after it, and nothing was recorded"
    return InputError(message, hint=error.hint)
