"""Requests to a hypervisor: what was asked, what came of it, whether that moved, and whether it was the most."""

from __future__ import annotations

from typing import Final

from domain.decision import Outcome, outcome_of
from domain.observed.events import CauseIs, ObservedCode, VmChangeRequested, VmObserved, VmRequestSettled
from domain.resizing import most
from rules.judging.collector import Docket, Where
from rules.judging.descriptions import EVENT_TELLS_ALL, OUTCOME_IS_HONEST
from rules.judging.findings import Figure
from rules.judging.observed.state import AskedFor, SeenVm

NO_EFFECT: Final = "no_effect_without_grant"
APPLIED: Final = "grant_is_applied"
MAXIMAL: Final = "maximal"


def asked_for(docket: Docket, where: Where, event: VmChangeRequested, seen: SeenVm) -> None:
    """Somebody asked for another size of a device."""
    waiting = seen.refused.pop(event.device, None)
    if waiting is not None:
        if event.size_from is None or event.size_from != seen.fold.size(event.device):
            docket.unknown(NO_EFFECT, waiting, "nobody measured the device after the refusal")
        else:
            docket.holds(NO_EFFECT)
    if event.amount is not None and event.size_from is not None:
        distance = abs(event.target - event.size_from)
        if distance != event.amount:
            why = "the amount is not what the target is away"
            docket.violated(EVENT_TELLS_ALL, where, why, ({"amount": distance}, {"amount": event.amount}))
        else:
            docket.holds(EVENT_TELLS_ALL)
    if not event.accepted:
        seen.refused[event.device] = where
    gives = event.size_from is None or event.target >= event.size_from
    seen.asked[event.device] = AskedFor(event.request, event.amount, gives, event.grounds)


def sized(docket: Docket, where: Where, event: VmObserved, seen: SeenVm) -> None:
    """Sizes were measured: a request that was refused changed none."""
    for told in event.devices:
        waiting = seen.refused.pop(told.device, None) if told.size is not None else None
        if waiting is None:
            continue
        asked = waiting[0].event
        assert isinstance(asked, VmChangeRequested)
        if asked.size_from is None:
            docket.unknown(NO_EFFECT, waiting, "nobody had measured the device before it was refused")
        elif told.size == asked.size_from:
            docket.holds(NO_EFFECT)
        elif told.size is not None and not _towards(asked, told.size):
            docket.unknown(NO_EFFECT, waiting, "something else changed the device after the refusal")
        else:
            why = "a request that was refused changed the device"
            docket.violated(NO_EFFECT, where, why, ({told.device: asked.size_from}, {told.device: told.size}))


def _towards(asked: VmChangeRequested, size: int) -> bool:
    """Whether a device went where it was asked to go: else it was another that moved it."""
    return asked.size_from is not None and abs(asked.target - size) < abs(asked.target - asked.size_from)


def settled(docket: Docket, where: Where, event: VmRequestSettled, seen: SeenVm) -> None:
    """A request was called settled, in full or short, for good or for now."""
    _own_figures(docket, where, event)
    request = seen.fold.requests.get(event.device)
    if event.outcome is Outcome.REJECTED or request is None or request.number != event.request:
        return
    if event.granted is None or request.granted is None:
        docket.unknown(APPLIED, where, "nobody measured the device before the request, or after it")
    elif event.granted != request.granted:
        why = "what was called granted is not what moved"
        docket.violated(APPLIED, where, why, ({"granted": request.granted}, {"granted": event.granted}))
    else:
        docket.holds(APPLIED)
        if event.outcome is Outcome.FAILED:
            docket.holds(NO_EFFECT)
    if event.code is not None and event.request not in seen.told_short:
        seen.told_short.add(event.request)
        _short(docket, where, event, seen.asked.get(event.device))


def _own_figures(docket: Docket, where: Where, event: VmRequestSettled) -> None:
    """Outcome and remainder are those of the amount and the grant."""
    if event.amount is None or event.granted is None:
        return
    called = outcome_of(event.granted, event.amount)
    rejected = event.outcome is Outcome.REJECTED and event.granted == 0
    if (called is not event.outcome and not rejected) or event.remaining != event.amount - event.granted:
        expected: dict[str, Figure] = {"outcome": called.value, "remaining": event.amount - event.granted}
        found: dict[str, Figure] = {"outcome": event.outcome.value, "remaining": event.remaining}
        docket.violated(EVENT_TELLS_ALL, where, "the settlement does not fit its own figures", (expected, found))
    else:
        docket.holds(EVENT_TELLS_ALL)


def _short(docket: Docket, where: Where, event: VmRequestSettled, asked: AskedFor | None) -> None:
    """Less was granted than asked: told with its figures, and whether more could have been granted."""
    found: dict[str, Figure] = {
        "granted": event.granted,
        "outcome": event.outcome.value,
        "code": None if event.code is None else str(event.code),
    }
    if event.code not in (ObservedCode.SUPERSEDED, ObservedCode.VM_STOPPED, ObservedCode.GUEST_LOST):
        silent = event.cause_is is not CauseIs.TOLD
        why = "the request fell short, and nobody told the one who asked" if silent else "the request fell short"
        docket.remark(OUTCOME_IS_HONEST, where, why, ({"granted": event.amount}, found))
    if asked is None or asked.number != event.request or event.amount is None or event.granted is None:
        return
    bound = _bound(asked)
    if bound is None or event.granted == event.amount:
        return
    best = most(event.amount, bound, bound)
    if best <= event.granted:
        return
    block = asked.grounds.block
    in_blocks = None if not block else max(0, min(event.amount, bound)) // block * block
    why = "our decider would have granted more, in steps of 2 MiB"
    if in_blocks == event.granted:
        why = "our decider would have granted more, in steps of 2 MiB; in the guest's blocks it is exactly the most"
    expected = {"granted": best} | ({} if in_blocks is None else {"in whole blocks": in_blocks})
    docket.remark(MAXIMAL, where, why, (expected, {"granted": event.granted}))


def _bound(asked: AskedFor) -> int | None:
    """The most that could be granted, by the figures that were known when it was asked for."""
    grounds = asked.grounds
    if not asked.gives:
        return None if grounds.assigned is None or grounds.in_use is None else grounds.assigned - grounds.in_use
    return grounds.free
