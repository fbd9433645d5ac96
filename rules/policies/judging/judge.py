"""Judges a history by the rules and by policies: decided commands by their effect, observed figures three-valued.

A policy on observed figures holds or is violated if the known ones decide it, whatever the unknown ones are; else it is
unknown. Only the first finding of a breach is shown, until it is over; all are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from domain.envelope import Envelope
from domain.event import Event
from domain.events import HostMemoryGranted, HostMemoryReturned
from domain.identifiers import split_stream
from domain.observed.events import Observed
from rules.judging.findings import At, Finding, Verdict
from rules.judging.scope import EVERYTHING, Scope
from rules.policies.judging.adopted import PREFIX, AdoptedJudge
from rules.policies.judging.history import PolicyBreach, PolicyHistory
from rules.policies.judging.observing import ObservedPolicies, PolicyAnswer
from rules.policies.policy import Policy
from rules.policies.subjects import path_of
from rules.symbolic.terms import variables
from rules.wording import format_exact_sizes


class PolicyJudge(AdoptedJudge):
    """A judge that asks policies too."""

    def __init__(
        self, policies: Sequence[Policy], scope: Scope = EVERYTHING, *, late: Mapping[int, str] | None = None
    ) -> None:
        super().__init__(scope, late=late)
        if any(rule.startswith(PREFIX) for rule in scope.rules):
            policies = [policy for policy in policies if PREFIX + policy.name in scope.rules]
        self._policies = policies
        self._history = PolicyHistory(policies, self._includes)
        self._place = ""
        self._holds: dict[str, int] = {}
        self._observations = ObservedPolicies(policies)
        self._last: dict[tuple[str, str], Verdict] = {}
        for policy in policies:
            self._collector.coverage.count(PREFIX + policy.name, Verdict.HOLDS, 0)

    @property
    def takes_whole_changes(self) -> bool:
        """Each event is shown to the policies."""
        return False

    def take(self, envelope: Envelope[Event], place: str = "", source: str = "") -> list[Finding]:
        """As ``Judge.take``, and what policies say of the command before this event, or of what this event observed."""
        found = [*super().take(envelope, place, source)]
        found += map(self._describe_breach, self._follow(self._history.take(envelope)))
        if not isinstance(envelope.event, HostMemoryGranted | HostMemoryReturned):
            self._place = place
        if isinstance(envelope.event, Observed):
            found += self._describe_answers(self._observations.take(envelope, envelope.event, place))
        return found

    def finish(self) -> list[Finding]:
        """As ``Judge.finish``, and what policies say of the last command."""
        found = [*super().finish(), *map(self._describe_breach, self._follow(self._history.finish()))]
        found += self._describe_answers(self._observations.finish())
        for stream in sorted(self._history.unreadable):
            found += [self._describe_unreadable(policy, stream) for policy in self._policies]
        return found

    def _describe_unreadable(self, policy: Policy, stream: str) -> Finding:
        self._collector.coverage.count(PREFIX + policy.name, Verdict.UNKNOWN)
        return Finding(
            rule=PREFIX + policy.name,
            verdict=Verdict.UNKNOWN,
            at=At(stream=stream, position=None, happened=None),
            why="an event does not follow from those before it, so that nothing is known after it",
        )

    # Decided

    def _follow(self, breaches: list[PolicyBreach]) -> list[PolicyBreach]:
        """Counts what the last command came to; returns the breaches that are in scope."""
        coverage = self._collector.coverage
        kept: list[PolicyBreach] = []
        for breach in breaches:
            if self._includes(breach.stream, breach.happened):
                coverage.count(PREFIX + breach.policy.name, Verdict.VIOLATED)
                kept.append(breach)
        for name, counts in self._history.counts.items():
            new = counts.holds - self._holds.get(name, 0)
            self._holds[name] = counts.holds
            coverage.count(PREFIX + name, Verdict.HOLDS, new)
        return kept

    def _describe_breach(self, breach: PolicyBreach) -> Finding:
        more = "" if breach.held_before else ", less than before"
        return Finding(
            rule=PREFIX + breach.policy.name,
            verdict=Verdict.VIOLATED,
            at=At(stream=breach.event, position=breach.position, happened=breach.happened, place=self._place),
            why=f"the policy does not hold of {breach.subject}{more}: {breach.policy.sentence.rstrip('.')}",
            then=f"this is what {breach.command} left" if breach.command else "",
            let=breach.figures,
        )

    def _includes(self, stream: str, happened: str) -> bool:
        kind, id = split_stream(stream)
        host = self._decided.host_of(id) or self._observed.host_of(id) if kind == "vm" else None
        return self.scope.includes(stream, host, happened)

    # Observed

    def _describe_answers(self, answers: Iterable[PolicyAnswer]) -> Iterator[Finding]:
        """Counts what was answered of observed VMs and hosts that are in scope; a breach is shown when it begins."""
        for answer in answers:
            envelope, policy = answer.envelope, answer.policy
            if not self._includes(envelope.stream, envelope.metadata.happened):
                continue
            rule = PREFIX + policy.name
            self._collector.coverage.count(rule, answer.verdict)
            before = None if policy.is_over_changes else self._last.get((rule, answer.stream))
            self._last[rule, answer.stream] = answer.verdict
            if answer.verdict in (Verdict.HOLDS, before):
                continue
            yield Finding(
                rule=rule,
                verdict=answer.verdict,
                at=At(
                    stream=envelope.stream,
                    position=envelope.position,
                    happened=envelope.metadata.happened,
                    place=answer.place,
                    record=getattr(envelope.event, "record", None),
                ),
                why=_why(answer),
                let={path_of(policy, name): value for name, value in answer.known.items()},
            )


def _why(answer: PolicyAnswer) -> str:
    policy = answer.policy
    sentence = policy.sentence.rstrip(".")
    if answer.is_about_time and policy.scope.window is not None:
        return f"it is not known whether it happened {policy.scope.window.text}: {sentence}"
    if answer.verdict is Verdict.VIOLATED:
        least = " and ".join(
            f"{path_of(policy, name)} is at least {format_exact_sizes([size])[0]}"
            for name, size in answer.least.items()
        )
        return f"the policy does not hold{f', as {least} of what was measured' if least else ''}: {sentence}"
    missing = ", ".join(sorted(path_of(policy, name) for name in variables(policy.term) if name not in answer.known))
    return f"whether the policy holds depends on what was not measured ({missing}): {sentence}"
