"""A finding as JSON, read as an audit prints it, or a share of one; and what was checked, read and written.

The two differ in where the event stands, and in how they say what is wrong; all else they have alike.
"""

from __future__ import annotations

from typing import Any, cast

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


def read_coverage(checked: Json) -> RuleCoverage:
    """How many events a rule was asked of, from its JSON. Raises as ``read_finding`` does."""
    return RuleCoverage(
        holds=int(checked["holds"]),
        violated=int(checked["violated"]),
        unknown=int(checked["unknown"]),
        remarks=int(checked["remarks"]),
    )
