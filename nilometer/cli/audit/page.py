"""An audit for people: the verdict first, then each finding as a story, then what could be checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from nilometer.audit.result import Audit, Found
from nilometer.audit.wording import partly, story
from nilometer.cli.audit.result import Result
from nilometer.cli.output import Output
from rules.judging.findings import RuleCoverage, Verdict

_COLOURS: Final = {
    Verdict.HOLDS: "green",
    Verdict.VIOLATED: "red",
    Verdict.UNKNOWN: "yellow",
    Verdict.REMARK: "cyan",
}


def show(out: Output, result: Result, *, already: bool = False) -> None:
    """Shows an audit; the findings are left out if they were shown ``already``."""
    audit = result.audit
    _first_line(out, audit.verdict, result.headline)
    if result.unreadable.count:
        count = result.unreadable.count
        lines = "line" if count == 1 else "lines"
        out.write_line(f"{count:,} {lines} could not be read: nothing is said of what may stand there")
    if not already:
        show_findings(out, audit, audit.findings)
    for line in _hidden(audit):
        out.write_line(line)
    covered = list(_coverage(audit))
    if covered:
        out.write_line()
        out.write_line(f"{out.style('What could be checked', bold=True)}:")
        for line in covered:
            out.write_line(f"  {line}")


def show_findings(out: Output, audit: Audit, findings: Iterable[Found]) -> None:
    """Shows some findings. How many others follow is told of the first finding at a place."""
    told: set[tuple[str, int | None]] = set()
    for each in findings:
        finding = each.finding
        place = (each.source, finding.at.position)
        following = 0
        if finding.follows is None and finding.at.position is not None and place not in told:
            told.add(place)
            following = audit.following[each.source, finding.at.position]
        lines = story(finding, following)
        out.write_line()
        _first_line(out, finding.verdict, next(lines).partition(": ")[2])
        for line in lines:
            out.write_line(line)


def _first_line(out: Output, verdict: Verdict, text: str) -> None:
    out.write_line(f"{out.style(verdict.value, fg=_COLOURS[verdict], bold=True)}: {text}")


def _hidden(audit: Audit) -> Iterator[str]:
    """What is not shown, and why."""
    if audit.left_out:
        yield ""
        yield f"Showing {len(audit.findings):,} of {audit.wanted:,} findings: no more than {audit.most:,} are kept."
    if audit.minor:
        return
    following, remarks = audit.followed, audit.counted[Verdict.REMARK]
    parts = [f"{following:,} that only follow from these"] if following else []
    parts += [f"{remarks:,} remark{'' if remarks == 1 else 's'}"] if remarks else []
    if parts:
        yield ""
        yield f"Not shown: {' and '.join(parts)}; --all shows them."


def _coverage(audit: Audit) -> Iterator[str]:
    """How often each rule was asked: first those that could not be checked everywhere, then the others."""
    rules = sorted(audit.coverage.rules.items())
    for rule, coverage in rules:
        if coverage.unknown:
            yield f"{rule}: {partly(rule, coverage)}"
    for rule, coverage in rules:
        if not coverage.unknown and (coverage.applicable or coverage.remarks):
            yield f"{rule}: {_counts(coverage)}"


def _counts(coverage: RuleCoverage) -> str:
    counts = (("violated", coverage.violated), ("holds", coverage.holds), ("remarks", coverage.remarks))
    return ", ".join(f"{word} {count:,}" for word, count in counts if count)
