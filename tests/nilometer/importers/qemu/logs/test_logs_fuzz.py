"""Logs that were damaged in any way: read, or refused with a place; never a traceback, never a lost record.

``python -m tests.nilometer.importers.qemu.logs.test_logs_fuzz MINUTES`` goes on for longer.
"""

from __future__ import annotations

import json
import sys
import time
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.nilometer.importers.qemu.damages import VALUES, damage
from tests.nilometer.importers.qemu.logs.logged import by_libvirt, logged, stamped, with_arrows
from tests.nilometer.importers.qemu.reading import N1, N5, N6, N8, S1, lines_of
from tests.nilometer.importers.qemu.test_fuzz import check, check_file, check_grown

STATS = [
    line.encode() + b"\n"
    for minute in range(12)
    for line in (
        f"2026-11-23T09:{minute:02}:00Z",
        "Domain: 'web01'",
        f"  balloon.current={2097152 - 4 * (minute // 4)}",
        "  balloon.available=2000000",
        f"  balloon.usable={1000000 + minute}",
        f"  balloon.last-update={1795424399 + 60 * minute}",
        "$ virsh dommemstat db01",
        f"actual {1048576 * (1 + minute % 2)}",
        f"last_update {1795424399 + 60 * minute}",
    )
]
DAMAGES = ["drop", "double", "swap", "cut", "noise", "value", "number"]
QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@cache
def logs() -> list[list[bytes]]:
    """Whole logs."""
    records = [[json.loads(line) for line in lines_of(name)] for name in (S1, N1, N5, N6, N8)]
    return [STATS, *(logged(found, form) for found in records for form in (stamped, with_arrows, by_libvirt))]


@st.composite
def damaged_logs(draw: st.DrawFn) -> list[bytes]:
    """A log with up to six damages."""
    lines = list(draw(st.sampled_from(logs())))
    for _ in range(draw(st.integers(1, 6))):
        at, how = draw(st.integers(0, len(lines) - 1)), draw(st.sampled_from(DAMAGES))
        if how == "drop":
            del lines[at : at + draw(st.sampled_from([1, 1, 5, 20]))]
        elif not damage(draw, lines, at, how):
            lines[at] = changed(draw, lines[at], how)
        if not lines:
            break
    return lines


def changed(draw: st.DrawFn, line: bytes, how: str) -> bytes:
    """The line with one word in it replaced: a value of JSON, or a number."""
    words = line.split(b" ")
    places = [place for place, word in enumerate(words) if how == "value" or any(48 <= byte <= 57 for byte in word)]
    if places:
        value = json.dumps(draw(st.sampled_from(VALUES))) if how == "value" else str(draw(st.integers(-1, 2**70)))
        words[draw(st.sampled_from(places))] = value.encode()
    return b" ".join(words).removesuffix(b"\n") + b"\n"


@settings(QUIET, max_examples=100)
@given(damaged_logs())
def test_a_damaged_log_is_read_or_refused_and_every_record_is_accounted_for(lines: list[bytes]) -> None:
    check(lines)


@settings(QUIET, max_examples=40)
@given(damaged_logs())
def test_any_log_is_imported_or_refused_and_once(lines: list[bytes]) -> None:
    check_file(b"".join(lines))


@settings(QUIET, max_examples=40)
@given(damaged_logs(), st.integers(1, 100))
def test_a_damaged_log_of_a_monitor_that_has_grown_gives_what_it_would_have_given_at_once(
    lines: list[bytes], part: int
) -> None:
    if not any(b"balloon." in line or b"actual " in line for line in lines):  # what was printed last is taken as whole
        check_grown(lines, part)


if __name__ == "__main__":
    begin, count = time.monotonic(), 0
    while time.monotonic() - begin < float(sys.argv[1]) * 60:
        for law in (
            test_a_damaged_log_is_read_or_refused_and_every_record_is_accounted_for,
            test_any_log_is_imported_or_refused_and_once,
            test_a_damaged_log_of_a_monitor_that_has_grown_gives_what_it_would_have_given_at_once,
        ):
            law()
        count += 180
    print(f"{count} logs")
