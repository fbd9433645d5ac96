"""Synthetic work: a made-up fleet, and an endless stream of commands on it, always the same.

Nobody's real hosts: their figures are round, their memory always suffices, and nine commands in ten are resizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from domain.identifiers import UtcTime
from nilometer import (
    AddMemory,
    Command,
    ConfigVersion,
    DefineVm,
    Guest,
    HostVersion,
    Ledger,
    MemorySetting,
    Pause,
    RegisterHost,
    RemoveMemory,
    ReportInUse,
    Request,
    Result,
    Resume,
    Start,
)

MiB: Final = 2**20
GiB: Final = 2**30

ACTOR: Final = "CONTOSO\\ops"
TOOL: Final = "benchmarks (synthetic)"
BEGINNING: Final = datetime(2026, 1, 1)

STEP: Final = 256 * MiB
"""What a VM is given or gives back at once."""

GUESTS: Final = (Guest.WINDOWS, Guest.LINUX, Guest.LINUX_LEGACY)


@dataclass(frozen=True, slots=True)
class Size:
    """How many hosts there are, and how many VMs run on them."""

    hosts: int = 10
    vms: int = 100


def moment(seconds: float) -> UtcTime:
    """So many seconds after the beginning of the made-up history."""
    return UtcTime(f"{(BEGINNING + timedelta(seconds=seconds)).isoformat(timespec='microseconds')}Z")


def setup(size: Size) -> Iterator[Command]:
    """Registers the hosts, and defines and starts the VMs; each tells what its guest uses."""
    for host in range(size.hosts):
        yield RegisterHost(f"hv{host:02}", HostVersion.V2022, 2048 * GiB, 4 * GiB)
    for vm in range(size.vms):
        guest = GUESTS[vm % len(GUESTS)]
        setting = MemorySetting.static(4 * GiB)
        yield DefineVm(f"vm{vm:04}", f"hv{vm % size.hosts:02}", 2, guest, ConfigVersion(10, 0), setting)
        yield Start(f"vm{vm:04}")
        yield ReportInUse(f"vm{vm:04}", GiB)


def resizes(size: Size) -> Iterator[Command]:
    """Adds memory to one VM after the other, and takes it back in the next round: two events a command."""
    while True:
        for kind in (AddMemory, RemoveMemory):
            for vm in range(size.vms):
                yield kind(f"vm{vm:04}", STEP)


def days(size: Size) -> Iterator[Command]:
    """As ``resizes``, with what else happens in a fleet: reports, pauses, and requests that are refused."""
    for count, command in enumerate(resizes(size)):
        vm = f"vm{count % size.vms:04}"
        yield command
        if count % 20 == 7:
            yield ReportInUse(vm, GiB + count % 64 * MiB)
        elif count % 20 == 13:
            yield AddMemory(vm, MiB)  # half a quantum: refused
        elif count % 40 == 19:
            yield Pause(vm)
            yield Resume(vm)


def requests(commands: Iterator[Command], count: int, *, second: float | None = None) -> list[Request]:
    """The next commands as requests; with ``second`` each a second later than the one before it."""
    return [
        Request(command, ACTOR, TOOL, at=None if second is None else moment(second + number))
        for number, command in enumerate(islice(commands, count))
    ]


def prepare(ledger: Ledger, size: Size) -> None:
    """Records the setup of a fleet."""
    commands = list(setup(size))
    recorded(ledger.execute_all(requests(iter(commands), len(commands), second=0)))


def recorded(answers: Sequence[object]) -> int:
    """How many events were recorded for these answers. Nothing here may be an input error."""
    events = 0
    for answer in answers:
        if not isinstance(answer, Result):
            raise AssertionError(f"the workload is wrong: {answer}")
        events += len(answer.events)
    return events
