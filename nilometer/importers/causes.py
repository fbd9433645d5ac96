"""Why a request fell short, from the figures alone: what anybody said about it is kept, and decides nothing."""

from __future__ import annotations

from domain.decision import Code
from domain.observed.events import CauseIs, Grounds, ObservedCode
from domain.observed.vm import OpenRequest

Cause = tuple[Code | ObservedCode, CauseIs]


def why_short(request: OpenRequest, grounds: Grounds) -> Cause:
    """The cause of a short grant, if the figures measured after it show one.

    More was asked for than the device can have; or than the host had left; or the guest could not give up what was
    still to be taken.
    """
    if request.size is None or request.size_from is None:
        return ObservedCode.NOT_TOLD, CauseIs.UNKNOWN
    remaining = abs(request.target - request.size)
    if request.target > request.size_from:
        if grounds.maximum is not None and request.target > grounds.maximum:
            return Code.SIZE_LIMIT, CauseIs.INFERRED
        if grounds.free is not None and grounds.free < remaining:
            return Code.INSUFFICIENT_HOST_MEMORY, CauseIs.INFERRED
    elif grounds.assigned is not None and grounds.in_use is not None and grounds.assigned - grounds.in_use < remaining:
        return Code.MEMORY_IN_USE, CauseIs.INFERRED
    return ObservedCode.NOT_TOLD, CauseIs.UNKNOWN
