"""Policies are adopted and retired: checked by the solver, asked of every host and VM, and written in one commit.

Who breaks one is asked once more while it is written and nobody else writes, so that adopting races nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import uuid4

from domain.aggregates import HostAggregate, VmAggregate
from domain.deciding.enforced import EnforcedPolicy, PolicySubject, subject_distance, sum_group
from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.event import Event
from domain.identifiers import POLICIES, StreamName, UtcTime, group_stream, host_stream, policy_stream, vm_stream
from domain.policy_events import PoliciesChanged, PolicyAdopted, PolicyBreaker, PolicyRetired
from nilometer.ledger.books import BookChanges, plan_books
from nilometer.ledger.policies import PolicySet
from nilometer.ledger.repository import decided_vms
from nilometer.storage.recorder import ExpectedVersions
from nilometer.storage.store import Database
from nilometer.suggesting import did_you_mean
from projections.fleet import Fleet

if TYPE_CHECKING:
    from rules.policies.checking import PolicyCheck
    from rules.policies.policy import Policy


class AdoptionRefusal(StrEnum):
    """Why policies were not adopted."""

    WRONG = "wrong"
    """One of them conflicts, can be kept by nothing, or would refuse a stop."""
    NOT_PROVED = "not-proved"
    """The solver gave up on whether one of them would refuse a stop, or on whether anything keeps it."""
    BROKEN = "broken"
    """A VM or host breaks one of them now."""


@dataclass(frozen=True, slots=True)
class FoundBreaker:
    """A VM, host, pair or group that breaks a policy now, and the figures of it that the policy reads."""

    subject: StreamName
    distance: int
    figures: Mapping[str, int | bool | str]

    @property
    def recorded(self) -> PolicyBreaker:
        """What the event of an adoption says of it."""
        return PolicyBreaker(self.subject, self.distance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What came of the adoption of policies: all of them are adopted, or none is."""

    policies: tuple[Policy, ...]
    refusal: AdoptionRefusal | None = None
    checked: PolicyCheck | None = None
    """What was proved of them; ``None`` if all were adopted before."""
    broken: dict[str, tuple[FoundBreaker, ...]] = field(default_factory=dict[str, tuple[FoundBreaker, ...]])
    """Who breaks each of them now, by its name."""
    unchanged: tuple[str, ...] = ()
    """Those that were adopted before, with the same text."""
    positions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedAdoption:
    """Policies that were checked, and wait for the hosts and VMs to be asked."""

    policies: tuple[Policy, ...]
    events: tuple[tuple[str, PolicyAdopted], ...]
    """What is to be recorded of each that is new, without who breaks it."""
    enforced: tuple[EnforcedPolicy, ...]
    books: BookChanges
    checked: PolicyCheck | None
    refusal: AdoptionRefusal | None
    unchanged: tuple[str, ...]


def prepare_adoption(policies: Sequence[Policy], adopted: PolicySet, *, from_now: bool) -> PreparedAdoption:
    """Checks policies, beside those that are adopted."""
    from rules.policies.adopting import prove_for_adoption
    from rules.policies.checking import check_policies
    from rules.policies.enforcing import adopted_policy, digest_of, enforced_policy

    digests = {one.name: one.envelope.event.digest for one in adopted.adopted}
    new = [policy for policy in policies if digests.get(policy.name) != digest_of(policy.text)]
    unchanged = tuple(policy.name for policy in policies if policy not in new)
    if not new:
        return PreparedAdoption(
            policies=tuple(policies),
            events=(),
            enforced=(),
            books=BookChanges(),
            checked=None,
            refusal=None,
            unchanged=unchanged,
        )
    replaced = {policy.name for policy in new}
    others = [adopted_policy(one.name, one.envelope.event) for one in adopted.adopted if one.name not in replaced]
    checked = check_policies(new, beside=others)
    refusal = refusal_of(checked)
    events: list[tuple[str, PolicyAdopted]] = []
    for policy in new if refusal is None else ():
        proved = prove_for_adoption(policy)
        event = PolicyAdopted(
            text=policy.text,
            digest=digest_of(policy.text),
            file=policy.place.rpartition(":")[0],
            sentence=policy.sentence,
            over=tuple(sorted(policy.over)),
            vms=policy.scope.vms,
            hosts=policy.scope.hosts,
            monotone=proved.monotone,
            beside=proved.beside,
            from_now=from_now,
            broken=(),
        )
        events.append((policy.name, event))
    enforced = tuple(enforced_policy(name, 0, event) for name, event in events)
    return PreparedAdoption(
        policies=tuple(policies),
        events=tuple(events),
        enforced=enforced,
        books=plan_books(adopted, tuple(replaced), enforced),
        checked=checked,
        refusal=refusal,
        unchanged=unchanged,
    )


def refusal_of(checked: PolicyCheck) -> AdoptionRefusal | None:
    """Why policies are not adopted, by what was found out about them; ``None`` if nothing speaks against it."""
    if checked.wrong:
        return AdoptionRefusal.WRONG
    return AdoptionRefusal.NOT_PROVED if checked.is_unknown else None


def ask_adoption(prepared: PreparedAdoption, fleet: Fleet, *, from_now: bool) -> Adoption:
    """What comes of an adoption while hosts and VMs are as in a fleet."""
    found = {policy.name: tuple(find_breakers(policy, fleet)) for policy in prepared.enforced}
    broken = {name: breakers for name, breakers in found.items() if breakers}
    return Adoption(
        policies=prepared.policies,
        refusal=prepared.refusal or (AdoptionRefusal.BROKEN if broken and not from_now else None),
        checked=prepared.checked,
        broken=broken,
        unchanged=prepared.unchanged,
    )


def find_breakers(policy: EnforcedPolicy, fleet: Fleet) -> Iterator[FoundBreaker]:
    """The decided VMs or hosts of a fleet that break a policy. Raises the error of one that cannot be read."""
    for error in fleet.ended.values():
        raise error
    if policy.change is not None:
        return  # nobody breaks it by being as they are
    if policy.of_group is not None:
        of_all = policy.of_group(sum_group(policy, decided_vms(fleet)).state)
        if of_all.distance:
            yield FoundBreaker(group_stream(policy.group), of_all.distance, of_all.figures)
        return
    if policy.joint is not None:
        vms = {vm.id: (vm.name, vm.state) for vm in decided_vms(fleet)}
        for stream, figures in policy.joint(vms).items():
            if figures.distance:
                yield FoundBreaker(stream, figures.distance, figures.figures)
        return
    for subject in _subjects_of(policy, fleet):
        distance = subject_distance(policy, subject)
        if distance:
            stream = host_stream(subject.id) if subject.state is None else vm_stream(subject.id)
            yield FoundBreaker(stream, distance, policy.figures(subject.state, subject.host))


def _subjects_of(policy: EnforcedPolicy, fleet: Fleet) -> Iterator[PolicySubject]:
    hosts = {
        id: tracked.subject.state
        for id, tracked in sorted(fleet.hosts.items())
        if isinstance(tracked.subject, HostAggregate)
    }
    if not policy.over_vms:
        for id, host in hosts.items():
            yield PolicySubject(id, id, None, id, host)
        return
    for id, tracked in sorted(fleet.vms.items()):
        vm = tracked.subject
        if isinstance(vm, VmAggregate):
            yield PolicySubject(id, vm.name, vm.state, vm.host, hosts[vm.host])


# What is written


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """Events about policies, to be written together if nobody wrote meanwhile."""

    envelopes: tuple[Envelope[Event], ...]
    expected: ExpectedVersions


def write_change(
    events: Sequence[tuple[str, PolicyAdopted | PolicyRetired]],
    adopted: PolicySet,
    versions: dict[str, int],
    metadata: Metadata,
    confirm: Callable[[Database], None] | None,
    books: Callable[[int, Metadata], Iterable[Envelope[Event]]],
) -> PolicyChange:
    """The events of policies, each on its own stream and then on the one that all commands expect; then the books.

    ``versions`` are those of the policies' own streams; ``confirm`` is asked when it is written. ``books`` writes the
    events of the books after a version of the common stream.
    """
    envelopes: list[Envelope[Event]] = []
    head = adopted.version

    def append(stream: StreamName, version: int, event: Event) -> None:
        cause = envelopes[0].id if envelopes else None
        envelopes.append(Envelope(stream, version, event, _caused_by(metadata, cause)))

    for name, event in events:
        version, head = versions[name] + 1, head + 1
        append(policy_stream(name), version, event)
        is_adopted = isinstance(event, PolicyAdopted)
        append(POLICIES, head, PoliciesChanged(policy=name, version=version, adopted=is_adopted))
    envelopes += books(head, _caused_by(metadata, envelopes[0].id if envelopes else None))
    expected = ExpectedVersions({POLICIES: adopted.version}, confirm=confirm)
    return PolicyChange(envelopes=tuple(envelopes), expected=expected)


def _caused_by(metadata: Metadata, cause: str | None) -> Metadata:
    return Metadata(
        actor=metadata.actor,
        via=metadata.via,
        happened=metadata.happened,
        recorded=metadata.recorded,
        correlation=metadata.correlation,
        reason=metadata.reason,
        causation=cause,
    )


def policy_metadata(
    adopted: PolicySet, *, actor: str, via: str, reason: str | None, correlation: str | None, now: UtcTime
) -> Metadata:
    """Who changes the policies, when and why; never before they were changed last."""
    latest = max((one.envelope.metadata.happened for one in adopted.adopted), default=now)
    return Metadata(
        actor=actor,
        via=via,
        happened=max(now, latest),
        recorded=now,
        correlation=correlation or uuid4().hex,
        reason=reason,
    )


def retirements(names: Sequence[str], adopted: PolicySet) -> list[tuple[str, PolicyRetired]]:
    """The events that retire policies. Raises ``InputError`` for a name that none of them has."""
    known = {one.name: one for one in adopted.adopted}
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or "nilo policy list shows the policies that are adopted"
            raise InputError(f"no policy {name!r} is adopted", hint=hint)
    return [(name, PolicyRetired(digest=known[name].envelope.event.digest)) for name in dict.fromkeys(names)]
