"""The invariants: to be asked of a VM or host that has become another, and as long as one of them is broken.

What is proved of a change assumes that they held before it. So of a VM or host of which they were not asked yet, or
do not hold, nothing is taken as proved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domain.changes import vm_figures
from domain.evolve import vm_defined
from domain.guests import Guest
from domain.rule import Rule
from domain.settings import ConfigVersion, MemorySetting
from domain.state import Site
from rules.judging.collector import Docket, Where
from rules.judging.comparing import told
from rules.judging.decided.attribution import OF_HOSTS, OF_VMS
from rules.judging.decided.tracks import HostTrack, VmTrack

NOBODY: Final = vm_defined(1, Guest.UNENLIGHTENED, ConfigVersion(0, 0), MemorySetting.static(0))
"""Stands for the VM where a host has none: what is asked of hosts does not ask for it."""


def vm_holds(docket: Docket, where: Where, vm: VmTrack, host: HostTrack, *, follows: int | None) -> bool:
    """Whether all invariants of a VM hold on its host."""
    vm.unasked = False
    site = Site(host.state, vm.state, host.book.get(vm.id, 0))
    return _all_hold(docket, where, vm.standing, OF_VMS, site, follows=follows)


def both_hold(docket: Docket, where: Where, vm: VmTrack, host: HostTrack) -> bool:
    """Whether all invariants hold of a VM and of its host, after a change in which nothing was found."""
    vm.unasked = host.unasked = False
    site = Site(host.state, vm.state, host.book.get(vm.id, 0))
    fine = _all_hold(docket, where, vm.standing, OF_VMS, site, follows=None)
    return _all_hold(docket, where, host.standing, OF_HOSTS, site, follows=None) and fine


def host_holds(
    docket: Docket, where: Where, host: HostTrack, vm: VmTrack | None = None, *, follows: int | None
) -> bool:
    """Whether all invariants of a host hold; ``vm`` is the one that it was changed for."""
    host.unasked = False
    entry = 0 if vm is None else host.book.get(vm.id, 0)
    site = Site(host.state, NOBODY if vm is None or vm.id not in host.vms else vm.state, entry)
    return _all_hold(docket, where, host.standing, OF_HOSTS, site, follows=follows)


def _all_hold(
    docket: Docket, where: Where, standing: dict[str, int], rules: Iterable[Rule], site: Site, *, follows: int | None
) -> bool:
    """Whether all of these invariants hold; one that was broken before and still is follows from that."""
    fine = True
    for rule in rules:
        if rule(site):
            if standing:
                standing.pop(rule.__name__, None)
            continue
        fine, position = False, where[0].position
        cause = standing.setdefault(rule.__name__, position)
        found = told(site.host, path="host.") | {"host.entry": site.entry}
        if site.vm is not NOBODY:
            found |= told(vm_figures(site.vm))
        because = cause if cause != position else follows
        docket.violated(rule.__name__, where, "the invariant does not hold afterwards", ({}, found), follows=because)
    return fine
