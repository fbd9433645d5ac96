"""What one pass over a history keeps of it: of each VM and host, thinned, and what was left out is counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.aggregates import HistoryError
from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import UtcTime
from domain.record import fast_init
from nilometer.audit.result import Audit
from nilometer.report.thinning import Sizes, ThinnedPoints
from projections.fleet import Fleet
from projections.requests import RequestCourse, RequestCourses
from projections.series import HostPoint, VmPoint
from projections.unknowns import UnknownFigure
from projections.watching import WatchedHost

MOST_POINTS: Final = 96
"""Stretches of a line of which the extremes are kept, of one VM or host."""
MOST_POINTS_TOGETHER: Final = 1200
"""The same for all VMs and hosts together: where there are many, each has fewer."""
FEWEST_POINTS: Final = 4
MOST_ROWS: Final = 500
"""Of each VM and host so many of the newest events are listed, and all that something leads to."""
MOST_ROWS_TOGETHER: Final = 2000
FEWEST_ROWS: Final = 10
MOST_REQUESTS: Final = 60
"""Requests of a VM that are drawn: the newest of all, and the newest that fell short."""
MOST_REQUESTS_TOGETHER: Final = 1000
FEWEST_REQUESTS: Final = 5


class Limits:
    """How much is kept of each VM and host, by how many there are."""

    def __init__(self, count: int) -> None:
        count = max(1, count)
        self.count = count
        self.points = max(FEWEST_POINTS, min(MOST_POINTS, MOST_POINTS_TOGETHER // count))
        self.rows = max(FEWEST_ROWS, min(MOST_ROWS, MOST_ROWS_TOGETHER // count))
        self.requests = max(FEWEST_REQUESTS, min(MOST_REQUESTS, MOST_REQUESTS_TOGETHER // count))


@fast_init
@dataclass(frozen=True, slots=True)
class VmMoment:
    """The figures of a VM after an event, why some are not known, and how old one is."""

    point: VmPoint
    in_use_as_of: UtcTime | None
    unknown: Mapping[str, UnknownFigure]


@fast_init
@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event that is listed, with what its VM or host had after it."""

    envelope: Envelope[Event]
    moment: VmMoment | HostPoint | None


@dataclass(slots=True)
class SubjectHistory:
    """What is kept of one VM or host."""

    id: str
    named: UtcTime
    """When it was named first: a VM names its host before any event of the host."""
    events: int = 0
    earliest: UtcTime | None = None
    """When the first of its events happened."""
    latest: UtcTime | None = None
    rows: deque[ListedEvent] = field(default_factory=deque[ListedEvent])
    """The newest events."""
    linked: dict[int, ListedEvent] = field(default_factory=dict[int, ListedEvent])
    """Older events that something leads to, by position."""

    @property
    def first(self) -> UtcTime:
        """Since when it is known."""
        return self.named if self.earliest is None else min(self.named, self.earliest)

    @property
    def last(self) -> UtcTime:
        """When it was heard of last."""
        return self.named if self.latest is None else max(self.named, self.latest)

    def take(self, listed: ListedEvent, *, is_linked: bool) -> None:
        """Takes the next event of the VM or host."""
        happened = listed.envelope.metadata.happened
        if self.latest is None or happened > self.latest:
            self.latest = happened
        if self.earliest is None or happened < self.earliest:
            self.earliest = happened
        self.events += 1
        self.rows.append(listed)
        if is_linked:
            self.linked[listed.envelope.position] = listed
            self._trim_linked()

    def link(self, position: int) -> None:
        """Keeps an event that something leads to, if it is still among the newest."""
        for listed in reversed(self.rows):
            if listed.envelope.position == position and len(self.linked) < MOST_ROWS:
                self.linked[position] = listed
            if listed.envelope.position <= position:
                return

    def join(self, later: SubjectHistory) -> None:
        """Takes what was kept of the same one in the stretch of the history that follows."""
        self.earliest = min(filter(None, (self.earliest, later.earliest)), default=None)
        self.latest = max(filter(None, (self.latest, later.latest)), default=None)
        self.events += later.events
        self.rows.extend(later.rows)
        self.linked |= later.linked
        self._trim_linked()

    def _trim_linked(self) -> None:
        while len(self.linked) > (self.rows.maxlen or MOST_ROWS):
            del self.linked[next(iter(self.linked))]

    def listed(self) -> list[ListedEvent]:
        """The events to list, in order."""
        known = {listed.envelope.position: listed for listed in self.rows} | self.linked
        return [known[position] for position in sorted(known)]


@dataclass(frozen=True, slots=True)
class ShortSettlement:
    """That a request was settled with less than was asked for, or refused."""

    settled: Envelope[Event]
    course: RequestCourse
    assigned: int | None
    """What the VM had then."""
    host: str | None


@dataclass(slots=True)
class VmHistory(SubjectHistory):
    """What is kept of a VM."""

    points: ThinnedPoints[VmMoment] = field(default_factory=lambda: ThinnedPoints(sizes_of_vm, MOST_POINTS))
    requests: deque[RequestCourse] = field(default_factory=lambda: deque[RequestCourse](maxlen=MOST_REQUESTS))
    short: deque[ShortSettlement] = field(default_factory=lambda: deque[ShortSettlement](maxlen=MOST_REQUESTS))
    """The newest settlements that were short."""
    asked: int = 0
    """How many requests there were."""
    fell_short: int = 0
    """How often one was settled short."""

    def join(self, later: SubjectHistory) -> None:
        """The same of a VM."""
        assert isinstance(later, VmHistory)
        SubjectHistory.join(self, later)  # slots make another class, which super() does not know
        self.points.join(later.points)
        self.requests.extend(later.requests)
        short = sorted((*self.short, *later.short), key=lambda one: one.settled.position)
        self.short = deque(short, maxlen=self.short.maxlen)
        self.asked += later.asked
        self.fell_short += later.fell_short


@dataclass(slots=True)
class HostHistory(SubjectHistory):
    """What is kept of a host."""

    points: ThinnedPoints[HostPoint] = field(default_factory=lambda: ThinnedPoints(sizes_of_host, MOST_POINTS))
    watched: WatchedHost = field(init=False)

    def __post_init__(self) -> None:
        self.watched = WatchedHost(self.id)

    def join(self, later: SubjectHistory) -> None:
        """The same of a host."""
        assert isinstance(later, HostHistory)
        SubjectHistory.join(self, later)  # slots make another class, which super() does not know
        self.points.join(later.points)
        self.watched.add(later.watched)

    @property
    def gaps(self) -> list[tuple[UtcTime, UtcTime]]:
        """Times in which nobody watched it."""
        return [(gap.since, gap.until) for gap in self.watched.gaps_between()]

    @property
    def watched_until(self) -> UtcTime | None:
        """The last poll that is known."""
        return self.watched.until


@dataclass(slots=True)
class Collected:
    """What one pass over a history gives."""

    source: str
    fleet: Fleet
    audit: Audit
    judged: bool
    vms: dict[str, VmHistory] = field(default_factory=dict[str, VmHistory])
    hosts: dict[str, HostHistory] = field(default_factory=dict[str, HostHistory])
    requests: deque[RequestCourse] = field(default_factory=lambda: deque[RequestCourse](maxlen=MOST_ROWS))
    """The newest requests of all."""
    imports: list[Envelope[Event]] = field(default_factory=list[Envelope[Event]])
    events: int = 0
    first: UtcTime | None = None
    last: UtcTime | None = None
    broken: list[HistoryError] = field(default_factory=list[HistoryError])

    def count(self, events: int, first: UtcTime | None, last: UtcTime | None) -> None:
        """Counts events that were taken otherwise, and when the first and the last of them happened."""
        self.events += events
        self.first = min(filter(None, (self.first, first)), default=None)
        self.last = max(filter(None, (self.last, last)), default=None)


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """How a request went that was made before the stretch of the history in which this is told."""

    envelope: Envelope[Event]
    moment: VmMoment | None
    short: bool


@dataclass(frozen=True, slots=True)
class CollectedStretch:
    """What was collected of one stretch of a history: it is joined to what was collected of those before."""

    collected: Collected
    courses: RequestCourses
    unclaimed: list[Unclaimed]


def sizes_of_vm(moment: VmMoment) -> Sizes:
    """The figures of a VM whose extremes stay."""
    point = moment.point
    return point.assigned, point.visible, point.high_watermark, point.in_use, point.held


def sizes_of_host(point: HostPoint) -> Sizes:
    """The figures of a host whose extremes stay."""
    return point.total, point.reserve, point.held, point.free
