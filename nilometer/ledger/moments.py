"""When events happen: now by the ledger's clock, or at the time that somebody gives.

Times in a history only go forward, so one mistyped year moves everything after it: a time that is far ahead of the
clock needs somebody to say that it is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from domain.errors import InputError
from domain.identifiers import StreamName, UtcTime
from nilometer.ledger.requests import Observation, Request
from nilometer.ledger.values import check_time
from nilometer.times import format_exact_time, format_time, is_far_ahead

_MEANT: Final = "--at-ahead; at_ahead=True from Python"


def find_moment(request: Request, now: UtcTime, last: UtcTime, newest: Callable[[], StreamName]) -> UtcTime:
    """When the events of a request happen. ``last`` is the time of the last event of the streams that it touches.

    Raises ``InputError`` if that is before ``last``, or far ahead of ``now`` and nobody says that it is meant.
    ``newest`` finds the stream that ``last`` is of.
    """
    if request.at is None:
        if last > now and not request.at_ahead and is_far_ahead(last, now):
            raise InputError(
                f"the last event of {newest()} happened {format_exact_time(last)}, more than a day ahead of the clock "
                f"({format_time(now)}): this cannot happen before it",
                hint=f"if the clock is right and nevertheless it shall happen then, say so ({_MEANT})",
            )
        return max(now, last)
    at = check_time("at", request.at)
    if at < last:
        raise InputError(
            f"'at' {format_exact_time(at)} is before the last event of {newest()}, "
            f"which happened {format_exact_time(last)}",
            hint="times in a history only go forward: give a later time, or leave 'at' out to mean now",
        )
    if not request.at_ahead:
        check_not_ahead("'at'", at, now)
    return at


def check_not_ahead(what: str, time: UtcTime, now: UtcTime) -> None:
    """Raises ``InputError`` for a time that is far ahead of now."""
    if time > now and is_far_ahead(time, now):
        raise InputError(
            f"{what} {format_exact_time(time)} is more than a day ahead of the clock ({format_time(now)})",
            hint=f"correct the time or the clock; if it is meant, say so ({_MEANT})",
        )


def check_facts_not_ahead(observation: Observation, now: UtcTime) -> None:
    """Raises ``InputError`` if something was observed far ahead of now: one of the two clocks is wrong."""
    for fact in observation.facts:
        if fact.happened > now:
            record: object = getattr(fact.event, "record", None)
            check_not_ahead(f"{record or fact.stream}: the time", fact.happened, now)
