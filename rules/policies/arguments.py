"""What policies are about, as unknown values: VM and host, another VM, a group, the VM before, and the command."""

from __future__ import annotations

from typing import Final, cast

from domain.recording.vms.records import VmCommandName
from domain.state import Group, Vm
from rules.symbolic import terms
from rules.symbolic.values import SymbolicRecord, Value, symbolic
from rules.transitions.vm_commands import SITE

OTHER: Final = cast("SymbolicRecord", symbolic("site.other", Vm))
BEFORE: Final = cast("SymbolicRecord", symbolic("site.before", Vm))
GROUP: Final = cast("SymbolicRecord", symbolic("site.group", Group))
COMMAND: Final = terms.variable("site.command", VmCommandName)

ARGUMENTS: Final[dict[str, Value]] = {
    "vm": SITE["vm"],
    "host": SITE["host"],
    "one": SITE["vm"],
    "other": OTHER,
    "group": GROUP,
    "before": BEFORE,
    "command": COMMAND,
}
"""By the role of a parameter."""
KINDS: Final[dict[str, str]] = {
    "vm": "Vm",
    "host": "Host",
    "one": "Vm",
    "other": "Vm",
    "group": "Group",
    "before": "Vm",
    "command": "Command",
}
"""The type of each role, as a file of policies names it."""
