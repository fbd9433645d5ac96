"""Checks the invariants of a VM or host whose state changed, and as long as one of them is broken.

The proofs about a change assume that the invariants hold before it. So nothing counts as proved for a VM or host whose
invariants were not checked yet, or do not hold.
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
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.comparing import figures_of
from rules.judging.decided.attribution import HOST_INVARIANTS, VM_INVARIANTS
from rules.judging.decided.tracks import DecidedHostState, DecidedVmState
from rules.judging.findings import ask_of

NO_VM: Final = vm_defined(1, Guest.UNENLIGHTENED, ConfigVersion(0, 0), MemorySetting.static(0))
"""Stands for the VM where a host has none: the invariants of hosts do not read it."""


def check_vm(
    collector: FindingCollector, ref: EventRef, vm: DecidedVmState, host: DecidedHostState, *, follows: int | None
) -> bool:
    """Whether all invariants of a VM hold on its host."""
    vm.unchecked = False
    site = Site(host.state, vm.state, host.book.get(vm.id, 0))
    return _check(collector, ref, vm.broken_since, VM_INVARIANTS, site, follows=follows)


def check_vm_and_host(collector: FindingCollector, ref: EventRef, vm: DecidedVmState, host: DecidedHostState) -> bool:
    """Whether all invariants of a VM and of its host hold, after a change without findings."""
    vm.unchecked = host.unchecked = False
    site = Site(host.state, vm.state, host.book.get(vm.id, 0))
    holds = _check(collector, ref, vm.broken_since, VM_INVARIANTS, site, follows=None)
    return _check(collector, ref, host.broken_since, HOST_INVARIANTS, site, follows=None) and holds


def check_host(
    collector: FindingCollector,
    ref: EventRef,
    host: DecidedHostState,
    vm: DecidedVmState | None = None,
    *,
    follows: int | None,
) -> bool:
    """Whether all invariants of a host hold; ``vm`` is the VM for which it changed."""
    host.unchecked = False
    entry = 0 if vm is None else host.book.get(vm.id, 0)
    site = Site(host.state, NO_VM if vm is None or vm.id not in host.vms else vm.state, entry)
    return _check(collector, ref, host.broken_since, HOST_INVARIANTS, site, follows=follows)


def _check(
    collector: FindingCollector,
    ref: EventRef,
    broken_since: dict[str, int],
    rules: Iterable[Rule],
    site: Site,
    *,
    follows: int | None,
) -> bool:
    """Whether these invariants hold; one that is still broken follows from the event that broke it."""
    all_hold = True
    for rule in rules:
        if rule(site):
            if broken_since:
                broken_since.pop(rule.__name__, None)
            continue
        all_hold, position = False, ref.envelope.position
        cause = broken_since.setdefault(rule.__name__, position)
        found = figures_of(site.host, path="host.") | {"host.entry": site.entry}
        if site.vm is not NO_VM:
            found |= figures_of(vm_figures(site.vm))
        because = cause if cause != position else follows
        why = "the invariant does not hold after the event"
        about = ask_of(rule, site, "site")
        collector.report_violation(rule.__name__, ref, why, ({}, found), follows=because, about=about)
    return all_hold
