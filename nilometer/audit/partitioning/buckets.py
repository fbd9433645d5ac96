"""An export as Parquet, shared by its buckets: a share reads only those that it judges, and of the rest typed columns.

The columns are believed for no verdict. In the buckets that a share judges they are compared with the bodies; the join
sees that every bucket was judged by some share. That buckets are divided along groups, the bodies have to show again.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.errors import InputError
from nilometer.audit.partitioning.grouping import Grouping, Survey, ways_to_name
from nilometer.audit.reading import LineEvents
from nilometer.audit.sources import StreamFilter
from nilometer.history.cloudevents import source_uri
from nilometer.history.cutting import recorded_at
from nilometer.history.groups import AS_READ, NAMING, hosts_named, is_spelled_otherwise
from nilometer.history.parquet.installed import require_pyarrow
from nilometer.history.parquet.manifest import EXPORT_AGAIN, NAME, Manifest, bucket_name
from nilometer.history.parquet.pieces import Lines, Piece, merge_lines
from nilometer.textio.streaming import BATCH_EVENTS
from rules.judging.completeness import PlacedEvent

if TYPE_CHECKING:
    from nilometer.history.parquet.buckets import BucketedExport

_HINT: Final = "judge it in one piece: nilo audit DIR"


@dataclass(slots=True)
class BucketSource:
    """The buckets of an export. It has to be surveyed before its events are read."""

    name: str
    """The folder."""
    export: BucketedExport
    absent: set[str] = field(default_factory=set[str])
    """The hosts that the events that were read name, and of which the history has no event."""
    _buckets_of: dict[bytes, set[str]] = field(default_factory=dict[bytes, set[str]])

    @property
    def files(self) -> dict[str, tuple[int, str]]:
        """The file that has the digests of all others, with its own."""
        return {f"{self.name}/{NAME}": self.export.digest}

    def survey(self) -> Grouping:
        """The groups of the history, as the columns show them: what is in one bucket belongs together.

        Raises ``InputError``.
        """
        from nilometer.audit.partitioning.column_survey import HEADER, survey_columns

        survey, source = Survey(), source_uri(self.export.manifest.ledger).encode()
        for events, buckets_of in self.export.columns(HEADER):
            survey.merge(survey_columns(events, source))
            for name, bucket in buckets_of:
                self._buckets_of.setdefault(name.encode(), set()).add(bucket)
        connect_buckets(survey, self._buckets_of, self.export.manifest)
        return replace(survey.group(), is_by_buckets=True)

    def events(self, is_wanted: StreamFilter) -> Iterator[PlacedEvent]:
        """The events of all buckets with such streams. Raises ``InputError`` where columns and bodies differ."""
        wanted = set[str]().union(*(buckets for stream, buckets in self._buckets_of.items() if is_wanted(stream)))
        reader = BucketReader(name=self.name, known=self._buckets_of, is_wanted=is_wanted, absent=self.absent)
        return reader.read(self.export.pieces(wanted))


def connect_buckets(survey: Survey, buckets_of: Mapping[bytes, Collection[str]], manifest: Manifest) -> None:
    """Connects the streams of each bucket, and buckets that belong together since the export grew."""
    first = dict[str, bytes]()
    for stream, buckets in buckets_of.items():
        survey.connected.update((first.setdefault(bucket, stream), stream) for bucket in buckets)
    for pair in manifest.joined:
        one, other = (first.get(bucket_name(bucket)) for bucket in pair)
        if one is not None and other is not None:
            survey.connected.add((one, other))


@dataclass(frozen=True, slots=True)
class BucketReader:
    """Reads the events of some buckets, and sees that their bodies say what was taken from the columns."""

    name: str
    known: Container[bytes]
    """All streams of the history."""
    is_wanted: StreamFilter
    """Whether a stream is in these buckets."""
    absent: set[str]
    """The hosts that the events name, and of which the history has no event, are added here."""
    has_places: bool = True
    """Whether events are given with their places."""

    def read(self, runs: Iterable[Iterable[Iterator[Piece]]]) -> LineEvents[int]:
        """The events of the files of each run. Raises ``InputError`` where columns and bodies differ."""
        return LineEvents(self._in_batches(runs), self._place_of, has_places=self.has_places, hint=EXPORT_AGAIN)

    def _place_of(self, position: int) -> str:
        return f"{self.name}:{position}"

    def _in_batches(self, runs: Iterable[Iterable[Iterator[Piece]]]) -> Iterator[Sequence[tuple[int, bytes]]]:
        for files in runs:
            for positions, lines in merge_lines(map(self.checked, files)):
                for begin in range(0, len(lines), BATCH_EVENTS):
                    end = begin + BATCH_EVENTS
                    yield list(zip(positions[begin:end], lines[begin:end], strict=True))

    def checked(self, pieces: Iterator[Piece]) -> Iterator[Lines]:
        """The lines of a file. Raises ``InputError`` where the columns differ, or a host is of another share."""
        found = set[bytes]()
        """Hosts whose names were found in lines, and are no reason to look at a line again."""
        for piece in pieces:
            self._check_recorded(piece)
            for index in _lines_to_search(piece, found):
                hosts = self._check_hosts(piece.positions[index], piece.lines[index], _ways_of(piece, index))
                found.update(host.removeprefix(b"host/") for host in hosts)
            yield piece.positions, piece.lines

    def _check_recorded(self, piece: Piece) -> None:
        """Raises ``InputError`` if a time of recording differs: all other columns are what the lines were made of."""
        recorded = [None if moment is None else recorded_at(moment) for moment in piece.recorded]
        if recorded != piece.recorded_in_lines:
            pairs = zip(piece.positions, recorded, piece.recorded_in_lines, strict=True)
            position = next(position for position, one, other in pairs if one != other)
            raise InputError(
                f"{self._place_of(position)}: the columns of this event do not say what its body says",
                hint=EXPORT_AGAIN,
            )

    def _check_hosts(self, position: int, line: bytes, ways: Sequence[bytes]) -> Collection[bytes]:
        """The hosts that an event names. Raises ``InputError`` if one is of another share."""
        hosts = hosts_named(line, ways)
        if hosts is None:
            why = "this event names a host in a spelling of its own"
            raise InputError(f"{self._place_of(position)}: {why}", hint=_HINT)
        for host in hosts:
            if host not in self.known:
                self.absent.add(host.decode())
            elif not self.is_wanted(host):
                why = f"this event names {host.decode()}, which is in another bucket of the export"
                raise InputError(f"{self._place_of(position)}: {why}", hint=_HINT)
        return hosts


def _ways_of(piece: Piece, index: int) -> Sequence[bytes]:
    return ways_to_name(piece.streams[index].encode(), _kind_of(piece.topics[index]))


def _kind_of(topic: str) -> bytes:
    return topic.rpartition("/")[0].encode()


def _lines_to_search(piece: Piece, found: Collection[bytes]) -> Sequence[int]:
    """The lines of a piece in which a host can be named that was not found before.

    Most events name one only as what they read: all such names of a piece are looked at together. A name with a slash
    is an event's own.
    """
    (before,) = AS_READ
    if any(map(is_spelled_otherwise, piece.lines)):
        return range(len(piece.lines))
    texts = {after.partition(b'"')[0] for line in piece.lines for after in line.split(before)[1:]}
    names = (text.partition(b"/") for text in texts)
    if any(b"\\" in name or (not slash and name not in found) for name, slash, _ in names):
        return range(len(piece.lines))
    named_otherwise = {topic for topic in set(piece.topics) if ways_to_name(b"vm/", _kind_of(topic)) == NAMING}
    return [index for index, topic in enumerate(piece.topics) if topic in named_otherwise] if named_otherwise else ()


def open_bucketed(name: str, shares: int) -> BucketSource | None:
    """An export that can be shared by its buckets; ``None`` for anything else, and for one with a single bucket."""
    if shares == 1 or name == "-" or not (Path(name) / NAME).is_file():
        return None
    require_pyarrow()
    from nilometer.history.parquet.buckets import open_buckets

    export = open_buckets(Path(name))
    return BucketSource(name=name, export=export) if len(export.buckets) > 1 else None
