"""The time at the beginning of a line of a log."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.times import to_utc_time

STAMP: Final = re.compile(
    rb"\s*[\[(]?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)(?: ?(Z|UTC|[+-]\d\d:?\d\d))?[\])]?:?(?![\w.,+-])"
)
_NO_ZONE: Final = "write times with their zone: … | TZ=UTC ts '%Y-%m-%dT%H:%M:%.SZ' > qmp.log"


def read_stamp(stamp: re.Match[bytes], place: str) -> UtcTime:
    """The time that stands there. Raises ``InputError`` for one without a zone, and for what is none."""
    day, clock, zone = (None if part is None else part.decode() for part in stamp.groups())
    if zone is None:
        raise InputError(f"{place}: the time {day} {clock} has no zone", hint=_NO_ZONE)
    offset = "+00:00" if zone in ("Z", "UTC") else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    whole, _, part = (clock or "").replace(",", ".").partition(".")
    try:
        return to_utc_time(datetime.fromisoformat(f"{day}T{whole}.{(part + '000000')[:6]}{offset}"))
    except (ValueError, OverflowError):
        raise InputError(f"{place}: {day} {clock} is not a time", hint=_NO_ZONE) from None
