"""Judges requests to a hypervisor: what was granted, whether that moved, and whether it was the largest grant."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain.decision import Outcome, outcome_of
from domain.observed.events import VmChangeRequested, VmObserved, VmRequestSettled
from domain.observed.words import CauseIs, ObservedCode
from domain.resizing import most
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.descriptions import EVENT_TELLS_ALL, OUTCOME_IS_HONEST
from rules.judging.findings import Figure, ask_measured
from rules.judging.observed.state import ObservedVmState, RequestTerms
from rules.specification.observations import grant_is_what_moved, refusal_changed_nothing

NO_EFFECT: Final = "no_effect_without_grant"
APPLIED: Final = "grant_is_applied"
MAXIMAL: Final = "maximal"

LARGEST_PAGE: Final = 64 * 1024
"""No guest has larger pages, in bytes."""

CUT_SHORT: Final = (
    ObservedCode.SUPERSEDED,
    ObservedCode.VM_STOPPED,
    ObservedCode.GUEST_LOST,
    ObservedCode.NOT_CARRIED_OUT,
)
"""What ends a request before its grant says anything."""

UNMEASURED_AFTER: Final = "the device was not measured after the refusal"


def judge_request(collector: FindingCollector, ref: EventRef, event: VmChangeRequested, vm: ObservedVmState) -> None:
    """Judges a request to change the size of a device."""
    refusal = vm.refused.pop(event.device, None)
    if refusal is not None:
        if event.size_from is None or event.size_from != vm.fold.size(event.device):
            report_unmeasured_after(collector, refusal)
        else:
            collector.count_holds(NO_EFFECT)
    if event.amount is not None and event.size_from is not None:
        distance = abs(event.target - event.size_from)
        if distance != event.amount:
            why = "the amount is not the difference between the target and the size before"
            difference = {"amount": distance}, {"amount": event.amount}
            collector.report_violation(EVENT_TELLS_ALL, ref, why, difference)
        else:
            collector.count_holds(EVENT_TELLS_ALL)
    if event.accepted is False:
        vm.refused[event.device] = ref
    vm.requests[event.device] = RequestTerms(
        number=event.request,
        amount=event.amount,
        gives=event.size_from is None or event.target >= event.size_from,
        grounds=event.grounds,
        expected=event.expected,
    )


def report_unmeasured_after(collector: FindingCollector, refusal: EventRef) -> None:
    """Reports that it is unknown whether a refused request changed its device."""
    request = refusal.envelope.event
    size = request.size_from if isinstance(request, VmChangeRequested) else None
    collector.report_unknown(
        NO_EFFECT, refusal, UNMEASURED_AFTER, ask_measured(refusal_changed_nothing, {"before": size})
    )


def judge_sizes(collector: FindingCollector, event: VmObserved, vm: ObservedVmState) -> None:
    """Judges measured sizes: a refused request must not have changed them."""
    for reading in event.devices:
        refusal = vm.refused.pop(reading.device, None) if reading.size is not None else None
        if refusal is None:
            continue
        request = refusal.envelope.event
        assert isinstance(request, VmChangeRequested)
        if request.size_from is None:
            about = ask_measured(refusal_changed_nothing, {"after": reading.size})
            collector.report_unknown(NO_EFFECT, refusal, "the device was not measured before the refusal", about)
        elif reading.size == request.size_from:
            collector.count_holds(NO_EFFECT)
        elif reading.size is not None and not _is_towards_target(request, reading.size):
            about = ask_measured(refusal_changed_nothing, {"before": request.size_from})
            collector.report_unknown(NO_EFFECT, refusal, "something else changed the device after the refusal", about)
        else:
            difference = {reading.device: request.size_from}, {reading.device: reading.size}
            collector.report_violation(NO_EFFECT, refusal, "a refused request changed the device", difference)


def _is_towards_target(request: VmChangeRequested, size: int) -> bool:
    """Whether a device came closer to the requested size; else something other than the request changed it."""
    return request.size_from is not None and abs(request.target - size) < abs(request.target - request.size_from)


def judge_settlement(collector: FindingCollector, ref: EventRef, event: VmRequestSettled, vm: ObservedVmState) -> None:
    """Judges what is recorded of a request's result, final or for now."""
    _check_own_figures(collector, ref, event)
    request = vm.fold.requests.get(event.device)
    if event.outcome is Outcome.REJECTED or request is None or request.number != event.request:
        return
    if event.granted is None or request.granted is None:
        why = "the device was not measured both before and after the request"
        about = ask_measured(grant_is_what_moved, {"granted": event.granted, "moved": request.granted})
        collector.report_unknown(APPLIED, ref, why, about)
    elif event.granted != request.granted:
        difference = {"granted": request.granted}, {"granted": event.granted}
        collector.report_violation(APPLIED, ref, "the recorded grant is not the amount that moved", difference)
    else:
        collector.count_holds(APPLIED)
        if event.outcome is Outcome.FAILED:
            collector.count_holds(NO_EFFECT)
    _compare_expected(collector, ref, event, vm)
    if event.code is not None and event.request not in vm.short_requests:
        vm.short_requests.add(event.request)
        _report_shortfall(collector, ref, event, vm.requests.get(event.device))


def _compare_expected(collector: FindingCollector, ref: EventRef, event: VmRequestSettled, vm: ObservedVmState) -> None:
    """Remarks, when a request first settles, that the requester expected another grant than came."""
    request = vm.requests.get(event.device)
    if request is None or request.number != event.request or request.expected is None or event.granted is None:
        return
    vm.requests[event.device] = replace(request, expected=None)
    if event.code in CUT_SHORT or request.expected == event.granted:
        return
    difference = {"granted": request.expected}, {"granted": event.granted}
    collector.report_remark(MAXIMAL, ref, "the requester expected another grant than came", difference)


def _check_own_figures(collector: FindingCollector, ref: EventRef, event: VmRequestSettled) -> None:
    """Checks that outcome and remainder follow from the amount and the grant."""
    if event.amount is None or event.granted is None:
        return
    outcome = outcome_of(event.granted, event.amount)
    rejected = event.outcome is Outcome.REJECTED and event.granted == 0
    if event.outcome is Outcome.COMPLETED and event.amount - event.granted < _page_of(event):
        outcome = Outcome.COMPLETED  # the target lies between two pages of the guest
    if (outcome is not event.outcome and not rejected) or event.remaining != event.amount - event.granted:
        expected: dict[str, Figure] = {"outcome": outcome.value, "remaining": event.amount - event.granted}
        found: dict[str, Figure] = {"outcome": event.outcome.value, "remaining": event.remaining}
        why = "the outcome does not match the amount and the grant in the same event"
        collector.report_violation(EVENT_TELLS_ALL, ref, why, (expected, found))
    else:
        collector.count_holds(EVENT_TELLS_ALL)


def _page_of(event: VmRequestSettled) -> int:
    """The size of the pages that a balloon moves in; 0 where they are not known, or the grain is no page."""
    block = event.grounds.block or 0
    return block if block <= LARGEST_PAGE else 0


def _report_shortfall(
    collector: FindingCollector, ref: EventRef, event: VmRequestSettled, request: RequestTerms | None
) -> None:
    """Remarks that less was granted than requested, and whether more could have been granted."""
    found: dict[str, Figure] = {
        "granted": event.granted,
        "outcome": event.outcome.value,
        "code": None if event.code is None else str(event.code),
    }
    if event.code not in CUT_SHORT:
        silent = event.cause_is is not CauseIs.REPORTED
        why = "the request fell short, and the requester was not informed" if silent else "the request fell short"
        collector.report_remark(OUTCOME_IS_HONEST, ref, why, ({"granted": event.amount}, found))
    if request is None or request.number != event.request or event.amount is None or event.granted is None:
        return
    if event.code is ObservedCode.NOT_CARRIED_OUT:
        return  # nobody decided about it
    bound = _bound_of(request)
    if bound is None or event.granted == event.amount:
        return
    best = most(event.amount, bound, bound)
    if best <= event.granted:
        return
    block = request.grounds.block
    in_blocks = None if not block else max(0, min(event.amount, bound)) // block * block
    why = "Nilometer's rules would have granted more, in steps of 2 MiB"
    if in_blocks == event.granted:
        why = f"{why}; in whole blocks of the guest this is the largest possible grant"
    expected = {"granted": best} | ({} if in_blocks is None else {"in whole blocks": in_blocks})
    collector.report_remark(MAXIMAL, ref, why, (expected, {"granted": event.granted}))


def _bound_of(request: RequestTerms) -> int | None:
    """The most that could be granted, by the figures known when the request was made."""
    grounds = request.grounds
    if not request.gives:
        return None if grounds.assigned is None or grounds.in_use is None else grounds.assigned - grounds.in_use
    return grounds.free
