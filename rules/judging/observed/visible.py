"""Judges what the guest sees, as the hypervisor reports it: Hyper-V's Guest Visible Physical Memory.

The hypervisor does not report how memory was removed. If it was hot-removed, or taken by a balloon that the guest does
not count, the guest sees less by that amount; else it still sees the most that it had in this session. Hyper-V may use
both ways, and a guest that restarted sees what it is assigned. So a reading between the two proves nothing, and only a
reading that no way leads to is a violation.
"""

from __future__ import annotations

from typing import Final

from domain.observed.settings import NOT_RECORDED
from domain.settings import Mode
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.observed.guest_count import (
    DIFFERS,
    MOVES,
    ask_of_moves,
    report_moves_unconfirmed,
    report_moves_unknown,
)
from rules.judging.observed.state import (
    ObservedVmState,
    TooLittle,
    UnconfirmedReading,
    VisibleReading,
    has_time_to_see,
    is_just_before,
)

FIRST: Final = "what the guest saw before was not measured"
BETWEEN: Final = "the guest sees part of the removed memory, and it was not recorded how the memory was removed"
PEAKED: Final = "the VM may have had more between two polls, which the guest still sees"
UNSEEN: Final = "the guest does not see the memory that the VM was given, ten minutes after it was"
SEEN_LATE: Final = "the guest now sees memory that it had not seen in time"


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
        report_moves_unknown(collector, ref, vm, FIRST, ask_of_moves(visible))
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
        report_moves_unknown(collector, ref, vm, BETWEEN, ask_of_moves(visible, last.visible))
    elif watermark < visible and vm.unconfirmed is None and _may_have_peaked(vm, visible):
        report_moves_unknown(collector, ref, vm, PEAKED, ask_of_moves(visible, last.visible))
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
