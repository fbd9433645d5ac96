"""What holds between events: each follows on the one before it on its stream, and on the one before it on its host.

Of what came before, only the last state of each VM and each host is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy

from nilometer.audit.sieve.columns import Column, order_of
from nilometer.audit.sieve.events import Events
from nilometer.audit.sieve.states import UNKNOWN, HostStates, StateFigures, Written

KEPT: Final = -1
"""Stands for the place of a state that was kept: before all events."""
OFTEN: Final = 4
"""So often on average a row of figures has to occur, or rows are compared figure by figure."""


@dataclass(frozen=True, slots=True)
class States:
    """States of VMs or hosts, each a row of columns.

    ``key`` is the number of its stream; ``place`` and ``position`` say which event led to it, and by the position they
    are in order; ``before`` and ``after`` are numbers of rows of figures.
    """

    columns: Mapping[str, Column]
    figures: Column
    """Rows of figures, as a matrix."""

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["key"])

    def only(self, which: Column) -> States:
        """Some of them."""
        return States({name: column[which] for name, column in self.columns.items()}, self.figures)


class LastEvent(NamedTuple):
    """The last event of a stream that is sound."""

    stream: int
    version: int
    is_removal: bool


@dataclass(frozen=True, slots=True)
class Following:
    """Which of the events follow on those before them, and the states that they leave."""

    sound: Column
    """Whether an event is stored as it would be recorded, and follows."""
    vms: Chain
    hosts: Chain


class Continuity:
    """The last states of the VMs and hosts of a history."""

    def __init__(self) -> None:
        self._vms: States | None = None
        self._hosts: States | None = None

    def follow(self, events: Events, written: Sequence[Written]) -> Following:
        """Looks which of the events that are written right follow on those before them."""
        vms = Chain(self._vms, _together([_vms_of(events, some) for some in written if some.vm_after is not None]))
        hosts = Chain(
            self._hosts, _together([_hosts_of(events, some, host) for some in written for host in some.hosts])
        )
        follows, sound = numpy.zeros(events.count, bool), numpy.zeros(events.count, bool)
        follows[vms.places(_vm_follows(vms))] = True
        on_hosts, on_host = numpy.zeros(events.count, bool), _host_follows(hosts)
        on_hosts[hosts.places(on_host)] = True
        on_hosts[hosts.places(~on_host)] = False  # of two hosts, both have to
        for some in written:
            is_sound = on_hosts[some.index] & some.booked
            if some.vm_after is not None:
                is_sound &= follows[some.index]
            sound[some.index] = is_sound
            for place in range(1, len(some.hosts) + 1):
                sound[some.index[some.booked & (some.books >= place)] + place] = True
        return Following(sound, vms, hosts)

    def keep(self, following: Following) -> None:
        """Keeps the last states."""
        self._vms = _last_of(self._vms, following.vms, {})
        self._hosts = _last_of(self._hosts, following.hosts, _known_of(following.hosts))

    def last_events(self, streams: Collection[int]) -> Iterator[LastEvent]:
        """The last sound event of streams."""
        for states in (self._vms, self._hosts):
            if states is not None:
                for row in numpy.flatnonzero(numpy.isin(states["key"], list(streams))).tolist():
                    after = states.figures[states["after"][row]]
                    yield LastEvent(
                        int(states["key"][row]), int(states["version"][row]), bool((after == UNKNOWN).all())
                    )


def _vms_of(events: Events, written: Written) -> States:
    after = written.vm_after
    assert after is not None
    return _states(
        {
            "key": events.stream[written.index],
            "place": written.index,
            "position": events.position[written.index],
            "version": events.integers("version")[written.index],
            "host_before": written.host,
            "host": written.host_after,
            "happened": events.happened[written.index],
        },
        written.vm_before,
        after,
    )


def _hosts_of(events: Events, written: Written, host: HostStates) -> States:
    return _states(
        {
            "key": host.stream,
            "place": written.index,
            "position": events.position[written.index],
            "version_before": host.version_before,
            "version": host.version,
            "release": host.release,
            "vms_read": host.vms_read,
            "vms": host.vms,
            "happened": events.happened[written.index],
            "on_host": host.on_host,
        },
        host.before,
        host.after,
    )


def _states(columns: Mapping[str, Column], before: StateFigures | None, after: StateFigures) -> States:
    """``before`` is ``None`` of VMs and hosts that begin."""
    count = len(after.which)
    known = StateFigures.unknown(after.width, count) if before is None else before
    numbers = {
        "before": known.which,
        "after": after.which + len(known.rows),
        "begins": numpy.full(count, before is None),
    }
    return States({**columns, **numbers}, numpy.concatenate([known.rows, after.rows]))


def _together(parts: Sequence[States]) -> States | None:
    if not parts:
        return None
    begins = numpy.cumsum([0, *(len(part.figures) for part in parts)]).tolist()
    columns = {
        name: numpy.concatenate(
            [
                part[name] + begin if name in ("before", "after") else part[name]
                for part, begin in zip(parts, begins, strict=False)
            ]
        )
        for name in parts[0].columns
    }
    return States(columns, numpy.concatenate([part.figures for part in parts]))


class Chain:
    """States that were kept and new ones, of each VM or host one after the other."""

    def __init__(self, kept: States | None, new: States | None) -> None:
        self.is_empty = new is None
        if new is None:
            return
        if kept is not None:
            new = _together([_only_needed(kept.only(numpy.isin(kept["key"], new["key"]))), new])
            assert new is not None
        in_order = order_of(new["position"])
        self.states = states = new.only(in_order[order_of(new["key"][in_order])])
        key = states["key"]
        self.is_first = numpy.append(True, key[1:] != key[:-1])
        self.is_last = numpy.append(self.is_first[1:], True)
        self._numbers = numpy.arange(len(key))
        self._begins = numpy.maximum.accumulate(numpy.where(self.is_first, self._numbers, 0))

    def __getitem__(self, name: str) -> Column:
        return self.states[name]

    def left(self, name: str) -> Column:
        """What the row before has; of a first row it is that of another stream."""
        return _shifted(self.states[name])

    def is_unchanged(self) -> Column:
        """Whether the figures before each are those that the row before left."""
        figures, before, left = self.states.figures, self["before"], self.left("after")
        if len(figures) * OFTEN > len(before):
            same: Column = (figures[before] == figures[left]).all(axis=1)
            return same
        _, numbers = numpy.unique(figures, axis=0, return_inverse=True)
        are_same: Column = numbers.reshape(-1)[before] == numbers.reshape(-1)[left]
        return are_same

    def last_where(self, name: str, condition: Column) -> tuple[Column, Column]:
        """What the last row up to each has where a condition holds, and whether there is one."""
        found = numpy.maximum.accumulate(numpy.where(condition, self._numbers, -1))
        return self.states[name][found], found >= self._begins

    def sum_of(self, name: str) -> Column:
        """What the rows of a stream up to each have together."""
        column = self.states[name]
        total = numpy.cumsum(column)
        together: Column = total - total[self._begins] + column[self._begins]
        return together

    def places(self, which: Column) -> Column:
        """The events of some rows."""
        if self.is_empty:
            return numpy.zeros(0, numpy.int64)
        places = self.states["place"][which]
        led: Column = places[places != KEPT]
        return led


def _vm_follows(vms: Chain) -> Column:
    if vms.is_empty:
        return numpy.zeros(0, bool)
    follows: Column = (
        (vms["version"] == vms.left("version") + 1)
        & vms.is_unchanged()
        & (vms["host_before"] == vms.left("host"))
        & (vms["happened"] >= vms.left("happened"))
    )
    is_so: Column = numpy.where(vms["begins"], vms.is_first & (vms["version"] == 1), ~vms.is_first & follows)
    return is_so


def _host_follows(hosts: Chain) -> Column:
    """Whether events read or change a host as the event before them left it."""
    if hosts.is_empty:
        return numpy.zeros(0, bool)
    known = {name: _shifted(column) for name, column in _known_of(hosts).items()}
    follows: Column = (
        hosts.is_unchanged()
        & (hosts["version_before"] == hosts.left("version"))
        & ((hosts["release"] == UNKNOWN) | (hosts["release"] == known["release"]))
        & ((hosts["vms_read"] == UNKNOWN) | (hosts["vms_read"] == known["vms"]))
        & (~hosts["on_host"] | (known["on_host"] & (hosts["happened"] >= known["happened"])))
    )
    is_so: Column = numpy.where(hosts["begins"], hosts.is_first & (hosts["version"] == 1), ~hosts.is_first & follows)
    return is_so


def _shifted(column: Column) -> Column:
    """What the row before each has; of a first row it is that of another stream."""
    return numpy.concatenate([column[:1], column[:-1]])


def _last_of(kept: States | None, chain: Chain, known: Mapping[str, Column]) -> States | None:
    """The last state of each stream; some columns of the chain are replaced by others."""
    if chain.is_empty:
        return kept
    last = {name: known.get(name, column)[chain.is_last] for name, column in chain.states.columns.items()}
    figures = chain.states.figures[last["after"]]
    count = len(figures)
    last |= {name: numpy.full(count, KEPT, numpy.int64) for name in ("place", "position")}
    last |= {name: numpy.arange(count) for name in ("before", "after")}
    states = States(last, figures)
    if kept is None:
        return states
    return _together([_only_needed(kept.only(~numpy.isin(kept["key"], last["key"]))), states])


def _only_needed(kept: States) -> States:
    """The same, without the figures of others."""
    numbers = numpy.arange(len(kept))
    return States({**kept.columns, "before": numbers, "after": numbers}, kept.figures[kept["after"]])


def _known_of(hosts: Chain) -> Mapping[str, Column]:
    """What is known of hosts after each row: the release said last, their VMs, and when their streams had an event.

    Of a row that was kept, ``vms`` is how many there were; of another, how many more.
    """
    if hosts.is_empty:
        return {}
    release, says_release = hosts.last_where("release", hosts["release"] != UNKNOWN)
    happened, has_happened = hosts.last_where("happened", hosts["on_host"])
    return {
        "release": numpy.where(says_release, release, UNKNOWN),
        "happened": happened,
        "on_host": has_happened,
        "vms": hosts.sum_of("vms"),
    }
