"""What it costs to check policies, each against every command and in pairs; and to keep those that are adopted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.timing import SideBySide, Spent
from benchmarks.workload import Size, prepare, requests, resizes
from nilometer import Ledger, Request
from rules.policies.checking import check_policies
from rules.policies.reading import read_policies

POLICIES: Final = (
    ("host", "host.free * 10 >= host.total"),
    ("host", "host.free * 20 >= host.total"),
    ("host", "host.reserve >= 2 * GiB or host.held == 0"),
    ("vm", "vm.power is Power.OFF or vm.assigned >= 8 * GiB"),
    ("vm", "vm.assigned <= 64 * GiB"),
    ("change", "vm.assigned <= before.assigned"),
    ("pair", "one.held + other.held <= 64 * GiB"),
    ("vm", "vm.memory.mode is Mode.STATIC or vm.memory.maximum <= 4 * vm.memory.startup"),
    ("both", "vm.held * 2 <= host.total"),
    ("group", "group.held <= 200 * GiB"),
)
"""Of each kind: over a VM, a host, both, a change in a window, two VMs, and a group."""
_PARAMETERS: Final = {
    "vm": "vm: Vm",
    "host": "host: Host",
    "both": "vm: Vm, host: Host",
    "change": "before: Vm, vm: Vm",
    "pair": "one: Vm, other: Vm",
    "group": "group: Group",
}
_SCOPES: Final = {
    "change": '@scope(outside="Sat 22:00-04:00", zone="Europe/Berlin")\n',
    "pair": '@scope(one="web01", other="web02")\n',
    "group": '@scope(vms="db*")\n',
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check took: seconds of the processor, and how many obligations were asked."""

    cpu: float
    policies: int
    obligations: int


def check(count: int) -> Checked:
    """Reads and checks so many policies."""
    text = "\n".join(
        f"{_SCOPES.get(over, '')}"
        f'def policy_{number}({_PARAMETERS[over]}) -> bool:\n    """Number {number}."""\n    return {condition}\n'
        for number, (over, condition) in enumerate(POLICIES[:count], 1)
    )
    begun = time.process_time()
    checked = check_policies(read_policies(text, "policies.py"))
    return Checked(time.process_time() - begun, len(checked.reports), checked.obligations)


# Keeping them

ADOPTED: Final = '''
def tenth_stays_free(host: Host) -> bool:
    """10 % of each host stay free."""
    return host.free * 10 >= host.total


def keeps_512_mib(vm: Vm) -> bool:
    """A VM that runs has 512 MiB."""
    return vm.power is Power.OFF or vm.assigned * 2 >= GiB


def at_most_half(vm: Vm, host: Host) -> bool:
    """No VM holds more than half of its host."""
    return vm.held * 2 <= host.total
'''
"""Three policies that no command of the workload breaks."""


def enforce(folder: Path, *, pieces: int, commands: int) -> Iterator[SideBySide]:
    """Commands on a ledger that keeps policies, beside the same on one that has none: one a commit, then together."""
    for together in (1, commands):
        ledgers = [_prepared(folder / f"policies-{together}-{name}.db", text) for name, text in _LEDGERS]
        works = [resizes(Size()) for _ in ledgers]
        some = [[requests(work, commands) for _ in range(pieces)] for work in works]
        both = SideBySide(Spent(), Spent())
        for number in range(pieces):
            for ledger, spent, own in zip(ledgers, (both.ours, both.other), some, strict=True):
                spent.time(commands, partial(_record, ledger, own[number], together))
        for ledger in ledgers:
            ledger.close()
        yield both


_LEDGERS: Final = (("kept", ADOPTED), ("none", ""))


def _prepared(path: Path, text: str) -> Ledger:
    ledger = Ledger.open(f"sqlite:///{path}", create=True, durable=False)
    prepare(ledger, Size())
    if text:
        assert ledger.adopt_policy(text, actor="bench", via="bench").refusal is None
    return ledger


def _record(ledger: Ledger, some: Sequence[Request], together: int) -> None:
    for start in range(0, len(some), together):
        ledger.execute_all(some[start : start + together])
