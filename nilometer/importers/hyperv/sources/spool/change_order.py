"""The records of a spool in the order in which they happened.

A poll's own line is the first that it writes; the changes that it takes in stand behind it, and were made before it. So
a poll waits for what stands behind it, up to the next poll.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, cast

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.importers.hyperv.readings import ChangeReading, HostReading, JobReading, SourceRecord
from nilometer.importers.hyperv.sources.source import FileMemory
from nilometer.importers.hyperv.sources.spool.change_pairs import BEGUN, ChangePairs, CompletedChange, read_change_file
from nilometer.importers.hyperv.sources.values import Json, read_guid, read_text
from nilometer.importers.run import ImportCounts

MIGRATIONS: Final = range(300, 308)
"""The types of jobs that move a VM to another host."""


@dataclass(slots=True)
class ChangesInOrder:
    """Puts the changes of a spool before the poll that took them in."""

    pairs: ChangePairs
    counts: ImportCounts
    memory: FileMemory
    _poll: SourceRecord | None = None
    """The last poll, which waits."""
    _begun: list[str] = field(default_factory=list[str])
    """The changes whose first file was read behind the last poll."""

    def take_record(self, record: SourceRecord, moves: dict[str, str]) -> Iterator[SourceRecord]:
        """Takes the next poll, or a change of schema 1; yields what waited."""
        yield from self.finish()
        self.memory.moves |= moves
        if isinstance(record.readings[0], HostReading):
            self._poll = record
        else:
            yield record

    def take_file(self, record: Json, place: str) -> Iterator[SourceRecord]:
        """Takes a file of a change; yields the change when both its files are there."""
        file = read_change_file(record, place, self.counts)
        if file is None:
            return
        if not self.pairs.add(file, self.counts):
            if file.content.get("kind") == BEGUN:
                self._begun.append(file.id)
            return
        readings = () if self._poll is None else self._poll.readings
        jobs = [reading for reading in readings if isinstance(reading, JobReading)]
        vm = read_guid(self.pairs.begun[file.id].content, "vm", place)
        change = self.pairs.build(file.id, jobs, self.memory.moves.get(vm or ""), self.counts)
        reading = change.reading
        if self.memory.polled_at is not None and reading.at < self.memory.polled_at and file.seen_at is not None:
            reading = replace(reading, at=max(reading.at, file.seen_at), is_late=True)
        yield from self._place(CompletedChange(reading, change.identity))

    def finish(self) -> Iterator[SourceRecord]:
        """Nothing more stands behind the last poll: yields it, and what was begun before it and did not end."""
        for id in self._begun:
            if self.pairs.is_open(id):
                yield from self._place(self.pairs.build_begun(id))
        self._begun = []
        yield from self._release()

    def _place(self, change: CompletedChange) -> Iterator[SourceRecord]:
        if self._poll is not None and change.reading.at > _time_of(self._poll):
            yield from self._release()
        yield SourceRecord((change.reading,), change.identity)

    def _release(self) -> Iterator[SourceRecord]:
        if self._poll is not None:
            self.memory.polled_at = _time_of(self._poll)
            record, self._poll = self._poll, None
            yield record


def _time_of(record: SourceRecord) -> UtcTime:
    first = record.readings[0]
    assert isinstance(first, HostReading | ChangeReading)
    return first.at


def find_migrations(poll: Json) -> dict[str, str]:
    """Where the jobs of a poll moved VMs to."""
    moves: dict[str, str] = {}
    jobs = poll.get("jobs")
    for job in cast("list[object]", jobs) if isinstance(jobs, list) else []:
        known = cast("Json", job) if isinstance(job, dict) else {}
        if known.get("type") in MIGRATIONS and known.get("destination"):
            try:
                vm = read_guid(known, "vm", "") or read_guid(known, "element", "")
                destination = read_text(known, "destination", "")
            except InputError:  # not a VM's
                continue
            if vm is not None and destination is not None:
                moves[vm] = destination
    return moves
