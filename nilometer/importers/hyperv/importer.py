"""Imports histories of Hyper-V hosts: any number of files together, of any source, as observed hosts and VMs.

Files are read side by side, by the times in them, each in its own order: clocks of two hosts may differ, and one that
jumps does not change the order of its own records. Records that belong together are taken once, wherever they stand: a
file that has grown, or that was cut in two, adds only what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from heapq import merge
from itertools import groupby
from operator import attrgetter

from domain.errors import InputError
from nilometer.importers.hyperv.fold import HypervFold
from nilometer.importers.hyperv.known import Past
from nilometer.importers.hyperv.readings import JobReading, Record
from nilometer.importers.hyperv.sources.registry import Opened, opened
from nilometer.importers.hyperv.sources.source import Context
from nilometer.importers.hyperv.told import Told
from nilometer.importers.run import (
    BATCH,
    PENDING,
    DigestedStream,
    ImportCounts,
    SkippedRecords,
    WriteObservations,
    observe_import,
)
from nilometer.ledger.requests import Observation
from nilometer.textio.identifying.kind import empty_file
from nilometer.textio.streaming import reduced_garbage_collection
from nilometer.textio.texts import ByteStream


class HypervFile:
    """One file of an import, and the counts of its records."""

    def __init__(
        self,
        name: str,
        stream: ByteStream,
        *,
        skipped: SkippedRecords | None = None,
        at: str | None = None,
        host: str | None = None,
        zone: str | None = None,
    ) -> None:
        self.name = name
        self.counts = ImportCounts()
        self.skipped = SkippedRecords() if skipped is None else skipped
        self._stream = DigestedStream(stream)
        self._context = Context(self.counts, self.skipped, at, host, zone)
        self._opened: Opened | None = None

    def open(self) -> None:
        """Looks what file it is. Raises ``InputError`` if that is not known, or there is nothing in it."""
        self._opened = opened(self._stream, self.name, self._context)
        if self._opened is None:
            raise empty_file(self.name, "there are no records in it")

    @property
    def format(self) -> str | None:
        """The name of the source that it is of; ``None`` while it is not open."""
        return None if self._opened is None else self._opened.source.name

    @property
    def is_of_a_moment(self) -> bool:
        """Whether it tells of one moment, and cannot grow."""
        return self._opened is not None and self._opened.source.of_a_moment

    def polls(self) -> Iterator[Poll]:
        """Its records, each with its time."""
        if self._opened is None:
            return
        for record in self._opened.records:
            readings = record.readings
            at = next((each.at for each in readings if not isinstance(each, JobReading)), readings[0].at)
            yield Poll(at, self, record)

    def observe_import(self, prefix: str) -> Observation:
        """Builds the observation that it was imported, whole."""
        digest, unreadable = self._stream.read_digest(), len(self.skipped.errors)
        return observe_import(self.name, self.format or "", digest, prefix, self.counts, unreadable=unreadable)


@dataclass(frozen=True, slots=True)
class Poll:
    """A record in its file."""

    at: str
    """For the order between files; in its own, each keeps its place."""
    file: HypervFile
    record: Record


class HypervImporter:
    """Imports files together. ``known`` are those of some keys that are recorded already."""

    def __init__(
        self,
        prefix: str | None,
        past: Past,
        known: Callable[[Sequence[str]], Collection[str]],
        record: WriteObservations,
    ) -> None:
        self._prefix = prefix or ""
        self._fold = HypervFold(prefix, past)
        self._known = known
        self._record = record
        self._last = sha256(f"nilometer import-hyperv 1 {self._prefix}".encode())

    def run(self, files: Sequence[HypervFile], *, final: bool = False) -> None:
        """Records all that open files tell, and that they were imported.

        ``final``: they will not grow, and what waits for the next records is told as it is; so it is where all are of
        one moment each. Raises ``InputError``; what was recorded before it stays.
        """
        waiting: list[Poll] = []
        with reduced_garbage_collection():
            try:
                for poll in merge(*[self._met(file.polls()) for file in files], key=attrgetter("at")):
                    waiting.append(poll)
                    if len(waiting) >= BATCH:
                        self._write(waiting)
            finally:
                self._write(waiting)
        if final or all(file.is_of_a_moment for file in files):
            self._finish(files)
        for counts in self._fold.finish():
            counts.add_not_needed(PENDING)
        for file in files:
            self._record([file.observe_import(self._prefix)])

    def _met(self, polls: Iterator[Poll]) -> Iterator[Poll]:
        """The polls of a file. What VMs are called at its first moment is known before any file is told of."""
        begun: list[Poll] = []
        try:
            for poll in polls:
                begun.append(poll)
                if poll.at != begun[0].at:
                    break
                self._fold.meet(poll.record.readings)
        except InputError as error:
            return _all(begun, polls, error)
        return _all(begun, polls)

    def _write(self, polls: list[Poll]) -> None:
        """Records what these tell, in one commit."""
        keyed = [(poll, self._key(poll)) for poll in polls]
        polls.clear()
        known = set(self._known([key for _, key in keyed]))
        observations: list[Observation] = []
        owners: list[ImportCounts] = []
        for poll, key in keyed:
            counts = poll.file.counts
            counts.records += len(poll.record.readings)
            told = self._fold.poll(poll.record.readings, counts, live=key not in known)
            self._last.update(key.encode())
            if key in known:
                continue
            known.add(key)
            counts.facts += len(told)
            given = [*_observations(key, told), Observation(key, ())]
            observations += given
            owners += [counts] * len(given)
        self._put(observations, owners)

    def _finish(self, files: Sequence[HypervFile]) -> None:
        key = f"hyperv/{self._last.hexdigest()[:32]}/final"
        told = self._fold.last()
        if files and not self._known([key]):
            files[-1].counts.facts += len(told)
            given = [*_observations(key, told), Observation(key, ())]
            self._put(given, [files[-1].counts] * len(given))

    def _put(self, observations: Sequence[Observation], owners: Sequence[ImportCounts]) -> None:
        if observations:
            for counts, positions in zip(owners, self._record(observations), strict=True):
                counts.recorded += len(positions)

    def _key(self, poll: Poll) -> str:
        """The same for the same record, in whatever file it stands."""
        digest = sha256(f"{self._prefix}\n".encode())
        digest.update(poll.record.said)
        return f"hyperv/{digest.hexdigest()[:32]}"


def _all(begun: list[Poll], polls: Iterator[Poll], error: InputError | None = None) -> Iterator[Poll]:
    """The polls of a file. What cannot be read is told in its place: what stands before it is taken first."""
    yield from begun
    if error is not None:
        raise error
    yield from polls


def _observations(key: str, told: Sequence[Told]) -> Iterator[Observation]:
    """Facts that are one story and one's doing, together."""
    for number, ((story, who), group) in enumerate(groupby(told, lambda each: (each.story, each.who))):
        facts = tuple(each.fact for each in group)
        actor, via = (None, None) if who is None else (who.actor, who.via)
        yield Observation(f"{key}/{number}", facts, story, actor=actor, via=via)
