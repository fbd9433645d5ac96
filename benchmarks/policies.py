"""What it costs to check policies: ten of them, each against every command, alone and in pairs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

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
