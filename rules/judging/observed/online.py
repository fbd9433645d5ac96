"""Remarks memory that a guest probably did not put online, although the hypervisor counts it as visible.

The hypervisor may count what it gave and not what the guest took. Then the guest has hardly more available than before,
and seems to use all that is new: what was added and is not online counts as in use. A guest may also really use it at
once, so it is a remark and no violation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain.observed.events import VmMemoryMoved, VmObserved
from domain.settings import Mode
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.observed.guest_count import MOVES
from rules.judging.observed.state import Gift, ObservedVmState, is_just_before, is_shortly_after

NOT_ONLINE: Final = "probably not online: what is available rose by less than half of what was added"


def note_gift(ref: EventRef, event: VmMemoryMoved, vm: ObservedVmState, assigned: int | None) -> None:
    """Notes what a static VM was given, with what its guest had available just before. ``assigned`` is before it."""
    amount, before, memory = event.size_to - event.size_from, vm.in_use, vm.fold.memory
    is_static = memory is not None and memory.mode is Mode.STATIC
    earlier, vm.gift = vm.gift, None
    if amount <= 0 or not is_static:
        return
    if earlier is not None:
        vm.gift = Gift(ref=ref, amount=earlier.amount + amount, available=earlier.available)
    elif before is not None and assigned is not None and is_just_before(before.at, ref.envelope.metadata.happened):
        vm.gift = Gift(ref=ref, amount=amount, available=assigned - before.in_use)


def judge_gift(collector: FindingCollector, event: VmObserved, vm: ObservedVmState, at: str) -> None:
    """Judges by the measures after it whether the guest put online what it was given: two have to show too little."""
    gift, assigned, visible = vm.gift, event.assigned, event.visible
    if gift is None or not assigned or not visible or is_shortly_after(vm.moved_at, at):
        return
    if visible < assigned:  # the counter shows what the guest takes, so it is believed
        vm.gift = None
        return
    if event.in_use is None:
        return
    vm.gift, available = None, assigned - event.in_use
    least = gift.available + gift.amount // 2
    if available < least and not gift.doubted:
        vm.gift = replace(gift, doubted=True)
    elif available < least:
        collector.report_remark(MOVES, gift.ref, NOT_ONLINE, ({"available at least": least}, {"available": available}))
