"""Judges a history by the rules and by policies: decided commands by their effect, observed figures three-valued.

A policy on observed figures holds or is violated if the known ones decide it, whatever the unknown ones are; else it is
unknown. Only the first finding of a breach is shown, until it is over; all are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from domain.envelope import Envelope
from domain.errors import NilometerError
from domain.event import Event
from domain.events import HostMemoryGranted, HostMemoryReturned
from domain.identifiers import split_stream, subject_id
from domain.observed.events import HostObserved, Observed, VmMemoryMoved, VmObserved
from domain.observed.host import ObservedHost
from domain.observed.settings import known_parts
from domain.observed.vm import ObservedVm
from domain.state import Power
from rules.judging.findings import At, Finding, Verdict
from rules.judging.judge import Judge
from rules.judging.scope import EVERYTHING, Scope
from rules.policies.history import PolicyBreach, PolicyHistory
from rules.policies.partial import FREE, HELD, VISIBLE, evaluate_known
from rules.policies.policy import Policy
from rules.symbolic.terms import Literal, Term, variables

PREFIX: Final = "policy/"
"""What the name of a policy begins with, where it stands beside the names of rules."""
_MEASURES: Final = (HostObserved, VmObserved, VmMemoryMoved)
"""The events after which an observed policy is asked."""
_VM_FIGURES: Final = ("generation", "guest", "power", "session", "assigned", "in_use", "high_watermark", "paged_out")


class PolicyJudge(Judge):
    """A judge that asks policies too."""

    def __init__(self, policies: Sequence[Policy], scope: Scope = EVERYTHING) -> None:
        super().__init__(scope)
        self._policies = policies
        self._history = PolicyHistory(policies)
        self._place = ""
        self._holds: dict[str, int] = {}
        self._vms: dict[str, ObservedVm] = {}
        self._hosts: dict[str, ObservedHost] = {}
        self._last: dict[tuple[str, str], Verdict] = {}
        for policy in policies:
            self._collector.coverage.count(PREFIX + policy.name, Verdict.HOLDS, 0)

    def take(self, envelope: Envelope[Event], place: str = "", source: str = "") -> list[Finding]:
        """As ``Judge.take``, and what policies say of the command before this event, or of what this event observed."""
        found = [*super().take(envelope, place, source)]
        found += map(self._describe_breach, self._follow(self._history.take(envelope)))
        if not isinstance(envelope.event, HostMemoryGranted | HostMemoryReturned):
            self._place = place
        if isinstance(envelope.event, Observed):
            found += self._observe(envelope, envelope.event, place)
        return found

    def finish(self) -> list[Finding]:
        """As ``Judge.finish``, and what policies say of the last command."""
        found = [*super().finish(), *map(self._describe_breach, self._follow(self._history.finish()))]
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
            why=f"the policy does not hold of {subject_id(breach.stream)}{more}: {breach.policy.sentence.rstrip('.')}",
            then=f"this is what {breach.command} left" if breach.command else "",
            let=breach.figures,
        )

    def _includes(self, stream: str, happened: str) -> bool:
        kind, id = split_stream(stream)
        host = self._decided.host_of(id) or self._observed.host_of(id) if kind == "vm" else None
        return self.scope.includes(stream, host, happened)

    # Observed

    def _observe(self, envelope: Envelope[Event], event: Observed, place: str) -> Iterator[Finding]:
        kind, id = split_stream(envelope.stream)
        happened, earliest = envelope.metadata.happened, envelope.metadata.earliest
        try:
            if kind == "vm":
                self._vms.setdefault(id, ObservedVm.begin(id)).apply(event, happened, earliest)
            elif kind == "host":
                self._hosts.setdefault(id, ObservedHost.begin(id)).apply(event, happened, earliest)
            else:
                return
        except (NilometerError, TypeError, ValueError):
            return  # the judge says what is wrong with the event
        if not isinstance(event, _MEASURES) or not self._includes(envelope.stream, happened):
            return
        for policy in self._policies:
            if kind == "host" and not policy.is_over_vms and policy.scope.has_host(id):
                yield from self._ask(policy, envelope, place, None, self._hosts[id])
            if kind == "vm" and policy.is_over_vms:
                vm = self._vms[id]
                host = None if vm.host is None else self._hosts.get(vm.host)
                if policy.scope.has_vm(id, vm.name) and policy.scope.has_host(vm.host or ""):
                    yield from self._ask(policy, envelope, place, vm, host)

    def _ask(
        self, policy: Policy, envelope: Envelope[Event], place: str, vm: ObservedVm | None, host: ObservedHost | None
    ) -> Iterator[Finding]:
        if vm is not None and (vm.not_listed_since is not None or vm.retired_since is not None):
            return
        known, measured = _figures_of(vm, host)
        value = evaluate_known(policy.term, known, measured)
        verdict = Verdict.UNKNOWN if value is None else Verdict.HOLDS if value else Verdict.VIOLATED
        rule = PREFIX + policy.name
        self._collector.coverage.count(rule, verdict)
        subject = (rule, envelope.stream)
        before, self._last[subject] = self._last.get(subject), verdict
        if verdict is Verdict.HOLDS or verdict is before:
            return
        sentence = policy.sentence.rstrip(".")
        missing = sorted(name.removeprefix("site.") for name in _needed(policy, known))
        yield Finding(
            rule=rule,
            verdict=verdict,
            at=At(
                stream=envelope.stream,
                position=envelope.position,
                happened=envelope.metadata.happened,
                place=place,
                record=getattr(envelope.event, "record", None),
            ),
            why=f"the policy does not hold: {sentence}"
            if verdict is Verdict.VIOLATED
            else f"whether the policy holds depends on what was not measured ({', '.join(missing)}): {sentence}",
            let={name.removeprefix("site."): value for name, value in known.items() if name in _named(policy)},
        )


def _named(policy: Policy) -> frozenset[str]:
    return frozenset(variables(policy.term))


def _needed(policy: Policy, known: dict[str, Literal]) -> list[str]:
    return [name for name in _named(policy) if name not in known]


def _figures_of(vm: ObservedVm | None, host: ObservedHost | None) -> tuple[dict[str, Literal], dict[Term, Literal]]:
    """The figures that are known of an observed VM and host, by variable; and what was measured as it is."""
    known: dict[str, Literal | None] = {}
    measured: dict[Term, Literal | None] = {}
    if host is not None:
        known |= {"site.host.total": host.total, "site.host.reserve": host.reserve}
        known["site.host.version"] = host.host_version
        measured[FREE] = host.free
    if vm is not None:
        known |= {f"site.vm.{name}": getattr(vm, name) for name in _VM_FIGURES}
        known["site.vm.ballooned"] = vm.ballooned
        known["site.vm.in_use_reported"] = None if vm.in_use is None else True
        if vm.memory is not None:
            known |= {f"site.vm.memory.{name}": value for name, value in known_parts(vm.memory).items()}
        measured[VISIBLE], measured[HELD] = vm.visible, vm.held
        if vm.power is Power.OFF:
            known["site.vm.assigned"] = 0
    return (
        {name: value for name, value in known.items() if value is not None},
        {term: value for term, value in measured.items() if value is not None},
    )
