"""The VMs of an import: which VM a reading means, by its VmId or else by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domain.identifiers import StreamName, vm_stream
from nilometer.importers.hyperv.hosts import Hosts, HypervHost
from nilometer.importers.hyperv.names import Names
from nilometer.importers.hyperv.readings import ChangeReading, PowerReading, Reading, VmListing, VmReading
from nilometer.importers.hyperv.state import Past
from nilometer.importers.hyperv.vm.vm import HypervVm


class HypervVms:
    """What is known of all VMs. Ids are ``PREFIX.`` and the VmId."""

    def __init__(self, prefix: str | None, past: Past, hosts: Hosts) -> None:
        self._past = past
        self._hosts = hosts
        self._begins = "" if prefix is None else f"{prefix}."
        self._vms: dict[str, HypervVm] = {}
        self.names = Names(self._begins, past)

    @property
    def by_name(self) -> dict[str, HypervVm]:
        """The VMs by their VmIds, or names, in files."""
        return self._vms

    def __iter__(self) -> Iterator[HypervVm]:
        return iter(self._vms.values())

    def go_on(self, vms: dict[str, HypervVm], hosts: Mapping[str, HypervHost]) -> None:
        """Goes on from what an earlier import knew; ``hosts`` listed VMs last, by what files call these VMs."""
        for called, vm in vms.items():
            vm.go_on(hosts.get(called))
        self._vms = vms

    def count_events(self, added: Mapping[StreamName, int]) -> None:
        """So many events were added to streams of VMs, which change nothing of what is known of them."""
        for vm in self if added else ():
            vm.state.version += added.get(vm_stream(vm.id), 0)

    def find_members(self, host: str) -> set[str]:
        """The VMs that the ledger has on a host, as files call them."""
        return {id.removeprefix(self._begins) for id in self.names.find_members(host)}

    def learn_names(self, readings: Sequence[Reading]) -> None:
        """Learns the names of VMs, before any event is added."""
        for reading in readings:
            if isinstance(reading, VmReading) and reading.listing.vm_id is not None:
                host = None if reading.listing.host is None else self._hosts.find(reading.listing.host).id
                self.learn_name(reading.listing, host)

    def learn_name(self, listing: VmListing, host: str | None) -> None:
        """Learns the name of a VM that is known by its VmId."""
        if listing.vm_id is not None and listing.name:
            self.names.learn(f"{self._begins}{listing.vm_id}", listing.name, host)

    def find_meant(self, reading: VmReading | ChangeReading | PowerReading, *, live: bool) -> HypervVm | None:
        """The VM of a reading. A name stands for the VM that alone has it, here or anywhere; for itself, if none does.

        A name that is known by itself on another host is another VM: ``name@host``. ``None`` for a name that several
        have.
        """
        if not isinstance(reading, VmReading):
            return self.find(reading.vm_id, live=live)
        listing = reading.listing
        if listing.vm_id is not None:
            return self.find(listing.vm_id, live=live)
        host = None if listing.host is None else self._hosts.find(listing.host).id
        ids = self.names.find_ids(listing.name or "", host)
        if len(ids) > 1 or (not ids and listing.name is None):
            return None
        if ids:
            return self.find(next(iter(ids)).removeprefix(self._begins), live=live)
        vm = self.find(listing.name or "", live=live)
        is_elsewhere = host is not None and vm.state.host not in (None, host)
        return self.find(f"{listing.name}@{host}", live=live) if is_elsewhere else vm

    def find(self, called: str, *, live: bool) -> HypervVm:
        """The VM that files call so, by its VmId or else by its name; with ``live``, as the ledger knows it too."""
        vm = self._vms.get(called)
        if vm is None:
            vm = self._vms[called] = HypervVm.begin(f"{self._begins}{called}")
        if live:
            self.sync(vm)
        return vm

    def sync(self, vm: HypervVm) -> None:
        """Loads what the ledger knows of a VM, unless that was done."""
        if not vm.cutoff.synced:
            vm.sync(self._past.vm(vm.id))
