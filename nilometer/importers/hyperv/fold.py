"""Readings of Hyper-V hosts in, events out: what is news of each host and VM, and nothing that did not change.

Each step returns the events that it adds, in their order, and counts its reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from domain.event import Event
from domain.identifiers import StreamName, UtcTime, host_stream, seconds_between, vm_stream
from domain.observed.events import VmMemoryMoved, VmNotListed, VmObserved
from domain.observed.polls import NewestPoll
from nilometer.importers.hyperv.going_on.memo import FoldMemo
from nilometer.importers.hyperv.hosts import ALTERNATING, OLDER, Hosts, HypervHost, shows_release
from nilometer.importers.hyperv.news import compare
from nilometer.importers.hyperv.readings import (
    ChangeReading,
    GuestReading,
    HostReading,
    InventoryReading,
    JobReading,
    PowerReading,
    Reading,
    VmReading,
)
from nilometer.importers.hyperv.sources.counters.instances import AMBIGUOUS
from nilometer.importers.hyperv.state import Emission, Past
from nilometer.importers.hyperv.vm.failed_jobs import is_failed, take_failed_job
from nilometer.importers.hyperv.vm.guests import take_guest
from nilometer.importers.hyperv.vm.measuring import measure_after
from nilometer.importers.hyperv.vm.moves import close_window
from nilometer.importers.hyperv.vm.own_changes import LATE, OwnChanges, attribution_of, is_shown
from nilometer.importers.hyperv.vm.power import take_power
from nilometer.importers.hyperv.vm.reading import read
from nilometer.importers.hyperv.vm.requests import note_change, note_contradiction, take_own_change
from nilometer.importers.hyperv.vm.residence import is_contested, is_running_at, starts_elsewhere, starts_unwatched
from nilometer.importers.hyperv.vm.vm import HypervVm
from nilometer.importers.hyperv.vms import HypervVms
from nilometer.importers.run import ImportCounts

ELSEWHERE: Final = "listed on another host too"
CLOCK_SECONDS: Final = 60
"""Clocks are corrected by less now and then."""
CONTESTS: Final = 3
"""After so many turns of two hosts that list a VM, their clocks differ: a migration is over by then."""


class HypervFold:
    """What is known of all hosts and VMs. Ids are ``PREFIX.`` and the VmId, or the host's short name in lower case."""

    def __init__(self, prefix: str | None, past: Past, reserves: Mapping[str, int] | None = None) -> None:
        self._past = past
        self._hosts = Hosts(prefix, past, reserves)
        self._vms = HypervVms(prefix, past, self._hosts)
        self._own_changes = OwnChanges()

    def to_memo(self) -> FoldMemo:
        """All that it knows."""
        return FoldMemo(
            hosts=list(self._hosts),
            host_names=self._hosts.ids,
            vms=self._vms.by_name,
            listed_by={called: vm.host.id for called, vm in self._vms.by_name.items() if vm.host is not None},
            names=self._vms.names.known,
            knows_all_names=self._vms.names.knows_all,
            open_changes=self._own_changes.open,
            given_up=self._own_changes.given_up,
        )

    def go_on(self, memo: FoldMemo) -> None:
        """Goes on from what an earlier import knew. Raises ``KeyError`` for a host that it names and has not."""
        self._hosts.go_on(memo.hosts, memo.host_names)
        hosts = {host.id: host for host in memo.hosts}
        self._vms.go_on(memo.vms, {called: hosts[host] for called, host in memo.listed_by.items()})
        self._vms.names.go_on(memo.names, knows_all=memo.knows_all_names)
        self._own_changes.go_on(memo.open_changes, memo.given_up)

    def sync_all(self) -> None:
        """Loads what the ledger knows of hosts and VMs of which nothing was new."""
        for host in self._hosts:
            if not host.cutoff.synced:
                host.sync(self._past.host(host.id))
        for vm in self._vms:
            self._vms.sync(vm)

    def count_events(self, added: Mapping[StreamName, int]) -> None:
        """So many events were added to streams of VMs, which change nothing of what it knows."""
        self._vms.count_events(added)

    @property
    def versions(self) -> dict[StreamName, int]:
        """How many events it knows of each host and VM."""
        hosts = {host_stream(host.id): host.state.version for host in self._hosts if host.cutoff.synced}
        return hosts | {vm_stream(vm.id): vm.state.version for vm in self._vms if vm.cutoff.synced}

    @property
    def polled_at(self) -> dict[str, UtcTime]:
        """When each host was last polled, by its names in files."""
        return {name: at for name in self._hosts.ids if (at := self._hosts.find(name).polled_at)}

    def poll(
        self, readings: Sequence[Reading], counts: ImportCounts, *, live: bool = True, sampled: bool = False
    ) -> list[Emission]:
        """Takes readings that belong together, and returns the events that they add.

        With ``live=False`` they are recorded: they add no events, and show what the next are compared with.
        ``sampled`` says that they are from counters, which are read regularly.
        """
        if not live:
            counts.repeats += len(readings)
            counts = ImportCounts()  # what is counted below is counted already
        emissions: list[Emission] = []
        hosts: list[tuple[HostReading, bool]] = []
        listed = next((reading.at for reading in readings if not isinstance(reading, JobReading)), None)
        for reading in readings:  # jobs say who did what the others show
            if isinstance(reading, JobReading):
                self._take_job(reading, listed or reading.at, live=live)
                counts.add_not_needed("job")
            elif isinstance(reading, HostReading):
                last = self._hosts.find(reading.host).polled_at
                if live and last is not None and seconds_between(reading.at, last) > CLOCK_SECONDS:
                    why = "was its clock set back, or were files joined in another order?"
                    note = f"{reading.record}: host {reading.host} was read at {reading.at} after {last}: {why}"
                    counts.add_remark("time goes back", note)
                news = self._hosts.introduce(reading, live=live)
                if other := self._hosts.other_name(reading.host):
                    note = f"{reading.record}: the hosts {other} and {reading.host} are taken for one"
                    counts.add_remark("hosts of one name", f"{note}: if they are two, use --as PREFIX for each", other)
                emissions += news
                hosts.append((reading, bool(news)))
        if sampled:
            emissions += self._hosts.take_samples(readings, live=live)
        for reading in readings:
            if isinstance(reading, InventoryReading):
                news = self._hosts.take_inventory(reading, live=live)
                _count(counts, news)
                emissions += news
            elif isinstance(reading, GuestReading):
                emissions += self._take_guest(reading, counts, live=live)
            elif not isinstance(reading, JobReading | HostReading):
                emissions += self._take(reading, counts, live=live)
        for host_reading, is_news in hosts:
            listed_vms = [vm for vm in readings if isinstance(vm, VmReading)]
            if host_reading.lists_all:
                emissions += self._take_list(host_reading, listed_vms, counts, live=live)
            emissions += self._hosts.measure(host_reading, listed_vms, counts, is_news=is_news, live=live)
            emissions += self._give_up_changes(host_reading, live=live)
        return emissions if live else []

    def _take_list(
        self, reading: HostReading, vms: Sequence[VmReading], counts: ImportCounts, *, live: bool
    ) -> list[Emission]:
        """All VMs of a host were listed: those that it lacks, and what Dynamic Memory moved before it is measured."""
        host, emissions = self._hosts.find(reading.host), list[Emission]()
        if live and host.goes_on:
            host.goes_on = False
            host.members |= self._vms.find_members(host.id)
        listed = {vm.listing.vm_id for vm in vms if vm.listing.vm_id is not None}
        missing = host.find_missing(reading, listed)
        if host.alternating >= ALTERNATING:
            why = "have two hosts this name? Then import those of each with a prefix of its own: --as PREFIX"
            counts.add_remark("lists by turns", f"{reading.record}: host {host.id} lists VMs by turns: {why}", host.id)
        if listed:
            host.listed_available = reading.available
        elif missing and not self._are_released(host, reading, missing, live=live):
            why = "what it has left does not show that they are gone: may the collector see them?"
            counts.add_remark("empty list", f"{reading.record}: host {host.id} lists no VM, and {why}", host.id)
            return emissions
        for called, (since, record) in missing.items():
            vm = self._vms.find(called, live=live)
            if vm.state.host != host.id:
                host.members.discard(called)
            elif vm.state.not_listed_since is None and (live or not vm.cutoff.synced):
                emissions += [*self._release(vm), *self._take_deferred(vm), *close_window(vm)]
                emissions.append(vm.lose(VmNotListed(host=host.id, record=record), since))
                self._count_waiting(vm)
                self._hosts.mark_moved(host.id)
        if self._hosts.is_due(reading):  # the book of one poll
            for called in sorted(listed & host.members):
                vm = self._vms.find(called, live=live)
                if vm.sizes.window is not None and vm.state.host == host.id:
                    emissions += close_window(vm)
                    self._count_waiting(vm)
        return emissions

    def _are_released(self, host: HypervHost, reading: HostReading, vms: Iterable[str], *, live: bool) -> bool:
        """Whether a host without a VM has back what these held: without rights it lists no VM too, and no error."""
        found = [self._vms.find(called, live=live).state for called in vms]
        held = [vm.held for vm in found if vm.host == host.id and vm.not_listed_since is None]
        return not held or shows_release(host.listed_available, reading.available, held)

    def learn_names(self, readings: Sequence[Reading]) -> None:
        """Learns the names of VMs, before any event is added."""
        self._vms.learn_names(readings)

    def finish(self) -> list[Emission]:
        """Nothing will follow: returns the events of all that waits."""
        emissions: list[Emission] = []
        for change in self._own_changes.give_up():
            emissions += self._note_unended(change)
        for vm in self._vms:
            if vm.queue.held is not None or vm.queue.deferred or vm.sizes.window is not None or vm.sizes.unmeasured:
                self._vms.sync(vm)
                waiting = [*self._release(vm), *self._take_deferred(vm), *close_window(vm), *measure_after(vm)]
                self._note_moves(vm, waiting)
                emissions += waiting
            self._count_waiting(vm)
        return emissions

    def end_watch(self) -> list[Emission]:
        """All files are read: which time was watched of each host, and what its VMs show newer than their events."""
        newest: dict[str, list[NewestPoll]] = {}
        for vm in self._vms:
            figures = vm.newest_figures()
            if figures is not None and vm.state.host is not None:
                newest.setdefault(vm.state.host, []).append(NewestPoll(vm=vm.id, figures=figures))
        return [emission for host in self._hosts for emission in host.end_watch(newest.get(host.id, []))]

    def state_reserves(self) -> tuple[list[Emission], list[str]]:
        """The stated reserves that are not recorded, and the ids of hosts that nobody knows."""
        return self._hosts.state_reserves()

    def waiting(self) -> Iterator[ImportCounts]:
        """For each reading that waits for what follows, the counts of its file."""
        for vm in self._vms:
            yield from vm.queue.uncounted
        yield from self._own_changes.waiting()

    # One reading

    def _take(
        self, reading: VmReading | ChangeReading | PowerReading, counts: ImportCounts, *, live: bool
    ) -> list[Emission]:
        vm = self._vms.find_meant(reading, live=live)
        if vm is None:
            counts.add_not_needed(AMBIGUOUS)
            return []
        if isinstance(reading, VmReading):
            if vm.take_repeat(reading):
                counts.repeats += 1
                return []
            emissions = self._take_vm(vm, vm.read_after_change(reading), counts, live=live)
        elif isinstance(reading, ChangeReading):
            emissions = self._take_change(vm, reading, counts, live=live)
        else:
            emissions = self._take_power(vm, reading, counts, live=live)
        self._note_moves(vm, emissions)
        return emissions

    def _take_vm(self, vm: HypervVm, reading: VmReading, counts: ImportCounts, *, live: bool) -> list[Emission]:
        if vm.cutoff.synced and not live:
            vm.take_recorded(reading)
            counts.repeats += 1
            return []
        if vm.cutoff.known_until is not None and vm.cutoff.is_older(reading.at):
            counts.add_not_needed(OLDER)
            return []
        host = None if reading.listing.host is None else self._hosts.find(reading.listing.host)
        host_id = None if host is None else host.id
        self._vms.learn_name(reading.listing, host_id)
        if host_id is not None and vm.state.host not in (None, host_id) and is_running_at(vm, reading):
            counts.add_not_needed(ELSEWHERE)
            return []
        if host_id is not None and is_contested(vm, reading, host_id, self._hosts.get(vm.state.host)):
            counts.add_not_needed(ELSEWHERE)
            if vm.rivalry.contests >= CONTESTS:
                name = reading.listing.name or vm.id
                note = f"{reading.record}: hosts {vm.state.host} and {host_id} both list VM {name}, poll after poll"
                counts.add_remark("VM on two hosts", f"{note}: do their clocks differ?", vm.id)
            return []
        emissions = self._release(vm)
        vm.list_on(host)
        emissions += self._take_deferred(vm, reading.record)
        missing = None if host is None else host.missing.get(reading.listing.vm_id or "")
        if (
            missing is not None and host_id is not None and host_id == vm.state.host and vm.was_away(reading)
        ):  # it may have had more meanwhile
            emissions += close_window(vm)
            emissions.append(vm.lose(VmNotListed(host=host_id, record=missing[1]), missing[0]))
        news = compare(vm.state, reading, host_id, uptime=vm.uptime, setting_is_new=vm.unreported)
        source = vm.state.host
        if source not in (None, host_id) and starts_elsewhere(vm, reading, self._hosts.get(source)):
            news = replace(news, begins=True)
        elif source in (None, host_id) and starts_unwatched(vm, reading):
            news = replace(news, begins=True, is_request=False)
        if news.is_request and vm.state.host in (None, host_id):
            vm.queue.hold(reading, host_id)
            vm.queue.uncounted.append(counts)
            return emissions
        emissions += read(vm, reading, news, host_id)
        emissions += vm.compare_shortage(reading)
        if vm.sizes.window is not None and vm.sizes.window.last is reading:
            vm.queue.uncounted.append(counts)
            return emissions
        if emissions:
            self._count_waiting(vm)
        _count(counts, emissions)
        return emissions

    def _take_change(self, vm: HypervVm, change: ChangeReading, counts: ImportCounts, *, live: bool) -> list[Emission]:
        if vm.cutoff.is_older(change.at):
            counts.add_not_needed(OLDER)
            return []
        emissions: list[Emission] = []
        if change.is_begun:
            self._own_changes.begin(change, counts)
            vm.authors.begin_change(change.id or "", attribution_of(change))
            return []
        is_late = self._own_changes.end(change) or change.is_late
        vm.authors.end_change(change.id or "")
        if is_late or is_shown(vm, change):
            if live or not vm.cutoff.synced:
                remark = ", ".join(filter(None, (change.remark, LATE if is_late else None))) or None
                emissions += note_change(vm, replace(change, requested=None, remark=remark))
                emissions += note_contradiction(vm, change)
            _count(counts, emissions)
            return emissions
        if live or not vm.cutoff.synced:
            held = vm.queue.held
            if held is not None and change.since <= held.at and change.requested == held.listing.startup:
                vm.drop_held(held)
            vm.queue.keep_change(change)
            emissions += self._release(vm)
            emissions += self._take_deferred(vm, change.record)
            emissions += close_window(vm)
            self._count_waiting(vm)
            vm.list_on(self._hosts.find(change.host))
            emissions += [*take_own_change(vm, change), *note_contradiction(vm, change)]
        vm.take_change(change)
        _count(counts, emissions)
        return emissions

    def _give_up_changes(self, reading: HostReading, *, live: bool) -> list[Emission]:
        """Changes on a host that began long before this poll, and did not end."""
        host, emissions = self._hosts.find(reading.host), list[Emission]()
        for change in self._own_changes.give_up(reading.at, lambda change: self._hosts.find(change.host) is host):
            if live or not self._vms.find(change.vm_id, live=False).cutoff.synced:
                emissions += self._note_unended(change)
        return emissions

    def _note_unended(self, change: ChangeReading) -> list[Emission]:
        vm = self._vms.find(change.vm_id, live=True)
        vm.authors.end_change(change.id or "")
        return [*note_change(vm, change), *note_contradiction(vm, change)]

    def _take_power(self, vm: HypervVm, reading: PowerReading, counts: ImportCounts, *, live: bool) -> list[Emission]:
        if vm.cutoff.is_older(reading.at) or (vm.read_at is not None and reading.at < vm.read_at):
            counts.add_not_needed(OLDER)
            return []
        emissions: list[Emission] = []
        if live or not vm.cutoff.synced:
            vm.queue.deferred.append(reading)
            if vm.latest is not None and reading.power is not None:
                vm.queue.uncounted.append(counts)
                return []
            emissions = [*self._release(vm), *self._take_deferred(vm)]
        _count(counts, emissions)
        return emissions

    def _take_guest(self, reading: GuestReading, counts: ImportCounts, *, live: bool) -> list[Emission]:
        vm, emissions = self._vms.find(reading.vm_id, live=live), list[Emission]()
        if (live or not vm.cutoff.synced) and not vm.cutoff.is_older(reading.at):
            emissions = take_guest(vm, reading)
        _count(counts, emissions)
        return emissions

    def _take_job(self, job: JobReading, listed: UtcTime, *, live: bool) -> None:
        if self._hosts.find(job.host).jobs.add(job, listed) and is_failed(job):
            vm = self._vms.find(job.vm_id or "", live=live)
            if live or not vm.cutoff.synced:
                vm.queue.deferred.append(job)

    # What waited for the next record

    def _release(self, vm: HypervVm) -> list[Emission]:
        """Reads what was held."""
        if vm.queue.held is None:
            return []
        held, host = vm.queue.release()
        news = compare(vm.state, held, host, uptime=vm.uptime, setting_is_new=vm.unreported)
        emissions = read(vm, held, news, host)
        self._count_waiting(vm)
        return emissions

    def _take_deferred(self, vm: HypervVm, record: str | None = None) -> list[Emission]:
        """Takes what was deferred before this record."""
        emissions: list[Emission] = []
        if not vm.queue.deferred:
            return emissions
        deferred = vm.queue.take_deferred(record)
        for reading in deferred:
            emissions += close_window(vm)
            if isinstance(reading, JobReading):
                emissions += take_failed_job(vm, reading, self._past)
            else:
                host = None if reading.host is None else self._hosts.find(reading.host)
                emissions += take_power(vm, reading, host)
        if deferred:
            self._count_waiting(vm)
        return emissions

    @staticmethod
    def _count_waiting(vm: HypervVm) -> None:
        """Counts the readings that waited, if none waits any more."""
        if vm.queue.uncounted and vm.queue.held is None and vm.sizes.window is None:
            vm.queue.count_events()

    def _note_moves(self, vm: HypervVm, emissions: Sequence[Emission]) -> None:
        """Marks the hosts whose available memory these events change."""
        if not emissions:
            return
        before, now = vm.charged_host, vm.state.host
        if before != now or any(_moves_memory(emission.fact.event) for emission in emissions):
            self._hosts.mark_moved(before, now)
            if before != now:
                vm.charge(now)


def _moves_memory(event: Event) -> bool:
    """Whether a host's available memory changes with an event."""
    return isinstance(event, VmMemoryMoved) or (isinstance(event, VmObserved) and event.power is not None)


def _count(counts: ImportCounts, emissions: Sequence[Emission]) -> None:
    """Counts a reading that was taken."""
    if emissions:
        counts.events += 1
    else:
        counts.repeats += 1
