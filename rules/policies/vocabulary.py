"""The names that a policy may use, beside its parameters: the same that the rules use. No function is among them."""

from domain.guests import Guest
from domain.quantities import GiB, MiB, TiB
from domain.recording.vms.records import VmCommandName
from domain.settings import HostVersion, Mode
from domain.state import Group, Host, Power, Vm

__all__ = ["Command", "GiB", "Group", "Guest", "Host", "HostVersion", "MiB", "Mode", "Power", "TiB", "Vm"]

Command = VmCommandName
"""The command of a change, by its short name."""


def stands_for_policies(vm: Vm, host: Host) -> bool:
    """A function of this module: the reader looks names up as this one sees them."""
    return vm.assigned <= host.total
