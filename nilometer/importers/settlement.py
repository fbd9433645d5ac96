"""What came of a request, as the figures tell it: the same of every hypervisor."""

from __future__ import annotations

from domain.decision import Outcome, outcome_of
from domain.observed.events import CauseIs, Grounds, ObservedCode, VmChangeRequested, VmRequestSettled
from domain.observed.vm import OpenRequest
from nilometer.importers.causes import Cause


def settlement(
    request: OpenRequest,
    cause: Cause | None,
    told: str | None,
    *,
    still_open: bool,
    late: bool,
    grounds: Grounds,
    record: str | None,
) -> VmRequestSettled:
    """How a request stands. ``cause`` and ``told`` are why it fell short: what was granted in full has none."""
    granted, amount = request.granted, request.amount
    if granted is None or amount is None:
        outcome = Outcome.COMPLETED if request.reached else Outcome.FAILED
    else:
        outcome = outcome_of(granted, amount)
    if outcome is Outcome.COMPLETED:
        cause, told, still_open = None, None, False
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
        told=told,
        still_open=still_open,
        late=late,
        grounds=grounds,
        record=record,
    )


def refusal(asked: VmChangeRequested, told: str | None) -> VmRequestSettled:
    """The hypervisor said no to a request; ``told`` are its words."""
    return VmRequestSettled(
        request=asked.request,
        device=asked.device,
        amount=asked.amount,
        granted=0,
        remaining=asked.amount,
        outcome=Outcome.REJECTED,
        code=ObservedCode.REFUSED_BY_HYPERVISOR,
        cause_is=CauseIs.TOLD,
        told=told,
        grounds=asked.grounds,
        record=asked.record,
    )
