"""The command of one event, and what was read to decide it: what the sentences of ``reasons`` speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.decision import Outcome
from domain.events import Argument, Evidence, HostFigures, HostRead, VmFigures, VmRead


@dataclass(frozen=True, slots=True)
class CommandFacts:
    """What a sentence can speak of."""

    command: str
    subject: str
    """The VM or host, as people call it."""
    id: str
    outcome: Outcome
    arguments: Mapping[str, Argument]
    evidence: Evidence
    vm: VmFigures | None
    host: HostFigures | None
    requested: int
    granted: int

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
