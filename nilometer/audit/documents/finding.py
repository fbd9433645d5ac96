"""A finding as JSON, read as an audit prints it, or a share of one; and what was checked and watched.

The two differ in where the event stands, and in how they say what is wrong; all else they have alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from domain.observed.polls import Gap
from projections.watching import WatchedHost
from rules.judging.findings import At, Figure, Finding, RuleCoverage, Verdict

Json = dict[str, Any]


def read_finding(found: Json, place: str, why: str = "") -> Finding:
    """A finding from its JSON. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what is none."""
    return Finding(
        rule=found["rule"],
        verdict=Verdict(found["verdict"]),
        at=At(
            stream=found["subject"],
            position=found["position"],
            happened=found["time"],
            place=place,
            record=found["record"],
        ),
        why=why,
        expected=cast("dict[str, Figure]", found["expected"]),
        found=cast("dict[str, Figure]", found["found"]),
        let=cast("dict[str, Figure]", found["let"]),
        then=found["then"],
        follows=found["follows"],
        count=int(found["count"]),
        positions=tuple(found["positions"]),
    )


def write_coverage(rule: str, coverage: RuleCoverage) -> Json:
    """How many events a rule was asked of, as JSON."""
    return {
        "rule": rule,
        "holds": coverage.holds,
        "violated": coverage.violated,
        "unknown": coverage.unknown,
        "remarks": coverage.remarks,
    }


def write_watched(host: WatchedHost, gaps: Sequence[Gap]) -> Json:
    """Over which time a host was watched, and the times within it in which it was not, as JSON."""
    return {
        "host": host.host,
        "since": host.since,
        "until": host.until,
        "gaps": [{"since": gap.since, "until": gap.until} for gap in gaps],
    }


def read_coverage(checked: Json) -> RuleCoverage:
    """How many events a rule was asked of, from its JSON. Raises as ``read_finding`` does."""
    return RuleCoverage(
        holds=int(checked["holds"]),
        violated=int(checked["violated"]),
        unknown=int(checked["unknown"]),
        remarks=int(checked["remarks"]),
    )
