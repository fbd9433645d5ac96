"""Judges what the guest sees, by the guest's own count of its memory and by what the hypervisor reports.

The guest's own count (``guest_total``) leaves out what firmware and kernel keep, so only its changes are compared.

The hypervisor reports what the guest sees (Hyper-V's Guest Visible Physical Memory), but not how memory was removed. If
it was hot-removed, or taken by a balloon that the guest does not count, the guest sees less by that amount; else it
still sees the most that it had in this session. Hyper-V may use both ways, and a guest that restarted sees what it is
assigned. So a reading between the two proves nothing, and only a reading that no way leads to is a violation.
"""

from __future__ import annotations

from typing import Final

from domain.guests import Mechanism, removal_mechanism
from domain.observed.devices import balloon_of, lent_of
from domain.observed.events import VmMemoryMoved, VmObserved
from domain.observed.settings import NOT_RECORDED
from domain.observed.vm import ObservedVm
from domain.observed.words import Means
from domain.settings import Mode
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.findings import Figures, Question, ask_measured
from rules.judging.observed.state import (
    Module,
    ObservedVmState,
    TooLittle,
    UnconfirmedReading,
    VisibleReading,
    has_time_to_see,
    is_just_before,
    is_shortly_after,
)
from rules.specification.observations import guest_counts_its_memory, guest_sees_the_moves

MOVES: Final = "visible_moves_as_said"
CURRENT: Final = "current_is_visible"
WATERMARK: Final = "watermark_is_visible"

DURING_CHANGE: Final = "the guest was measured during a change"
LENT: Final = "it was not recorded whether the guest counts memory that it lent to the host, or how much that is"
DEVICES: Final = "it was not recorded what the VM's devices are to the guest"
FIRST: Final = "what the guest saw before was not measured"
BETWEEN: Final = "the guest sees part of the removed memory, and it was not recorded how the memory was removed"
PEAKED: Final = "the VM may have had more between two polls, which the guest still sees"
UNSEEN: Final = "the guest does not see the memory that the VM was given, ten minutes after it was"
SEEN_LATE: Final = "the guest now sees memory that it had not seen in time"
NO_WHOLE_BLOCKS: Final = "the module is not a whole number of the guest's memory blocks, so the guest may not see it"
BEHIND: Final = "the module lies behind one that is not a whole number of memory blocks, so the guest may not see it"
KNOWN: Final = "the guest does not see memory that was found or remarked before"
UNPLUGGED: Final = "the guest may never have seen the memory that was unplugged"
KEPT_PART: Final = 64
"""A kernel keeps up to this part of the memory that it is given, for its own account of it."""
DIFFERS: Final = "the guest does not see what the changes of its memory lead to"


# The guest's own count


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
        _report_moves_unknown(collector, ref, vm, DEVICES, _ask_of_moves(total))
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
        _report_moves_unknown(collector, ref, vm, UNPLUGGED, _ask_of_moves(total))
        vm.hidden, vm.unconfirmed = hidden, None
        return
    if _may_have_lent(fold):
        collector.report_unknown(rule, ref, LENT, _ask_of_count(total))
        _report_moves_unknown(collector, ref, vm, LENT, _ask_of_moves(total))
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


def _ask_of_moves(after: int, before: int | None = None) -> Question:
    """Whether a guest sees what moved."""
    return ask_measured(guest_sees_the_moves, {"after": after, "before": before})


def _report_unconfirmed(collector: FindingCollector, rule: str, reading: UnconfirmedReading) -> None:
    """Reports unknown: what the VM had when its guest was measured, no other measurement confirms."""
    collector.report_unknown(rule, reading.ref, DURING_CHANGE, _ask_of_count(reading.measured))
    report_moves_unconfirmed(collector, reading)


def report_moves_unconfirmed(collector: FindingCollector, reading: UnconfirmedReading) -> None:
    """Reports that it is unknown whether a guest sees what moved, because it was measured meanwhile."""
    about = _ask_of_moves(reading.measured)
    collector.report_unknown(MOVES, reading.ref, DURING_CHANGE, about, reading.moves)


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
        _report_moves_unknown(collector, ref, vm, KNOWN, _ask_of_moves(total))
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


# What the hypervisor reports


def judge_visible(
    collector: FindingCollector,
    ref: EventRef,
    vm: ObservedVmState,
    *,
    visible: int | None,
    assigned: int | None,
    at: str,
) -> None:
    """Judges what the guest sees beside what the VM is assigned: both must have changed alike."""
    moves = vm.moves
    if not visible or assigned is None:  # 0 is what is not measured
        return
    steady, vm.last_assigned = moves.count == 0 and vm.last_assigned == assigned, assigned
    last, vm.most_since_visible = vm.visible, max(vm.most_since_visible, assigned)
    if last is None:
        _report_moves_unknown(collector, ref, vm, FIRST, _ask_of_moves(visible))
        _accept(vm, VisibleReading(visible, assigned, confirmed=visible == assigned))
        return
    hidden = min(0, last.visible - last.assigned)  # what the guest leaves out, as a negative number
    moved = last.visible + assigned - last.assigned
    watermark = max(last.visible, vm.most_since_visible + hidden)
    fits = visible in (moved, watermark)
    lacks_a_gift = vm.least_since_visible + hidden <= visible < assigned + hidden
    if fits:
        collector.count_holds(MOVES, moves.count)
    elif hidden < 0 and watermark < visible <= assigned:
        _report_seen_late(collector, ref, vm, visible, assigned)
    elif assigned + hidden <= visible <= watermark:
        _report_moves_unknown(collector, ref, vm, BETWEEN, _ask_of_moves(visible, last.visible))
    elif watermark < visible and vm.unconfirmed is None and _may_have_peaked(vm, visible):
        _report_moves_unknown(collector, ref, vm, PEAKED, _ask_of_moves(visible, last.visible))
    elif lacks_a_gift and last.confirmed and vm.unconfirmed is None and moves.count:
        reading = VisibleReading(visible, assigned, confirmed=True)
        _judge_unseen(collector, ref, vm, reading, moved, at=at)
        return
    else:
        reading = VisibleReading(visible, assigned, confirmed=True)
        _judge_impossible(collector, ref, vm, reading, moved, steady=steady)
        return
    if vm.unconfirmed is not None:
        report_moves_unconfirmed(collector, vm.unconfirmed)
    _accept(vm, VisibleReading(visible, assigned, confirmed=fits or visible == assigned))


def _may_have_peaked(vm: ObservedVmState, visible: int) -> bool:
    """Whether the VM can have had so much since the accepted reading, and lost it again before the next poll.

    Polls show sizes and not the way between them. Only moves whose moments are known leave no room for that, and a VM
    under Dynamic Memory never has more than its maximum.
    """
    memory = vm.fold.memory
    is_bounded = memory is not None and memory.mode is Mode.DYNAMIC and memory.maximum != NOT_RECORDED
    if is_bounded and memory is not None and visible > memory.maximum:
        return False
    return vm.is_polled or vm.moves.count == 0


def _judge_unseen(
    collector: FindingCollector,
    ref: EventRef,
    vm: ObservedVmState,
    reading: VisibleReading,
    expected: int,
    *,
    at: str,
) -> None:
    """Judges that a guest sees less than it was given: not before it had its time, and on two readings."""
    is_repeated = vm.too_little is not None
    vm.too_little = TooLittle(reading=reading, expected=expected, at=at, is_repeated=is_repeated)
    if is_repeated and not has_time_to_see(vm.moved_at, at):
        _report_unseen(collector, vm.moves.last or ref, vm, vm.too_little)


def judge_unseen_until(collector: FindingCollector, vm: ObservedVmState, at: str) -> None:
    """Judges that a guest did not see what it was given as long as the VM had it: that changes at this time."""
    last = vm.too_little
    is_judged = last is not None and last.is_repeated and is_just_before(last.at, at)
    if last is not None and is_judged and vm.moves.last is not None and not has_time_to_see(vm.moved_at, at):
        _report_unseen(collector, vm.moves.last, vm, last)


def _report_unseen(collector: FindingCollector, move: EventRef, vm: ObservedVmState, last: TooLittle) -> None:
    difference = {"visible": last.expected}, {"visible": last.reading.visible}
    collector.report_violation(MOVES, move, UNSEEN, difference)
    vm.unseen = move
    _accept(vm, last.reading)


def _report_seen_late(
    collector: FindingCollector, ref: EventRef, vm: ObservedVmState, visible: int, assigned: int
) -> None:
    """The guest sees memory that it did not see before: that closes the finding, if there is one."""
    collector.count_holds(MOVES, vm.moves.count)
    if vm.unseen is not None:
        collector.report_remark(MOVES, ref, SEEN_LATE, ({"visible": assigned}, {"visible": visible}))
    if visible == assigned:
        vm.unseen = None


def _judge_impossible(
    collector: FindingCollector,
    ref: EventRef,
    vm: ObservedVmState,
    reading: VisibleReading,
    expected: int,
    *,
    steady: bool,
) -> None:
    """Judges a reading that no way of removing memory leads to.

    A counter may lag behind a move, so the reading must be confirmed; if the reading before it was never confirmed,
    that one may be the one that lagged.
    """
    unconfirmed, last, deviation = vm.unconfirmed, vm.visible, expected - reading.visible
    repeated = unconfirmed is not None and unconfirmed.deviation == deviation
    if steady and last is not None and last.confirmed and unconfirmed is not None and repeated:
        difference = {"visible": expected}, {"visible": reading.visible}
        collector.report_violation(MOVES, unconfirmed.ref, DIFFERS, difference)
        _accept(vm, reading)
        return
    if unconfirmed is not None:
        report_moves_unconfirmed(collector, unconfirmed)
    if steady and last is not None and not last.confirmed:
        _accept(vm, reading)
        return
    moves = max(1, vm.moves.count)
    vm.unconfirmed = UnconfirmedReading(ref=ref, deviation=deviation, moves=moves, measured=reading.visible)
    vm.moves.clear()


def _accept(vm: ObservedVmState, reading: VisibleReading) -> None:
    vm.visible, vm.most_since_visible, vm.unconfirmed = reading, reading.assigned, None
    vm.least_since_visible, vm.too_little = reading.assigned, None
    vm.moves.clear()


def _report_moves_unknown(
    collector: FindingCollector, ref: EventRef, vm: ObservedVmState, why: str, about: Question
) -> None:
    collector.report_unknown(MOVES, vm.moves.first or ref, why, about, vm.moves.count)
    vm.moves.clear()
