"""How the decided part of a history kept policies: asked after each command, of all whose figures it changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from domain.aggregates import HistoryError
from domain.deciding.world import World
from domain.envelope import Envelope
from domain.errors import InputError
from domain.event import Event
from domain.events import (
    HostCommandRefused,
    HostEvent,
    HostMemoryGranted,
    HostMemoryReturned,
    VmCommandRefused,
    VmEvent,
)
from domain.identifiers import StreamName, UtcTime, split_stream
from domain.recording.vms.records import VM_COMMAND_NAMES, VmCommandName
from domain.state import Vm
from rules.policies.compiling import Measure, compile_measure
from rules.policies.policy import Policy
from rules.policies.subjects import Subjects, SubjectState
from rules.symbolic.terms import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBreach:
    """A command after which a policy does not hold of a VM or host, and which did not find it so, or made it worse."""

    policy: Policy
    position: int
    """Of the first event of the command."""
    command: str
    event: StreamName
    """The stream of that event."""
    stream: StreamName
    """Whose state breaks the policy: of a VM, a host, or the book of a group, ``group/db``."""
    subject: str
    """The subject as people say it: ``web01``, ``web01 and web02``, ``the group db``."""
    figures: Mapping[str, Literal]
    """The figures that the policy reads, after the command."""
    happened: UtcTime
    actor: str
    held_before: bool
    distance: int
    """How far from holding it is: bytes, where it compares sizes."""


@dataclass(slots=True)
class PolicyCounts:
    """How often a policy was asked, and what came of it."""

    holds: int = 0
    violated: int = 0


class PolicyHistory:
    """Follows a history, event by event, in the order of positions."""

    def __init__(
        self, policies: Sequence[Policy], is_counted: Callable[[StreamName, UtcTime], bool] = lambda stream, time: True
    ) -> None:
        """``is_counted`` says whose state at what time is in ``counts`` where a policy holds of it."""
        self._is_counted = is_counted
        self._measures: list[tuple[Policy, Measure]] = [(policy, compile_measure(policy.term)) for policy in policies]
        self._world = World()
        self._subjects = Subjects(policies)
        self._distances: dict[tuple[str, str], int] = {}
        self._before: tuple[Vm, VmCommandName] | None = None
        """The VM before the command, and the command, if it changes one that was there."""
        self._first: Envelope[Event] | None = None
        self._touched: set[StreamName] = set()
        self.commands = 0
        """Commands that changed something."""
        self.counts = {policy.name: PolicyCounts() for policy in policies}
        self.unreadable: set[StreamName] = set()
        """Streams with an event that does not follow: nothing is said of them any more."""

    def take(self, envelope: Envelope[Event]) -> list[PolicyBreach]:
        """Takes the next event; returns what the command before it broke, if it is complete now."""
        event = envelope.event
        breaches: list[PolicyBreach] = []
        if not isinstance(event, HostMemoryGranted | HostMemoryReturned):
            breaches = self.finish()
        if not isinstance(event, VmEvent | HostEvent) or envelope.stream in self.unreadable:
            return breaches
        if isinstance(event, VmCommandRefused | HostCommandRefused):
            self._apply(envelope)
            return breaches
        if self._first is None:
            self._first = envelope
            self.commands += 1
        self._touched.add(envelope.stream)
        self._apply(envelope)
        return breaches

    def finish(self) -> list[PolicyBreach]:
        """The last command is complete: returns what it broke."""
        first, self._first = self._first, None
        touched, self._touched = self._touched, set()
        change, self._before = self._before, None
        if first is None:
            return []
        return [
            breach
            for policy, measure in self._measures
            for breach in self._ask(policy, measure, first, self._subjects_of(policy, touched, first, change))
        ]

    def _apply(self, envelope: Envelope[Event]) -> None:
        kind, id = split_stream(envelope.stream)
        before = self._world.vms.get(id) if kind == "vm" else None
        event = envelope.event
        if before is not None and isinstance(event, VmEvent) and envelope is self._first:
            named = VmCommandName(event.command) if event.command in VM_COMMAND_NAMES else None
            self._before = None if named is None else (before.state, named)
        was_on, name = (None, "") if before is None else (before.host, before.name)
        try:
            self._world.apply_event(envelope.stream, envelope.event)
        except (HistoryError, InputError):
            self.unreadable.add(envelope.stream)
            (self._world.vms if kind == "vm" else self._world.hosts).pop(id, None)
        if kind == "vm":
            after = self._world.vms.get(id)
            self._subjects.place(id, name if after is None else after.name, was_on, after)

    def _subjects_of(
        self,
        policy: Policy,
        touched: set[StreamName],
        first: Envelope[Event],
        change: tuple[Vm, VmCommandName] | None,
    ) -> Iterator[SubjectState]:
        if not policy.is_over_changes:
            yield from self._subjects.find(policy, self._world, touched)
        elif change is not None:
            for subject in self._subjects.find(policy, self._world, [first.stream]):
                yield replace(subject, before=change[0], command=change[1])

    def _ask(
        self, policy: Policy, measure: Measure, first: Envelope[Event], subjects: Iterable[SubjectState]
    ) -> Iterator[PolicyBreach]:
        applies = policy.applies_at(first.metadata.happened)
        for subject in subjects:
            distance = subject.measure(measure)
            before = 0
            if (
                not policy.is_over_changes
            ):  # outside its window too: what is broken there is no breach, if it gets better
                before = self._distances.get((policy.name, subject.key), 0)
                self._distances[policy.name, subject.key] = distance
            if not applies:
                continue
            if distance <= before:
                if distance == 0 and self._is_counted(subject.stream, first.metadata.happened):
                    self.counts[policy.name].holds += 1
                continue
            self.counts[policy.name].violated += 1
            command = getattr(first.event, "command", "")
            yield PolicyBreach(
                policy=policy,
                position=first.position,
                command=str(command),
                event=first.stream,
                stream=subject.stream,
                subject=subject.name,
                figures=subject.figures(policy),
                happened=first.metadata.happened,
                actor=first.metadata.actor,
                held_before=before == 0,
                distance=distance,
            )
