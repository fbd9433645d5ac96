"""What the sentences about a command can name: the command itself, and what was read to decide it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.decision import Outcome
from domain.events import Argument, Evidence, HostFigures, HostRead, VmFigures, VmRead
from domain.policy_events import PolicyRead

ACTIONS: Final[dict[str, str]] = {
    "register-host": "register {}",
    "resize-host": "resize {}",
    "set-reserve": "set the reserve of {}",
    "remove-host": "remove {}",
    "define-vm": "define {}",
    "configure-memory": "configure the memory of {}",
    "configure-guest": "configure the guest of {}",
    "reboot-guest": "reboot the guest of {}",
    "report-in-use": "report the memory in use of {}",
    "grow": "grow the memory of {}",
    "add-memory": "add memory to {}",
    "remove-memory": "remove memory from {}",
    "set-memory": "set the memory of {}",
    "reclaim": "reclaim memory from {}",
    "move-vm": "move {}",
    "remove-vm": "remove {}",
}
"""Commands as verbs; the others are the verb that they are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFacts:
    """What a sentence about one command can name."""

    command: str
    subject: str
    """The VM or host, as people call it."""
    id: str
    outcome: Outcome
    arguments: Mapping[str, Argument]
    evidence: Evidence
    vm: VmFigures | None = None
    host: HostFigures | None = None
    requested: int = 0
    granted: int = 0
    policies: tuple[PolicyRead, ...] = ()
    """The policies that would not be kept."""

    @property
    def cannot(self) -> str:
        """The beginning of a refusal: ``Cannot stop web01``."""
        return f"Cannot {ACTIONS.get(self.command, f'{self.command} {{}}').format(self.subject)}"

    @property
    def figures(self) -> VmFigures:
        """The VM's figures before the command."""
        assert self.vm is not None, f"{self.command} is not about a VM"
        return self.vm

    @property
    def site(self) -> HostRead:
        """The host that was read."""
        assert self.evidence.host is not None, f"{self.command} read no host"
        return self.evidence.host

    @property
    def destination(self) -> HostRead:
        """The host that a VM was to move to."""
        assert self.evidence.destination is not None, f"{self.command} read no destination"
        return self.evidence.destination

    @property
    def read(self) -> VmRead:
        """What was read of the VM beyond its figures."""
        assert self.evidence.vm is not None, f"{self.command} read no VM"
        return self.evidence.vm
