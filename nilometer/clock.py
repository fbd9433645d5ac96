"""The clock, in the one form in which times are kept: UTC, microseconds, always the same width."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """The time now, as ``2026-11-23T09:00:00.000000Z``."""
    return datetime.now(UTC).isoformat(timespec="microseconds")[:26] + "Z"
