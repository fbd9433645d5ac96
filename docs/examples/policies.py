"""Policies of a shop. This file is read by `nilo policy`, and never run."""

from nilometer.policy import GiB, Host, Power, Vm, scope


def tenth_stays_free(host: Host) -> bool:
    """10 % of each host stay free."""
    return host.free * 10 >= host.total


@scope(vms="erp*")
def erp_keeps_512_mib(vm: Vm) -> bool:
    """An ERP VM never has less than 512 MiB, unless it is off."""
    return vm.power is Power.OFF or vm.assigned * 2 >= GiB


def at_most_half(vm: Vm, host: Host) -> bool:
    """No VM holds more than half of its host."""
    return vm.held * 2 <= host.total
