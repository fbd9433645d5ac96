"""The report of ``nilo audit``: the audit with what was requested, its headline and its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.errors import NilometerError
from domain.identifiers import host_stream, vm_stream
from domain.observed.polls import Gap
from nilometer.audit.provenance import Provenance
from nilometer.audit.result import MOST_FINDINGS, Audit
from nilometer.audit.rules import ALL_RULES, POLICY
from nilometer.cli.failures import NOT_IN_FULL, OK, UNDECIDED, UNREADABLE, say
from nilometer.times import format_time
from projections.watching import WatchedHost
from rules.judging.findings import Verdict
from rules.judging.scope import Scope

MOST_NAMED: Final = 3
"""Files that are named; the others are counted."""


@dataclass(slots=True)
class SkippedInput:
    """Input that could not be read and was skipped: the first errors are kept, the others counted."""

    errors: list[NilometerError] = field(default_factory=list[NilometerError])
    count: int = 0

    def __call__(self, error: NilometerError) -> None:
        """Adds an error."""
        self.count += 1
        if len(self.errors) < MOST_FINDINGS:
            self.errors.append(error)

    def print(self) -> None:
        """Prints the errors on stderr."""
        for error in self.errors:
            say("error", error.message, error.hint)
        if self.count > len(self.errors):
            say("error", f"{self.count - len(self.errors):,} more could not be read")


@dataclass(frozen=True, slots=True)
class AuditReport:
    """A finished audit, and what was requested."""

    audit: Audit
    skipped: SkippedInput
    sources: Sequence[str]
    """The files that were judged, or the ledger."""
    scope: Scope
    strict: bool
    required: frozenset[str]
    provenance: Provenance

    @property
    def verdict(self) -> Verdict:
        """The verdict on what was requested: what no event matches is unknown, and never holds."""
        verdict = self.audit.verdict
        return Verdict.UNKNOWN if verdict is Verdict.HOLDS and self.unmatched else verdict

    @property
    def unmatched(self) -> list[str]:
        """What was requested by name and matches no event: rules, VMs and hosts."""
        audit, scope = self.audit, self.scope
        matched = audit.coverage.matched
        rules = sorted(rule for rule in scope.rules | self.required if not audit.was_checked(rule))
        vms = [f"VM {vm}" for vm in sorted(scope.vms) if vm_stream(vm) not in matched]
        return rules + vms + [f"host {host}" for host in sorted(scope.hosts) if host_stream(host) not in matched]

    @property
    def watched(self) -> list[tuple[WatchedHost, list[Gap]]]:
        """The hosts in scope that were watched, each with the times in scope in which it was not."""
        scope = self.scope
        hosts = [host for host in self.audit.watching if not scope.hosts or host.host in scope.hosts]
        return [(host, host.gaps_between(scope.since, scope.until)) for host in hosts]

    @property
    def nothing_to_check(self) -> str:
        """What could not be checked because no event matches it, as a sentence; empty if there is no such thing."""
        if self.audit.nothing_checked:
            return "Nothing to check: no event matches."
        unmatched = self.unmatched
        return f"Nothing to check for {', '.join(unmatched)}: no event matches." if unmatched else ""

    @property
    def code(self) -> int:
        """The exit code: unreadable input takes precedence over a violation, and that over unknown."""
        if self.skipped.count:
            return UNREADABLE
        audit, verdict = self.audit, self.verdict
        if verdict is Verdict.VIOLATED:
            return NOT_IN_FULL
        is_unknown = any(audit.is_unknown(rule) or not audit.was_checked(rule) for rule in self.required)
        return UNDECIDED if is_unknown or (self.strict and verdict is Verdict.UNKNOWN) else OK

    @property
    def headline(self) -> str:
        """The verdict in one line, without its word. It names only what was requested and checked."""
        audit, verdict = self.audit, self.verdict
        events, nothing = _counted(audit.coverage.events, "event"), self.nothing_to_check
        findings = audit.counts[verdict]
        if verdict is Verdict.HOLDS:
            rules = sum(map(audit.was_checked, audit.coverage.rules))
            text = f"{events}: {_counted(rules, 'rule')} of {self._rules_there_are} {'holds' if rules == 1 else 'hold'}"
        elif nothing and not findings:
            text = nothing
        else:
            text = f"{_counted(findings, 'finding')} in {events}"
        return f"{text} ({self._judged})"

    @property
    def _rules_there_are(self) -> int:
        """How many rules there are, with the policies that were asked."""
        return len(ALL_RULES) + sum(rule.startswith(POLICY) for rule in self.audit.coverage.rules)

    @property
    def _judged(self) -> str:
        more = len(self.sources) - MOST_NAMED
        names = ", ".join(self.sources[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
        scope = self.scope
        only = [*(f"VM {vm}" for vm in sorted(scope.vms)), *(f"host {host}" for host in sorted(scope.hosts))]
        if scope.since is not None:
            only.append(f"since {format_time(scope.since)}")
        if scope.until is not None:
            only.append(f"until {format_time(scope.until)}")
        only += sorted(scope.rules)
        return f"{names}; only {', '.join(only)}" if only else names


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
