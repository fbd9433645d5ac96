"""Judges a history by the policies that it adopts: each command after their adoption keeps them, or gets better.

What they refused or granted less of is decided again by the guard itself; what took place is asked of the state that
the judge comes to, by measures that were compiled from the adopted text. A history that adopts none costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from domain.aggregates import GroupAggregate, HistoryError, VmAggregate
from domain.deciding.enforced import NEVER_REFUSED, EnforcedPolicy, PolicySubject, at_time, subject_distance
from domain.envelope import Envelope
from domain.event import Event
from domain.events import (
    Decided,
    HostCommandRefused,
    HostMemoryGranted,
    HostMemoryReturned,
    VmCommandRefused,
    VmDefined,
    VmEvent,
)
from domain.identifiers import StreamName, group_stream, host_stream, split_stream, subject_id, vm_id, vm_stream
from domain.policy_events import (
    BY_POLICY,
    GroupChanged,
    GroupEvent,
    PoliciesChanged,
    PolicyAdopted,
    PolicyEvent,
    PolicyRead,
    PolicyRetired,
)
from domain.recording.vms.records import VM_COMMAND_NAMES
from domain.settings import HostVersion
from domain.state import Group, Vm
from rules.judging.collector import EventRef, location_of
from rules.judging.findings import Figures, Finding, Verdict
from rules.judging.judge import Judge
from rules.judging.scope import EVERYTHING, Scope
from rules.policies.judging.group_books import JudgedGroup

if TYPE_CHECKING:
    from domain.deciding.answer import Answer

PREFIX: Final = "policy/"
"""What the name of a policy begins with, where it stands beside the names of rules."""
_HALVES: Final = (HostMemoryGranted, HostMemoryReturned, GroupChanged)
"""Events that stand beside that of their command."""
_REFUSED: Final = (VmCommandRefused, HostCommandRefused)


class AdoptedJudge(Judge):
    """A judge that asks the policies that the history adopts."""

    def __init__(self, scope: Scope = EVERYTHING, *, late: Mapping[int, str] | None = None) -> None:
        super().__init__(scope, late=late)
        self._names: dict[str, str] = {}
        """The names of VMs that are called otherwise than their ids."""
        self._adoptions: dict[tuple[str, int], PolicyAdopted] = {}
        self._newest: dict[str, tuple[int, bool]] = {}
        """The version of each policy's own stream, and whether it was adopted there or retired."""
        self._enforced: dict[str, EnforcedPolicy] = {}
        self._groups: dict[str, JudgedGroup] = {}
        """The groups of the policies that are adopted, by name."""
        self._distances: dict[tuple[str, StreamName], int] = {}
        self._command: EventRef | None = None
        """The first event of the command that is asked about when it is complete."""
        self._touched: set[StreamName] = set()
        self._changed: Vm | None = None
        """The VM before that command."""

    @property
    def takes_whole_changes(self) -> bool:
        """As of ``Judge``, while no policy is adopted, and none is to be asked about the last command."""
        return super().takes_whole_changes and not self._enforced and self._command is None

    def take(self, envelope: Envelope[Event], place: str = "", source: str = "") -> list[Finding]:
        """As ``Judge.take``, and what the adopted policies say of the command before this event."""
        event, found = envelope.event, list[Finding]()
        if self._command is not None and not isinstance(event, _HALVES):
            found += self._ask_command()
        if self._enforced and isinstance(event, VmEvent) and not isinstance(event, _REFUSED):
            track = self._decided.records.vms.get(subject_id(envelope.stream))
            self._changed = track.state if track is not None and event.command in VM_COMMAND_NAMES else None
        found += super().take(envelope, place, source)
        if isinstance(event, VmDefined):
            if event.name != subject_id(envelope.stream):
                self._names[subject_id(envelope.stream)] = event.name
        elif isinstance(event, GroupEvent):
            found += self._follow_book(EventRef(envelope, place), event)
        elif isinstance(event, PolicyEvent):
            found += self._follow_policies(EventRef(envelope, place), event)
        if self._enforced and isinstance(event, Decided):
            found += self._take_decided(EventRef(envelope, place), event)
        elif isinstance(event, BY_POLICY):
            found += self._report(event.policies[0].policy if event.policies else "", EventRef(envelope, place), _NONE)
        return found

    def finish(self) -> list[Finding]:
        """As ``Judge.finish``, and what the adopted policies say of the last command."""
        return [*(self._ask_command() if self._command is not None else ()), *super().finish()]

    # Which are adopted

    def _follow_policies(self, ref: EventRef, event: PolicyEvent) -> Iterator[Finding]:
        stream, version = ref.envelope.stream, ref.envelope.version
        if isinstance(event, PolicyAdopted | PolicyRetired):
            self._newest[subject_id(stream)] = version, isinstance(event, PolicyAdopted)
        if isinstance(event, PolicyAdopted):
            self._adoptions[subject_id(stream), version] = event
        elif isinstance(event, PoliciesChanged):
            self._enforced.pop(event.policy, None)
            self._distances = {key: value for key, value in self._distances.items() if key[0] != event.policy}
            adopted = self._adoptions.get((event.policy, event.version))
            newest = self._newest.get(event.policy)
            if newest is not None and newest != (event.version, event.adopted):
                verb = "adopted" if newest[1] else "retired"
                yield from self._report(event.policy, ref, f"the policy was {verb} last, at version {newest[0]}")
            if not event.adopted:
                return
            if adopted is None:
                yield from self._report(event.policy, ref, "the history has no adoption of this policy at this version")
                return
            try:
                yield from self._adopt(ref, event.policy, event.version, adopted)
            except HistoryError as error:
                yield from self._report(event.policy, ref, error.message)

    def _follow_book(self, ref: EventRef, event: GroupEvent) -> Iterator[Finding]:
        name = subject_id(ref.envelope.stream)
        group = self._groups.get(name)
        wrong = ["no policy that is adopted is over this group"] if group is None else group.take(event)
        for why in wrong:
            yield from self._report(self._policy_of(name), ref, why)

    def _policy_of(self, group: str) -> str:
        """A policy over a group, for what is found of its book."""
        return next((name for name, policy in sorted(self._enforced.items()) if policy.group == group), group)

    def _count_vm(self, id: str) -> None:
        """What a VM holds now, in every group that it is in."""
        track = self._decided.records.vms.get(id)
        for group in self._groups.values():
            group.put(id, self._name_of(id), 0 if track is None else track.state.held)

    def _adopt(self, ref: EventRef, name: str, version: int, adopted: PolicyAdopted) -> Iterator[Finding]:
        from rules.policies.enforcing import enforced_policy  # reads rules: only where there is a policy
        from rules.policies.judging.readopting import find_false_claims

        policy = self._enforced[name] = enforced_policy(name, version, adopted)
        self._collector.coverage.count(PREFIX + name, Verdict.HOLDS, 0)
        for claim in find_false_claims(name, adopted):
            yield from self._report(name, ref, claim)
        if policy.change is not None:
            return  # it is no state that anybody breaks
        records = self._decided.records
        if policy.of_group is not None:
            known = self._groups.get(policy.group)
            book = None if known is None else known.book
            group = self._groups[policy.group] = JudgedGroup(vms=policy.group_vms, has_vm=policy.has_vm, book=book)
            for id, track in records.vms.items():
                group.put(id, self._name_of(id), track.state.held)
        everything = {*map(vm_stream, records.vms), *map(host_stream, records.hosts)}
        for stream, distance, _ in self._distances_after(policy, everything, None, ""):
            if distance:
                self._distances[name, stream] = distance
                if not adopted.from_now:
                    yield from self._report(name, ref, f"it was adopted although {subject_id(stream)} broke it")

    # What was decided

    def _take_decided(self, ref: EventRef, event: Decided) -> Iterator[Finding]:
        if isinstance(event, BY_POLICY):
            yield from self._decide_again(ref, event)
        if not isinstance(event, _REFUSED):
            if not isinstance(event, _HALVES):
                self._command = ref
            self._touched.add(ref.envelope.stream)

    def _decide_again(self, ref: EventRef, event: BY_POLICY) -> Iterator[Finding]:
        """Whether the policies, asked once more by the guard, refuse what they refused, and as much of it."""
        from domain.deciding.redecide_policies import redecide_by_policies

        stream = ref.envelope.stream
        kind, id = split_stream(stream)
        host = self._decided.records.hosts.get(id) if kind == "host" else None
        policies = self._applying(ref)
        is_joint = any(policy.joint is not None for policy in policies)
        try:
            answer = redecide_by_policies(
                stream,
                event,
                policies,
                name=id if kind == "host" else self._name_of(id),
                version=HostVersion.V2025 if host is None else host.state.version,
                beside=list(self._beside(ref, event)),
                everyone=list(self._everyone()) if is_joint else (),
                groups=list(self._groups_of(id)) if kind == "vm" else (),
            )
        except HistoryError as error:
            yield from self._report(self._named_first(event), ref, error.message)
            return
        expected, found = _figures_of_answer(answer), _figures_of_event(event)
        if expected == found:
            for read in event.policies:
                self._count(read.policy, ref, Verdict.HOLDS)
            return
        why = "the policies that are adopted decide otherwise, given the figures in this event"
        yield from self._report(self._named_first(event), ref, why, expected=expected, found=found)

    def _applying(self, ref: EventRef) -> tuple[EnforcedPolicy, ...]:
        """The policies that are adopted and apply when an event happens, in the order of their names."""
        kept = [self._enforced[name] for name in sorted(self._enforced)]
        return at_time(kept, ref.envelope.metadata.happened)

    def _named_first(self, event: BY_POLICY) -> str:
        return next((read.policy for read in event.policies), next(iter(self._enforced)))

    def _everyone(self) -> Iterator[VmAggregate]:
        for vm in self._decided.records.vms.values():
            yield VmAggregate(id=vm.id, name=self._name_of(vm.id), host=vm.host, state=vm.state)

    def _groups_of(self, vm: str) -> Iterator[GroupAggregate]:
        """The groups that a VM is in, as they were before the command."""
        for name, group in self._groups.items():
            if group.has_vm(vm, self._name_of(vm)):
                yield GroupAggregate(id=name, state=Group(group.held))

    def _beside(self, ref: EventRef, event: BY_POLICY) -> Iterator[VmAggregate]:
        """The VMs on the hosts that a decision read, where a policy may be broken of others than the one it names."""
        if not any(event.command in policy.beside for policy in self._enforced.values()):
            return
        kind, id = split_stream(ref.envelope.stream)
        reads = (event.evidence.host, event.evidence.destination)
        hosts = {id} if kind == "host" else {read.id for read in reads if read is not None}
        yield from (vm for vm in self._everyone() if vm.host in hosts)

    def _ask_command(self) -> Iterator[Finding]:
        """Asks the policies of everything that the last command changed."""
        ref, self._command = self._command, None
        touched, self._touched = self._touched, set()
        changed, self._changed = self._changed, None
        assert ref is not None
        event = ref.envelope.event
        for stream in touched:
            if vm_id(stream) is not None:
                self._count_vm(subject_id(stream))
        for name, group in self._groups.items():
            wrong = group.compare()
            if wrong is not None:
                yield from self._report(self._policy_of(name), ref, wrong)
        command = event.command if isinstance(event, Decided) else ""
        applying = {policy.name for policy in self._applying(ref)}
        for name, policy in self._enforced.items():
            for stream, distance, let in self._distances_after(policy, touched, changed, command):
                before = 0 if policy.change is not None else self._distances.get((name, stream), 0)
                self._distances[name, stream] = distance
                if name not in applying:
                    continue
                if distance <= before:
                    self._count(name, ref, Verdict.HOLDS)
                    continue
                if command in NEVER_REFUSED:
                    continue  # it is no breach, and it does not hold
                why = f"the adopted policy does not hold of {subject_id(stream)}: {policy.sentence.rstrip('.')}"
                yield from self._report(name, ref, why, let=dict(let), then=f"this is what {command} left")

    def _distances_after(
        self, policy: EnforcedPolicy, touched: set[StreamName], changed: Vm | None, command: str
    ) -> Iterator[tuple[StreamName, int, Figures]]:
        """How far each of whom a policy is asked after a command is from keeping it."""
        if policy.of_group is not None:
            group = self._groups[policy.group]
            if any(group.has_vm(id, self._name_of(id)) for id in map(vm_id, touched) if id is not None):
                read = policy.of_group(Group(group.held))
                yield group_stream(policy.group), read.distance, read.figures
            return
        if policy.joint is not None:
            vms = {vm.id: (vm.name, vm.state) for vm in self._everyone()}
            for stream, figures in policy.joint(vms).items():
                yield stream, figures.distance, figures.figures
            return
        for stream in sorted(self._asked(policy, touched)):
            subject = self._subject(stream, policy)
            if policy.change is None:
                distance = subject_distance(policy, subject)
            elif subject is not None and subject.state is not None and changed is not None and stream in touched:
                is_asked = policy.has_vm(subject.id, subject.name) and policy.has_host(subject.host_id)
                distance = policy.change(changed, subject.state, subject.host, command) if is_asked else None
            else:
                distance = None
            if subject is None or distance is None:
                self._distances.pop((policy.name, stream), None)
            elif policy.change_figures is not None and changed is not None and subject.state is not None:
                yield stream, distance, policy.change_figures(changed, subject.state, subject.host, command)
            else:
                yield stream, distance, policy.figures(subject.state, subject.host)

    def _asked(self, policy: EnforcedPolicy, touched: set[StreamName]) -> set[StreamName]:
        kind = "vm/" if policy.over_vms else "host/"
        asked = {stream for stream in touched if stream.startswith(kind)}
        if policy.over_vms and policy.over_hosts:
            hosts = {subject_id(stream) for stream in touched if stream.startswith("host/")}
            asked |= {vm_stream(vm.id) for vm in self._decided.records.vms.values() if vm.host in hosts}
        return asked

    def _subject(self, stream: StreamName, policy: EnforcedPolicy) -> PolicySubject | None:
        """A VM or host as the judge knows it; ``None`` if the policy is not about such a one, or it is not there."""
        records, (kind, id) = self._decided.records, split_stream(stream)
        if policy.over_vms is not (kind == "vm"):
            return None
        if kind == "host":
            track = records.hosts.get(id)
            return None if track is None else PolicySubject(id, id, None, id, track.state)
        vm = records.vms.get(id)
        host = None if vm is None else records.hosts.get(vm.host)
        return (
            None if vm is None or host is None else PolicySubject(id, self._name_of(id), vm.state, host.id, host.state)
        )

    def _name_of(self, id: str) -> str:
        return self._names.get(id, id)

    # What is found

    def _count(self, policy: str, ref: EventRef, verdict: Verdict) -> None:
        if self._is_asked(policy, ref):
            self._collector.coverage.count(PREFIX + policy, verdict)

    def _is_asked(self, policy: str, ref: EventRef) -> bool:
        return self._collector.includes(PREFIX + policy) and self._is_in_scope(ref.envelope)

    def _report(
        self,
        policy: str,
        ref: EventRef,
        why: str,
        *,
        expected: Figures | None = None,
        found: Figures | None = None,
        let: Figures | None = None,
        then: str = "",
    ) -> Iterator[Finding]:
        if not self._is_asked(policy, ref):
            return
        self._collector.coverage.count(PREFIX + policy, Verdict.VIOLATED)
        yield Finding(
            rule=PREFIX + policy,
            verdict=Verdict.VIOLATED,
            at=location_of(ref),
            why=why,
            expected=expected or {},
            found=found or {},
            let=let or {},
            then=then,
        )


_NONE: Final = "no policy was adopted when this was decided"


def _figures_of_answer(answer: Answer) -> dict[str, int | str]:
    events = [event for _, event in answer.events if isinstance(event, BY_POLICY)]
    reads = events[0].policies if events else ()
    code = answer.code
    figures: dict[str, int | str] = {
        "outcome": answer.outcome.value,
        "code": "" if code is None else code.value,
        "granted": answer.granted or 0,
    }
    return figures | _figures_of_reads(reads)


def _figures_of_event(event: BY_POLICY) -> dict[str, int | str]:
    granted = event.granted if isinstance(event, VmEvent) else None
    figures: dict[str, int | str] = {
        "outcome": event.outcome.value,
        "code": "" if event.code is None else event.code.value,
        "granted": granted or 0,
    }
    return figures | _figures_of_reads(event.policies)


def _figures_of_reads(reads: tuple[PolicyRead, ...]) -> dict[str, int | str]:
    return {
        f"{read.policy}.{read.subject}": f"{read.before} -> {read.after} (version {read.version})" for read in reads
    }
