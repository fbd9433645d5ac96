"""The report of ``nilo audit``: the audit with what was requested, its headline and its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.errors import NilometerError
from nilometer.audit.result import MOST_FINDINGS, Audit
from nilometer.cli.failures import NOT_IN_FULL, OK, UNDECIDED, UNREADABLE, say
from nilometer.times import format_time
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

    @property
    def code(self) -> int:
        """The exit code: unreadable input takes precedence over a violation, and that over unknown."""
        if self.skipped.count:
            return UNREADABLE
        if self.audit.verdict is Verdict.VIOLATED:
            return NOT_IN_FULL
        unknown = self.audit.verdict is Verdict.UNKNOWN
        if (self.strict and unknown) or any(self.audit.is_unknown(rule) for rule in self.required):
            return UNDECIDED
        return OK

    @property
    def headline(self) -> str:
        """The verdict in one line, without its word."""
        audit = self.audit
        count = audit.coverage.events
        events = _counted(count, "event")
        if audit.verdict is not Verdict.HOLDS:
            text = f"{_counted(audit.counts[audit.verdict], 'finding')} in {events}"
        elif not count:
            text = "nothing to check, no event matches"
        elif not any(rule.applicable for rule in audit.coverage.rules.values()):
            text = f"nothing to check, no rule applies to the {events}"
        else:
            text = f"{events} {'keeps' if count == 1 else 'keep'} every rule"
        return f"{text} ({self._judged})"

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
