"""An audit made by hand: findings as the judge makes them, of every kind."""

from __future__ import annotations

from nilometer.audit.provenance import Provenance
from nilometer.audit.result import Audit
from nilometer.cli.audit.result import AuditReport, SkippedInput
from rules.judging.findings import At, Finding, Verdict, ask
from rules.judging.scope import EVERYTHING, Scope
from rules.specification.observations import removal_left_what_was_used

SOURCE = "urn:uuid:00000000-0000-4000-8000-000000000000"
GIB = 2**30

OVERCOMMITTED = Finding(
    "host_never_overcommitted",
    Verdict.VIOLATED,
    At("vm/web01", 8, "2026-11-23T09:00:00.000000Z", "exports/monday.jsonl:8"),
    "the host's VMs hold more memory than it has",
    expected={"granted": 55566139392, "outcome": "partially-completed"},
    found={"granted": 64 * GIB, "outcome": "completed"},
    let={"host.total": 64 * GIB, "host.reserve": 2415919104, "host.free": 55566139392, "version": 3, "in_use": None},
    then="add-memory of 64 GiB had the outcome completed",
)
FOLLOWS = Finding(
    "event_tells_all",
    Verdict.VIOLATED,
    At("host/hv01", 9, "2026-11-23T09:00:00.000000Z", "exports/monday.jsonl:9"),
    "the change does not lead to the figures that the event records after it",
    expected={"after.free": -GIB},
    found={"after.free": 0},
    follows=8,
)
GAP = Finding(
    "history_is_whole",
    Verdict.VIOLATED,
    At("vm/web01", None, None, "exports/monday.jsonl:12"),
    "events are missing here: 100% of those, \nsays a, b: c",
    expected={"position": 11},
    found={"position": 12},
)
UNKNOWN = Finding(
    "in_use_never_removed",
    Verdict.UNKNOWN,
    At("vm/lab.vm0", 20, "2026-11-23T14:52:56.624000Z", record="s7#12"),
    "the guest's memory in use was not measured",
    about=ask(removal_left_what_was_used, {"assigned": 3 * GIB}),
    count=412,
)
REMARK = Finding(
    "whole_quanta",
    Verdict.REMARK,
    At("vm/lab.vm0", 21, "2026-11-23T14:53:00.000000Z", "exports/tuesday.jsonl:3"),
    "a size is no multiple of 2 MiB",
    found={"assigned": 3 * 2**20},
)
PROVENANCE = Provenance(
    files={"exports/monday.jsonl": (4096, "0" * 64), "exports/tuesday.jsonl": None},
    begun="2026-11-29T12:00:00.000000Z",
    ended="2026-11-29T12:00:01.000000Z",
    actor="ann",
    machine="desk",
    tool="nilometer 0.1.0",
    rules="1" * 64,
)
ALL = (OVERCOMMITTED, FOLLOWS, UNKNOWN, REMARK, GAP)
"""In the order in which a report has them: by position, and last what has none."""


def result_of(
    *findings: Finding,
    minor: bool = False,
    most: int = 10,
    scope: Scope = EVERYTHING,
    strict: bool = False,
    required: frozenset[str] = frozenset(),
) -> AuditReport:
    """An audit of some findings, of two files."""
    audit = Audit(minor=minor, most=most)
    audit.spans[SOURCE] = (
        (1, "2026-11-23T09:00:00.000000Z", "host/hv01"),
        (1234, "2026-11-24T09:00:00.000000Z", "vm/web01"),
    )
    coverage = audit.coverage
    coverage.events = 1234
    coverage.count("book_agrees", Verdict.HOLDS, 1234)
    for finding in findings:
        audit.add(finding, SOURCE)
        coverage.count(finding.rule, finding.verdict, finding.count)
        coverage.count(finding.rule, Verdict.HOLDS, 100)
    return AuditReport(
        audit=audit,
        skipped=SkippedInput(),
        sources=["exports/monday.jsonl", "exports/tuesday.jsonl"],
        scope=scope,
        strict=strict,
        required=required,
        provenance=PROVENANCE,
    )
