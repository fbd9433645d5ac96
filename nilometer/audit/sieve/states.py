"""What events of one form say of the states of VMs and hosts, before them and after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy

from nilometer.audit.sieve.columns import Column

UNKNOWN: Final = -1
"""Stands for what an event does not say, and for the state of a VM or host that is not there any more."""


@dataclass(frozen=True, slots=True)
class StateFigures:
    """A row of figures for each event; events that are alike have one together."""

    rows: Column
    """The rows, as a matrix."""
    which: Column
    """The number of each event's row."""

    @classmethod
    def unknown(cls, width: int, count: int) -> StateFigures:
        """Of so many events that say nothing."""
        return cls(numpy.full((1, width), UNKNOWN, numpy.int64), numpy.zeros(count, numpy.int64))

    def only(self, which: Column) -> StateFigures:
        """Those of some events."""
        return StateFigures(self.rows, self.which[which])

    @property
    def width(self) -> int:
        """How many figures are in a row."""
        width: int = self.rows.shape[1]
        return width


@dataclass(frozen=True, slots=True)
class HostStates:
    """What events say of a host that they read or change, a row for each event."""

    stream: Column
    """The number of its stream."""
    before: StateFigures | None
    """Its account: total, reserve, held; ``None`` if it begins."""
    after: StateFigures
    release: Column
    """Its release, by number, as far as the events say it."""
    on_host: Column
    """Whether its stream has an event of this change."""
    version_before: Column
    version: Column
    """The version of its stream, before them and afterwards."""
    vms_read: Column
    """How many VMs were on it, as far as the events say it."""
    vms: Column
    """How many VMs more are on it afterwards."""

    def only(self, which: Column) -> HostStates:
        """Some of them."""
        return HostStates(
            stream=self.stream[which],
            before=_some(self.before, which),
            after=self.after.only(which),
            release=self.release[which],
            on_host=self.on_host[which],
            version_before=self.version_before[which],
            version=self.version[which],
            vms_read=self.vms_read[which],
            vms=self.vms[which],
        )


@dataclass(frozen=True, slots=True)
class Written:
    """Events of one form that are stored just as they would be recorded: what they claim, and what they lead to."""

    form: int
    index: Column
    """Which of the events that were looked at."""
    guest: Column
    hosts: Sequence[HostStates]
    """The host that was read or changed; of a VM that moves or would move to another, this one after it."""
    moves: bool
    """Whether the VM is on the last of them afterwards, and not on the first."""
    vm_before: StateFigures | None
    vm_after: StateFigures | None
    """``None`` if the events are about a host."""
    booked: Column
    """Whether the events on the hosts' streams that have to follow directly are those."""
    books: Column
    """How many they are."""

    @property
    def host(self) -> Column:
        """The number of the stream of the host on which the events are decided."""
        return self.hosts[0].stream

    @property
    def host_after(self) -> Column:
        """That of the host that the VM is on afterwards."""
        return self.hosts[-1 if self.moves else 0].stream

    def only(self, which: Column) -> Written:
        """Some of them."""
        return Written(
            form=self.form,
            index=self.index[which],
            guest=self.guest[which],
            hosts=[host.only(which) for host in self.hosts],
            moves=self.moves,
            vm_before=_some(self.vm_before, which),
            vm_after=_some(self.vm_after, which),
            booked=self.booked[which],
            books=self.books[which],
        )


def _some(figures: StateFigures | None, which: Column) -> StateFigures | None:
    return None if figures is None else figures.only(which)
