"""The event that each accepted command writes, by its stored name: the memory model's event table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FOLLOWED_BY: Final[Mapping[str, str]] = {
    "configure-memory": "vm.memory-configured",
    "configure-guest": "vm.guest-configured",
    "start": "vm.started",
    "stop": "vm.stopped",
    "pause": "vm.paused",
    "resume": "vm.resumed",
    "save": "vm.saved",
    "restore": "vm.restored",
    "reboot-guest": "vm.rebooted",
    "report-in-use": "vm.in-use-reported",
    "add-memory": "vm.memory-added",
    "remove-memory": "vm.memory-removed",
    "grow": "vm.memory-added",
    "reclaim": "vm.memory-removed",
    "move-vm": "vm.moved",
    "remove-vm": "vm.removed",
    "register-host": "host.registered",
    "resize-host": "host.resized",
    "set-reserve": "host.reserve-set",
    "remove-host": "host.removed",
}
"""The event on the VM's or the host's stream, by command. With another event, an audit would read what did not happen.
"""
