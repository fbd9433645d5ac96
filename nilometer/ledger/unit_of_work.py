"""One commit: commands decided one after the other, each on what those before it left, and then written together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain import commands
from domain.commands import NAMES
from domain.deciding.decider import Answer, decide
from domain.decision import Code, Outcome, accepted
from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.events import Event, HostCommandRefused, HostEvent, VmEvent
from domain.identifiers import UtcTime, host_stream, vm_stream
from nilometer.ledger.repository import Repository
from nilometer.ledger.requests import Request, Result
from nilometer.storage.application import LedgerApplication
from nilometer.storage.recorder import NOTHING_EXPECTED, ExpectedVersions, Receipt
from nilometer.times import current_time, format_exact_time


@dataclass(frozen=True, slots=True)
class _Decided:
    """An answer that is not committed yet, and the index of its first event in the unit of work."""

    request: Request
    answer: Answer
    first: int
    happened: UtcTime | None

    def result(self, positions: tuple[int, ...]) -> Result:
        """The answer as it is told, once its unit of work has these positions."""
        answer = self.answer
        return Result(
            self.request,
            NAMES[type(self.request.command)],
            answer.target,
            answer.outcome,
            answer.code,
            answer.requested,
            answer.granted,
            positions[self.first : self.first + len(answer.events)],
            tuple([event for _, event in answer.events]),
            happened=self.happened,
        )


class UnitOfWork:
    """Commands that are committed together. It is used once, and undone if it could not be committed."""

    def __init__(self, application: LedgerApplication, streams: Repository, known: Mapping[str, Receipt]) -> None:
        self._application = application
        self._streams = streams
        self._known = known
        """Receipts of commands that were recorded before."""
        self._touched: set[str] = set()
        """Streams that were read or written, and are forgotten if the unit of work is undone."""
        self._fresh: set[str] = set()
        """Streams whose remembered state was compared with the stored one since the unit of work began."""
        self._reads: dict[str, int] = {}
        self._whole_ledger: int | None = None
        self._written: set[str] = set()
        self._envelopes: list[Envelope[Event]] = []
        self._receipts: list[Receipt] = []
        self._keys: set[str] = set()
        """Of all receipts of this unit, committed or not."""
        self._waiting: list[_Decided | Result | InputError] = []
        self.answers: list[Result | InputError] = []
        """Of what is committed."""
        self.wrote = False

    def decide(self, requests: Sequence[tuple[Request, str]], *, keep_going: bool) -> None:
        """Answers all requests, each with its key, and commits. Raises ``IntegrityError`` if others wrote meanwhile."""
        self._streams.make_room()
        for request, key in requests:
            try:
                if key in self._keys:  # the same key twice in this unit
                    self.commit()
                    self._known = {**self._known, **self._application.receipts([key])}
                if key in self._known:
                    self._waiting.append(self._repeat(request, self._known[key]))
                    continue
                if isinstance(request.command, commands.RemoveHost):
                    self.commit()  # it counts the VMs on the host in what is stored
                    self._whole_ledger = self._application.position()
                self._answer(request, key)
            except InputError as error:
                self._waiting.append(error)
                if not keep_going:
                    break
        self.commit()

    def commit(self) -> None:
        """Writes what is decided; only then is it answered."""
        positions: tuple[int, ...] = ()
        if self._envelopes or self._receipts:
            depends = self._reads or self._whole_ledger is not None
            reads = ExpectedVersions(self._reads, self._whole_ledger) if depends else NOTHING_EXPECTED
            positions = self._application.put(self._envelopes, self._receipts, reads)
            self.wrote = True
        for waiting in self._waiting:
            self.answers.append(waiting.result(positions) if isinstance(waiting, _Decided) else waiting)
        self._envelopes, self._receipts, self._waiting = [], [], []
        self._reads, self._whole_ledger, self._written = {}, None, set()

    def undo(self) -> None:
        """Forgets what was decided but not committed."""
        self._streams.forget(self._touched)

    # Deciding

    def _answer(self, request: Request, key: str) -> None:
        answer = self._decided(request)
        first = len(self._envelopes)
        happened = None
        if answer.events:
            touched = self._streams.touched | {stream for stream, _ in answer.events}
            recorded = current_time()
            happened = self._happened(request, recorded, touched)
            self._happen(request, key, happened, recorded, answer)
        decided = _Decided(request, answer, first, happened)
        if request.key is not None or self._application.answers_can_be_lost:
            result = None if answer.events else _written(decided.result(()))
            self._receipts.append(Receipt(key, first, len(answer.events), result))
            self._keys.add(key)
        self._waiting.append(decided)

    def _happen(self, request: Request, key: str, happened: UtcTime, recorded: UtcTime, answer: Answer) -> None:
        correlation, causation = request.correlation or key, None
        for stream, event in answer.events:
            metadata = Metadata(
                request.actor, request.via, happened, recorded, correlation, None, request.reason, causation
            )
            envelope = Envelope(stream, self._streams.version(stream) + 1, event, metadata)
            causation = causation or envelope.id
            self._streams.apply(envelope, answer.after)
            self._envelopes.append(envelope)
            self._written.add(stream)
            self._touched.add(stream)  # a VM that is only now defined was not read by the decision

    def _decided(self, request: Request) -> Answer:
        """The answer to a command. What writes nothing, or a refusal, is believed only on fresh state."""
        streams = self._streams
        streams.touched.clear()
        try:
            answer = decide(request.command, streams)
        except InputError:
            self._touched |= streams.touched
            if self._refresh(streams.touched):
                return self._decided(request)
            raise
        self._touched |= streams.touched
        if not accepted(answer.decision) or not answer.events:
            return self._decided(request) if self._refresh(streams.touched) else answer
        if isinstance(request.command, commands.DefineVm):
            self._must_not_change(host_stream(request.command.host))
        return answer

    def _refresh(self, touched: set[str]) -> bool:
        stale = touched - self._fresh - self._written
        self._fresh |= stale
        return self._streams.refresh(stale)

    def _must_not_change(self, stream: str) -> None:
        if stream not in self._written:
            self._reads[stream] = self._streams.version(stream)

    def _happened(self, request: Request, recorded: UtcTime, touched: set[str]) -> UtcTime:
        last = self._streams.as_of(touched)
        if request.at is None:
            return max(recorded, last)
        if request.at < last:
            newest = max(touched, key=lambda stream: self._streams.as_of([stream]))
            at, latest = format_exact_time(request.at), format_exact_time(last)
            raise InputError(
                f"'at' {at} is before the last event of {newest}, which happened {latest}",
                hint="times in a history only go forward: give a later time, or leave 'at' out to mean now",
            )
        return request.at

    # What was recorded before

    def _repeat(self, request: Request, receipt: Receipt) -> Result:
        name = NAMES[type(request.command)]
        repeated = request.key is not None  # else its own commit took place, and only the answer was lost
        if not receipt.events:
            return _read(request, name, receipt.result or "{}", repeated)
        positions = tuple(range(receipt.position, receipt.position + receipt.events))
        envelopes = list(self._application.all(positions[0] - 1, positions[-1]))
        events = tuple(envelope.event for envelope in envelopes)
        told = events[0]
        if not isinstance(told, VmEvent | HostEvent):
            raise InputError(f"the key of this command was used for an observation ({told.KIND})")
        target = envelopes[0].stream
        if isinstance(told, HostCommandRefused) and isinstance(request.command, commands.DefineVm):
            target = vm_stream(request.command.vm)
        requested, granted = (told.requested, told.granted) if isinstance(told, VmEvent) else (None, None)
        happened = envelopes[0].metadata.happened
        return Result(
            request, name, target, told.outcome, told.code, requested, granted, positions, events, repeated, happened
        )


def _written(result: Result) -> str:
    """What was answered where no event was due, as it is kept with the receipt."""
    code = None if result.code is None else result.code.value
    return json.dumps([result.target, result.outcome.value, code, result.requested, result.granted])


def _read(request: Request, name: str, text: str, repeated: bool) -> Result:
    target, outcome, code, requested, granted = json.loads(text)
    code = None if code is None else Code(code)
    return Result(request, name, target, Outcome(outcome), code, requested, granted, (), (), repeated)
