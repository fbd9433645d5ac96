"""What the guest sees, as the hypervisor tells it (Hyper-V's Guest Visible Physical Memory).

Nobody tells how memory was taken from the guest. If it was hot-removed, or a balloon that the guest does not count took
it, the guest sees that much less; else it still sees the most that it had in this session. Hyper-V may do some of it
one way and some the other, and a guest that has started again sees what it is assigned. So what lies between proves
nothing, and only what no way leads to is a violation.
"""

from __future__ import annotations

from typing import Final

from domain.observed.events import VmObserved
from rules.judging.collector import Docket, Where
from rules.judging.observed.state import Doubt, SeenVm, Sight
from rules.judging.observed.visible import MIDST, MOVES

FIRST: Final = "nobody measured what the guest saw before"
BETWEEN: Final = "the guest sees part of what was taken from it, and nobody told how it was taken"


def sighted(docket: Docket, where: Where, event: VmObserved, seen: SeenVm) -> None:
    """The hypervisor told what the guest sees beside what it is assigned: the one has moved as the other."""
    sees, assigned, moves = event.visible, event.assigned, seen.moves
    if sees is None or assigned is None:
        return
    steady, seen.had = moves.count == 0 and seen.had == assigned, assigned
    last, seen.top = seen.sight, max(seen.top, assigned)
    if last is None:
        _unsettled(docket, where, seen, FIRST)
        _believe(seen, Sight(sees, assigned, sure=False))
        return
    keeps = min(0, last.visible - last.assigned)  # what it leaves out of all that it has
    moved = last.visible + assigned - last.assigned
    watermark = max(last.visible, seen.top + keeps)
    fits = sees in (moved, watermark)
    if fits:
        docket.holds(MOVES, moves.count)
    elif assigned + keeps <= sees <= watermark:
        _unsettled(docket, where, seen, BETWEEN)
    else:
        _doubted(docket, where, seen, Sight(sees, assigned, sure=True), moved, steady=steady)
        return
    if seen.doubt is not None:
        docket.unknown(MOVES, seen.doubt.where, MIDST, seen.doubt.moves)
    _believe(seen, Sight(sees, assigned, sure=fits))


def _doubted(docket: Docket, where: Where, seen: SeenVm, sight: Sight, expected: int, *, steady: bool) -> None:
    """The guest sees what it cannot see. A counter may lag behind what has just moved; one that stays so is believed.

    If nothing yet agreed with the measure before it, that may be the one that lagged.
    """
    doubt, last, off = seen.doubt, seen.sight, expected - sight.visible
    if steady and last is not None and last.sure and doubt is not None and doubt.off == off:
        why = "the guest does not see what its memory came to"
        docket.violated(MOVES, doubt.where, why, ({"visible": expected}, {"visible": sight.visible}))
        _believe(seen, sight)
        return
    if doubt is not None:
        docket.unknown(MOVES, doubt.where, MIDST, doubt.moves)
    if steady and last is not None and not last.sure:
        _believe(seen, sight)
        return
    seen.doubt = Doubt(where, off, max(1, seen.moves.count))
    seen.moves.clear()


def _believe(seen: SeenVm, sight: Sight) -> None:
    seen.sight, seen.top, seen.doubt = sight, sight.assigned, None
    seen.moves.clear()


def _unsettled(docket: Docket, where: Where, seen: SeenVm, why: str) -> None:
    docket.unknown(MOVES, seen.moves.first or where, why, seen.moves.count)
    seen.moves.clear()
