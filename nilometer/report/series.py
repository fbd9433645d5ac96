"""What a chart shows, as plain records: whatever draws it takes these and nothing else. Sizes are bytes.

Memory does not slope: a step's size holds from its time until the time of the next step of its line. A size of
``None`` is not known: nothing is drawn until the next step. No line goes on beyond ``Chart.until``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from domain.identifiers import UtcTime

LineName = Literal["assigned", "visible", "high_watermark", "in_use", "total", "reserve", "held", "free"]
"""What a line is of: its look goes by it. ``held`` is what one VM holds of its host: the layers of a stack."""

LABELS: Final[dict[LineName, str]] = {
    "assigned": "assigned",
    "visible": "guest visible",
    "high_watermark": "high watermark",
    "in_use": "in use",
    "total": "capacity",
    "reserve": "reserve",
    "held": "held",
    "free": "free",
}

MarkKind = Literal["short", "violated", "unknown", "session", "asked"]
RequestState = Literal["completed", "partial", "failed", "rejected", "open"]


@dataclass(frozen=True, slots=True)
class LineStep:
    """A size from a time on."""

    time: UtcTime
    size: int | None
    """``None`` where it is not known, and while the VM is off: nothing is drawn until the next step."""
    position: int
    """The event that brought it: its anchor is ``#e42``."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure over time. Steps are in the order of their times; no two have the same time."""

    name: LineName
    label: str
    """What stands at the end of the line: ``guest visible``, or the name of a VM in a stack."""
    steps: tuple[LineStep, ...]
    href: str | None = None
    """Where the label leads, such as ``#vm-lab.vm0``."""


@dataclass(frozen=True, slots=True)
class ChartMark:
    """An event or a finding that is marked on the chart."""

    kind: MarkKind
    time: UtcTime
    size: int | None
    """Where it stands; ``None``: at the foot."""
    label: str
    """A few words beside it: ``#70 short``."""
    title: str
    """The whole sentence."""
    href: str
    """``#e70``, or ``#f11`` of a finding."""


@dataclass(frozen=True, slots=True)
class RequestMove:
    """Memory that moved for a request."""

    time: UtcTime
    position: int
    size: int
    """How much, without a sign."""
    late: bool = False


@dataclass(frozen=True, slots=True)
class RequestEnd:
    """How a request was settled: again and again while it is open."""

    time: UtcTime
    position: int
    state: RequestState
    granted: int | None


@dataclass(frozen=True, slots=True)
class RequestSpan:
    """A request from when it was made until it was closed, on an axis of its own below the chart."""

    position: int
    """Of the event that records it; its anchor is ``#e47``."""
    asked: UtcTime
    amount: int | None
    """With a sign: ``+`` asks for more. ``None`` if it is not recorded."""
    title: str
    """``+256 MiB``."""
    clock: str
    """When it was asked for, as it is shown."""
    who: str
    """``CONTOSO\\anna via powershell, because “month end”``."""
    state: RequestState
    says: str
    """How it went, in a sentence: ``128 of 256 MiB after 10.1 s: the rest was in use (inferred)``."""
    moves: tuple[RequestMove, ...] = ()
    ends: tuple[RequestEnd, ...] = ()
    closed: UtcTime | None = None
    """``None`` while it is open."""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A stretch of time, with the words that stand in it."""

    since: UtcTime
    until: UtcTime
    words: str


@dataclass(frozen=True, slots=True)
class ChartMoment:
    """One place of the slider: an instant, however many events it has, and the texts shown for it."""

    time: UtcTime
    position: int
    """Of its last event."""
    clock: str
    """``14:53:31.251``."""
    visible: str
    assigned: str
    ballooned: str
    in_use: str
    high_watermark: str
    """The terms of the equation, as they are shown: ``512 MiB``, ``unknown``, ``off``."""
    note: str
    """How old figures are, and why some are unknown."""
    says: str
    """What happened then."""


@dataclass(frozen=True, slots=True)
class HostMoment:
    """One place of a host's slider, and the texts shown for it."""

    time: UtcTime
    position: int
    clock: str
    sentence: str
    """The equation of the host then."""
    note: str
    says: str
    together: str
    """What its VMs held together."""
    rest: str
    """Of how much, and what was free."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture. In a *stack* the lines ``held`` lie one on another; all others are drawn from the axis."""

    name: str
    """Fit for an ``id``, and unique in a page: ``vm-lab.vm0``."""
    kind: Literal["lines", "stack"]
    title: str
    """``Memory of lab.vm0``."""
    description: str
    """What somebody hears who cannot see the picture."""
    since: UtcTime
    until: UtcTime
    unit: Literal["MiB", "GiB", "TiB"]
    """The one unit of the picture."""
    lines: tuple[Line, ...]
    times: tuple[UtcTime, ...]
    """The instants of the axis, in order: the columns of the scale that has one for each event."""
    marks: tuple[ChartMark, ...] = ()
    requests: tuple[RequestSpan, ...] = ()
    unwatched: tuple[TimeSpan, ...] = ()
    """Times in which nobody looked: hatched, and no line crosses them (the lines have ``None`` there)."""
    unmeasured: tuple[TimeSpan, ...] = ()
    """Times in which a figure is not known: ``in use not measured``."""
    idle: tuple[TimeSpan, ...] = ()
    """Times without an event that are narrowed in the scale by time, with their length: ``idle 2 h``."""
    moments: tuple[ChartMoment | HostMoment, ...] = ()
    """The slider's places; none for a chart without one."""
    chosen: int = 0
    """The moment that is shown first, by its place in ``moments``."""


@dataclass(frozen=True, slots=True)
class ComparedSubject:
    """A host or VM for the comparison of two moments: each line's step at or before a moment is its figure then."""

    href: str
    """``#vm-lab.vm0``."""
    label: str
    """``VM lab.vm0``."""
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class ComparedMoment:
    """A moment that can be pinned."""

    time: UtcTime
    position: int
    """In the fragment: ``#a=53&b=71``."""
    clock: str
