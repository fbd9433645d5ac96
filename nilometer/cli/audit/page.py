"""An audit for people: the verdict first, then each finding with its evidence, then what could be checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from nilometer.audit.provenance import describe_provenance
from nilometer.audit.result import Audit, SourcedFinding
from nilometer.audit.wording import format_coverage, format_finding
from nilometer.cli.audit.result import AuditReport
from nilometer.cli.output import Output
from nilometer.errors import UnreadableEvent
from nilometer.messages.sizes import plural
from nilometer.times import format_duration, format_time, format_time_near
from projections.watching import gap_seconds
from rules.judging.findings import RuleCoverage, Verdict

MOST_GAPS: Final = 3
"""Times in which a host was not watched that are shown of each; the others are counted."""
_COLOURS: Final = {
    Verdict.HOLDS: "green",
    Verdict.VIOLATED: "red",
    Verdict.UNKNOWN: "yellow",
    Verdict.REMARK: "cyan",
}


def show_report(out: Output, report: AuditReport, *, findings_shown: bool = False) -> None:
    """Shows an audit, without its findings if they were shown before."""
    audit = report.audit
    _show_first_line(out, report.verdict, report.headline)
    if report.nothing_to_check and report.nothing_to_check not in report.headline:
        out.write_line(report.nothing_to_check)
    if report.skipped.count:
        count = report.skipped.count
        what = "event" if isinstance(report.skipped.errors[0], UnreadableEvent) else "line"
        lines, were = (what, "was") if count == 1 else (f"{what}s", "were")
        out.write_line(f"{count:,} {lines} could not be read and {were} not judged")
    if not findings_shown:
        show_findings(out, audit, audit.findings)
    for line in _hidden(audit):
        out.write_line(line)
    coverage = list(_coverage(audit))
    if coverage:
        out.write_line()
        out.write_line(f"{out.style('What could be checked', bold=True)}:")
        for line in coverage:
            out.write_line(f"  {line}")
    unwatched = list(_unwatched(report))
    if unwatched:
        out.write_line()
        out.write_line(f"{out.style('What was not watched', bold=True)}:")
        for line in unwatched:
            out.write_line(f"  {line}")
    out.write_line()
    out.write_line(f"{out.style('About this audit', bold=True)}:")
    for line in describe_provenance(audit, report.provenance):
        out.write_line(f"  {line}")


def show_findings(out: Output, audit: Audit, findings: Iterable[SourcedFinding]) -> None:
    """Shows some findings. The first finding about an event also shows how many others follow from that event."""
    counted: set[tuple[str, int | None]] = set()
    explained: set[str] = set()
    """Rules of which what is unknown was shown to be so: one is enough, unless all is asked for."""
    for sourced in findings:
        finding = sourced.finding
        event = (sourced.source, finding.at.position)
        consequences = 0
        if finding.follows is None and finding.at.position is not None and event not in counted:
            counted.add(event)
            consequences = audit.consequences[sourced.source, finding.at.position]
        lines = format_finding(finding, consequences, explained=audit.minor or finding.rule not in explained)
        if finding.verdict is Verdict.UNKNOWN:
            explained.add(finding.rule)
        out.write_line()
        _show_first_line(out, finding.verdict, next(lines).partition(": ")[2])
        for line in lines:
            out.write_line(line)


def _show_first_line(out: Output, verdict: Verdict, text: str) -> None:
    out.write_line(f"{out.style(verdict.value, fg=_COLOURS[verdict], bold=True)}: {text}")


def _hidden(audit: Audit) -> Iterator[str]:
    """What is not shown, and why."""
    if audit.left_out:
        yield ""
        yield f"Showing {len(audit.findings):,} of {audit.requested:,} findings: at most {audit.most:,} are kept."
    if audit.minor:
        return
    consequences, remarks = audit.consequence_count, audit.counts[Verdict.REMARK]
    follow = "finding that follows" if consequences == 1 else "findings that follow"
    parts = [f"{consequences:,} {follow} from these"] if consequences else []
    parts += [f"{remarks:,} remark{'' if remarks == 1 else 's'}"] if remarks else []
    if parts:
        yield ""
        yield f"Not shown: {' and '.join(parts)}; --all shows {'it' if consequences + remarks == 1 else 'them'}."


def _coverage(audit: Audit) -> Iterator[str]:
    """The verdicts of each rule: first the rules that could not be checked for every event, then the others."""
    rules = sorted(audit.coverage.rules.items())
    for rule, coverage in rules:
        if coverage.unknown:
            yield f"{rule}: {format_coverage(rule, coverage)}"
    for rule, coverage in rules:
        if not coverage.unknown and (coverage.applicable or coverage.remarks):
            yield f"{rule}: {_counts(coverage)}"


def _unwatched(report: AuditReport) -> Iterator[str]:
    """When hosts were not watched: of each the longest times, or with ``--all`` all of them."""
    for host, gaps in report.watched:
        if not gaps:
            continue
        total = format_duration(sum(map(gap_seconds, gaps)))
        shown = gaps if report.audit.minor else sorted(gaps, key=gap_seconds, reverse=True)[:MOST_GAPS]
        times = [f"{format_time(gap.since)} to {format_time_near(gap.until, gap.since)}" for gap in shown]
        rest = len(gaps) - len(shown)
        more = f", and {plural(rest, 'shorter time')}" if rest else ""
        yield f"host {host.host}, for {total}: {', '.join(times)}{more}"


def _counts(coverage: RuleCoverage) -> str:
    counts = (("violated", coverage.violated), ("holds", coverage.holds), ("remarks", coverage.remarks))
    return ", ".join(f"{word} {count:,}" for word, count in counts if count)
