"""The state of a decided VM or host while a history is read: what the events so far lead to.

After a finding the state goes on from what the event records, so that one wrong figure is reported once. The state
that the rules lead to is kept as the alternative, until the next event shows from which of the two the history goes on.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

from domain.changes import host_figures, vm_figures
from domain.events import HostFigures, VmFigures
from domain.settings import HostVersion
from domain.state import Host, Vm

PAST_STATES: Final = 256
"""Past states kept of each host: as many as others may write between a decision's reading and its recording."""


@dataclass(slots=True)
class DecidedVmState:
    """A decided VM. ``version`` counts the events that its stream is known to have."""

    id: str
    host: str
    state: Vm
    figures: VmFigures
    """The figures of ``state`` as events record them."""
    alternative: Vm | None = None
    """The state that the rules lead to, if the last event recorded another."""
    version: int = 1
    removed: bool = False
    last_happened: str = ""
    cause: int | None = None
    """The position of a finding that may explain the next finding on this stream."""
    broken_since: dict[str, int] = field(default_factory=dict[str, int])
    """The invariants that are broken now, and the position that broke each."""
    unchecked: bool = True
    """Whether the invariants are still to be checked for this state on this host."""
    knows: dict[str, int] = field(default_factory=dict[str, int])
    """The newest version of each host that an event of this VM read or made."""

    @property
    def invariants_hold(self) -> bool:
        """All invariants are known to hold, which the proofs about its next change assume."""
        return not (self.unchecked or self.broken_since)

    @property
    def is_settled(self) -> bool:
        """Nothing that was found leaves the state in doubt, and all invariants hold."""
        return self.alternative is None and self.invariants_hold

    def learn_version(self, host: str, version: int) -> None:
        """Notes that the VM's stream knows a version of a host."""
        if version > self.knows.get(host, 0):
            self.knows[host] = version

    def update(self, state: Vm, figures: VmFigures | None = None) -> None:
        """Gives the VM a new state."""
        self.unchecked = self.unchecked or state is not self.state
        self.state = state
        self.figures = vm_figures(state) if figures is None else figures


@dataclass(frozen=True, slots=True)
class MissingBookEvent:
    """An expected event of a host that did not come."""

    change: str
    """The id of the VM's event."""
    position: int
    """The position of the VM's event."""


@dataclass(slots=True)
class DecidedHostState:
    """A decided host, and its past states by the version of its stream."""

    id: str
    state: Host
    figures: HostFigures
    release_known: bool = True
    """False for a host whose registration is missing, until an event records that it read the release."""
    alternative: Host | None = None
    """The state that the rules lead to, if the last event recorded another."""
    version: int = 1
    last_happened: str = ""
    cause: int | None = None
    """The position of a finding that may explain the next finding on this stream."""
    book: dict[str, int] = field(default_factory=dict[str, int])
    """The bytes that each VM holds of it; no entry is 0."""
    vms: set[str] = field(default_factory=set[str])
    """The VMs on it, running or not."""
    past: deque[tuple[int, Host]] = field(default_factory=lambda: deque(maxlen=PAST_STATES))
    """Earlier states, with the version from which each was valid."""
    since: int = 1
    """The version from which the current state is valid."""
    recorded: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=PAST_STATES))
    """When the last versions were recorded."""
    shift: int = 0
    """How many events more the history has counted on this stream than the stream has: these were lost."""
    unconfirmed_shift: int = 0
    """The part of it that rests on a single event."""
    missing: MissingBookEvent | None = None
    """The last expected event that did not come."""
    broken_since: dict[str, int] = field(default_factory=dict[str, int])
    """The invariants that are broken now, and the position that broke each."""
    unchecked: bool = True
    """Whether its own invariants are still to be checked for this state."""

    @property
    def invariants_hold(self) -> bool:
        """Its own invariants are known to hold."""
        return not (self.unchecked or self.broken_since)

    @property
    def is_settled(self) -> bool:
        """Nothing that was found, or is missing, leaves the state in doubt, and its own invariants hold."""
        is_counted = self.release_known and not self.shift and not self.unconfirmed_shift
        return is_counted and self.alternative is None and self.invariants_hold

    def update(self, state: Host, figures: HostFigures | None = None) -> None:
        """Gives the host a new state, valid from the next version on: call it before ``version`` is advanced."""
        if state is not self.state:
            self.past.append((self.since, self.state))
            self.since = self.version + 1
            self.state, self.unchecked = state, True
            self.figures = host_figures(state) if figures is None else figures

    def learn_release(self, version: HostVersion) -> None:
        """Takes the release from an event that read it, if the registration is missing."""
        if not self.release_known:
            self.release_known, self.unchecked = True, True
            self.state = replace(self.state, version=version)
            past = [(since, replace(state, version=version)) for since, state in self.past]
            self.past = deque(past, maxlen=PAST_STATES)

    def advance(self, version: int) -> None:
        """Counts the next event, which has this version on the stream."""
        self.shift = max(self.shift, self.version + 1 - version)
        self.version = version + self.shift

    def raise_version(self, version: int) -> None:
        """Takes a higher version that one event claims to have read; the next event confirms it or not."""
        self.unconfirmed_shift = version - self.version
        self.version = version

    def confirm_version(self, version: int) -> None:
        """Keeps or takes back a raised version, by the version that the next event read."""
        if self.unconfirmed_shift and version == self.version - self.unconfirmed_shift:
            self.version = version
            self.since = min(self.since, version)
        self.unconfirmed_shift = 0

    def superseded_at(self, version: int) -> str | None:
        """When the version after this one was recorded; ``None`` if that is not known."""
        behind = self.version - version
        if not 0 < behind <= len(self.recorded):
            return None
        next_version, recorded = self.recorded[-behind]
        return recorded if next_version == version + 1 else None

    def had_version(self, version: int) -> bool:
        """Whether the stream has had a version, even one whose state is no longer known."""
        return 0 < version <= self.version

    def state_at(self, version: int) -> Host | None:
        """The state at a version of the stream; ``None`` if it is no longer known, or the version does not exist."""
        if version > self.version:
            return None
        if version >= self.since:
            return self.state
        for since, state in reversed(self.past):
            if version >= since:
                return state
        return None


def vm_with(state: Vm, figures: VmFigures) -> Vm:
    """A VM with the figures that an event records, and everything else as in ``state``."""
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
    """A host with the figures that an event records."""
    return Host(total=figures.total, reserve=figures.reserve, version=version, held=figures.held)
