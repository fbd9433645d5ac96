"""How requests settle: from the measured figures alone, and the same for every hypervisor.

What a tool said about a request is kept word for word, and decides nothing.
"""

from __future__ import annotations

from typing import Final

from domain.decision import Code, Outcome, outcome_of
from domain.observed.events import Grounds, VmChangeRequested, VmRequestSettled
from domain.observed.vm import OpenRequest
from domain.observed.words import CauseIs, ObservedCode
from domain.quantities import MiB

LARGEST_PAGE: Final = 64 * 1024
"""No guest has larger pages, in bytes."""
USUAL_BLOCK: Final = 128 * MiB
"""The grain in which a guest takes or gives memory, where it is not known."""

Cause = tuple[Code | ObservedCode, CauseIs]
"""Why a request fell short, and how that is known."""


def find_cause(request: OpenRequest, grounds: Grounds) -> Cause:
    """Finds why a request fell short, in the figures measured after it.

    More was asked for than the device can have; or than the host had left; or the guest could not give up what was
    still to be taken. Each is the cause only if less than a block was left of it: while there is more, something else
    stopped the request. What the guest uses afterwards may not be measured: then what it used just before counts. Else
    the cause is unknown.
    """
    if request.size is None or request.size_from is None:
        return ObservedCode.NOT_REPORTED, CauseIs.UNKNOWN
    remaining, block = abs(request.target - request.size), grounds.block
    if block is None:  # what is in use lies apart, so more is left than a block
        block = max(USUAL_BLOCK, (grounds.assigned or 0) // 8)
    least = min(remaining, block)

    def stops(left: int | None) -> bool:
        return left is not None and left < least

    if request.target > request.size_from:
        if stops(None if grounds.maximum is None else grounds.maximum - request.size):
            return Code.SIZE_LIMIT, CauseIs.INFERRED
        if stops(grounds.free):
            return Code.INSUFFICIENT_HOST_MEMORY, CauseIs.INFERRED
    elif grounds.assigned is not None:
        if stops(None if grounds.in_use is None else grounds.assigned - grounds.in_use):
            return Code.MEMORY_IN_USE, CauseIs.INFERRED
        if grounds.in_use is None and _stopped_at_use_before(request, grounds.assigned, least):
            return Code.MEMORY_IN_USE, CauseIs.INFERRED
    return ObservedCode.NOT_REPORTED, CauseIs.UNKNOWN


def _stopped_at_use_before(request: OpenRequest, assigned: int, least: int) -> bool:
    """Whether a removal ended where it came to what the guest had used just before: no later measure shows another."""
    before = request.in_use_before
    return before is not None and 0 <= assigned - before < min(least, USUAL_BLOCK)


def find_page(request: OpenRequest) -> int | None:
    """Finds the pages of a guest that cannot come nearer to the target: its balloon moves in whole pages.

    The size is a whole number of pages, and less than one page from the target. Returns the size of a page in bytes;
    ``None`` if the target is reached, or is farther away.
    """
    if request.size is None or not request.size:
        return None
    page = min(LARGEST_PAGE, request.size & -request.size)
    return page if 0 < abs(request.target - request.size) < page else None


def is_news(request: OpenRequest) -> bool:
    """Whether a request has moved since it last settled, or has not settled yet."""
    return request.settled is None or request.settled.granted != request.granted


def build_settlement(
    request: OpenRequest,
    cause: Cause | None,
    message: str | None = None,
    *,
    grounds: Grounds,
    record: str | None = None,
    still_open: bool = False,
    late: bool = False,
    is_near: bool = False,
) -> VmRequestSettled:
    """Builds the event of how a request stands. A request that was granted in full has neither cause nor message.

    ``is_near`` says that the device cannot come nearer to the target, by the size of the guest's pages: that is all.
    """
    granted, amount = request.granted, request.amount
    if granted is None or amount is None:
        outcome = Outcome.COMPLETED if request.reached else Outcome.FAILED
    else:
        outcome = outcome_of(granted, amount)
    if is_near:
        outcome = Outcome.COMPLETED
    if outcome is Outcome.COMPLETED:
        cause, message, still_open = None, None, False
    code, cause_is = cause or (None, None)
    return VmRequestSettled(
        request=request.number,
        device=request.device,
        amount=amount,
        granted=granted,
        remaining=None if granted is None or amount is None else amount - granted,
        outcome=outcome,
        code=code,
        cause_is=cause_is,
        told=message,
        still_open=still_open,
        late=late,
        grounds=grounds,
        record=record,
    )


def build_refusal(request: VmChangeRequested, message: str | None) -> VmRequestSettled:
    """Builds the event that the hypervisor refused a request, with its message."""
    return VmRequestSettled(
        request=request.request,
        device=request.device,
        amount=request.amount,
        granted=0,
        remaining=request.amount,
        outcome=Outcome.REJECTED,
        code=ObservedCode.REFUSED_BY_HYPERVISOR,
        cause_is=CauseIs.REPORTED,
        told=message,
        grounds=request.grounds,
        record=request.record,
    )
