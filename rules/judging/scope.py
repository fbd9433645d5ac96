"""The events and rules that a judgement is about. All events are read, so that the state is known; these are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.identifiers import split_stream


@dataclass(frozen=True, slots=True)
class Scope:
    """What is judged; empty and ``None`` mean all. Times have the format of ``domain.envelope.Metadata``."""

    since: str | None = None
    until: str | None = None
    vms: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    """Events of these hosts, and of the VMs that are on them at that time."""
    rules: frozenset[str] = frozenset()

    @property
    def everything(self) -> bool:
        """Nothing is left out."""
        return self == EVERYTHING

    def includes(self, stream: str, host: str | None, happened: str) -> bool:
        """Whether an event is in scope; ``host`` is the host of its VM."""
        if (self.since is not None and happened < self.since) or (self.until is not None and happened > self.until):
            return False
        if not self.vms and not self.hosts:
            return True
        kind, id = split_stream(stream)
        if kind == "vm":
            return id in self.vms or host in self.hosts
        return kind == "host" and id in self.hosts


EVERYTHING: Final = Scope()
