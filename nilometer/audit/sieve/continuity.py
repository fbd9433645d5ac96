"""What holds between events: each follows on the one before it on its stream, and on the one before it on its host.

Of what came before, only the last state of each VM and each host is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy

from nilometer.audit.sieve.columns import Column
from nilometer.audit.sieve.events import Events
from nilometer.audit.sieve.forms import UNKNOWN, HostStates, Written

KEPT = -1
"""Stands for the place of a state that was kept: before all events."""
States: TypeAlias = Mapping[str, Column]
"""States of VMs or hosts, a row for each: ``key`` is the number of its stream, ``place`` which event led to it."""


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
        self._vms: States = {}
        self._hosts: States = {}

    def follow(self, events: Events, written: Sequence[Written]) -> Following:
        """Looks which of the events that are written right follow on those before them."""
        vms = Chain(self._vms, _together([_vms_of(events, some) for some in written if some.vm_after is not None]))
        hosts = Chain(
            self._hosts, _together([_states_of(events, some, host) for some in written for host in some.hosts])
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
            if states:
                for row in numpy.flatnonzero(numpy.isin(states["key"], list(streams))).tolist():
                    after = states["after"][row]
                    yield LastEvent(
                        int(states["key"][row]), int(states["version"][row]), bool((after == UNKNOWN).all())
                    )


def _vms_of(events: Events, written: Written) -> States:
    after = written.vm_after
    assert after is not None
    return {
        "key": events.stream[written.index],
        "place": written.index,
        "version": events.integers("version")[written.index],
        "host_before": written.host,
        "host": written.host_after,
        "happened": events.happened[written.index],
        "begins": numpy.full(len(written.index), written.vm_before is None),
        "before": numpy.full_like(after, UNKNOWN) if written.vm_before is None else written.vm_before,
        "after": after,
    }


def _states_of(events: Events, written: Written, host: HostStates) -> States:
    after = host.after
    return {
        "key": host.stream,
        "place": written.index,
        "version": host.version,
        "release": host.release,
        "vms_read": host.vms_read,
        "vms": host.vms,
        "happened": events.happened[written.index],
        "on_host": host.on_host,
        "begins": numpy.full(len(written.index), host.before is None),
        "before": numpy.full_like(after, UNKNOWN) if host.before is None else host.before,
        "after": after,
    }


def _together(states: Sequence[States]) -> States:
    return {name: numpy.concatenate([some[name] for some in states]) for name in states[0]} if states else {}


class Chain:
    """States that were kept and new ones, of each VM or host one after the other."""

    def __init__(self, kept: States, new: States) -> None:
        if kept and new:
            here = numpy.isin(kept["key"], new["key"])
            new = _together([{name: column[here] for name, column in kept.items()}, new])
        self.is_empty = not new
        if self.is_empty:
            return
        order = numpy.lexsort((new["place"], new["key"]))
        self._states = {name: column[order] for name, column in new.items()}
        key = self._states["key"]
        self.is_first = numpy.append(True, key[1:] != key[:-1])
        self.is_last = numpy.append(self.is_first[1:], True)
        self._numbers = numpy.arange(len(key))
        self._begins = numpy.maximum.accumulate(numpy.where(self.is_first, self._numbers, 0))

    def __getitem__(self, name: str) -> Column:
        return self._states[name]

    def names(self) -> Collection[str]:
        """The names of the columns."""
        return self._states.keys()

    def left(self, name: str) -> Column:
        """What the row before has; of a first row it is that of another stream."""
        return _shifted(self._states[name])

    def last_where(self, name: str, condition: Column) -> tuple[Column, Column]:
        """What the last row up to each has where a condition holds, and whether there is one."""
        found = numpy.maximum.accumulate(numpy.where(condition, self._numbers, -1))
        return self._states[name][found], found >= self._begins

    def sum_of(self, name: str) -> Column:
        """What the rows of a stream up to each have together."""
        column = self._states[name]
        total = numpy.cumsum(column)
        together: Column = total - total[self._begins] + column[self._begins]
        return together

    def places(self, which: Column) -> Column:
        """The events of some rows."""
        if self.is_empty:
            return numpy.zeros(0, numpy.int64)
        places = self._states["place"][which]
        led: Column = places[places != KEPT]
        return led


def _vm_follows(vms: Chain) -> Column:
    if vms.is_empty:
        return numpy.zeros(0, bool)
    follows: Column = (
        (vms["version"] == vms.left("version") + 1)
        & (vms["before"] == vms.left("after")).all(axis=1)
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
        (hosts["before"] == hosts.left("after")).all(axis=1)
        & ((hosts["release"] == UNKNOWN) | (hosts["release"] == known["release"]))
        & ((hosts["vms_read"] == UNKNOWN) | (hosts["vms_read"] == known["vms"]))
        & (~hosts["on_host"] | (known["on_host"] & (hosts["happened"] >= known["happened"])))
    )
    is_so: Column = numpy.where(hosts["begins"], hosts.is_first & (hosts["version"] == 1), ~hosts.is_first & follows)
    return is_so


def _shifted(column: Column) -> Column:
    """What the row before each has; of a first row it is that of another stream."""
    return numpy.concatenate([column[:1], column[:-1]])


def _last_of(kept: States, chain: Chain, known: Mapping[str, Column]) -> States:
    """The last state of each stream; some columns of the chain are replaced by others."""
    if chain.is_empty:
        return kept
    last = {name: known.get(name, chain[name])[chain.is_last] for name in chain.names()}
    last["place"] = numpy.full_like(last["place"], KEPT)
    if not kept:
        return last
    gone = ~numpy.isin(kept["key"], last["key"])
    return _together([{name: column[gone] for name, column in kept.items()}, last])


def _known_of(hosts: Chain) -> States:
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
