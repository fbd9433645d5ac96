"""Readings of Hyper-V hosts in, events out: of each host and VM what is news, and nothing of what did not change."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from domain.identifiers import subject_id
from domain.observed.events import VmMemoryMoved, VmObserved
from nilometer.importers.hyperv.failed_jobs import failed_told, is_failed
from nilometer.importers.hyperv.hosts import OLDER, Hosts
from nilometer.importers.hyperv.jobs import UNKNOWN, Who
from nilometer.importers.hyperv.known import Host, Past, Vm, is_older, last_told
from nilometer.importers.hyperv.names import Names
from nilometer.importers.hyperv.power import power_told
from nilometer.importers.hyperv.readings import (
    ChangeReading,
    HostReading,
    JobKind,
    JobReading,
    PowerReading,
    Reading,
    VmReading,
)
from nilometer.importers.hyperv.requests import is_request, own_change
from nilometer.importers.hyperv.told import Told
from nilometer.importers.hyperv.vm import VmTrack
from nilometer.importers.hyperv.vm_reading import known, read, same
from nilometer.importers.run import ImportCounts


class HypervFold:
    """What is known of all hosts and VMs. Ids are ``PREFIX.`` and the VmId, or the host's short name in lower case."""

    def __init__(self, prefix: str | None, past: Past) -> None:
        self._prefix = prefix
        self._past = past
        self._hosts = Hosts(prefix, past, self._told_by_any)
        self._vms: dict[str, Vm] = {}
        self._names = Names(prefix, past)
        self._told: list[Told] = []
        self._live = True

    def poll(self, readings: Sequence[Reading], counts: ImportCounts, *, live: bool = True) -> list[Told]:
        """What readings tell that belong together. With ``live=False`` they were recorded: nothing is told anew."""
        self._live = live
        self._told = []
        counted = counts if live else ImportCounts()
        if not live:
            counts.repeats += len(readings)
        hosts: list[tuple[HostReading, bool]] = []
        for reading in readings:
            if isinstance(reading, JobReading):  # who did what the rest tells
                if self._hosts.named(reading.host).jobs.take(reading) and is_failed(reading):
                    self._failed(reading)
                counted.add_not_needed("job")
            elif isinstance(reading, HostReading):
                hosts.append((reading, self._hosts.met(reading, live=live)))
        for reading in readings:
            if not isinstance(reading, JobReading | HostReading):
                self._take(reading, counted)
        for each, news in hosts:
            self._hosts.measured(each, counted, news=news, live=live)
        told, self._told = self._told, []
        return told if live else []

    def meet(self, readings: Sequence[Reading]) -> None:
        """Takes note of the names of VMs, before anything is told."""
        for reading in readings:
            if isinstance(reading, VmReading):
                self._name(reading)

    def finish(self) -> Iterator[ImportCounts]:
        """The readings that wait for what follows, each by its counts."""
        for vm in self._vms.values():
            yield from vm.waiting

    def last(self) -> list[Told]:
        """Nothing will follow: tells what waits."""
        self._live, self._told = True, []
        for vm in self._vms.values():
            if vm.held is not None or vm.later or vm.track.window is not None:
                self._sync(vm)
                self._release(vm)
                self._later(vm)
                vm.track.close()
            self._counted(vm)
        return self._told

    # One reading

    def _take(self, reading: VmReading | ChangeReading | PowerReading, counts: ImportCounts) -> None:
        before = len(self._told)
        if isinstance(reading, VmReading):
            if not self._vm_read(reading, counts):
                return
        elif isinstance(reading, ChangeReading):
            if not self._change(reading):
                counts.add_not_needed(OLDER)
                return
        elif not self._power(reading, counts):
            return
        if len(self._told) > before:
            counts.events += 1
        else:
            counts.repeats += 1

    def _vm_read(self, r: VmReading, counts: ImportCounts) -> bool:
        """Lets a VM's reading happen; ``False`` if it is counted already."""
        id = self._id(r.vm_id, r.name, r.host)
        if id is None:
            counts.add_not_needed("VM of a name that several have")
            return False
        vm = self._vm(id)
        if vm.held is None and not vm.later and same(vm.track, r):
            return True
        if vm.synced and not self._live:
            known(vm.track, r)
            return True
        if is_older(vm, r.at):
            counts.add_not_needed(OLDER)
            return False
        self._name(r)
        host = None if r.host is None else self._hosts.named(r.host)
        before = len(self._told)
        if host is not None and vm.track.runs_elsewhere(r, host.id):
            counts.add_not_needed("listed on another host too")
            return False
        self._release(vm)
        self._jobs_of(vm, host)
        self._later(vm, r.record)
        if is_request(vm.track, r) and vm.track.fold.host in (None, None if host is None else host.id):
            vm.held, vm.held_host = r, None if host is None else host.id
            vm.waiting.append(counts)
            return False
        read(vm.track, r, None if host is None else host.id)
        if vm.track.window is not None and vm.track.window.last is r:
            vm.waiting.append(counts)
            return False
        if len(self._told) > before:
            self._counted(vm)
        return True

    def _release(self, vm: Vm) -> None:
        held, vm.held = vm.held, None
        if held is not None:
            read(vm.track, held, vm.held_host)
            self._counted(vm)

    @staticmethod
    def _counted(vm: Vm) -> None:
        """What waited is told now."""
        if vm.held is None and vm.track.window is None:
            for counts in vm.waiting:
                counts.events += 1
            vm.waiting = []

    def _change(self, c: ChangeReading) -> bool:
        """Lets one's own change happen; ``False`` if it is older than what is known."""
        id = self._id(c.vm_id, c.name, c.host)
        assert id is not None
        vm = self._vm(id)
        if is_older(vm, c.at):
            return False
        if vm.synced and not self._live:
            vm.track.at, vm.track.stable = c.at, c.after
            return True
        held = vm.held
        if held is not None and c.since <= held.at and c.asked == held.startup:
            vm.held = None  # it saw this change on its way
            vm.track.at, vm.track.uptime = held.at, held.uptime
        vm.changed.append(c)
        self._release(vm)
        self._later(vm, c.record)
        vm.track.close()
        self._counted(vm)
        self._jobs_of(vm, self._hosts.named(c.host))
        own_change(vm.track, c)
        vm.track.at, vm.track.stable = c.at, c.after
        return True

    def _power(self, r: PowerReading, counts: ImportCounts) -> bool:
        """Lets an event of the log happen; ``False`` if it is counted already."""
        id = self._id(r.vm_id, r.name, r.host)
        assert id is not None
        vm = self._vm(id)
        if is_older(vm, r.at) or (vm.track.at is not None and r.at < vm.track.at):
            counts.add_not_needed(OLDER)
            return False
        if vm.synced and not self._live:
            return True
        vm.later.append(r)
        if vm.track.latest is not None and r.power is not None:
            vm.waiting.append(counts)
            return False
        self._release(vm)
        self._later(vm)
        return True

    def _failed(self, job: JobReading) -> None:
        vm = self._vm(self._own(job.vm_id or ""))
        if self._live or not vm.synced:
            vm.later.append(job)

    def _later(self, vm: Vm, record: str | None = None) -> None:
        """Tells what waited for more to be known of it; what this record told waits for the next."""
        due = [each for each in vm.later if each.record != record]
        vm.later = [each for each in vm.later if each.record == record]
        for each in due:
            vm.track.close()
            if isinstance(each, JobReading):
                failed_told(vm, each, self._past)
            else:
                power_told(vm.track, each, None if each.host is None else self._hosts.named(each.host))
        if due:
            self._counted(vm)

    # Who is who

    def _id(self, vm_id: str | None, name: str | None, host: str | None) -> str | None:
        """The id of a VM. A name stands for the VM that alone has it, here or anywhere; for itself, if none does."""
        if vm_id is not None:
            return self._own(vm_id)
        called = self._names.of(name or "", None if host is None else self._hosts.named(host).id)
        if len(called) > 1:
            return None
        if called:
            return next(iter(called))
        return None if name is None else self._own(name)

    def _own(self, id: str) -> str:
        return id if self._prefix is None else f"{self._prefix}.{id}"

    def _name(self, r: VmReading) -> None:
        """Takes note of what a VM is called that is known by its VmId."""
        if r.vm_id is not None and r.name:
            self._names.take(self._own(r.vm_id), r.name, None if r.host is None else self._hosts.named(r.host).id)

    def _vm(self, id: str) -> Vm:
        vm = self._vms.get(id)
        if vm is None:
            vm = self._vms[id] = Vm(VmTrack(id, self._told_by_any))
        if self._live:
            self._sync(vm)
        return vm

    def _sync(self, vm: Vm) -> None:
        if vm.synced:
            return
        vm.synced = True
        goes_on = vm.track.at is not None
        vm.track.sync(self._past.vm(vm.track.id))
        vm.on = vm.track.fold.host
        vm.known_until = None if goes_on else last_told(vm.track.fold)
        told = vm.track.fold.measured.get("power")
        if told is not None and (vm.track.at is None or told > vm.track.at):  # a log told it, or another file
            vm.later = [each for each in vm.later if isinstance(each, JobReading) or each.at > told]
            vm.track.power_at, vm.track.uptime = told, None
        if not goes_on:  # what is another now became so since it was told last
            vm.track.at = vm.known_until
        memory = vm.track.fold.memory
        if vm.held is not None and memory is not None and vm.held.startup == memory.startup:
            vm.held = None

    def _told_by_any(self, told: Told) -> None:
        self._told.append(told)
        event, vm = told.fact.event, self._vms.get(subject_id(told.fact.stream))
        if vm is None:
            return
        on = vm.track.fold.host
        if (
            isinstance(event, VmMemoryMoved)
            or vm.on != on
            or (isinstance(event, VmObserved) and event.power is not None)
        ):
            self._hosts.moved(vm.on)
            self._hosts.moved(on)
            vm.on = on

    def _jobs_of(self, vm: Vm, host: Host | None) -> None:
        guid = vm.track.id.rpartition(".")[2]

        def who(r: VmReading, earliest: str | None, kinds: Collection[JobKind]) -> Who:
            return UNKNOWN if host is None else host.jobs.who(guid, earliest, r.at, kinds)

        vm.track.job_of = who
        vm.track.host_free = None if host is None else host.available
