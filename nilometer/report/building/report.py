"""The whole report, from one pass over a history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Final

from domain.identifiers import UtcTime
from domain.observed.imports import ImportRecorded
from nilometer.audit.identifying import identify
from nilometer.audit.rules import ALL_RULES
from nilometer.report.building.context import Context, counted, counted_events, unit_of
from nilometer.report.building.digest import digest_since
from nilometer.report.building.findings import finding_items, flags
from nilometer.report.building.fleet import fleet_page
from nilometer.report.building.host_chart import host_line
from nilometer.report.building.hosts import host_page
from nilometer.report.building.lines import Gap
from nilometer.report.building.rules import ProofSummary, rules_page
from nilometer.report.building.vms import gaps_of, vm_line, vm_page
from nilometer.report.clocks import Clock24, hours_before
from nilometer.report.collected import Collected, HostHistory, VmHistory
from nilometer.report.collecting import MOST_JUDGED
from nilometer.report.data import FindingItem, PagePart, Reference, ReportPages, VerdictBlock, VerdictWord
from nilometer.report.series import ComparedMoment, ComparedSubject, Line, LineName, LineStep
from projections.view import view
from rules.judging.findings import Verdict

MOST_VMS: Final = 40
"""VMs that have a page of their own; where there are more, those that need looking at."""
MOST_HOSTS: Final = 20
MOST_MOMENTS: Final = 1000
_COMPARED_VM: Final[tuple[LineName, ...]] = ("assigned", "visible", "high_watermark", "in_use")
_COMPARED_HOST: Final[tuple[LineName, ...]] = ("total", "reserve", "held", "free")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a history comes from: how it was named, and the digests of its files."""

    name: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Making:
    """How a report is made: when, in which zone, of which moment."""

    made: UtcTime
    clock: Clock24
    at: UtcTime | None = None
    vms: frozenset[str] = frozenset()
    """The VMs that must have a page."""
    proof: ProofSummary | None = None
    since: UtcTime | None = None
    """Since when the digest shows what is new; without it there is none."""
    notes: tuple[str, ...] = ()


def build_report(collected: Collected, origin: Origin, making: Making) -> ReportPages:
    """The data of a whole report."""
    at = making.at or collected.last or making.made
    clock = replace(making.clock, day=making.clock.date(at))
    now = view(collected.fleet, at=at)
    paged_hosts = _paged_hosts(collected)
    paged_vms = _paged_vms(collected, making.vms)
    listed = {
        row.envelope.position for subject in _paged(collected, paged_vms, paged_hosts) for row in subject.listed()
    }
    context = Context(
        collected=collected,
        clock=clock,
        at=at,
        paged_vms=paged_vms,
        paged_hosts=paged_hosts,
        listed=listed,
    )
    findings = finding_items(context, collected.audit.findings) if collected.judged else ()
    context = replace(context, findings_of=flags(findings))
    vms = [collected.vms[id] for id in sorted(paged_vms)]
    compared, moments = tuple(compared_subjects(context, vms)), compared_moments(context, vms)
    day_before = hours_before(at, 24)
    rules = rules_page(collected.audit.coverage.rules, making.proof, judged=collected.judged)
    return ReportPages(
        title=f"Memory report, {clock.date(at)}",
        made=f"{clock.full(making.made)} {clock.name}",
        tool=f"nilo {version('nilometer')}",
        zone=clock.name,
        verdict=verdict_block(context, origin, findings, making.proof),
        fleet=fleet_page(context, now),
        hosts=tuple(host_page(context, collected.hosts[id], now) for id in sorted(paged_hosts)),
        vms=tuple(vm_page(context, vm, findings) for vm in vms),
        vms_left_out=len(collected.vms) - len(vms),
        findings=findings,
        findings_left_out=collected.audit.left_out if collected.judged else 0,
        rules=rules,
        compared=compared,
        moments=moments,
        first_pinned=next((place for place, moment in enumerate(moments) if moment.time >= day_before), 0),
        unit=unit_of(step.size for subject in compared for line in subject.lines for step in _exact(line)),
        digest=None if making.since is None else digest_since(context, making.since, _timed(collected, findings)),
        notes=making.notes,
    )


def _timed(collected: Collected, items: Sequence[FindingItem]) -> list[tuple[FindingItem, str | None]]:
    """Findings with the times of their events."""
    happened = {id: sourced.finding.at.happened for id, sourced in identify(collected.audit.findings)}
    return [(item, happened.get(item.id)) for item in items]


def _paged(collected: Collected, vms: Iterable[str], hosts: Iterable[str]) -> Iterator[VmHistory | HostHistory]:
    yield from (collected.vms[id] for id in vms)
    yield from (collected.hosts[id] for id in hosts)


def _paged_hosts(collected: Collected) -> list[str]:
    """The hosts with a page: those with the most events."""
    ordered = sorted(collected.hosts.values(), key=lambda host: (-host.events, host.id))
    return [host.id for host in ordered[:MOST_HOSTS]]


def _paged_vms(collected: Collected, wanted: frozenset[str]) -> list[str]:
    """The VMs with a page: those asked for, those that fell short, then those that changed last."""
    if len(collected.vms) <= MOST_VMS:
        return list(collected.vms)

    def order(vm: VmHistory) -> tuple[bool, bool, str]:
        return vm.id in wanted, bool(vm.short), vm.last

    ordered = sorted(collected.vms.values(), key=order, reverse=True)
    return [vm.id for vm in ordered[: max(MOST_VMS, len(wanted))]]


# The verdict


def verdict_block(
    context: Context, origin: Origin, findings: Sequence[FindingItem], proof: ProofSummary | None
) -> VerdictBlock:
    """The verdict, and what it covers."""
    collected = context.collected
    audit = collected.audit
    events = counted_events(collected.events)
    first, last = collected.first, collected.last
    span = "" if first is None or last is None else context.clock.span(first, last)
    covers = f"{events}, {span}" if span else events
    proved = "" if proof is None else f", {proof.verdict} from the code that judged"
    rules = f"{len(ALL_RULES)}{proved}"
    part = PagePart(
        name=origin.name,
        source=collected.source,
        span=span,
        events=collected.events,
        files=(*origin.files, *_imported(collected)),
    )
    if not collected.judged or not collected.events:
        word, sentence, more = _not_judged(collected)
    else:
        word, sentence, more = _judged(audit.verdict, audit.counts, nothing=audit.nothing_checked)
    return VerdictBlock(
        word=word,
        sentence=sentence,
        more=more,
        covers=covers,
        not_decided=tuple(_not_decided(findings)),
        rules=rules,
        histories=(part,),
        violations=tuple(finding for finding in findings if finding.verdict == "violated" and finding.follows is None),
    )


def _not_judged(collected: Collected) -> tuple[VerdictWord, str, str]:
    if not collected.events:
        return "unknown", "There is nothing to judge: no event is recorded.", ""
    how = "nilo audit judges it."
    if collected.events > MOST_JUDGED:
        how = "So many events are judged only if somebody asks for it: --judge, or nilo audit."
    return "not judged", "No rule was asked: this page only shows what is recorded.", how


def _judged(verdict: Verdict, counts: Counter[Verdict], *, nothing: bool) -> tuple[VerdictWord, str, str]:
    unknown, violated, remarks = (counts[one] for one in (Verdict.UNKNOWN, Verdict.VIOLATED, Verdict.REMARK))
    more = f"{counted(remarks)} remark{'' if remarks == 1 else 's'}." if remarks else ""
    if nothing:
        return "unknown", "Nothing to check: no rule applies to any event.", more
    undecided = f"{counted(unknown)} finding{'' if unknown == 1 else 's'} could not be decided"
    if verdict is Verdict.VIOLATED:
        rest = f"{undecided}. " if unknown else ""
        return "violated", f"{counted(violated)} violation{'' if violated == 1 else 's'}.", f"{rest}{more}"
    if verdict is Verdict.UNKNOWN:
        return "unknown", f"No rule is violated. {undecided}", f"because a figure was not measured. {more}"
    return "holds", "Every rule that applies to an event holds.", more


def _not_decided(findings: Iterable[FindingItem]) -> Iterator[Reference]:
    seen: set[str] = set()
    for finding in findings:
        if finding.verdict == "unknown" and finding.rule.words not in seen:
            seen.add(finding.rule.words)
            yield Reference(finding.rule.words, f"#{finding.anchor}")


def _imported(collected: Collected) -> Iterator[str]:
    for envelope in collected.imports:
        event = envelope.event
        if isinstance(event, ImportRecorded):
            name = event.file.replace("\\", "/").rpartition("/")[2]
            yield f"{name} ({event.format}), {counted_events(event.events)}, SHA-256 {event.sha256}"


# Compare


def compared_subjects(context: Context, vms: Iterable[VmHistory]) -> Iterator[ComparedSubject]:
    """The hosts and VMs that have a page, with their lines."""
    for id in sorted(context.paged_hosts):
        host = context.collected.hosts[id]
        reference = context.host(id)
        lines = [host_line(name, host.points, host.gaps) for name in _COMPARED_HOST]
        yield ComparedSubject(href=reference.href or "", label=f"Host {id}", lines=_drawn(lines))
    for vm in vms:
        moments = list(vm.points)
        gaps: list[Gap] = gaps_of(context.collected, moments)
        reference = context.vm(vm.id)
        lines = [vm_line(name, moments, gaps) for name in _COMPARED_VM]
        yield ComparedSubject(href=reference.href or "", label=f"VM {reference.words}", lines=_drawn(lines))


def _exact(line: Line) -> Iterable[LineStep]:
    """The steps that decide a unit: what is in use is measured to the byte, and rounded in any unit."""
    return () if line.name == "in_use" else line.steps


def _drawn(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(line for line in lines if line.steps)


def compared_moments(context: Context, vms: Iterable[VmHistory]) -> tuple[ComparedMoment, ...]:
    """The moments that can be pinned: all instants of the VMs that have a page."""
    positions: dict[UtcTime, int] = {}
    for vm in vms:
        for moment in vm.points:
            time = moment.point.at
            positions[time] = max(positions.get(time, 0), moment.point.position)
    times = sorted(positions)
    step = max(1, -(-len(times) // MOST_MOMENTS))
    return tuple(ComparedMoment(time, positions[time], context.clock.clock(time)) for time in times[::step])
