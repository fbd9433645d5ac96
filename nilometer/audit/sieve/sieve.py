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

import numpy
import pyarrow

from domain.errors import InputError
from domain.guests import Guest
from domain.identifiers import StreamName, vm_id
from domain.kinds import DECIDED
from nilometer.audit.expected import ExpectedEvent
from nilometer.audit.partitioning.grouping import BOOK_KINDS, Grouping, StreamSurvey, Survey, group_streams
from nilometer.audit.result import EventPlace
from nilometer.audit.sieve.columns import Column
from nilometer.audit.sieve.continuity import Continuity
from nilometer.audit.sieve.events import ENCODED, READ, UNKNOWN_TIME, Events, RawEvent
from nilometer.audit.sieve.looking import Looked, Looking
from nilometer.audit.sieve.memory import shared_memory_pool
from nilometer.audit.sieve.pieces import BODIES, ExportPiece, lines_of, read_pieces
from nilometer.audit.sieve.states import Written
from nilometer.audit.sieve.streams import Streams
from nilometer.audit.sources import header_of, read_lines_as_events
from nilometer.history.cloudevents import source_uri
from nilometer.history.groups import StreamGroups
from nilometer.history.parquet.manifest import Manifest, digest_of
from nilometer.history.parquet.reading import lines_of_rows
from nilometer.textio.streaming import reduced_garbage_collection
from rules.judging.completeness import IN_PLACE, PlacedEvent
from rules.judging.decided.attribution import Kind, kind_of_command, rules_for
from rules.judging.findings import Coverage, Verdict

Progress = Callable[[int], None]
_OF_VM: Final = "vm."
"""A piece ends before an event of a VM, so that both halves of a change are in one."""
NO_FORM: Final = -1
"""Of the half of a change that stands on the host's stream."""
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


def sieve_export(manifest: Manifest, on_progress: Progress = lambda count: None) -> Sieved:
    """Sieves an export. What cannot be read, or contradicts itself, is left to the judge with all the rest.

    So whoever judges it in one piece decides what is wrong with it, and what may be passed over.
    """
    sieve = _Sieve(manifest)
    try:
        reason = _changed_files(manifest)
        with reduced_garbage_collection(), shared_memory_pool():
            for piece in () if reason else read_pieces(manifest, READ, _OF_VM, ENCODED):
                sieve.take(piece)
                if sieve.survey.undivided:
                    break
                on_progress(sieve.last)
    except InputError as error:
        reason = error.message
    except UnicodeDecodeError:
        reason = "a text in it is not UTF-8"
    return Sieved(source_uri(manifest.ledger), undivided=reason) if reason else sieve.finish()


def _changed_files(manifest: Manifest) -> str:
    """Why files are not as they were written; empty if they are."""
    for run in manifest.runs:
        for file in run:
            if not file.file_sha256:
                return "the export is of an earlier version; export the ledger again, into a new folder"
            if digest_of(manifest.folder / file.path) != file.file_sha256:
                return f"{file.path} is not the file that was written"
    return ""


class _Sieve:
    """A history that is being sieved."""

    def __init__(self, manifest: Manifest) -> None:
        self.survey = Survey()
        """Of the streams that are left to the judge."""
        self.last = 0
        self._manifest = manifest
        self._streams = Streams()
        self._looking = Looking(self._streams)
        self._states = Continuity()
        self._groups = StreamGroups()
        self._suspects: set[int] = set()
        """The numbers of streams."""
        self._sound = Counter[tuple[int, int, int]]()
        """The sound events by stream, form and guest."""
        self._span: tuple[EventPlace, EventPlace] | None = None
        self._before: RawEvent | None = None
        """The last event of the piece before."""

    def take(self, piece: ExportPiece) -> None:
        """Takes the next piece. Raises ``InputError`` for a body of which no line can be made."""
        survey, events = self.survey, Events(piece.columns, self._streams)
        expected = numpy.arange(self.last + 1, self.last + 1 + events.count)
        if not numpy.array_equal(events.position[events.in_order], expected):
            survey.undivided = f"the events from #{self.last + 1} on are not there once and in order"
            return
        self.last += events.count
        self._span = (events.place(0) if self._span is None else self._span[0]), events.place(events.count - 1)
        self._set_aside(self._find_late(events))
        arrived = ~self._are_left(events)
        looked = self._looking.look(events, piece.bodies, arrived)
        following = self._states.follow(events, looked.written)
        self._set_aside(set(events.stream[arrived & ~following.sound].tolist()))
        self._follow_left(events, looked)
        if survey.undivided:
            return
        self._before = events.raw(events.count - 1)
        self._count(events, looked.written)
        for one, other in survey.connected:
            self._groups.join(one, other)
        self._states.keep(following)

    def finish(self) -> Sieved:
        """Ends the history."""
        source, survey = source_uri(self._manifest.ledger), self.survey
        for stream, found in () if survey.undivided else survey.streams.items():
            if found.first != 1:
                survey.undivided = f"the beginning of {stream.decode()} is missing"
                break
        if survey.undivided or not self.last:
            return Sieved(source, undivided=survey.undivided or "there is no event")
        known = {stream for stream, _, _ in self._sound} | self._suspects
        root_of = {stream: self._root(stream) for stream in known}
        left = {root_of[stream] for stream in self._suspects}
        clean = {stream for stream in known if root_of[stream] not in left}
        self._set_aside(known - clean)
        return Sieved(
            source=source,
            events=self.last,
            cleared=self._coverage(clean),
            cleared_groups=len({root_of[stream] for stream in clean}),
            groups=len(set(root_of.values())),
            streams=self._names(clean),
            suspects=self._names(known - clean),
            left=self._group_left(known - clean),
            late=survey.late,
            span=self._span,
        )

    def _group_left(self, streams: Collection[int]) -> Grouping:
        """The groups of the streams that the judge has to judge; all their events were followed."""
        names = [self._streams.names[stream].encode() for stream in streams]
        counts = {name: self.survey.streams[name].last for name in names}
        return group_streams(counts, self._groups.root, source_uri(self._manifest.ledger), self.survey.late)

    def _names(self, streams: Collection[int]) -> frozenset[str]:
        return frozenset(self._streams.names[stream] for stream in streams)

    def _root(self, stream: int) -> bytes:
        return self._groups.root(self._streams.names[stream].encode())

    def _coverage(self, clean: Collection[int]) -> Coverage:
        """The events of clean streams, and what the judge would have counted for them."""
        coverage, kinds = Coverage(), Counter[Kind]()
        for (stream, form, guest), count in self._sound.items():
            if stream in clean:
                coverage.events += count
                kinds[IN_PLACE] += count
                if form != NO_FORM:
                    kinds[_kind_of(self._looking.expected[form], list(Guest)[guest])] += count
        for kind, count in kinds.items():
            for rule in rules_for(kind):
                coverage.count(rule, Verdict.HOLDS, count)
        return coverage

    def _are_left(self, events: Events) -> Column:
        """Which events are on streams that are left to the judge."""
        is_left = numpy.zeros(len(self._streams.names), bool)
        is_left[list(self._suspects)] = True
        found: Column = is_left[events.stream]
        return found

    def _count(self, events: Events, written: Sequence[Written]) -> None:
        """Counts the sound events, and joins VMs with the hosts that they read."""
        form, guest = (numpy.full(events.count, value, numpy.int64) for value in (NO_FORM, 0))
        host = events.stream.copy()
        for some in written:
            form[some.index], guest[some.index], host[some.index] = some.form, some.guest, some.host
        counted = ~self._are_left(events)
        names = self._streams.names
        for some in written:
            for other in some.hosts[1:]:
                both: Column = numpy.unique(numpy.stack([events.stream[some.index], other.stream]), axis=1)
                pairs: list[tuple[int, int]] = both.T.tolist()
                for vm, destination in pairs:
                    self._groups.join(names[vm].encode(), names[destination].encode())
        combined: Column = events.stream[counted].astype(numpy.int64)
        sizes = len(names), len(self._looking.expected) + 1, len(Guest)
        for column, size in zip((host, form + 1, guest), sizes, strict=True):
            combined = combined * size + column[counted]
        encoded = pyarrow.array(combined, pyarrow.int64()).dictionary_encode()
        keys: list[int] = encoded.dictionary.to_pylist()
        counts: list[int] = numpy.bincount(encoded.indices.to_numpy(), minlength=len(keys)).tolist()
        for one, count in zip(keys, counts, strict=True):
            key, of_guest = divmod(one, sizes[2])
            key, number = divmod(key, sizes[1])
            stream, of_host = divmod(key, sizes[0])
            self._sound[stream, number - 1, of_guest] += count
            self._groups.join(names[stream].encode(), names[of_host].encode())

    def _set_aside(self, streams: Collection[int]) -> None:
        """Leaves streams to the judge, from the event on that comes after the last one that was kept."""
        new = set(streams) - self._suspects
        for last in self._states.last_events(new):
            name = self._streams.names[last.stream]
            is_vm = vm_id(StreamName(name)) is not None
            self.survey.streams[name.encode()] = StreamSurvey(
                first=1,
                kind=b"vm.defined" if is_vm else b"host.registered",
                last=last.version,
                decided=True,
                ended=last.is_removal,
            )
        self._suspects |= new

    def _find_late(self, events: Events) -> set[int]:
        """Notes the events that were recorded long before the one before them; returns their streams."""
        late = set[int]()
        ranks = events.recorded_earlier(UNKNOWN_TIME if self._before is None else self._before.recorded)
        for event, before in self._with_those_before(events, ranks):
            assert before is not None
            self.survey.compare_recorded(event.position, before.recorded_text or "", event.recorded_text or "")
            if event.position in self.survey.late:
                late.add(self._streams.number(event.stream))
        return late

    def _with_those_before(self, events: Events, ranks: Column) -> Iterator[tuple[RawEvent, RawEvent | None]]:
        """Some events by their places in the order of positions, each with the event before it."""
        before = events.raw_ones(numpy.maximum(ranks - 1, 0))
        for event, other in zip(events.raw_ones(ranks), before, strict=True):
            yield event, other if other.position < event.position else self._before

    def _follow_left(self, events: Events, looked: Looked) -> None:
        """Looks at the events that are left to the judge as for shares: what they connect, whether they are regular."""
        left = numpy.flatnonzero(self._are_left(events)[events.in_order])
        for begin in range(0, len(left), BODIES):
            ranks = left[begin : begin + BODIES]
            followed = list(self._with_those_before(events, ranks))
            positions, streams, versions, topics, *_ = zip(*(event for event, _ in followed), strict=True)
            lines = lines_of_rows(
                positions,
                streams,
                versions,
                topics,
                [body.encode() for body in looked.bodies(events.in_order[ranks])],
                ledger=self._manifest.ledger,
                name=str(self._manifest.folder),
            )
            for (event, before), (line, _) in zip(followed, lines, strict=True):
                self._follow(event, line, before)
                if self.survey.undivided:
                    return

    def _follow(self, event: RawEvent, line: bytes, before: RawEvent | None) -> None:
        survey, header = self.survey, header_of(line)
        if header is None:
            survey.undivided = f"event #{event.position} is not written as Nilometer writes it"
            return
        if header.stream.startswith(b"policies/"):
            survey.undivided = (
                f"event #{event.position} adopts a policy or retires one, which is asked of all hosts and VMs"
            )
            return
        if (event.recorded_text or "").encode() != header.recorded:
            survey.undivided = f"the columns of event #{event.position} do not say what its body says"
            return
        if header.kind in BOOK_KINDS:
            if before is None or before.topic.rpartition("/")[0] not in _DECIDED:
                survey.undivided = f"event #{event.position} does not follow on the event of a decided VM or host"
                return
            survey.decided = before.stream.encode()
        survey.follow(header)


def read_suspects(manifest: Manifest, streams: Collection[str]) -> Iterator[PlacedEvent]:
    """The events of some streams of an export, by position. Raises ``InputError``."""
    return read_lines_as_events(_lines(manifest, streams))


def _lines(manifest: Manifest, streams: Collection[str]) -> Iterator[tuple[str, bytes]]:
    for run in manifest.runs:
        with lines_of(manifest, run, streams) as files:
            for position, line in merge(*files):
                yield f"{manifest.folder}:{position}", line


def _kind_of(form: ExpectedEvent, guest: Guest) -> Kind:
    """The kind of a form, by which the rules that apply to it are counted."""
    if form.vm_after is None:
        return form.command, "host refused" if form.is_refusal else "host"
    return kind_of_command(form.command, guest, refused=form.is_refusal)
