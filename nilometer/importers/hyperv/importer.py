"""Imports histories of Hyper-V hosts: any number of files together, of any source, as observed hosts and VMs.

Files are read side by side, by the times in them, each in its own order: clocks of two hosts may differ, and one that
jumps does not change the order of its own records. Records that belong together are taken once, wherever they stand: a
file that has grown, or that was cut in two, adds only what is new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from heapq import merge
from itertools import groupby
from operator import attrgetter

from domain.errors import InputError
from domain.identifiers import StreamName, UtcTime
from domain.observed.events import VmAnnotated
from nilometer.importers.hyperv.fold import HypervFold
from nilometer.importers.hyperv.going_on.memo import FoldMemo
from nilometer.importers.hyperv.hyperv_file import HypervFile, Poll
from nilometer.importers.hyperv.readings import HostReading, VmReading
from nilometer.importers.hyperv.service_accounts import ServiceAccounts
from nilometer.importers.hyperv.state import Emission, Past
from nilometer.importers.run import (
    BATCH,
    PENDING,
    ImportCounts,
    WriteObservations,
)
from nilometer.ledger.requests import Observation
from nilometer.textio.streaming import reduced_garbage_collection
from nilometer.times import Clock, system_clock


class HypervImporter:
    """Imports files together. ``known`` returns those of some keys that are recorded already."""

    def __init__(
        self,
        prefix: str | None,
        past: Past,
        known: Callable[[Sequence[str]], Collection[str]],
        record: WriteObservations,
        clock: Clock = system_clock,
        reserves: Mapping[str, int] | None = None,
        service_accounts: Collection[str] = (),
    ) -> None:
        self._prefix = prefix or ""
        self._fold = HypervFold(prefix, past, reserves)
        self._service_accounts = ServiceAccounts(service_accounts)
        self._known = known
        self._record = record
        self._clock = clock
        self._digest = sha256(f"nilometer import-hyperv 1 {self._prefix}".encode())
        """Of all keys so far."""
        self.annotated: Counter[StreamName] = Counter()
        """How many annotations its events have, by streams."""

    def go_on(self, memo: FoldMemo, digest: str) -> None:
        """Goes on from what an import knew at its end."""
        self._fold.go_on(memo)
        self._digest = sha256(digest.encode())

    @property
    def fold(self) -> HypervFold:
        """What it knows of hosts and VMs."""
        return self._fold

    @property
    def digest(self) -> str:
        """Of the keys of all records so far."""
        return self._digest.hexdigest()

    def run(self, files: Sequence[HypervFile], *, final: bool = False) -> None:
        """Records the events of all open files, and that they were imported.

        ``final``: the files will not grow, so what waits for their next records is recorded as it is; the same holds
        if all files are snapshots. Raises ``InputError``; what was recorded before it stays.
        """
        batch: list[Poll] = []
        with reduced_garbage_collection():
            try:
                for poll in merge(*[self._begin(_in_order(file)) for file in files], key=_order_of):
                    batch.append(poll)
                    if len(batch) >= BATCH:
                        self._write(batch)
            finally:
                self._write(batch)
        if final or all(file.is_snapshot for file in files):
            self._finish(files)
        self._state_reserves(files)
        self._end_watch(files)
        for file in files:
            file.note_ends_alone()
        for counts in self._fold.waiting():
            counts.add_not_needed(PENDING)
        for file in files:
            self._record([file.observe_import(self._prefix, self._clock)])

    def _begin(self, polls: Iterator[Poll]) -> Iterator[Poll]:
        """The polls of a file. The names of VMs at its first moment are learned before any file gives events."""
        first: list[Poll] = []
        try:
            for poll in polls:
                first.append(poll)
                if poll.at != first[0].at:
                    break
                self._fold.learn_names(poll.record.readings)
        except InputError as error:
            return _continue(first, polls, error)
        return _continue(first, polls)

    def _write(self, batch: list[Poll]) -> None:
        """Records the events of some polls in one commit, and empties the batch."""
        keyed = [(poll, self._key(poll)) for poll in batch]
        batch.clear()
        known = set(self._known([key for _, key in keyed]))
        observations: list[Observation] = []
        owners: list[ImportCounts] = []
        for poll, key in keyed:
            counts = poll.file.counts
            counts.records += len(poll.record.readings)
            emissions = self._fold.poll(
                poll.record.readings, counts, live=key not in known, sampled=poll.file.is_sampled
            )
            self._digest.update(key.encode())
            if key in known:
                continue
            known.add(key)
            counts.facts += len(emissions)
            added = self._observe(key, emissions)
            observations += added
            owners += [counts] * len(added)
        self._put(observations, owners)

    def _finish(self, files: Sequence[HypervFile]) -> None:
        """Records the events of all that waits."""
        key = f"hyperv/{self._digest.hexdigest()[:32]}/final"
        emissions = self._fold.finish()
        if files and not self._known([key]):
            files[-1].counts.facts += len(emissions)
            added = self._observe(key, emissions)
            self._put(added, [files[-1].counts] * len(added))

    def _state_reserves(self, files: Sequence[HypervFile]) -> None:
        """Records the stated reserves of hosts of which no record is new."""
        emissions, unknown = self._fold.state_reserves()
        for emission in emissions:
            fact = emission.fact
            key = f"hyperv/{self._digest.hexdigest()[:32]}/reserve/{fact.stream}/{getattr(fact.event, 'reserve', None)}"
            self._put([Observation(key=key, facts=(fact,))], [files[-1].counts])
        for id in unknown:
            note = f"there is no host {id}: its stated reserve was not recorded"
            files[-1].counts.add_remark("reserve of an unknown host", note)

    def _end_watch(self, files: Sequence[HypervFile]) -> None:
        """Records which time of each host the new records cover."""
        for emission in self._fold.end_watch():
            fact = emission.fact
            key = f"hyperv/{self._digest.hexdigest()[:32]}/watched/{fact.stream}"
            files[-1].counts.facts += 1
            self._put([Observation(key=key, facts=(fact,))], [files[-1].counts])

    def _observe(self, key: str, emissions: Sequence[Emission]) -> list[Observation]:
        """The events of a record: those of one story and one actor together, and the record's own key last."""
        observations: list[Observation] = []
        for number, ((story, owner), group) in enumerate(groupby(emissions, attrgetter("story", "who"))):
            who, facts = self._service_accounts.attribute(owner), tuple(emission.fact for emission in group)
            self.annotated.update(fact.stream for fact in facts if isinstance(fact.event, VmAnnotated))
            observation = Observation(
                key=f"{key}/{number}",
                facts=facts,
                correlation=story,
                reason=None if who is None else who.reason,
                actor=None if who is None else who.actor,
                via=None if who is None else who.via,
            )
            observations.append(observation)
        return [*observations, Observation(key=key, facts=())]

    def _put(self, observations: Sequence[Observation], owners: Sequence[ImportCounts]) -> None:
        if observations:
            for counts, positions in zip(owners, self._record(observations), strict=True):
                counts.recorded += len(positions)

    def _key(self, poll: Poll) -> str:
        """The same for the same record, in whatever file it stands."""
        digest = sha256(f"{self._prefix}\n".encode())
        digest.update(poll.record.identity)
        return f"hyperv/{digest.hexdigest()[:32]}"


def _in_order(file: HypervFile) -> Iterator[Poll]:
    """The polls of a file. A snapshot has one moment, so its order shows nothing."""
    if not file.is_snapshot:
        yield from file.polls()
        return
    polls: list[Poll] = []
    try:
        polls.extend(file.polls())
    finally:  # what stands before an error is taken too
        yield from sorted(polls, key=_order_of)


def _order_of(poll: Poll) -> tuple[UtcTime, int, bytes]:
    """By time; at one moment hosts first, then settings, then sizes. What else is equal has an order of its own.

    So the order in which files are named changes nothing.
    """
    first = poll.record.readings[0]
    if isinstance(first, VmReading):
        return poll.at, 1 if first.listing.assigned is None else 2, poll.record.identity
    return poll.at, 0 if isinstance(first, HostReading) else 3, poll.record.identity


def _continue(first: list[Poll], polls: Iterator[Poll], error: InputError | None = None) -> Iterator[Poll]:
    """All polls of a file, or the error where it occurred, behind the polls before it."""
    yield from first
    if error is not None:
        raise error
    yield from polls
