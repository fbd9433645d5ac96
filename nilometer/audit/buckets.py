"""An export as Parquet, shared by its buckets: a share reads only those that it judges, and of the rest typed columns.

The columns are believed for no verdict. In the buckets that a share judges they are compared with the bodies; the join
sees that every bucket was judged by some share. That buckets are divided along groups, the bodies have to show again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.errors import InputError
from nilometer.audit.grouping import hosts_of
from nilometer.audit.sources import EventHeader, StreamFilter, read_lines_as_events
from nilometer.history.cloudevents import source_uri
from nilometer.history.parquet.installed import require_pyarrow
from nilometer.history.parquet.manifest import NAME
from rules.judging.completeness import PlacedEvent

if TYPE_CHECKING:
    from nilometer.history.parquet.buckets import BucketedExport
    from nilometer.history.parquet.reading import ColumnHeader

_RECORDED: Final = b'"recorded":"'
"""Stands behind the data in a line; within a text its quotes would be escaped."""
_HINT: Final = "judge it in one piece: nilo audit DIR"


@dataclass(slots=True)
class BucketSource:
    """The buckets of an export. Its headers have to be read before its events."""

    name: str
    """The folder."""
    export: BucketedExport
    absent: set[str] = field(default_factory=set[str])
    """The hosts that the events that were read name, and of which the history has no event."""
    _bucket_of: dict[bytes, str] = field(default_factory=dict[bytes, str])
    _connected: set[tuple[bytes, bytes]] = field(default_factory=set[tuple[bytes, bytes]])

    @property
    def files(self) -> dict[str, tuple[int, str]]:
        """The file that has the digests of all others, with its own."""
        return {f"{self.name}/{NAME}": self.export.digest}

    def headers(self) -> Iterator[EventHeader | None]:
        """The headers of all events, as the columns have them."""
        source, first = source_uri(self.export.manifest.ledger).encode(), dict[str, bytes]()
        for header, bucket in self.export.headers():
            if header.recorded is None:
                yield None
                continue
            stream = header.stream.encode()
            if self._bucket_of.get(stream) != bucket:
                self._connected.add((first.setdefault(bucket, stream), stream))
                self._bucket_of[stream] = bucket
            yield _header_by_columns(header, source, b"")

    def connected(self) -> Collection[tuple[bytes, bytes]]:
        """What is in one bucket belongs together."""
        return self._connected

    def events(self, is_wanted: StreamFilter) -> Iterator[PlacedEvent]:
        """The events of all buckets with such streams. Raises ``InputError`` where columns and bodies differ."""
        buckets = {bucket for stream, bucket in self._bucket_of.items() if is_wanted(stream)}
        return read_lines_as_events(self._checked_lines(buckets, is_wanted))

    def _checked_lines(self, buckets: Collection[str], is_wanted: StreamFilter) -> Iterator[tuple[str, bytes]]:
        for columns, line in self.export.lines(buckets):
            place = f"{self.name}:{columns.position}"
            # All else that the columns say is of what the line was made.
            recorded = line[line.rfind(_RECORDED) + len(_RECORDED) :].partition(b'"')[0]
            if columns.recorded is None or columns.recorded.encode() != recorded:
                raise InputError(
                    f"{place}: the columns of this event do not say what its body says",
                    hint="export the ledger again: nilo export --as parquet -o DIR",
                )
            hosts = hosts_of(_header_by_columns(columns, b"", line))
            if hosts is None:
                raise InputError(f"{place}: this event names a host with a character that is escaped", hint=_HINT)
            for host in hosts:
                if host not in self._bucket_of:
                    self.absent.add(host.decode())
                elif not is_wanted(host):
                    raise InputError(
                        f"{place}: this event names {host.decode()}, which is in another bucket of the export",
                        hint=_HINT,
                    )
            yield place, line.rstrip(b"\n")


def _header_by_columns(columns: ColumnHeader, source: bytes, text: bytes) -> EventHeader:
    return EventHeader(
        stream=columns.stream.encode(),
        version=columns.version,
        position=columns.position,
        kind=columns.topic.rpartition("/")[0].encode(),
        source=source,
        recorded=(columns.recorded or "").encode(),
        text=text,
    )


def open_bucketed(name: str, shares: int) -> BucketSource | None:
    """An export that can be shared by its buckets; ``None`` for anything else, and for one with too few of them."""
    if shares == 1 or name == "-" or not (Path(name) / NAME).is_file():
        return None
    require_pyarrow()
    from nilometer.history.parquet.buckets import open_buckets

    export = open_buckets(Path(name))
    return BucketSource(name=name, export=export) if len(export.buckets) >= shares else None
