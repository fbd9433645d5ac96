"""Which hosts and VMs of a history must be judged together: one pass over the headers of its events.

A VM is judged with every host that its events name: a migration connects two hosts. What is connected is a group, and
groups can be judged apart, by processes, machines or an engine: each comes to the findings that the whole comes to.

That holds if the history is regular: every position and every version once and in order, one ledger, every stream from
its beginning. A history that is not is judged in one piece, because what is missing may explain what is found later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, cast

from domain.events import Event, VmEvent
from domain.identifiers import seconds_between
from domain.kinds import DECIDED
from nilometer.audit.sources import EventHeader
from nilometer.history.groups import AS_READ, NAMING, StreamGroups, hosts_named
from rules.judging.clocks import RACE_SECONDS

BOOK_KINDS: Final = (b"host.memory-granted", b"host.memory-returned")
"""The half of a change that stands on the host's stream, directly after the VM's."""
DECIDED_KINDS: Final = frozenset(event.KIND.encode() for event in DECIDED)
_FIRST: Final = (b"vm.defined", b"host.registered")
LAST_KINDS: Final = (b"vm.removed", b"host.removed")


def hosts_of(header: EventHeader) -> Collection[bytes] | None:
    """The streams of the hosts that an event connects with its own; ``None`` if ``hosts_named`` says so."""
    naming = ways_to_name(header.stream, header.kind)
    return hosts_named(header.text, naming) if naming else ()


def _ways_of(event: type[Event]) -> Sequence[bytes]:
    """What stands before the hosts that connect events of a decided kind; a field that a kind has not is no event."""
    if event.KIND.encode() in BOOK_KINDS:
        return ()
    names = {field.name for field in fields(cast("Any", event))}
    only_reads = issubclass(event, VmEvent) and names.isdisjoint(("host", "destination", "to", "arguments"))
    return AS_READ if only_reads else NAMING


_WAYS: Final = {event.KIND.encode(): _ways_of(event) for event in DECIDED}


def ways_to_name(stream: bytes, kind: bytes) -> Sequence[bytes]:
    """What stands before the hosts that events of a kind connect their stream with; none if they connect it with none.

    In the data of most events of VMs only what their decision read can name one: that takes a search instead of four.
    """
    known = _WAYS.get(kind)
    return known if known is not None else NAMING if stream.startswith(b"vm/") else ()


@dataclass(slots=True)
class StreamSurvey:
    """What the headers of one stream show."""

    first: int
    """The version of its first event."""
    kind: bytes
    """The kind of its first event."""
    last: int
    """The version of its last event."""
    decided: bool
    ended: bool = False
    """Its VM or host was removed."""


@dataclass(slots=True)
class Survey:
    """What the headers of consecutive events show. Surveys of one stretch after another can be merged."""

    first: int = 0
    """The position of the first event; 0 if there is none."""
    last: int = 0
    recorded: tuple[str, str] = ("", "")
    """When the first and the last event were recorded."""
    source: bytes = b""
    streams: dict[bytes, StreamSurvey] = field(default_factory=dict[bytes, StreamSurvey])
    connected: set[tuple[bytes, bytes]] = field(default_factory=set[tuple[bytes, bytes]])
    """Streams that must be judged together."""
    late: dict[int, str] = field(default_factory=dict[int, str])
    """Events that were recorded long before the previous event, and when that was recorded."""
    books: bytes = b""
    """The stream of a book event that no decided event stands before; empty if there is none."""
    decided: bytes = b""
    """The stream of the last decided event."""
    undivided: str = ""
    """Why the history must be judged in one piece; empty if it can be divided."""

    @property
    def events(self) -> int:
        """The number of events."""
        return self.last - self.first + 1 if self.first else 0

    def take_all(self, headers: Iterable[EventHeader | None]) -> Survey:
        """Takes the headers of the next events, all of them: what comes after an irregular one is not looked at."""
        for header in headers:
            if not self.undivided:
                self.take(header)
        return self

    def take(self, header: EventHeader | None) -> None:
        """Takes the header of the next event; ``None`` is an event of which it could not be read."""
        if header is None:
            self.undivided = f"{self._after()} is not written as Nilometer writes it"
            return
        position, stream = header.position, header.stream
        if stream.startswith(b"policies/"):
            self.undivided = f"event #{position} adopts a policy or retires one, which is asked of all hosts and VMs"
            return
        if not self.first:
            self.first = position
            self.recorded = header.recorded.decode(), ""
            self.source = header.source
        elif position != self.last + 1:
            what = "stands twice" if position == self.last else f"comes after #{self.last}"
            self.undivided = f"event #{position} {what}" if position <= self.last else self._gap(position)
            return
        elif header.source != self.source:
            self.undivided = f"event #{position} belongs to another ledger"
            return
        else:
            self.compare_recorded(position, self.recorded[1], header.recorded.decode())
        self.last, self.recorded = position, (self.recorded[0], header.recorded.decode())
        self.follow(header)

    def follow(self, header: EventHeader) -> None:
        """Takes an event as the next one of its stream, wherever it stands."""
        position, stream, kind = header.position, header.stream, header.kind
        decided = kind in DECIDED_KINDS
        known = self.streams.get(stream)
        if known is None:
            self.streams[stream] = known = StreamSurvey(
                first=header.version, kind=kind, last=header.version, decided=decided
            )
            is_regular = stream.partition(b"/")[0] == kind.partition(b".")[0]
        else:
            is_regular = header.version == known.last + 1 and decided is known.decided and not known.ended
            is_regular = is_regular and stream.partition(b"/")[0] == kind.partition(b".")[0]
            known.last = header.version
        if not is_regular:
            self.undivided = f"event #{position} does not follow from the events of {stream.decode()} before it"
            return
        if kind in LAST_KINDS:
            known.ended = True
        if kind in BOOK_KINDS:
            if not self.decided:
                self.books = stream
            elif self.decided != stream:
                self.connected.add((self.decided, stream))
        hosts = hosts_of(header)
        if hosts is None:
            self.undivided = f"event #{position} names a host in a spelling of its own"
        elif hosts:
            self.connected.update([(stream, host) for host in hosts])
        if decided:
            self.decided = stream

    def compare_recorded(self, position: int, before: str, recorded: str) -> None:
        """Notes an event that was recorded long before the previous one of the ledger."""
        try:
            if recorded < before and seconds_between(recorded, before) >= RACE_SECONDS:
                self.late[position] = before
        except ValueError:
            self.undivided = f"event #{position}, or the one before it, was recorded at no time that can be read"

    def _after(self) -> str:
        return f"the event after #{self.last}" if self.last else "the first event"

    def _gap(self, position: int) -> str:
        return f"the events between #{self.last} and #{position} are missing"

    def merge(self, later: Survey) -> None:
        """Adds the survey of the events that come next."""
        if self.undivided or not later.first:
            self.undivided = self.undivided or later.undivided
            return
        if not self.first:
            for name in Survey.__dataclass_fields__:
                setattr(self, name, getattr(later, name))
            return
        if later.first != self.last + 1:
            twice = f"event #{later.first} comes after #{self.last}"
            self.undivided = twice if later.first <= self.last else self._gap(later.first)
            return
        if later.source != self.source:
            self.undivided = f"event #{later.first} belongs to another ledger"
            return
        self.compare_recorded(later.first, self.recorded[1], later.recorded[0])
        for stream, found in later.streams.items():
            known = self.streams.get(stream)
            if known is None:
                self.streams[stream] = found
            elif found.first != known.last + 1 or found.decided is not known.decided or known.ended:
                self.undivided = f"an event of {stream.decode()} does not follow from those before it"
                return
            else:
                known.last, known.ended = found.last, found.ended
        self.connected |= later.connected
        self.late |= later.late
        if later.books and self.decided and self.decided != later.books:
            self.connected.add((self.decided, later.books))
        elif later.books and not self.decided:
            self.books = self.books or later.books
        self.decided = later.decided or self.decided
        self.last, self.recorded = later.last, (self.recorded[0], later.recorded[1])
        self.undivided = later.undivided

    def group(self) -> Grouping:
        """The groups of a whole history."""
        undivided = self.undivided
        if not undivided and self.first > 1:
            undivided = f"the events before #{self.first} are missing"
        for stream, found in () if undivided else self.streams.items():
            if found.first != 1 or (found.decided and found.kind not in _FIRST):
                undivided = f"the beginning of {stream.decode()} is missing"
                break
        if undivided or not self.first:
            return Grouping(source=self.source.decode(), undivided=undivided or "there is no event")
        groups = StreamGroups()
        for one, other in self.connected:
            groups.join(one, other)
        counts = {stream: found.last for stream, found in self.streams.items()}
        return group_streams(counts, groups.root, self.source.decode(), self.late)


@dataclass(frozen=True, slots=True)
class Grouping:
    """The streams of a history in groups, each of which can be judged by itself."""

    source: str
    """The ledger, as ``urn:uuid:…``."""
    group_of: Mapping[bytes, int] = field(default_factory=dict[bytes, int])
    """The number of the group, by stream; the largest group is number 0."""
    sizes: Sequence[int] = ()
    """How many events each group has."""
    late: Mapping[int, str] = field(default_factory=dict[int, str])
    undivided: str = ""
    """Why the history must be judged in one piece; empty if it can be divided."""
    is_by_buckets: bool = False
    """Each group is a bucket of an export, or several that belong together."""

    @property
    def events(self) -> int:
        """The number of events of all groups."""
        return sum(self.sizes)

    def divide(self, parts: int) -> list[int]:
        """The number of the part, from 0, of each group: the largest groups first, each to the part that has least."""
        loads, part_of = [0] * parts, list[int]()
        for size in self.sizes:
            least = loads.index(min(loads))
            part_of.append(least)
            loads[least] += size
        return part_of


def group_streams(
    counts: Mapping[bytes, int], root_of: Callable[[bytes], bytes], source: str, late: Mapping[int, str]
) -> Grouping:
    """Streams in groups, by how many events each has and the stream that stands for its group."""
    sizes, names = dict[bytes, int](), dict[bytes, bytes]()
    for stream, count in counts.items():
        root = root_of(stream)
        sizes[root] = sizes.get(root, 0) + count
        names[root] = min(stream, names.get(root, stream))
    roots = sorted(sizes, key=lambda root: (-sizes[root], names[root]))
    numbers = {root: number for number, root in enumerate(roots)}
    return Grouping(
        source=source,
        group_of={stream: numbers[root_of(stream)] for stream in counts},
        sizes=[sizes[root] for root in roots],
        late=late,
    )
