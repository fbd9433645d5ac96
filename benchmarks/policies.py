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
    ("vm", "vm.visible <= 2 * vm.assigned or vm.power is Power.OFF"),
    ("vm", "vm.power is Power.OFF or vm.assigned >= 32 * MiB"),
    ("vm", "vm.memory.mode is Mode.STATIC or vm.memory.maximum <= 4 * vm.memory.startup"),
    ("both", "vm.held * 2 <= host.total"),
    ("both", "vm.held <= host.total - host.reserve"),
)
"""Over a VM, a host, or both."""
_PARAMETERS: Final = {"vm": "vm: Vm", "host": "host: Host", "both": "vm: Vm, host: Host"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check took: seconds of the processor, and how many obligations were asked."""

    cpu: float
    policies: int
    obligations: int


def check(count: int) -> Checked:
    """Reads and checks so many policies."""
    text = "\n".join(
        f'def policy_{number}({_PARAMETERS[over]}) -> bool:\n    """Number {number}."""\n    return {condition}\n'
        for number, (over, condition) in enumerate(POLICIES[:count], 1)
    )
    begun = time.process_time()
    checked = check_policies(read_policies(text, "policies.py"))
    return Checked(time.process_time() - begun, len(checked.reports), checked.obligations)
