"""What an audit comes to: findings kept and counted, one verdict on all."""

from __future__ import annotations

from io import BufferedReader, BytesIO
from typing import BinaryIO, cast

import pytest

from domain.envelope import Envelope
from domain.events import Event
from nilometer.audit.reading import read_events
from nilometer.audit.result import Audit
from rules.judging.findings import At, Finding, Verdict
from rules.judging.judge import Judge
from tests.paths import HISTORY_GOLDENS

HISTORY = (HISTORY_GOLDENS / "version-1.jsonl").read_bytes()
SOURCE = "urn:uuid:1"


def finding(verdict: Verdict = Verdict.VIOLATED, position: int = 1, follows: int | None = None) -> Finding:
    return Finding("maximal", verdict, At("vm/web01", position, None), "more could be given", follows=follows)


def audit_of(*findings: Finding, minor: bool = False, most: int = 10) -> Audit:
    audit = Audit(minor=minor, most=most)
    audit.coverage.count("history_is_whole", Verdict.HOLDS)
    for finding in findings:
        audit.add(finding, SOURCE)
    return audit


def test_where_no_rule_was_checked_the_verdict_is_unknown() -> None:
    assert Audit().verdict is Verdict.UNKNOWN


def shown(audit: Audit) -> list[int | None]:
    return [sourced.finding.at.position for sourced in audit.findings]


class EverySecond(Judge):
    """Finds something at every second event, and one thing more at the end."""

    def take(self, envelope: Envelope[Event], place: str = "", source: str = "") -> list[Finding]:
        self.coverage.events += 1
        odd = envelope.position % 2
        self.coverage.count("maximal", Verdict.VIOLATED if odd else Verdict.HOLDS)
        return [finding(position=envelope.position)] if odd else []

    def finish(self) -> list[Finding]:
        return [finding(Verdict.UNKNOWN, position=9)]


def test_each_event_is_judged_and_what_is_found_at_the_end_is_there_too() -> None:
    audit, judge, counts = Audit(predict_after=10**9), EverySecond(), list[int]()
    stream = cast("BinaryIO", BufferedReader(BytesIO(HISTORY)))
    audit.judge(read_events(stream, "h"), judge, SOURCE, counts.append)
    audit.finish(judge, SOURCE)
    assert counts == [9]
    assert shown(audit) == [1, 3, 5, 7, 9, 9]
    assert (audit.coverage.events, audit.coverage.rules["maximal"].applicable) == (9, 9)
    assert "vm/web01" in audit.streams


def test_histories_are_counted_together() -> None:
    audit = Audit()
    for _ in range(2):
        judge = Judge()
        for verdict in Verdict:
            judge.coverage.count("maximal", verdict, 3)
        audit.finish(judge, SOURCE)
    coverage = audit.coverage.rules["maximal"]
    assert (coverage.holds, coverage.violated, coverage.unknown, coverage.remarks) == (6, 6, 6, 6)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([], Verdict.HOLDS),
        ([finding(Verdict.REMARK)], Verdict.HOLDS),
        ([finding(Verdict.UNKNOWN), finding(Verdict.REMARK)], Verdict.UNKNOWN),
        ([finding(Verdict.UNKNOWN), finding(Verdict.VIOLATED)], Verdict.VIOLATED),
        ([finding(Verdict.UNKNOWN, follows=1)], Verdict.HOLDS),
        ([finding(Verdict.VIOLATED, follows=1)], Verdict.VIOLATED),
    ],
)
def test_a_violation_counts_more_than_unknown_and_that_more_than_holds(found: list[Finding], verdict: Verdict) -> None:
    assert audit_of(*found).verdict is verdict


@pytest.mark.parametrize("verdict", [Verdict.VIOLATED, Verdict.UNKNOWN])
def test_what_was_only_counted_counts(verdict: Verdict) -> None:
    audit = Audit()
    audit.coverage.count("maximal", verdict)
    assert audit.verdict is verdict
    assert audit.is_unknown("maximal") is (verdict is Verdict.UNKNOWN)


def test_what_only_follows_and_remarks_are_kept_where_all_is_asked_for_and_counted_always() -> None:
    found = [
        finding(position=1),
        finding(position=2, follows=1),
        finding(Verdict.REMARK, 3),
        finding(position=4, follows=1),
    ]
    few, all = audit_of(*found), audit_of(*found, minor=True)
    assert shown(few) == [1]
    assert shown(all) == [1, 2, 3, 4]
    assert few.consequences == all.consequences == {(SOURCE, 1): 2}
    assert (few.requested, all.requested, few.left_out, all.left_out) == (1, 4, 0, 0)


def test_no_more_than_some_are_kept_first_causes_before_what_follows() -> None:
    followers = [finding(position=number, follows=1) for number in range(2, 20)]
    audit = audit_of(*followers, *[finding(position=number) for number in (30, 31, 32)], minor=True, most=4)
    assert shown(audit) == [2, 30, 31, 32]
    assert (audit.requested, audit.left_out) == (21, 17)
    many = audit_of(*[finding(position=number) for number in range(1, 8)], most=4)
    assert shown(many) == [1, 2, 3, 4]
    assert (many.requested, many.left_out) == (7, 3)
