"""Imports recordings of a QEMU driver: real guests whose memory was changed, as observed hosts and VMs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import groupby
from typing import Final

from pydantic import TypeAdapter, ValidationError

from domain.errors import InputError
from domain.identifiers import StreamName, UtcTime
from domain.shapes import Id
from nilometer.importers.qemu.entries import QueuedRecord
from nilometer.importers.qemu.facts import EmittedFact, FactBuilder
from nilometer.importers.qemu.logs.translation import Translation, find_translation
from nilometer.importers.qemu.memo import QemuMemo
from nilometer.importers.qemu.ordering import RecordQueue
from nilometer.importers.qemu.records import QemuRecord, VmRecord, read_record
from nilometer.importers.qemu.sequence import SequenceCheck
from nilometer.importers.qemu.sizes import read_event_size
from nilometer.importers.run import PENDING, ImportCounts
from nilometer.importers.stored_form import NotTheEnd
from nilometer.ledger.requests import Observation
from nilometer.textio.values import describe_value

FORMAT = "qemu"

_BEGINNING: Final = b"nilometer import-qemu 1\n"
_ID = TypeAdapter[str](Id)


class QemuImporter:
    """Reads one recording, line by line. What it yields after a line depends on the lines up to it alone.

    The host's id is the prefix, a VM's is ``PREFIX.vm0``; the default prefix is the recording's scenario.
    """

    def __init__(
        self, name: str, prefix: str | None = None, *, vm: str | None = None, at: UtcTime | None = None
    ) -> None:
        self._given = vm, at
        """The VM and the time of a log that does not say them."""
        self._translation: Translation | None = None
        self._line = 0
        self.name = name
        """The name of the file, for messages."""
        self.prefix = prefix
        self.counts = ImportCounts()
        self._digest = sha256(_BEGINNING)
        """Of all records up to now, without repeated and unreadable ones."""
        self._scenario: str | None = None
        self._sequence = SequenceCheck(name, self.counts)
        self._queue = RecordQueue()
        self._builder: FactBuilder | None = None
        self._early_lines: set[int] = set()
        """The lines that produced events of a moment before them, and have not left the queue yet."""
        self._streams: set[StreamName] = set()
        """The streams of its events."""

    def read_line(self, line: bytes, number: int) -> Iterator[Observation]:
        """Yields what is certain once this line was read. Raises ``InputError`` with the place, and ``NotTheEnd``."""
        if not line.strip():
            return
        place = f"{self.name}:{number}"
        if self._line == 0:
            self._translation = find_translation(line, self.name, *self._given)
        self._line = number
        if self._translation is None:
            yield from self._read_record(line, number, place)
            return
        for record in self._translation.translate(line, place):
            yield from self._read_record(record, number, place)

    def _read_record(self, line: bytes, number: int, place: str) -> Iterator[Observation]:
        record = read_record(line, place)
        try:
            read_event_size(record)
        except InputError as error:
            raise InputError(f"{place}: {error.message}", hint=error.hint) from None
        self._begin(record, place)
        self.counts.records += 1
        if self._sequence.is_repeat(record, line, place):
            self.counts.repeats += 1
            return
        self._digest.update(line + b"\n")
        yield from self._build_observations(list(self._queue.add(record, number)))

    def finish(self, *, final: bool = False) -> Iterator[Observation]:
        """Ends the file: counts the pending records, or with ``final`` decides them, because nothing will follow.

        Raises ``InputError`` for what cannot be read at the end of a log.
        """
        unreadable: InputError | None = None
        if self._translation is not None:
            try:
                last = list(self._translation.finish())
            except InputError as error:
                last, unreadable = [], error
            for record in last:
                yield from self._read_record(record, self._line, f"{self.name}:{self._line}")
            self.counts.records += self._translation.passed_over
            self.counts.add_not_needed("other line", self._translation.passed_over)
        if final:
            self._digest.update(b"final\n")
            yield from self._build_observations(self._queue.finish(), final=True)
        swings = 0 if self._builder is None else self._builder.pending_swings
        self.counts.events -= swings
        self.counts.add_not_needed(PENDING, self._queue.pending + swings)
        if unreadable is not None:  # all else is decided
            raise unreadable

    def remember(self) -> QemuMemo | None:
        """All that is known behind this line; ``None`` if something waits for the next."""
        is_waiting = not self._queue.is_empty or bool(self._early_lines)
        if is_waiting or self._scenario is None or self.prefix is None or self._builder is None:
            return None
        (orders, last), (host, vms) = self._queue.remember(), self._builder.remember()
        return QemuMemo(
            scenario=self._scenario,
            prefix=self.prefix,
            digest=self._digest.hexdigest(),
            highest=self._sequence.highest,
            last=last,
            orders=orders,
            host=host,
            vms=vms,
            streams=self._streams,
        )

    def go_on(self, memo: QemuMemo, before: bytes | memoryview, line: int) -> None:
        """Goes on behind a line, of which all ``before`` it is given. Raises ``NotTheEnd`` if that is not what it was.

        What was repeated or skipped is in no digest: such a recording is always read from its beginning.
        """
        digest = sha256(_BEGINNING)
        digest.update(memo.prefix.encode())
        digest.update(before)
        if digest.hexdigest() != memo.digest:
            raise NotTheEnd(f"{self.name} is another than it was")
        self._digest, self._line = digest, line
        self.prefix, self._scenario, self._streams = memo.prefix, memo.scenario, memo.streams
        self._sequence.go_on(memo.highest)
        self._queue.go_on(memo.orders, memo.last)
        self._builder = FactBuilder(memo.prefix)
        self._builder.go_on(memo.host, memo.vms)

    def _begin(self, record: QemuRecord, place: str) -> None:
        if self._scenario is None:
            prefix = record.scenario if self.prefix is None else self.prefix
            _check_id(prefix, place)
            self.prefix, self._scenario = prefix, record.scenario
            self._builder = FactBuilder(prefix)
            self._digest.update(prefix.encode())
        elif record.scenario != self._scenario:
            problem = f"the record is of the scenario {record.scenario!r}, those before it are of {self._scenario!r}"
            raise InputError(f"{place}: {problem}", hint="import each recording from a file of its own")
        if isinstance(record, VmRecord):
            _check_id(f"{self.prefix}.{record.vm}", place)

    def _build_observations(self, entries: Iterable[QueuedRecord], *, final: bool = False) -> Iterator[Observation]:
        """Groups the facts of these records by request. Their keys are made of all lines read up to now."""
        emitted = [
            (emission, emission.correlation or f"{self.prefix}#{entry.record.seq}")
            for entry in entries
            for emission in self._build_facts(entry)
        ]
        if final and self._builder is not None:
            last = self._builder.finish()
            self.counts.facts += len(last)
            emitted += [(emission, emission.correlation or f"{self.prefix}#end") for emission in last]
        key = self._digest.hexdigest()
        groups = groupby(emitted, lambda pair: (pair[1], pair[0].who))
        for number, ((correlation, who), pairs) in enumerate(groups):
            facts = tuple(emission.fact for emission, _ in pairs)
            new = frozenset(fact.stream for fact in facts) - self._streams
            self._streams |= new
            yield Observation(
                key=f"{key}/{number}",
                facts=facts,
                correlation=correlation,
                reason=None if who is None else who.reason,
                actor=None if who is None else who.actor,
                via=None if who is None else who.via,
                begins=new,
            )

    def _build_facts(self, entry: QueuedRecord) -> list[EmittedFact]:
        """Builds the facts of one record, which is counted when the last part of it has left the queue."""
        assert self._builder is not None
        emitted = self._builder.build_facts(entry)
        self.counts.facts += len(emitted)
        if entry.is_early:
            if emitted:
                self._early_lines.add(entry.line)
        elif emitted or entry.is_swing or entry.line in self._early_lines:
            self._early_lines.discard(entry.line)
            self.counts.events += 1
        elif (kind := self._builder.why_not_needed(entry)) is not None:
            self.counts.add_not_needed(kind)
        else:
            self.counts.repeats += 1
        return emitted


def _check_id(id: str, place: str) -> None:
    try:
        _ID.validate_python(id)
    except ValidationError as error:
        problem = describe_value(error.errors(include_url=False)[0])
        raise InputError(f"{place}: {id!r} is not an id: {problem}", hint="name another prefix: --as PREFIX") from None
