"""One commit: commands decided one after the other, each on what those before it left, and then written together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import uuid4

from domain import commands
from domain.aggregates import host_stream
from domain.commands import NAMES
from domain.decider import Answer, decide
from domain.decision import Code, Outcome, accepted
from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.events import Event, HostCommandRefused, HostEvent, VmEvent
from nilometer.application import LedgerApplication
from nilometer.clock import now
from nilometer.recorders import NO_READS, Reads, Receipt
from nilometer.results import Request, Result
from nilometer.streams import Streams
from nilometer.times import shown


class Batch:
    """Commands that are committed together. It is used once, and undone if it could not be committed."""

    def __init__(self, application: LedgerApplication, streams: Streams, known: Mapping[str, Receipt]) -> None:
        self._application = application
        self._streams = streams
        self._known = known
        """Receipts of commands that were recorded before."""
        self._touched: set[str] = set()
        self._fresh: set[str] = set()
        """Streams whose remembered state was compared with the stored one since the batch began."""
        self._envelopes: list[Envelope[Event]] = []
        self._receipts: list[Receipt] = []
        self._reads: dict[str, int] = {}
        self._whole_ledger: int | None = None
        self._written: set[str] = set()
        self.answers: list[Result | InputError] = []
        self._uncommitted: list[tuple[int, int, int]] = []
        """Of answers that wait for their positions: place, first event, how many."""
        self.wrote = False

    def decide(self, requests: Sequence[tuple[Request, str]], *, keep_going: bool) -> None:
        """Answers all requests, each with its key, and commits. Raises ``IntegrityError`` if others wrote meanwhile."""
        for request, key in requests:
            try:
                if key in self._known:
                    self.answers.append(self._repeat(request, self._known[key]))
                    continue
                if isinstance(request.command, commands.RemoveHost):
                    self.commit()  # it counts the VMs on the host in what is stored
                self._answer(request, key)
            except InputError as error:
                self.answers.append(error)
                if not keep_going:
                    break
        self.commit()

    def commit(self) -> None:
        """Writes what is decided, and tells the answers their positions."""
        if self._receipts:
            reads = NO_READS
            if self._reads or self._whole_ledger is not None:
                reads = Reads(self._reads, self._whole_ledger)
            positions = self._application.put(self._envelopes, self._receipts, reads)
            for place, first, count in self._uncommitted:
                answer = self.answers[place]
                assert isinstance(answer, Result)
                self.answers[place] = replace(answer, positions=positions[first : first + count])
            self.wrote = self.wrote or bool(positions)
        self._envelopes, self._receipts, self._uncommitted = [], [], []
        self._reads, self._whole_ledger, self._written = {}, None, set()

    def undo(self) -> None:
        """Forgets what was decided but not committed."""
        self._streams.forget(self._touched)

    # Deciding

    def _answer(self, request: Request, key: str) -> None:
        if isinstance(request.command, commands.RemoveHost):
            self._whole_ledger = self._application.position()
        answer = self._decided(request)
        touched = self._streams.touched | {stream for stream, _ in answer.events}
        metadata = Metadata(
            request.actor,
            request.via,
            self._happened(request, touched),
            now(),
            request.correlation or uuid4().hex,
            None,
            request.reason,
        )
        first = len(self._envelopes)
        for stream, event in answer.events:
            envelope = Envelope(stream, self._streams.version(stream) + 1, event, metadata)
            if metadata.causation is None:
                metadata = replace(metadata, causation=envelope.id)
            self._streams.apply(envelope)
            self._envelopes.append(envelope)
            self._written.add(stream)
        count = len(self._envelopes) - first
        result = Result(
            request,
            NAMES[type(request.command)],
            answer.target,
            answer.outcome,
            answer.code,
            answer.requested,
            answer.granted,
            (),
            tuple(event for _, event in answer.events),
        )
        self._receipts.append(Receipt(key, first, count, None if count else _written(result)))
        self._uncommitted.append((len(self.answers), first, count))
        self.answers.append(result)

    def _decided(self, request: Request) -> Answer:
        """The answer to a command. A refusal on remembered state is believed only on fresh state."""
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
        if not accepted(answer.decision):
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

    def _happened(self, request: Request, touched: set[str]) -> str:
        last = self._streams.as_of(touched)
        if request.at is None:
            return max(now(), last)
        if request.at < last:
            newest = max(touched, key=lambda stream: self._streams.as_of([stream]))
            raise InputError(
                f"'at' {shown(request.at)} is before the last event of {newest}, which happened {shown(last)}",
                hint="a history goes forward: give a later time, or leave 'at' out to mean now",
            )
        return request.at

    # What was recorded before

    def _repeat(self, request: Request, receipt: Receipt) -> Result:
        name = NAMES[type(request.command)]
        if not receipt.events:
            return _read(request, name, receipt.result or "{}")
        positions = tuple(range(receipt.position, receipt.position + receipt.events))
        envelopes = list(self._application.all(positions[0] - 1, positions[-1]))
        events = tuple(envelope.event for envelope in envelopes)
        told = events[0]
        if not isinstance(told, VmEvent | HostEvent):
            raise InputError(f"the key of this command was used for an observation ({told.KIND})")
        target = envelopes[0].stream
        if isinstance(told, HostCommandRefused) and isinstance(request.command, commands.DefineVm):
            target = f"vm/{request.command.vm}"
        requested, granted = (told.requested, told.granted) if isinstance(told, VmEvent) else (None, None)
        return Result(
            request, name, target, told.outcome, told.code, requested, granted, positions, events, repeated=True
        )


def _written(result: Result) -> str:
    """What was answered where no event was due, as it is kept with the receipt."""
    code = None if result.code is None else result.code.value
    return json.dumps([result.target, result.outcome.value, code, result.requested, result.granted])


def _read(request: Request, name: str, text: str) -> Result:
    target, outcome, code, requested, granted = json.loads(text)
    code = None if code is None else Code(code)
    return Result(request, name, target, Outcome(outcome), code, requested, granted, (), (), repeated=True)
