"""The names that a policy may use, beside its parameters: the same that the rules use. No function is among them."""

from domain.guests import Guest
from domain.quantities import GiB, MiB, TiB
from domain.settings import HostVersion, Mode
from domain.state import Host, Power, Vm

__all__ = ["GiB", "Guest", "Host", "HostVersion", "MiB", "Mode", "Power", "TiB", "Vm"]


def stands_for_policies(vm: Vm, host: Host) -> bool:
    """A function of this module: the reader looks names up as this one sees them."""
    return vm.assigned <= host.total
