"""Imports recordings of a QEMU driver: real guests whose memory was changed, as observed hosts and VMs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import groupby

from pydantic import TypeAdapter, ValidationError

from domain.errors import InputError
from domain.shapes import Id
from nilometer.importers.qemu.entries import QueuedRecord
from nilometer.importers.qemu.facts import EmittedFact, FactBuilder
from nilometer.importers.qemu.ordering import RecordQueue
from nilometer.importers.qemu.records import QemuRecord, VmRecord, read_record
from nilometer.importers.qemu.sequence import SequenceCheck
from nilometer.importers.qemu.sizes import size_told
from nilometer.importers.run import PENDING, ImportCounts
from nilometer.ledger.requests import Observation

FORMAT = "qemu"

_ID = TypeAdapter[str](Id)


class QemuImporter:
    """Reads one recording, line by line. What it gives after a line depends on the lines up to it alone.

    The host's id is the prefix, a VM's is ``PREFIX.vm0``; the prefix is the recording's scenario if none is given.
    """

    def __init__(self, name: str, prefix: str | None = None) -> None:
        self.name = name
        """The file's, for messages."""
        self.prefix = prefix
        self.counts = ImportCounts()
        self._digest = sha256(b"nilometer import-qemu 1\n")
        """Of all records up to now, without those that came twice and what could not be read."""
        self._scenario: str | None = None
        self._course = SequenceCheck(name, self.counts)
        self._order = RecordQueue()
        self._facts: FactBuilder | None = None
        self._telling: set[int] = set()
        """Lines that gave events of a moment before them, and have not left yet."""
        self._streams: set[str] = set()
        """The streams that it gave events of."""

    def read_line(self, line: bytes, number: int) -> Iterator[Observation]:
        """What is certain once this line was read, each part with its key. Raises ``InputError`` with the place."""
        if not line.strip():
            return
        place = f"{self.name}:{number}"
        record = read_record(line, place)
        try:
            size_told(record)
        except InputError as error:
            raise InputError(f"{place}: {error.message}", hint=error.hint) from None
        self._begin(record, place)
        self.counts.records += 1
        if self._course.came_twice(record, line, place):
            self.counts.repeats += 1
            return
        self._digest.update(line + b"\n")
        yield from self._give(list(self._order.take(record, number)))

    def finish(self, *, final: bool = False) -> Iterator[Observation]:
        """The end of the file: counts what is undecided, or with ``final`` decides it, because nothing will follow."""
        if final:
            self._digest.update(b"final\n")
            yield from self._give(self._order.finish())
        self.counts.add_not_needed(PENDING, self._order.waiting)

    def _begin(self, record: QemuRecord, place: str) -> None:
        if self._scenario is None:
            prefix = record.scenario if self.prefix is None else self.prefix
            _check_id(prefix, place)
            self.prefix, self._scenario = prefix, record.scenario
            self._facts = FactBuilder(prefix)
            self._digest.update(prefix.encode())
        elif record.scenario != self._scenario:
            what = f"the record is of the scenario {record.scenario!r}, those before it are of {self._scenario!r}"
            raise InputError(f"{place}: {what}", hint="import each recording from a file of its own")
        if isinstance(record, VmRecord):
            _check_id(f"{self.prefix}.{record.vm}", place)

    def _give(self, entries: Iterable[QueuedRecord]) -> Iterator[Observation]:
        """The events of these records, one story after the other, known by all lines read up to now."""
        told = [(part, entry) for entry in entries for part in self._tell(entry)]
        key = self._digest.hexdigest()
        stories = groupby(told, lambda pair: pair[0].story or f"{self.prefix}#{pair[1].record.seq}")
        for number, (story, pairs) in enumerate(stories):
            facts = tuple(part.fact for part, _ in pairs)
            new = frozenset(fact.stream for fact in facts) - self._streams
            self._streams |= new
            yield Observation(f"{key}/{number}", facts, story, begins=new)

    def _tell(self, entry: QueuedRecord) -> list[EmittedFact]:
        """The events of one record, which is counted when the last of it has left."""
        assert self._facts is not None
        told = self._facts.of(entry)
        self.counts.facts += len(told)
        if entry.early:
            if told:
                self._telling.add(entry.line)
        elif told or entry.line in self._telling:
            self._telling.discard(entry.line)
            self.counts.events += 1
        elif (kind := self._facts.not_needed(entry)) is not None:
            self.counts.add_not_needed(kind)
        else:
            self.counts.repeats += 1
        return told


def _check_id(id: str, place: str) -> None:
    try:
        _ID.validate_python(id)
    except ValidationError as error:
        what = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"{place}: {id!r} is no id: {what}", hint="name another beginning: --as PREFIX") from None
