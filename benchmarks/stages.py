"""Where the time of one recorded command goes: its parts, each timed alone, in a loop, with everything warm.

The parts of a command that is really recorded are slower: between them other code has run, and another program may
have had the processor.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.recording import BATCH_COMMANDS
from benchmarks.timing import Spent
from benchmarks.workload import STEP, GiB, Size, prepare, requests, resizes
from domain.aggregates import HostAggregate, VmAggregate
from domain.changes import host_figures, vm_figures
from domain.deciding.decider import decide
from domain.deciding.reads import Reads
from domain.events import VmMemoryRemoved
from domain.evolve import granted_to_vm, memory_removed
from domain.resizing import remove_memory
from nilometer import Ledger, Metadata, RemoveMemory, Request
from nilometer.storage.bodies import decode, encode
from nilometer.times import current_time


def stages(folder: Path, *, loops: int, pieces: int) -> list[tuple[str, float]]:
    """Seconds of the processor that the parts of one ``remove-memory`` take, and the whole, in groups and singly."""

    def alone(work: Callable[[], object]) -> float:
        return min(timeit.repeat(work, number=loops, repeat=7)) / loops

    path = folder / "stages.db"
    with Ledger.open(f"sqlite:///{path}", create=True, durable=False) as ledger:
        size = Size()
        prepare(ledger, size)
        work = resizes(size)
        ledger.execute_all(requests(work, size.vms))
        fleet = ledger.views.fleet()
        command = RemoveMemory("vm0000", STEP)
        vm, host = fleet.vms[command.vm].subject, fleet.hosts["hv00"].subject
        assert isinstance(vm, VmAggregate)
        assert isinstance(host, HostAggregate)
        site, reads = host.site(vm), Reads(vm=vm, host=host)
        answer = decide(command, reads)
        (_, removed), (_, booked) = answer.events
        assert isinstance(removed, VmMemoryRemoved)
        metadata = Metadata("CONTOSO\\ops", "benchmarks", current_time(), current_time(), "0" * 32)
        topic, body = encode(removed, metadata)
        found = [
            ("decide", alone(lambda: decide(command, reads))),
            ("… the rule", alone(lambda: remove_memory(site, STEP))),
            ("… what the VM's event changes", alone(lambda: memory_removed(vm.state, STEP, 0))),
            ("… what the host's event changes", alone(lambda: granted_to_vm(host.state, GiB))),
            ("… figures before and after", 2 * alone(lambda: (vm_figures(vm.state), host_figures(host.state)))),
            ("write the two bodies", alone(lambda: (encode(removed, metadata), encode(booked, metadata)))),
            ("read the VM's body", alone(lambda: decode("vm/vm0000", 1, topic, body))),
        ]
        grouped, single = Spent(), Spent()
        for _ in range(pieces):
            grouped.time(4 * BATCH_COMMANDS, partial(_in_groups, ledger, requests(work, 4 * BATCH_COMMANDS)))
            single.time(BATCH_COMMANDS, partial(_singly, ledger, requests(work, BATCH_COMMANDS)))
    found.append((f"a whole command, {BATCH_COMMANDS} a commit", grouped.cpu_each))
    found.append(("a whole command, a commit each (not FULL)", single.cpu_each))
    return found


def _in_groups(ledger: Ledger, some: Sequence[Request]) -> None:
    for start in range(0, len(some), BATCH_COMMANDS):
        ledger.execute_all(some[start : start + BATCH_COMMANDS])


def _singly(ledger: Ledger, some: Sequence[Request]) -> None:
    for request in some:
        ledger.execute(request)
