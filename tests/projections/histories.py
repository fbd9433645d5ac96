"""Whole histories for tests: decided from random script lines, and observed between them.

Their times are in order on each stream, not over all: every host keeps its own clock, and VMs move between them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from domain.aggregates import GroupAggregate, HostAggregate, VmAggregate
from domain.commands import COMMANDS, Command
from domain.deciding.decider import decide
from domain.deciding.enforced import EnforcedPolicy, sum_group
from domain.deciding.reads import load
from domain.decision import Outcome
from domain.envelope import Envelope, Metadata
from domain.errors import InputError, UnknownHost, UnknownVm
from domain.events import Event
from domain.guests import Mechanism
from domain.identifiers import StreamName, UtcTime
from domain.observed.events import (
    DeviceFigures,
    HostObserved,
    VmChangeRequested,
    VmLost,
    VmMemoryMoved,
    VmObserved,
    VmRequestSettled,
)
from domain.observed.imports import ImportBegun, ImportRecorded
from domain.observed.words import BASE_MEMORY, Means, WhyMoved
from domain.quantities import GiB as GIB
from domain.quantities import MiB as MIB
from domain.state import Power
from projections.fleet import Fleet
from tests.domain import given
from tests.oracle.model import PlainModel
from tests.oracle.shapes import Line, State
from tests.oracle.strategies import Seeded, next_line, pick

ADAPTERS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in COMMANDS.items()}
BEGINNING = datetime(2026, 11, 23, 9, tzinfo=UTC)


def time(seconds: int) -> UtcTime:
    """So many seconds after the beginning, as times are kept."""
    return UtcTime(
        f"{(BEGINNING + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
    )


@dataclass
class Recorder:
    """A ledger in memory: decides commands on a fleet, and keeps what happened."""

    fleet: Fleet = field(default_factory=Fleet)
    history: list[Envelope[Event]] = field(default_factory=list[Envelope[Event]])
    versions: dict[str, int] = field(default_factory=dict[str, int])
    clocks: dict[str, int] = field(default_factory=dict[str, int])
    policies: tuple[EnforcedPolicy, ...] = ()

    def vm(self, id: str) -> VmAggregate:
        if id not in self.fleet.vms:
            raise UnknownVm(id)
        subject = self.fleet.vms[id].subject
        assert isinstance(subject, VmAggregate)
        return subject

    def host(self, id: str) -> HostAggregate:
        if id not in self.fleet.hosts:
            raise UnknownHost(id)
        subject = self.fleet.hosts[id].subject
        assert isinstance(subject, HostAggregate)
        return subject

    def is_taken(self, stream: str) -> bool:
        return stream in self.versions

    def vms_on(self, host: str) -> list[VmAggregate]:
        return [self.vm(id) for id in sorted(self.fleet.on(host))]

    def all_vms(self) -> list[VmAggregate]:
        return [self.vm(id) for id in sorted(self.fleet.vms)]

    def group(self, policy: EnforcedPolicy) -> GroupAggregate:
        return sum_group(policy, self.all_vms())

    def count_vms(self, host: str) -> int:
        return len(self.fleet.on(host))

    def run(self, line: Line, seconds: int = 1) -> None:
        """Decides and records one line, ``seconds`` after the last event of the streams that it writes."""
        name = str(line["command"])
        command: Command = ADAPTERS[name].validate_python({key: line[key] for key in line if key != "command"})
        answer = decide(command, load(command, self))
        now = max((self.clocks.get(stream, 0) for stream, _ in answer.events), default=0) + seconds
        correlation = f"command-{len(self.history)}"
        for stream, event in answer.events:
            self.clocks[stream] = now
            self.append(stream, event, now, correlation)

    def append(self, stream: str, event: Event, seconds: int, correlation: str) -> None:
        """Records one event."""
        version = self.versions[stream] = self.versions.get(stream, 0) + 1
        said = Metadata("CONTOSO\\ops", "test", time(seconds), time(10**6 + len(self.history)), correlation)
        envelope = Envelope(StreamName(stream), version, event, said, len(self.history) + 1)
        self.history.append(envelope)
        self.fleet.apply(envelope)


def decided(seed: int, lines: int, observations: bool = False) -> tuple[list[Envelope[Event]], State]:
    """A history of so many random lines, and the state in which an independent model leaves it.

    With ``observations`` there are observed hosts and VMs between them, told late and out of order.
    """
    recorder, model, chooser = Recorder(), PlainModel(), Seeded(seed)
    for _ in range(lines):
        line = next_line(chooser, model.snapshot())
        model.apply(line)
        if observations and chooser.integer(0, 2) == 0:
            observe(recorder, chooser)
        if line["command"] not in COMMANDS:
            continue
        # Now and then a clock leaps ahead: the streams' times part.
        leap = 1000 if chooser.integer(0, 30) == 0 else 0
        try:
            recorder.run(line, chooser.integer(0, 3) + leap)
        except (InputError, ValidationError):
            continue
    return recorder.history, model.snapshot()


def observed(seed: int, facts: int) -> list[Envelope[Event]]:
    """A history of so many facts about two hosts and three VMs that move between them."""
    recorder, chooser = Recorder(), Seeded(seed)
    for _ in range(facts):
        observe(recorder, chooser)
    return recorder.history


def observe(recorder: Recorder, chooser: Seeded) -> None:
    """Records something about an observed host or VM: mostly of a moment ago, sometimes of long before."""
    host, vm = f"host/seen{chooser.integer(1, 2)}", f"vm/seen.vm{chooser.integer(0, 2)}"
    size = MIB * 128 * chooser.integer(0, 8)
    mechanism = pick(chooser, (None, Mechanism.HOT_REMOVE, Mechanism.BALLOON))
    backed = pick(chooser, (True, False, None))
    device = DeviceFigures("virtio0", Means.VIRTIO_MEM, size, None, backed, mechanism)
    boot = DeviceFigures(BASE_MEMORY, Means.BOOT, 256 * MIB, backed=True)
    facts: tuple[tuple[str, Event], ...] = (
        (host, HostObserved(total=pick(chooser, (None, 8 * GIB)), budget=2 * GIB, free=GIB)),
        (vm, VmObserved(host=host.removeprefix("host/"), power=Power.RUNNING, session=chooser.integer(1, 2))),
        (vm, VmObserved(devices=(boot, device), guest_total=256 * MIB + size)),
        (vm, VmObserved(in_use=64 * MIB)),
        (vm, VmObserved(power=Power.OFF)),
        (
            vm,
            VmChangeRequested(
                request=chooser.integer(1, 3),
                device="virtio0",
                means=Means.VIRTIO_MEM,
                size_from=0,
                target=size,
                amount=size,
                accepted=True,
                asked=None,
                answer="ok",
            ),
        ),
        (
            vm,
            VmMemoryMoved(
                device="virtio0",
                means=Means.VIRTIO_MEM,
                size_from=0,
                size_to=size,
                why=WhyMoved.REQUEST,
                request=1,
                mechanism=mechanism,
            ),
        ),
        (
            vm,
            VmRequestSettled(
                request=chooser.integer(1, 3),
                device="virtio0",
                amount=size,
                granted=size,
                remaining=0,
                outcome=Outcome.COMPLETED,
                code=None,
                cause_is=None,
            ),
        ),
        (vm, VmLost(told="deadlocked on memory")),
        (
            f"import/{len(recorder.history)}",
            ImportBegun(file="s1", format="qemu", sha256="0", size=1, prefix="s1", began_after=0),
        ),
        (
            f"import/{len(recorder.history)}",
            ImportRecorded(
                file="s1",
                format="qemu",
                sha256="0",
                prefix="s1",
                records=1,
                telling=1,
                events=1,
                repeats=0,
                not_needed=(),
            ),
        ),
    )
    stream, event = pick(chooser, facts)
    happened = max(0, chooser.integer(0, 200) + 20 * len(recorder.history) - 500 * chooser.integer(0, 1))
    recorder.append(stream, event, happened, f"fact-{len(recorder.history)}")


def told(*lines: Line) -> list[Envelope[Event]]:
    """The history of these lines, a second apart on each stream."""
    recorder = Recorder()
    for line in lines:
        recorder.run(line)
    return recorder.history


HOST: Line = {**given.HOST, "reserve": "2304MiB"}
WEB: Line = {**given.WEB, "name": "Web"}
START: Line = given.START


def in_use(size: str) -> Line:
    return {"command": "report-in-use", "vm": "web01", "in_use": size}


def add(amount: str) -> Line:
    return {"command": "add-memory", "vm": "web01", "amount": amount}


def remove(amount: str) -> Line:
    return {"command": "remove-memory", "vm": "web01", "amount": amount}
