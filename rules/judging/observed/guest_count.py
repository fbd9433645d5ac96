"""Judges the guest's own count of its memory, beside what the VM has.

The count (``guest_total``) leaves out what firmware and kernel keep, so only its changes are compared.
"""

from __future__ import annotations

from typing import Final

from domain.guests import Mechanism, removal_mechanism
from domain.observed.devices import balloon_of, lent_of
from domain.observed.events import VmMemoryMoved, VmObserved
from domain.observed.vm import ObservedVm
from domain.observed.words import Means
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.findings import Figures, Question, ask_measured
from rules.judging.observed.state import (
    Module,
    ObservedVmState,
    UnconfirmedReading,
    has_time_to_see,
    is_shortly_after,
)
from rules.specification.observations import guest_counts_its_memory, guest_sees_the_moves

MOVES: Final = "visible_moves_as_said"
CURRENT: Final = "current_is_visible"
WATERMARK: Final = "watermark_is_visible"
DURING_CHANGE: Final = "the guest was measured during a change"
LENT: Final = "it was not recorded whether the guest counts memory that it lent to the host, or how much that is"
DEVICES: Final = "it was not recorded what the VM's devices are to the guest"
NO_WHOLE_BLOCKS: Final = "the module is not a whole number of the guest's memory blocks, so the guest may not see it"
BEHIND: Final = "the module lies behind one that is not a whole number of memory blocks, so the guest may not see it"
KNOWN: Final = "the guest does not see memory that was found or remarked before"
UNPLUGGED: Final = "the guest may never have seen the memory that was unplugged"
KEPT_PART: Final = 64
"""A kernel keeps up to this part of the memory that it is given, for its own account of it."""
DIFFERS: Final = "the guest does not see what the changes of its memory lead to"


def note_plugged(collector: FindingCollector, ref: EventRef, event: VmMemoryMoved, vm: ObservedVmState) -> None:
    """Notes what a move plugs or unplugs, and remarks a module that the guest may not see."""
    change = event.size_to - event.size_from
    vm.added += max(0, change)
    if event.means is not Means.PC_DIMM:
        return
    if change > 0:
        block = vm.fold.guest_block
        broken = not block or change % block > 0
        misfits = broken or any(module.misfits for module in vm.modules)
        vm.modules.append(Module(size=change, misfits=misfits))
        if misfits and block:
            found: Figures = {"module": change, "block": block}
            collector.report_remark(MOVES, ref, NO_WHOLE_BLOCKS if broken else BEHIND, ({}, found))
        return
    vm.unplugged -= change
    same = [module for module in vm.modules if module.size == -change]
    if event.size_to == 0:
        vm.modules.clear()
    elif same:  # which one is not recorded: one that the guest may not see is kept
        vm.modules.remove(min(same, key=lambda module: module.misfits))


def judge_guest_total(collector: FindingCollector, ref: EventRef, event: VmObserved, vm: ObservedVmState) -> None:
    """Judges the guest's own count of its memory: it must have changed as the VM's memory has."""
    if event.guest_total is None:
        return
    fold, happened = vm.fold, ref.envelope.metadata.happened
    expected = countable(fold)
    total = event.guest_total
    rule = WATERMARK if _counts_lent_memory(fold) else CURRENT
    if expected is None:
        collector.report_unknown(rule, ref, DEVICES, _ask_of_count(total))
        report_moves_unknown(collector, ref, vm, DEVICES, ask_of_moves(total))
        return
    hidden = expected - total
    if vm.hidden is None:
        if is_shortly_after(vm.moved_at, happened):
            collector.report_unknown(rule, ref, DURING_CHANGE, _ask_of_count(total))
        else:
            vm.hidden = hidden  # the first measurement of a session cannot be compared
        return
    if hidden == vm.hidden:
        if vm.unconfirmed is not None:
            _report_unconfirmed(collector, rule, vm.unconfirmed)
            vm.unconfirmed = None
        collector.count_holds(rule)
        collector.count_holds(MOVES, vm.moves.count)
        vm.moves.clear()
        vm.missing = 0
        return
    missing = hidden - vm.hidden
    misfitting = sum(module.size for module in vm.modules if module.misfits)
    if 0 < missing <= vm.added // KEPT_PART + misfitting + vm.missing:
        _accept_missing(collector, ref, vm, rule, missing, total)
        return
    if hidden >= 0 and 0 < -missing <= vm.unplugged:  # what was unplugged may never have been seen
        collector.report_unknown(rule, ref, UNPLUGGED, _ask_of_count(total, memory=expected))
        report_moves_unknown(collector, ref, vm, UNPLUGGED, ask_of_moves(total))
        vm.hidden, vm.unconfirmed = hidden, None
        return
    if _may_have_lent(fold):
        collector.report_unknown(rule, ref, LENT, _ask_of_count(total))
        report_moves_unknown(collector, ref, vm, LENT, ask_of_moves(total))
        return
    unconfirmed = vm.unconfirmed
    settled = not is_shortly_after(vm.moved_at, happened)
    if missing > 0 and fold.guest_offline is None:  # what it left offline, it may still put online
        settled = not has_time_to_see(vm.moved_at, happened)
    if unconfirmed is not None and unconfirmed.deviation == hidden and settled:
        _confirm_guest_total(collector, event, vm, rule, hidden)
        return
    if unconfirmed is not None and unconfirmed.deviation == hidden:
        return  # it may still change
    if unconfirmed is not None:
        _report_unconfirmed(collector, rule, unconfirmed)
    vm.unconfirmed = UnconfirmedReading(
        ref=vm.moves.last or ref, deviation=hidden, moves=vm.moves.count, measured=total
    )
    vm.moves.clear()


def _ask_of_count(guest_total: int, memory: int | None = None) -> Question:
    """Whether a guest counts the memory that it has."""
    return ask_measured(guest_counts_its_memory, {"guest_total": guest_total, "memory": memory})


def ask_of_moves(after: int, before: int | None = None) -> Question:
    """Whether a guest sees what moved."""
    return ask_measured(guest_sees_the_moves, {"after": after, "before": before})


def _report_unconfirmed(collector: FindingCollector, rule: str, reading: UnconfirmedReading) -> None:
    """Reports unknown: what the VM had when its guest was measured, no other measurement confirms."""
    collector.report_unknown(rule, reading.ref, DURING_CHANGE, _ask_of_count(reading.measured))
    report_moves_unconfirmed(collector, reading)


def report_moves_unconfirmed(collector: FindingCollector, reading: UnconfirmedReading) -> None:
    """Reports that it is unknown whether a guest sees what moved, because it was measured meanwhile."""
    about = ask_of_moves(reading.measured)
    collector.report_unknown(MOVES, reading.ref, DURING_CHANGE, about, reading.moves)


def report_moves_unknown(
    collector: FindingCollector, ref: EventRef, vm: ObservedVmState, why: str, about: Question
) -> None:
    """Reports that it is unknown whether the guest sees what moved since it was measured."""
    collector.report_unknown(MOVES, vm.moves.first or ref, why, about, vm.moves.count)
    vm.moves.clear()


def _accept_missing(
    collector: FindingCollector, ref: EventRef, vm: ObservedVmState, rule: str, missing: int, total: int
) -> None:
    """The guest sees less by no more than its kernel keeps of what was added, or than was found or remarked before."""
    if vm.unconfirmed is not None:
        _report_unconfirmed(collector, rule, vm.unconfirmed)
        vm.unconfirmed = None
    if missing <= vm.added // KEPT_PART:
        collector.count_holds(rule)
        collector.count_holds(MOVES, vm.moves.count)
        vm.moves.clear()
    else:
        collector.report_unknown(rule, ref, KNOWN, _ask_of_count(total))
        report_moves_unknown(collector, ref, vm, KNOWN, ask_of_moves(total))
    vm.missing = min(vm.missing, missing)


def _confirm_guest_total(
    collector: FindingCollector, event: VmObserved, vm: ObservedVmState, rule: str, hidden: int
) -> None:
    """Two measurements agree that the guest does not see what it should."""
    unconfirmed, before = vm.unconfirmed, vm.hidden
    assert unconfirmed is not None
    assert before is not None
    assert event.guest_total is not None
    difference = {"guest_total": event.guest_total + hidden - before}, {"guest_total": event.guest_total}
    if unconfirmed.moves:
        collector.report_violation(MOVES, unconfirmed.ref, DIFFERS, difference)
    follows = unconfirmed.ref.envelope.position if unconfirmed.moves else None
    collector.report_violation(rule, unconfirmed.ref, DIFFERS, difference, follows=follows)
    collector.count_holds(rule)  # for the second measurement: the count goes on from there
    collector.count_holds(MOVES, vm.moves.count)
    if hidden > before:
        vm.missing, vm.unconfirmed = hidden - before, None
    else:
        vm.hidden, vm.missing, vm.unconfirmed = hidden, 0, None
    vm.moves.clear()


def countable(fold: ObservedVm) -> int | None:
    """The bytes that the guest's own count should have, before what it leaves out; ``None`` if that is unknown."""
    offline = fold.guest_offline or 0
    if not fold.accounts:
        return None if fold.assigned is None else fold.assigned - offline
    sizes = [account.size for account in fold.accounts.values() if account.means is not Means.BALLOON]
    if None in sizes or any(account.means is None for account in fold.accounts.values()):
        return None if fold.assigned is None or len(fold.accounts) > 1 else fold.assigned - offline
    total = sum(size or 0 for size in sizes) - offline
    balloon = balloon_of(fold.accounts)
    if balloon is None or balloon.mechanism is Mechanism.BALLOON:
        return total
    lent = lent_of(fold.accounts)
    if lent is None or (lent and balloon.mechanism is not Mechanism.BALLOON_ADJUSTED):
        return None
    return total - lent


def _counts_lent_memory(fold: ObservedVm) -> bool:
    balloon = balloon_of(fold.accounts)
    return (_single_mechanism(fold) if balloon is None else balloon.mechanism) is Mechanism.BALLOON


def _may_have_lent(fold: ObservedVm) -> bool:
    """Whether the guest may count memory that it lent by an unrecorded amount: Hyper-V does not report balloons."""
    devices = any(account.means not in (None, Means.BOOT) for account in fold.accounts.values())
    return not devices and _single_mechanism(fold) in (None, Mechanism.BALLOON)


def _single_mechanism(fold: ObservedVm) -> Mechanism | None:
    """How memory is removed from a VM recorded as one device; ``None`` if unknown, or if it has several devices."""
    mechanisms = [account.mechanism for account in fold.accounts.values()]
    if len(mechanisms) > 1:
        return None
    return next(iter(mechanisms), None) or (None if fold.guest is None else removal_mechanism(fold.guest))
