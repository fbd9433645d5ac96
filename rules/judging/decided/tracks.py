"""What the judge knows of a decided VM or host while it reads a history: its state as the events so far leave it.

After a finding it goes on from what is recorded, so that one wrong figure is told once; what the rules would have made
of it is kept beside it until the next event shows which of the two the history went on from.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

from domain.changes import host_figures, vm_figures
from domain.events import HostFigures, VmFigures
from domain.settings import HostVersion
from domain.state import Host, Vm

REMEMBERED: Final = 256
"""Past accounts kept of each host: what others may have written between a decision's reading and its recording."""


@dataclass(slots=True)
class VmTrack:
    """A decided VM. ``version`` counts the events of its stream that are known to have been."""

    id: str
    host: str
    state: Vm
    figures: VmFigures
    """The figures of ``state``, as events carry them."""
    other: Vm | None = None
    """What the rules made of the last event, where that is not what it recorded."""
    version: int = 1
    removed: bool = False
    happened: str = ""
    cause: int | None = None
    """The position of a finding that may explain the next one on this stream."""
    standing: dict[str, int] = field(default_factory=dict[str, int])
    """Invariants that are broken now, and the position that broke each."""
    unasked: bool = True
    """Whether the invariants are still to be asked of it as it is now, on the host that it is on."""

    @property
    def sound(self) -> bool:
        """All invariants hold of it: what is proved of its next change assumes that."""
        return not (self.unasked or self.standing)

    def become(self, state: Vm, figures: VmFigures | None = None) -> None:
        """The VM is so now."""
        self.unasked = self.unasked or state is not self.state
        self.state = state
        self.figures = vm_figures(state) if figures is None else figures


@dataclass(frozen=True, slots=True)
class Lost:
    """A half of a change that did not come: its change, and where that is."""

    change: str
    """The id of the change's first event."""
    position: int


@dataclass(slots=True)
class HostTrack:
    """A decided host, and its last accounts by the version of its stream."""

    id: str
    state: Host
    figures: HostFigures
    release_is_told: bool = True
    """Of a host whose beginning is not there, nobody tells the release before an event that read it."""
    other: Host | None = None
    version: int = 1
    happened: str = ""
    cause: int | None = None
    book: dict[str, int] = field(default_factory=dict[str, int])
    vms: set[str] = field(default_factory=set[str])
    """The VMs on it, running or not."""
    recent: deque[tuple[int, Host]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Accounts before this one, with the version from which each held."""
    since: int = 1
    """The version from which the account is as it is."""
    shift: int = 0
    """How much further the events have counted this stream than it is long: events of it were lost."""
    doubt: int = 0
    """How much of that rests on one event alone."""
    lost: Lost | None = None
    """The last half of a change that did not come when it was due."""
    standing: dict[str, int] = field(default_factory=dict[str, int])
    """As of a VM."""
    unasked: bool = True
    """As of a VM: whether its own invariants are still to be asked of it."""

    @property
    def sound(self) -> bool:
        """Its own invariants hold of it."""
        return not (self.unasked or self.standing)

    def become(self, state: Host, figures: HostFigures | None = None) -> None:
        """The host is so from the next version on; call it before ``version`` moves."""
        if state is not self.state:
            self.recent.append((self.since, self.state))
            self.since = self.version + 1
            self.state, self.unasked = state, True
            self.figures = host_figures(state) if figures is None else figures

    def learn_release(self, version: HostVersion) -> None:
        """An event tells the release of a host whose beginning is not there."""
        if not self.release_is_told:
            self.release_is_told, self.unasked = True, True
            self.state = replace(self.state, version=version)
            past = [(since, replace(state, version=version)) for since, state in self.recent]
            self.recent = deque(past, maxlen=REMEMBERED)

    def advance(self, version: int) -> None:
        """The next event of the stream, of this version there, was read."""
        self.shift = max(self.shift, self.version + 1 - version)
        self.version = version + self.shift

    def counted(self, version: int) -> None:
        """An event says that the stream has this version: if it does so alone, the next will show it."""
        self.doubt = version - self.version
        self.version = version

    def reconsider(self, version: int) -> None:
        """What the next event says of the version shows whether the last one was right."""
        if self.doubt and version == self.version - self.doubt:
            self.version = version
            self.since = min(self.since, version)
        self.doubt = 0

    def is_past(self, version: int) -> bool:
        """Whether the stream had a version: if the account is not known, that is too long ago."""
        return 0 < version <= self.version

    def at(self, version: int) -> Host | None:
        """The account at a version of the stream; ``None`` if that is too long ago, or still to come."""
        if version > self.version:
            return None
        if version >= self.since:
            return self.state
        for since, state in reversed(self.recent):
            if version >= since:
                return state
        return None


def vm_with(state: Vm, figures: VmFigures) -> Vm:
    """A VM with the figures that an event carries; what events carry no figures of is as in ``state``."""
    return replace(
        state,
        memory=replace(state.memory, startup=figures.startup),
        power=figures.power,
        session=figures.session,
        assigned=figures.assigned,
        ballooned=figures.ballooned,
        in_use=figures.in_use,
        paged_out=figures.paged_out,
        high_watermark=figures.high_watermark,
        hot_pluggable=figures.hot_pluggable,
    )


def host_with(version: HostVersion, figures: HostFigures) -> Host:
    """A host with the figures that an event carries."""
    return Host(figures.total, figures.reserve, version, figures.held)
