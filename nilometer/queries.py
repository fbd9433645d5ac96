"""What a ledger tells, for programs: the view, the log, and an audit. The commands of these names show the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Final

from domain.commands import Command
from domain.decision import Outcome
from domain.errors import InputError
from domain.events import VmCommandRefused, VmMemoryAdded, VmMemoryRemoved
from domain.identifiers import UtcTime, subject_id
from nilometer.ledger.reader import LedgerReader
from nilometer.planning.asking import Possibility, ask, world_of
from nilometer.planning.givers import GENTLEST_FIRST
from nilometer.planning.keeping import adopted_policies
from nilometer.planning.options import MOST_STEPS
from nilometer.times import current_time, parse_time
from projections.short import Shortages, ShortGrant, find_shortages
from projections.view import View, view
from rules.judging.findings import Finding, RuleCoverage, Verdict

if TYPE_CHECKING:
    from domain.envelope import Envelope
    from domain.event import Event

_GIVING: Final = ("add-memory", "grow", "set-memory")
_NONE: Final = ShortGrant(0, 0, "")

Histories = LedgerReader | str | PathLike[str] | Iterable[str | PathLike[str]]
"""A ledger, or the files of a history: what ``nilo export`` writes."""


def read_view(
    ledger: LedgerReader,
    *,
    at: str | None = None,
    position: int | None = None,
    vm: str | None = None,
    host: str | None = None,
) -> View:
    """The guest-visible memory view: now, as it was at a time, or as it was known at a position. Sizes are bytes.

    ``at`` has a zone, such as ``2026-11-23T09:00:00Z``; ``vm`` and ``host`` are ids. Raises ``UnknownVm`` or
    ``UnknownHost`` for what was not there, and ``InputError`` for a time or position that cannot be.
    """
    if at is not None and position is not None:
        raise InputError("at and position name two moments", hint="give one: at is when it happened")
    moment = None if at is None else parse_time(at)
    return view(ledger.views.fleet_of(moment if position is None else position), at=moment, vm=vm, host=host)


def read_log(
    ledger: LedgerReader,
    *,
    vm: str | None = None,
    host: str | None = None,
    since: str | None = None,
    until: str | None = None,
    outcome: Outcome | None = None,
    actor: str | None = None,
    correlation: str | None = None,
    asked: bool = False,
    limit: int | None = None,
) -> Iterator[Envelope[Event]]:
    """The events to which all of this applies, in the order in which they were recorded.

    With ``limit`` only so many of the newest; with ``asked`` only requests. ``vm`` and ``host`` are ids, times have a
    zone and are included. Raises ``InputError`` for a time that cannot be read, and ``UnreadableEvent``, a
    ``LedgerError``, at an event that is damaged.
    """
    from nilometer.errors import UnreadableEvent
    from nilometer.views.log import Filter

    wanted = Filter(
        vm=vm,
        host=host,
        since=None if since is None else parse_time(since),
        until=None if until is None else parse_time(until),
        outcome=outcome,
        actor=actor,
        correlation=correlation,
        asked=asked,
    )
    for event in ledger.views.log(wanted, limit):
        if isinstance(event, UnreadableEvent):
            raise event
        yield event


def read_short(ledger: LedgerReader, *, at: str | None = None, now: str | None = None) -> Shortages:
    """Which VMs are short of memory and why, worst first, now or as it was at a time. Sizes are bytes.

    Times have a zone. Raises ``InputError`` for one that cannot be read.
    """
    moment = None if at is None else parse_time(at)
    fleet = ledger.views.fleet_of(moment)
    until = moment or (current_time() if now is None else parse_time(now))
    return find_shortages(fleet, until, _find_short_grants(ledger, moment))


def ask_command(
    ledger: LedgerReader,
    command: Command,
    *,
    within: int = 2,
    without: Iterable[str] = (),
    keep: str | PathLike[str] | None = None,
) -> Possibility:
    """Asks whether a command on a decided VM or host would be granted, and what would make it possible.

    Nothing is recorded. Options have at most ``within`` steps, 1 to 3, and none of the kinds ``without``, such as
    ``stop``. ``keep`` is a file of policies that neither the command nor a step may make worse. Raises ``InputError``
    for a VM or host that is not there, or about which a hypervisor decides.
    """
    from nilometer.audit.policies import open_kept

    if type(within) is not int or not 1 <= within <= MOST_STEPS:
        raise InputError(f"within is {within!r}", hint=f"write a number from 1 to {MOST_STEPS}")
    kinds = frozenset((without,) if isinstance(without, str) else without)
    wrong = sorted(kinds - set(GENTLEST_FIRST))
    if wrong:
        raise InputError(f"{wrong[0]!r} is not a kind of step", hint=f"known: {', '.join(GENTLEST_FIRST)}")
    now = current_time()
    kept = () if keep is None else open_kept(fspath(keep), now)
    adopted = ledger.policy_set().at(now)
    world = world_of(ledger.views.fleet(), policies=adopted.enforced)
    return ask(world, command, within=within, without=kinds, keep=(*adopted_policies(adopted), *kept))


def _find_short_grants(ledger: LedgerReader, until: UtcTime | None) -> dict[str, ShortGrant]:
    """The decided VMs whose last request about memory was for more, and granted in part or not at all."""
    found: dict[str, ShortGrant] = {}
    for outcome in (Outcome.PARTIALLY_COMPLETED, Outcome.FAILED):
        for event in read_log(ledger, outcome=outcome, asked=True, until=until):
            change = event.event
            if not isinstance(change, VmMemoryAdded | VmCommandRefused) or change.requested is None:
                continue
            vm, happened = subject_id(event.stream), event.metadata.happened
            if change.command in _GIVING and found.get(vm, _NONE).happened <= happened:
                before = change.before or change.after
                found[vm] = ShortGrant(change.requested, before.assigned, happened)
    return {vm: grant for vm, grant in found.items() if not _is_taken_back(ledger, vm, grant, until)}


def _is_taken_back(ledger: LedgerReader, vm: str, grant: ShortGrant, until: UtcTime | None) -> bool:
    """Whether somebody asked later that the VM have less."""
    later = read_log(ledger, vm=vm, asked=True, since=grant.happened, until=until)
    return any(isinstance(event.event, VmMemoryRemoved) for event in later)


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an audit found."""

    verdict: Verdict
    """``holds`` only if something was checked, and nothing is violated or unknown."""
    events: int
    """The events that were judged."""
    findings: tuple[Finding, ...]
    """In the order of the events; also remarks, and what only follows from another finding."""
    checked: Mapping[str, RuleCoverage]
    """How often each rule was checked, by its name."""


def audit_history(
    history: Histories,
    *,
    since: str | None = None,
    until: str | None = None,
    vms: Iterable[str] = (),
    hosts: Iterable[str] = (),
    rules: Iterable[str] = (),
    policies: str | PathLike[str] | None = None,
) -> AuditResult:
    """Judges every event of a history against every rule, as ``nilo audit`` does.

    The options choose what is judged; all else is read, so that the state is known. ``policies`` is a file of policies
    of your own, which are asked too; their names begin with ``policy/``. Raises ``InputError`` for a file
    that cannot be read, or a rule that there is not, and ``LedgerError``.
    """
    from nilometer.audit.histories import histories
    from nilometer.audit.policies import make_judge, open_policies
    from nilometer.audit.result import Audit
    from nilometer.audit.rules import require_rule
    from nilometer.audit.stored import ledger_events
    from nilometer.history.cloudevents import source_uri
    from nilometer.history.opening import open_history
    from rules.judging.scope import Scope

    asked = () if policies is None else open_policies(fspath(policies))
    scope = Scope(
        since=None if since is None else parse_time(since),
        until=None if until is None else parse_time(until),
        vms=frozenset(vms),
        hosts=frozenset(hosts),
        rules=frozenset(require_rule(rule) for rule in rules),
    )
    audit = Audit(minor=True)
    if isinstance(history, LedgerReader):
        judge, source = make_judge(asked, scope), source_uri(history.id)
        audit.judge(ledger_events(history, upto=history.position), judge, source)
        audit.finish(judge, source)
    else:
        files = [fspath(history)] if isinstance(history, str | PathLike) else [fspath(file) for file in history]
        for one in histories(files, open_history, None):
            judge = make_judge(asked, scope)
            audit.judge(one.events, judge, one.source)
            audit.finish(judge, one.source, one.conflicts)
    return AuditResult(
        verdict=audit.verdict,
        events=audit.coverage.events,
        findings=tuple(sourced.finding for sourced in audit.findings),
        checked=audit.coverage.rules,
    )
