"""Reads an export piece by piece, and says which groups of hosts and VMs are surely clean.

A group is clean if each of its events is sound. What is not sound is read once more by Python, so that groups are made
of it just as for shares, and so that whatever is irregular is found: then the whole history is left to the judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from typing import Final

from domain.errors import InputError
from domain.guests import Guest
from domain.identifiers import StreamName, vm_id
from domain.kinds import DECIDED
from nilometer.audit.grouping import BOOK_KINDS, Grouping, StreamSurvey, Survey, group_streams
from nilometer.audit.result import EventPlace
from nilometer.audit.sieve.database import COLUMNS, RawEvent, SieveDatabase
from nilometer.audit.sieve.expected import ExpectedEvent, expected_events
from nilometer.audit.sources import header_of, read_lines_as_events
from nilometer.history.cloudevents import source_uri
from nilometer.history.groups import StreamGroups
from nilometer.history.parquet.chunks import RunDigests, Table, lines_of, read_chunks, write_line
from nilometer.history.parquet.manifest import EXPORT_AGAIN, Manifest
from nilometer.storage.reader import StoredRow
from rules.judging.completeness import IN_PLACE, PlacedEvent
from rules.judging.decided.attribution import Kind, kind_of_command, rules_for
from rules.judging.findings import Coverage, Verdict

Progress = Callable[[int], None]
_OF_VM: Final = "vm."
"""A piece ends before an event of a VM, so that both halves of a change are in one."""
_DECIDED: Final = frozenset(event.KIND for event in DECIDED)


@dataclass(slots=True)
class Sieved:
    """What the sieve found in a history."""

    source: str
    """The ledger, as ``urn:uuid:…``."""
    events: int = 0
    undivided: str = ""
    """Why all of it is to be judged in one piece; empty if groups can be cleared."""
    cleared: Coverage = field(default_factory=Coverage)
    """The events of the groups that are clean, and the rules that hold for them."""
    cleared_groups: int = 0
    groups: int = 0
    streams: frozenset[str] = frozenset()
    """The streams of all groups that are clean."""
    suspects: frozenset[str] = frozenset()
    """The streams of all groups that the judge has to judge."""
    left: Grouping = field(default_factory=lambda: Grouping(source=""))
    """These groups."""
    late: Mapping[int, str] = field(default_factory=dict[int, str])
    span: tuple[EventPlace, EventPlace] | None = None


def sieve_export(manifest: Manifest, on_progress: Progress = lambda count: None, threads: int = 1) -> Sieved:
    """Sieves an export. Raises ``InputError`` for files that are not what was written."""
    forms = expected_events()
    database = SieveDatabase(forms, manifest.ledger, threads)
    try:
        sieve = _Sieve(manifest, forms, database)
        for table, run in read_chunks(manifest, COLUMNS, _OF_VM):
            sieve.take(table, run)
            if sieve.survey.undivided:
                break
            on_progress(sieve.last)
        return sieve.finish()
    finally:
        database.close()


class _Sieve:
    """A history that is being sieved."""

    def __init__(self, manifest: Manifest, forms: Sequence[ExpectedEvent], database: SieveDatabase) -> None:
        self.survey = Survey()
        """Of the streams that are left to the judge."""
        self.last = 0
        self._manifest, self._forms, self._database = manifest, forms, database
        self._digests: RunDigests | None = None
        self._run = -1
        self._groups = StreamGroups()
        self._suspects: set[str] = set()
        self._sound: Counter[tuple[str, int, int]] = Counter()
        """The sound events by stream, form and guest."""
        self._span: tuple[EventPlace, EventPlace] | None = None

    def take(self, table: Table, run: int) -> None:
        """Takes the next piece. Raises ``InputError``."""
        database, survey = self._database, self.survey
        digests = self._digests_of(run)
        places = database.take(table)
        if places.first != self.last + 1 or not places.last - self.last == places.events == places.different:
            survey.undivided = f"the events from #{self.last + 1} on are not there once and in order"
            return
        self.last = places.last
        first, last = database.first_and_last()
        self._span = (first if self._span is None else self._span[0]), last
        late = set[str]()
        for event in database.recorded_earlier():
            survey.compare_recorded(event.position, event.before, event.recorded)
            if event.position in survey.late:
                late.add(event.stream)
        self._set_aside(late)
        self._set_aside(database.judge())
        raw = database.raw_events() if self._suspects else []
        self._digest(digests, database.lines(), raw)
        if survey.undivided:
            return
        for tally in database.tallies():
            self._sound[tally.stream, tally.form, tally.guest] += tally.events
            if tally.host is not None:
                self._groups.join(tally.stream.encode(), tally.host.encode())
        for one, other in survey.connected:
            self._groups.join(one, other)
        database.keep_last()
        roots = {self._groups.root(stream.encode()) for stream in self._suspects}
        known = {stream for stream, _, _ in self._sound}
        self._set_aside({stream for stream in known if self._groups.root(stream.encode()) in roots})

    def finish(self) -> Sieved:
        """Ends the history."""
        source, survey = source_uri(self._manifest.ledger), self.survey
        if not survey.undivided and self._digests is not None:
            self._digests.check()
        for stream, found in () if survey.undivided else survey.streams.items():
            if found.first != 1:
                survey.undivided = f"the beginning of {stream.decode()} is missing"
                break
        if survey.undivided or not self.last:
            return Sieved(source, undivided=survey.undivided or "there is no event")
        known = {stream for stream, _, _ in self._sound} | self._suspects
        root_of = {stream: self._groups.root(stream.encode()) for stream in known}
        left = {root_of[stream] for stream in self._suspects}
        clean = {stream for stream in known if root_of[stream] not in left}
        return Sieved(
            source=source,
            events=self.last,
            cleared=self._coverage(clean),
            cleared_groups=len({root_of[stream] for stream in clean}),
            groups=len(set(root_of.values())),
            streams=frozenset(clean),
            suspects=frozenset(known - clean),
            left=self._group_left(known - clean),
            late=survey.late,
            span=self._span,
        )

    def _group_left(self, streams: Collection[str]) -> Grouping:
        """The groups of the streams that the judge has to judge; all their events were followed."""
        counts = {stream.encode(): self.survey.streams[stream.encode()].last for stream in streams}
        return group_streams(counts, self._groups.root, source_uri(self._manifest.ledger), self.survey.late)

    def _coverage(self, clean: Collection[str]) -> Coverage:
        """The events of clean streams, and what the judge would have counted for them."""
        coverage, kinds = Coverage(), Counter[Kind]()
        for (stream, form, guest), count in self._sound.items():
            if stream in clean:
                coverage.events += count
                kinds[IN_PLACE] += count
                if form >= 0:
                    kinds[_kind_of(self._forms[form], list(Guest)[guest])] += count
        for kind, count in kinds.items():
            for rule in rules_for(kind):
                coverage.count(rule, Verdict.HOLDS, count)
        return coverage

    def _set_aside(self, streams: Collection[str]) -> None:
        """Leaves streams to the judge, from the event on that comes after the last one that was kept."""
        new = set(streams) - self._suspects
        if not new:
            return
        for last in self._database.last_events(new):
            is_vm = vm_id(last.stream) is not None
            self.survey.streams[last.stream.encode()] = StreamSurvey(
                first=1,
                kind=b"vm.defined" if is_vm else b"host.registered",
                last=last.version,
                decided=True,
                ended=last.is_removal,
            )
        self._suspects |= new
        self._database.suspect(new)

    def _digests_of(self, run: int) -> RunDigests:
        if self._digests is None or run != self._run:
            if self._digests is not None:
                self._digests.check()
            self._digests, self._run = RunDigests(self._manifest, run), run
        return self._digests

    def _digest(self, digests: RunDigests, lines: Table, raw: list[RawEvent]) -> None:
        """Adds all lines to the digests of their files: those of sound events at once, the others one by one."""
        others = {event.position: (event, self._line_of(event, digests)) for event in raw}
        digests.add(lines, {position: line for position, (_, line) in others.items()})
        for event, line in others.values():
            if self.survey.undivided:
                return
            self._follow(event, line)

    def _line_of(self, event: RawEvent, digests: RunDigests) -> bytes:
        row = StoredRow(event.position, StreamName(event.stream), event.version, event.topic, event.body.encode())
        return write_line(row, self._manifest.ledger, str(self._manifest.folder / digests.files[event.file].path))

    def _follow(self, event: RawEvent, line: bytes) -> None:
        """Looks at an event that is left to the judge as for shares: what it connects, and whether it is regular."""
        survey, header = self.survey, header_of(line.rstrip(b"\n"))
        if header is None:
            survey.undivided = f"event #{event.position} is not written as Nilometer writes it"
            return
        if header.stream.startswith(b"policies/"):
            survey.undivided = (
                f"event #{event.position} adopts a policy or retires one, which is asked of all hosts and VMs"
            )
            return
        if (event.recorded or "").encode() != header.recorded:
            raise InputError(
                f"{self._manifest.folder}:{event.position}: the columns of this event do not say what its body says",
                hint=EXPORT_AGAIN,
            )
        if header.kind in BOOK_KINDS:
            before = (event.topic_before or "").rpartition("/")[0]
            if before not in _DECIDED:
                survey.undivided = f"event #{event.position} does not follow on the event of a decided VM or host"
                return
            survey.decided = (event.stream_before or "").encode()
        survey.follow(header)


def read_suspects(manifest: Manifest, streams: Collection[str]) -> Iterator[PlacedEvent]:
    """The events of some streams of an export, by position. Raises ``InputError``."""
    return read_lines_as_events(_lines(manifest, streams))


def _lines(manifest: Manifest, streams: Collection[str]) -> Iterator[tuple[str, bytes]]:
    for run in manifest.runs:
        with lines_of(manifest, run, streams) as files:
            for position, line in merge(*files):
                yield f"{manifest.folder}:{position}", line.rstrip(b"\n")


def _kind_of(form: ExpectedEvent, guest: Guest) -> Kind:
    """The kind of a form, by which the rules that apply to it are counted."""
    if form.vm_after is None:
        return form.command, "host refused" if form.is_refusal else "host"
    return kind_of_command(form.command, guest, refused=form.is_refusal)
