"""What the guest sees, judged by how its own count of its memory moves: it leaves out what firmware and kernel keep."""

from __future__ import annotations

from typing import Final

from domain.guests import Mechanism, removal_mechanism
from domain.observed.devices import balloon_of, lent_of
from domain.observed.events import Means, VmObserved
from domain.observed.vm import ObservedVm
from rules.judging.collector import Docket, Where
from rules.judging.observed.state import Doubt, SeenVm, shortly_after

MOVES: Final = "visible_moves_as_said"
CURRENT: Final = "current_is_visible"
WATERMARK: Final = "watermark_is_visible"

LENT: Final = "nobody told whether the guest counts memory that it lent to the host, or how much that is"
MIDST: Final = "the guest was measured in the midst of a change"


def measured(docket: Docket, where: Where, event: VmObserved, seen: SeenVm) -> None:
    """The guest told its own count of its memory: it has moved as the VM's memory has."""
    if event.guest_total is None:
        return
    fold, happened = seen.fold, where[0].metadata.happened
    sees = counted(fold)
    rule = WATERMARK if _counts_what_it_lent(fold) else CURRENT
    if sees is None:
        docket.unknown(rule, where, "nobody told what the VM's devices are to the guest")
        _unsettled(docket, where, seen, "nobody told what the VM's devices are to the guest")
        return
    off = sees - event.guest_total
    if seen.kept is None:
        if shortly_after(seen.moved, happened):
            docket.unknown(rule, where, MIDST)
        else:
            seen.kept = off  # the first measure of a session has nothing to be compared with
        return
    if off == seen.kept:
        if seen.doubt is not None:
            docket.unknown(rule, seen.doubt.where, MIDST)
            docket.unknown(MOVES, seen.doubt.where, MIDST, seen.doubt.moves)
            seen.doubt = None
        docket.holds(rule)
        docket.holds(MOVES, seen.moves.count)
        seen.moves.clear()
        return
    if _may_have_lent(fold):
        docket.unknown(rule, where, LENT)
        _unsettled(docket, where, seen, LENT)
        return
    doubt = seen.doubt
    if doubt is not None and doubt.off == off and not shortly_after(seen.moved, happened):
        _believed(docket, where, event, seen, rule, off)
        return
    if doubt is not None:
        docket.unknown(rule, doubt.where, MIDST)
        docket.unknown(MOVES, doubt.where, MIDST, doubt.moves)
    seen.doubt = Doubt(where, off, seen.moves.count)
    seen.moves.clear()


def _believed(docket: Docket, where: Where, event: VmObserved, seen: SeenVm, rule: str, off: int) -> None:
    """Two measures say the same: the guest does not see what it should."""
    doubt, kept = seen.doubt, seen.kept
    assert doubt is not None
    assert kept is not None
    assert event.guest_total is not None
    expected, found = {"guest_total": event.guest_total + off - kept}, {"guest_total": event.guest_total}
    why = "the guest does not see what its memory came to"
    if doubt.moves:
        docket.violated(MOVES, doubt.where, why, (expected, found))
    docket.violated(rule, doubt.where, why, (expected, found), follows=doubt.where[0].position if doubt.moves else None)
    docket.holds(rule)  # of this measure: it goes on from there
    docket.holds(MOVES, seen.moves.count)
    seen.kept, seen.doubt = off, None
    seen.moves.clear()


def _unsettled(docket: Docket, where: Where, seen: SeenVm, why: str) -> None:
    docket.unknown(MOVES, seen.moves.first or where, why, seen.moves.count)
    seen.moves.clear()


def counted(fold: ObservedVm) -> int | None:
    """What the guest's own count should be, but for what firmware and kernel keep; ``None`` if that is unknown."""
    offline = fold.guest_offline or 0
    if not fold.accounts:
        return None if fold.assigned is None else fold.assigned - offline
    sizes = [account.size for account in fold.accounts.values() if account.means is not Means.BALLOON]
    if None in sizes or any(account.means is None for account in fold.accounts.values()):
        return None if fold.assigned is None or len(fold.accounts) > 1 else fold.assigned - offline
    whole = sum(size or 0 for size in sizes) - offline
    balloon = balloon_of(fold.accounts)
    if balloon is None or balloon.mechanism is Mechanism.BALLOON:
        return whole
    lent = lent_of(fold.accounts)
    if lent is None or (lent and balloon.mechanism is not Mechanism.BALLOON_ADJUSTED):
        return None
    return whole - lent


def _counts_what_it_lent(fold: ObservedVm) -> bool:
    balloon = balloon_of(fold.accounts)
    return (_whole(fold) if balloon is None else balloon.mechanism) is Mechanism.BALLOON


def _may_have_lent(fold: ObservedVm) -> bool:
    """Whether the guest may count memory that it lent, of which nobody told how much: Hyper-V tells of no balloon."""
    devices = any(account.means not in (None, Means.BOOT) for account in fold.accounts.values())
    return not devices and _whole(fold) in (None, Mechanism.BALLOON)


def _whole(fold: ObservedVm) -> Mechanism | None:
    """How memory is taken from a VM whose memory is told as a whole; ``None`` if nobody told, or it is not."""
    told = [account.mechanism for account in fold.accounts.values()]
    if len(told) > 1:
        return None
    return next(iter(told), None) or (None if fold.guest is None else removal_mechanism(fold.guest))
