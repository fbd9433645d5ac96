"""The hosts of an import: which host a name means, and the events of the hosts themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from domain.identifiers import UtcTime, host_stream, seconds_between
from domain.observed.events import HostInventoried, HostNotWatched, HostObserved, HostWatched, Observed
from domain.observed.host import ObservedHost
from domain.observed.polls import ListedVms, NewestPoll, TightestPoll
from domain.observed.words import STATED
from domain.quantities import MiB
from nilometer.importers.hyperv.jobs import Jobs
from nilometer.importers.hyperv.news import ON
from nilometer.importers.hyperv.readings import HostReading, InventoryReading, Reading, VmReading
from nilometer.importers.hyperv.state import Cutoff, Emission, Past, last_measured, seconds_in_between
from nilometer.importers.run import ImportCounts
from nilometer.ledger.requests import Fact

OLDER: Final = "older than what is known"
"""The kind of records that came too late, as imports store it."""
GAP_SECONDS: Final = 300
"""A host that is not read for longer was not watched."""
MISSED_SAMPLES: Final = 3
"""Nor was one whose counters were not sampled for so many times as long as usual."""
SAME_BOOT_SECONDS: Final = 60
ALTERNATING: Final = 4
"""So many lists by turns are those of two hosts."""
LEAST_DRIFT: Final = 512 * MiB
"""What a host has left changes by so much, or by a hundredth, although no VM has more or less."""
UNTOLD_SECONDS: Final = 3600 + GAP_SECONDS
"""The same for what the ledger knows: that has a measurement each hour, and not each poll."""


@dataclass(slots=True)
class HypervHost:
    """A host: what is recorded of it, and its latest jobs."""

    id: str
    state: ObservedHost
    jobs: Jobs = field(default_factory=Jobs)
    available: int | None = None
    """The memory that it had left when it was last read."""
    polled_at: UtcTime | None = None
    """When it was last read."""
    sampled_every: int | None = None
    """The shortest time between two samples of its counters, in seconds."""
    members: set[str] = field(default_factory=set[str])
    """The VmIds of the VMs that it was the last to list, and perhaps of some that are on other hosts by now."""
    missing: dict[str, tuple[UtcTime, str]] = field(default_factory=dict[str, tuple[UtcTime, str]])
    """The members that its last lists lack: since when, and the record of that list."""
    alternating: int = 0
    """So many lists in sequence have a member that the list before lacks."""
    listed_available: int | None = None
    """The memory that it had left when it last listed any VM."""
    watch: WatchTally | None = None
    """The polls that this import read and the ledger did not know."""
    tightest: TightestPoll | None = None
    """The poll with the least available memory since that was last recorded."""
    moved: bool = False
    """A VM's memory has moved to it or away from it since its available memory was last recorded."""
    cutoff: Cutoff = field(default_factory=Cutoff)
    goes_on: bool = False
    """The ledger knew it before: its VMs are to be looked up there."""

    def sync(self, recorded: ObservedHost) -> None:
        """Goes on from what the ledger knows."""
        self.cutoff.sync(None if self.state.version > 0 else last_measured(recorded))
        self.state, self.goes_on = recorded, recorded.version > 0

    def emit_at(self, event: Observed, moment: UtcTime) -> Emission:
        """The host's next event, at a moment."""
        self.state.apply(event, moment)
        return Emission(Fact(stream=host_stream(self.id), event=event, happened=moment), story=None, who=None)

    def emit(self, event: Observed, reading: HostReading, earliest: UtcTime | None = None) -> Emission:
        """The host's next event."""
        self.state.apply(event, reading.at)
        fact = Fact(stream=host_stream(self.id), event=event, happened=reading.at, earliest=earliest)
        return Emission(fact, story=None, who=None)

    def take_poll(self, reading: HostReading) -> list[Emission]:
        """The time since the last poll, if the host was not watched for longer than usual."""
        last, usual = self.polled_at, GAP_SECONDS
        if last is None and self.state.watched_until is not None:
            last = self.state.watched_until
        elif last is None:
            last, usual = last_measured(self.state), UNTOLD_SECONDS
        self.polled_at = reading.at
        if last is None or seconds_between(last, reading.at) <= usual:
            return []
        return [self.emit(HostNotWatched(record=reading.record), reading, last)]

    def take_sample(self, at: UtcTime, record: str) -> list[Emission]:
        """The time since the last sample of its counters, if that is much longer than usual.

        Counters are sampled as often as somebody asked for. The shortest time between two samples shows how often.
        """
        last = self.polled_at or self.state.watched_until
        seconds = self.note_sample(at)
        if last is None or seconds <= max(GAP_SECONDS, MISSED_SAMPLES * (self.sampled_every or 0)):
            return []
        event = HostNotWatched(record=record)
        self.state.apply(event, at, last)
        fact = Fact(stream=host_stream(self.id), event=event, happened=at, earliest=last)
        return [Emission(fact, story=None, who=None)]

    def note_sample(self, at: UtcTime) -> int:
        """Notes a sample; returns how many seconds it came after the last."""
        last, self.polled_at = self.polled_at or self.state.watched_until, at
        seconds = 0 if last is None else seconds_in_between(last, at)
        if seconds and (self.sampled_every is None or seconds < self.sampled_every):
            self.sampled_every = seconds
        return seconds

    def watch_poll(self, at: UtcTime, record: str, reading: HostReading | None = None) -> None:
        """Counts a poll or a sample that the ledger did not know."""
        if self.watch is None:
            self.watch = WatchTally(since=at, until=at, record=record)
        else:
            self.watch.extend(at, record)
        if reading is not None:
            self.watch.note_free(reading)

    def note_available(self, reading: HostReading, vms: Iterable[VmReading]) -> None:
        """Notes the poll in which the host has the least left."""
        if reading.available is None or (self.tightest is not None and reading.available >= self.tightest.free):
            return
        self.tightest = TightestPoll(
            at=reading.at, free=reading.available, assigned=list_vms(vms, complete=True).assigned
        )

    def end_watch(self, newest: Sequence[NewestPoll]) -> list[Emission]:
        """The polls that this import read."""
        watch, self.watch = self.watch, None
        if watch is None:
            return []
        event = HostWatched(
            since=watch.since,
            polls=watch.polls,
            longest_gap=watch.longest_gap,
            newest=tuple(newest),
            free=watch.free if watch.free_at == watch.until else None,
            least=watch.least,
            most=watch.most,
            record=watch.record,
        )
        return [self.emit_at(event, watch.until)]

    def find_missing(self, reading: HostReading, listed: set[str]) -> dict[str, tuple[UtcTime, str]]:
        """The members that two lists in sequence lack, with when and where they were first missing."""
        known, since = self.missing, (reading.at, reading.record)
        self.alternating = self.alternating + 1 if known.keys() & listed else 0
        self.members |= listed
        self.missing = {vm: known.get(vm, since) for vm in sorted(self.members - listed)}
        return {vm: known[vm] for vm in self.missing if vm in known}


def shows_release(before: int | None, after: int | None, held: Iterable[int | None]) -> bool:
    """Whether what a host has left rose by what VMs held, as far as its reserve does not explain it."""
    sizes = list(held)
    if before is None or after is None or None in sizes:
        return False
    drift = max(LEAST_DRIFT, before // 100)
    return after - before > max(drift, sum(filter(None, sizes)) - drift)


def is_same_boot(one: UtcTime | None, other: UtcTime | None) -> bool:
    """Whether two times of boot are one: a host computes it from its clock, which is set now and then."""
    return one is not None and other is not None and abs(seconds_between(one, other)) < SAME_BOOT_SECONDS


def _find_sampled(reading: Reading) -> tuple[str, UtcTime, str] | None:
    """The host of a reading from counters, its time and its record; ``None`` for others."""
    if isinstance(reading, HostReading):
        return reading.host, reading.at, reading.record
    if isinstance(reading, VmReading) and reading.listing.host is not None:
        return reading.listing.host, reading.at, reading.record
    return None


@dataclass(slots=True)
class WatchTally:
    """Polls of a host."""

    since: UtcTime
    until: UtcTime
    record: str
    polls: int = 1
    longest_gap: int = 0
    """In seconds."""
    free: int | None = None
    """What the host had left in the newest poll that shows it."""
    free_at: UtcTime | None = None
    least: int | None = None
    most: int | None = None

    def note_free(self, reading: HostReading) -> None:
        """Notes what the host had left in a poll."""
        if reading.available is None:
            return
        self.least = min(reading.available, reading.available if self.least is None else self.least)
        self.most = max(reading.available, reading.available if self.most is None else self.most)
        if self.free_at is None or reading.at >= self.free_at:
            self.free, self.free_at = reading.available, reading.at

    def extend(self, at: UtcTime, record: str) -> None:
        """Adds the next poll."""
        self.longest_gap = max(self.longest_gap, seconds_in_between(self.until, at))
        self.until, self.record, self.polls = max(self.until, at), record, self.polls + 1


def list_vms(vms: Iterable[VmReading], *, complete: bool) -> ListedVms:
    """What a poll lists: how many VMs, and what they are assigned together."""
    count, total, known = 0, 0, True
    for vm in vms:
        count += 1
        if vm.listing.assigned:
            total += vm.listing.assigned
        elif vm.listing.power is None or (vm.listing.power in ON and vm.listing.assigned is None):
            known = False
    return ListedVms(count=count, complete=complete, assigned=total if known else None)


class Hosts:
    """All hosts that were named. Ids are ``PREFIX.`` and the host's short name in lower case."""

    def __init__(self, prefix: str | None, past: Past, reserves: Mapping[str, int] | None = None) -> None:
        self._prefix = prefix
        self._reserves = reserves or {}
        """The root reserves that somebody stated, by the names of hosts."""
        self._past = past
        self._by_id: dict[str, HypervHost] = {}
        self._by_name: dict[str, HypervHost] = {}
        """By the names in files, such as ``HV01`` and ``hv01.contoso.com``."""

    def __iter__(self) -> Iterator[HypervHost]:
        return iter(self._by_id.values())

    @property
    def ids(self) -> dict[str, str]:
        """The ids of hosts, by the names in files."""
        return {name: host.id for name, host in self._by_name.items()}

    def go_on(self, hosts: Sequence[HypervHost], ids: Mapping[str, str]) -> None:
        """Goes on from what an earlier import knew."""
        self._by_id = {host.id: host for host in hosts}
        self._by_name = {name: self._by_id[id] for name, id in ids.items()}

    def find(self, name: str) -> HypervHost:
        """The host of this name."""
        known = self._by_name.get(name)
        if known is not None:
            return known
        short = name.strip().lower()
        if not short.replace(".", "").isdigit():
            short = short.partition(".")[0]
        id = short if self._prefix is None else f"{self._prefix}.{short}"
        host = self._by_id.get(id)
        if host is None:
            host = self._by_id[id] = HypervHost(id=id, state=ObservedHost.begin(id))
        self._by_name[name] = host
        return host

    def other_name(self, name: str) -> str | None:
        """A host of another domain that is taken for the host of this name, which has a domain."""
        host, domain = self.find(name), name.strip().lower().partition(".")[2]
        names = [other for other, found in self._by_name.items() if found is host]
        domains = {other.strip().lower().partition(".")[2]: other for other in names} if domain else {}
        return next((other for found, other in domains.items() if found not in ("", domain)), None)

    def get(self, id: str | None) -> HypervHost | None:
        """The host of this id, if this import has read it."""
        return None if id is None else self._by_id.get(id)

    def mark_moved(self, *ids: str | None) -> None:
        """Memory of a VM has moved on these hosts."""
        for id in ids:
            if id is not None and id in self._by_id:
                self._by_id[id].moved = True

    def introduce(self, reading: HostReading, *, live: bool) -> list[Emission]:
        """The host's own news, before anything that happened on it. With ``live=False`` its reading is recorded."""
        host = self.find(reading.host)
        if live and not host.cutoff.synced:
            host.sync(self._past.host(host.id))
        if host.cutoff.known_until is not None and host.cutoff.is_older(reading.at):
            return []
        host.available = reading.available
        if host.cutoff.synced and not live:
            host.polled_at = reading.at
            return []
        emissions = [] if reading.lists_all is None else host.take_poll(reading)
        if live and reading.lists_all is not None:
            host.watch_poll(reading.at, reading.record, reading)
        name = reading.host if host.state.version == 0 else None
        version = reading.version if reading.version != host.state.host_version else None
        if version is not None or reading.total not in (None, host.state.total):
            event = HostObserved(name=name, version=version, total=reading.total, record=reading.record)
            emissions.append(host.emit(event, reading))
        reserve = self._stated_reserves.get(host.id)
        if live and reserve not in (None, host.state.reserve):
            emissions.append(host.emit(HostObserved(reserve=reserve, label=STATED), reading))
        return emissions

    def take_samples(self, readings: Sequence[Reading], *, live: bool) -> list[Emission]:
        """The hosts of readings from counters were watched then."""
        emissions: list[Emission] = []
        for name, at, record in dict.fromkeys(found for reading in readings if (found := _find_sampled(reading))):
            host = self.find(name)
            if live and not host.cutoff.synced:
                host.sync(self._past.host(host.id))
            if host.cutoff.known_until is not None and host.cutoff.is_older(at):
                continue
            if not live:
                host.note_sample(at)
                continue
            if host.state.version == 0:
                emissions.append(host.emit_at(HostObserved(name=name, record=record), at))
            emissions += host.take_sample(at, record)
            own = (one for one in readings if isinstance(one, HostReading) and one.host == name)
            host.watch_poll(at, record, next(own, None))
        return emissions

    def take_inventory(self, reading: InventoryReading, *, live: bool) -> list[Emission]:
        """What a host reports of itself, if it is news."""
        host = self.find(reading.host)
        if live and not host.cutoff.synced:
            host.sync(self._past.host(host.id))
        if not live or host.cutoff.is_older(reading.at):
            return []
        booted = None if is_same_boot(host.state.booted, reading.booted) else reading.booted
        cluster = None if reading.cluster == host.state.cluster else reading.cluster
        spanning = None if host.state.numa_spanning is reading.numa_spanning else reading.numa_spanning
        is_known = reading.numa_spanning is not False or host.state.numa_nodes == reading.numa_nodes
        nodes = () if is_known else reading.numa_nodes
        if booted is None and cluster is None and spanning is None and not nodes:
            return []
        event = HostInventoried(
            booted=booted, cluster=cluster, numa_spanning=spanning, numa_nodes=nodes, record=reading.record
        )
        is_new = host.state.version == 0
        first = HostObserved(name=reading.host, record=reading.record)
        return [host.emit_at(news, reading.at) for news in ([first, event] if is_new else [event])]

    @cached_property
    def _stated_reserves(self) -> dict[str, int]:
        """By the ids of hosts."""
        return {self.find(name).id: size for name, size in self._reserves.items()}

    def state_reserves(self) -> tuple[list[Emission], list[str]]:
        """The reserves that no new record of their hosts has taken in, and the ids of hosts that nobody knows."""
        emissions, unknown = list[Emission](), list[str]()
        for id, reserve in self._stated_reserves.items():
            host = self._by_id[id]
            if not host.cutoff.synced:
                host.sync(self._past.host(id))
            moment = last_measured(host.state)
            if moment is None:
                unknown.append(id)
            elif host.state.reserve != reserve:
                emissions.append(host.emit_at(HostObserved(reserve=reserve, label=STATED), moment))
        return emissions, unknown

    def is_due(self, reading: HostReading) -> bool:
        """Whether the host's available memory is to be recorded."""
        host = self.find(reading.host)
        last = host.state.measured.get("total" if reading.available is None else "free")
        return last is None or last[:13] != reading.at[:13] or (host.moved and reading.available is not None)

    def measure(
        self,
        reading: HostReading,
        vms: Sequence[VmReading],
        counts: ImportCounts,
        *,
        is_news: bool,
        live: bool,
    ) -> list[Emission]:
        """The host's available memory: each hour, and whenever memory moved, as that shows where it went.

        With it, what the poll lists, and the poll since the last measurement in which the host had the least. Counts
        the reading; ``is_news`` if it gave an event before.
        """
        host = self.find(reading.host)
        if host.cutoff.known_until is not None and host.cutoff.is_older(reading.at):
            counts.add_not_needed(OLDER)
            return []
        if host.cutoff.synced and not live:
            return []
        emissions: list[Emission] = []
        host.note_available(reading, vms)
        if self.is_due(reading):
            tightest, host.tightest = host.tightest, None
            event = HostObserved(
                total=reading.total,
                free=reading.available,
                listed=None if reading.lists_all is None else list_vms(vms, complete=reading.lists_all),
                tightest=None if tightest is None or tightest.at == reading.at else tightest,
                record=reading.record,
            )
            emissions.append(host.emit(event, reading))
            host.moved = False
        if emissions or is_news:
            counts.events += 1
        else:
            counts.repeats += 1
        return emissions
