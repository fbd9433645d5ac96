"""How requests settle: from the measured figures alone, and the same for every hypervisor.

What a tool said about a request is kept word for word, and decides nothing.
"""

from __future__ import annotations

from domain.decision import Code, Outcome, outcome_of
from domain.observed.events import CauseIs, Grounds, ObservedCode, VmChangeRequested, VmRequestSettled
from domain.observed.vm import OpenRequest

Cause = tuple[Code | ObservedCode, CauseIs]
"""Why a request fell short, and how that is known."""


def find_cause(request: OpenRequest, grounds: Grounds) -> Cause:
    """Finds why a request fell short, in the figures measured after it.

    More was asked for than the device can have; or than the host had left; or the guest could not give up what was
    still to be taken. Else the cause is unknown.
    """
    if request.size is None or request.size_from is None:
        return ObservedCode.NOT_REPORTED, CauseIs.UNKNOWN
    remaining = abs(request.target - request.size)
    if request.target > request.size_from:
        if grounds.maximum is not None and request.target > grounds.maximum:
            return Code.SIZE_LIMIT, CauseIs.INFERRED
        if grounds.free is not None and grounds.free < remaining:
            return Code.INSUFFICIENT_HOST_MEMORY, CauseIs.INFERRED
    elif grounds.assigned is not None and grounds.in_use is not None and grounds.assigned - grounds.in_use < remaining:
        return Code.MEMORY_IN_USE, CauseIs.INFERRED
    return ObservedCode.NOT_REPORTED, CauseIs.UNKNOWN


def build_settlement(
    request: OpenRequest,
    cause: Cause | None,
    message: str | None = None,
    *,
    grounds: Grounds,
    record: str | None = None,
    still_open: bool = False,
    late: bool = False,
) -> VmRequestSettled:
    """Builds the event of how a request stands. A request that was granted in full has neither cause nor message."""
    granted, amount = request.granted, request.amount
    if granted is None or amount is None:
        outcome = Outcome.COMPLETED if request.reached else Outcome.FAILED
    else:
        outcome = outcome_of(granted, amount)
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
