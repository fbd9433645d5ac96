"""What an audit was asked, and what it comes to: a verdict and an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.errors import NilometerError
from nilometer.audit.result import KEPT, Audit
from nilometer.cli.failures import NOT_IN_FULL, OK, UNDECIDED, UNREADABLE, say
from nilometer.times import format_time
from rules.judging.findings import Verdict
from rules.judging.scope import Scope

NAMED: Final = 3
"""So many files are named; the others are counted."""


@dataclass(slots=True)
class PassedOver:
    """What could not be read and was passed over: the first of it is kept, the rest counted."""

    errors: list[NilometerError] = field(default_factory=list[NilometerError])
    count: int = 0

    def __call__(self, error: NilometerError) -> None:
        """One more."""
        self.count += 1
        if len(self.errors) < KEPT:
            self.errors.append(error)

    def tell(self) -> None:
        """Says them on stderr."""
        for error in self.errors:
            say("error", error.message, error.hint)
        if self.count > len(self.errors):
            say("error", f"{self.count - len(self.errors):,} more could not be read")


@dataclass(frozen=True, slots=True)
class Result:
    """An audit at its end."""

    audit: Audit
    unreadable: PassedOver
    sources: Sequence[str]
    """The files that were judged, or the ledger."""
    scope: Scope
    strict: bool
    required: frozenset[str]

    @property
    def code(self) -> int:
        """The exit code: what cannot be read counts more than a violation, and that more than what is unknown."""
        if self.unreadable.count:
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
        audit, where = self.audit, self._where
        events = _counted(audit.coverage.events, "event")
        if audit.verdict is Verdict.HOLDS:
            asked = sum(each.applicable for each in audit.coverage.rules.values())
            keep = "keeps" if audit.coverage.events == 1 else "keep"
            kept = f" {keep} every rule" if asked else ", of which no rule speaks"
            return f"{events}{kept} ({where})"
        findings = _counted(audit.counted[audit.verdict], "finding")
        return f"{findings} in {events} ({where})"

    @property
    def _where(self) -> str:
        more = len(self.sources) - NAMED
        told = ", ".join(self.sources[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
        scope = self.scope
        only = [*(f"VM {vm}" for vm in sorted(scope.vms)), *(f"host {host}" for host in sorted(scope.hosts))]
        if scope.since is not None:
            only.append(f"since {format_time(scope.since)}")
        if scope.until is not None:
            only.append(f"until {format_time(scope.until)}")
        only += sorted(scope.rules)
        return f"{told}; only {', '.join(only)}" if only else told


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
