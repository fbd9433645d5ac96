"""What an import of Hyper-V histories knows at its end beside the ledger, so that the next one can go on from there.

Hosts and VMs are kept as they are, with all that waits. What cannot be kept is joined again when it is read: each VM
with the host that listed it last.
"""

from __future__ import annotations

from dataclasses import dataclass

from nilometer.importers.hyperv.hosts import HypervHost
from nilometer.importers.hyperv.readings import ChangeReading
from nilometer.importers.hyperv.sources.spool.change_pairs import ChangeFile
from nilometer.importers.hyperv.vm.vm import HypervVm


@dataclass(slots=True, kw_only=True)
class FoldMemo:
    """All that a fold knows."""

    hosts: list[HypervHost]
    host_names: dict[str, str]
    """The ids of hosts, by the names in files."""
    vms: dict[str, HypervVm]
    """By what files call them."""
    listed_by: dict[str, str]
    """The ids of the hosts that listed VMs last, by what files call these VMs."""
    names: dict[str, tuple[str, str | None]]
    """Names and hosts of VMs, by their ids."""
    knows_all_names: bool
    """The names that the ledger had were looked up."""
    open_changes: dict[str, ChangeReading]
    given_up: set[str]
    """The ids of changes whose end was taken for lost."""


@dataclass(slots=True, kw_only=True)
class PairsMemo:
    """The files of changes that were read, by the ids of the changes."""

    begun: dict[str, ChangeFile]
    ends: dict[str, ChangeFile]
