"""The arguments of each command after ``nilo do``. The commands themselves are in ``domain.commands``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import click

Parameter = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class CommandShape:
    """What a command does, its arguments in order, its options, and two examples."""

    purpose: str
    arguments: tuple[str, ...]
    examples: tuple[str, str]
    options: tuple[Parameter, ...] = ()


_SIZE: Final = click.option("--size", metavar="SIZE", help="Static memory of this size.")
_MEMORY: Final = (
    _SIZE,
    click.option("--minimum", metavar="SIZE", help="Dynamic Memory: the least that the VM can have."),
    click.option("--startup", metavar="SIZE", help="Dynamic Memory: what the VM starts with."),
    click.option("--maximum", metavar="SIZE", help="Dynamic Memory: the most that the VM can have."),
    click.option("--buffer", type=int, help="Dynamic Memory: spare memory, in percent; default 20."),
    click.option("--weight", type=int, help="Dynamic Memory: priority, 0 to 100; default 50."),
)
_GUESTS: Final = "windows, windows-legacy, linux, linux-legacy, unenlightened"
_GUEST: Final = (
    click.option("--guest", required=True, help=f"One of {_GUESTS}."),
    click.option("--config-version", required=True, metavar="VERSION", help="The configuration version, such as 10.0."),
)

SHAPES: Final[dict[str, CommandShape]] = {
    "register-host": CommandShape(
        purpose="Register a host.",
        arguments=("host",),
        examples=(
            "nilo do register-host hv01 --version 2022 --total 64GiB --reserve 2304MiB",
            "nilo do register-host hv02 --version 2019 --total 128GiB --reserve 4GiB",
        ),
        options=(
            click.option("--version", required=True, help="The Windows Server release: 2016, 2019, 2022 or 2025."),
            click.option("--total", required=True, metavar="SIZE", help="The memory of the machine."),
            click.option("--reserve", required=True, metavar="SIZE", help="The memory that the root partition keeps."),
        ),
    ),
    "resize-host": CommandShape(
        purpose="Change the total memory of a host.",
        arguments=("host", "total"),
        examples=("nilo do resize-host hv01 128GiB", 'nilo do resize-host hv01 96GiB --reason "two modules failed"'),
    ),
    "set-reserve": CommandShape(
        purpose="Change the reserve of a host: what its root partition keeps.",
        arguments=("host", "reserve"),
        examples=("nilo do set-reserve hv01 4GiB", "nilo do set-reserve hv01 2304MiB --actor ops"),
    ),
    "remove-host": CommandShape(
        purpose="Remove a host without VMs; its history stays.",
        arguments=("host",),
        examples=("nilo do remove-host hv01", 'nilo do remove-host hv01 --reason "decommissioned"'),
    ),
    "define-vm": CommandShape(
        purpose="Define a VM. It is off at first.",
        arguments=("vm",),
        examples=(
            "nilo do define-vm web01 --host hv01 --generation 2 --guest windows --config-version 10.0 --size 4GiB",
            "nilo do define-vm db01 --host hv01 --generation 1 --guest linux --config-version 9.0 --size 2GiB",
        ),
        options=(
            click.option("--host", required=True, help="The host of the VM."),
            click.option("--name", help="The name of the VM; default its id."),
            click.option("--generation", required=True, type=int, help="1 or 2."),
            *_GUEST,
            *_MEMORY,
        ),
    ),
    "configure-memory": CommandShape(
        purpose="Change the memory setting of a VM.",
        arguments=("vm",),
        examples=(
            "nilo do configure-memory web01 --size 8GiB",
            "nilo do configure-memory db01 --minimum 512MiB --startup 2GiB --maximum 16GiB",
        ),
        options=_MEMORY,
    ),
    "configure-guest": CommandShape(
        purpose="Change the guest or the configuration version of a VM that is off.",
        arguments=("vm",),
        examples=(
            "nilo do configure-guest web01 --guest windows --config-version 10.0",
            "nilo do configure-guest db01 --guest linux --config-version 9.0",
        ),
        options=_GUEST,
    ),
    "start": CommandShape(
        purpose="Start a VM.",
        arguments=("vm",),
        examples=("nilo do start web01", 'nilo do start web01 --at "2026-11-23 09:00"'),
    ),
    "stop": CommandShape(
        purpose="Stop a VM.",
        arguments=("vm",),
        examples=("nilo do stop web01", 'nilo do stop web01 --reason "patch day"'),
    ),
    "pause": CommandShape(
        purpose="Pause a VM. It keeps its memory.",
        arguments=("vm",),
        examples=("nilo do pause web01", "nilo do pause db01"),
    ),
    "resume": CommandShape(
        purpose="Resume a paused VM.", arguments=("vm",), examples=("nilo do resume web01", "nilo do resume db01")
    ),
    "save": CommandShape(
        purpose="Save a VM. Its host gets the memory back.",
        arguments=("vm",),
        examples=("nilo do save web01", "nilo do save db01"),
    ),
    "restore": CommandShape(
        purpose="Restore a saved VM.", arguments=("vm",), examples=("nilo do restore web01", "nilo do restore db01")
    ),
    "reboot-guest": CommandShape(
        purpose="Reboot the guest of a VM.",
        arguments=("vm",),
        examples=("nilo do reboot-guest web01", 'nilo do reboot-guest web01 --reason "updates"'),
    ),
    "report-in-use": CommandShape(
        purpose="Report the memory in use in the guest of a VM.",
        arguments=("vm", "in_use"),
        examples=("nilo do report-in-use web01 5001MiB", "nilo do report-in-use web01 3GiB --via agent"),
    ),
    "add-memory": CommandShape(
        purpose="Add memory to a running VM with static memory.",
        arguments=("vm", "amount"),
        examples=('nilo do add-memory web01 4GiB --reason "month end"', "nilo do add-memory web01 512MB --actor ops"),
    ),
    "remove-memory": CommandShape(
        purpose="Remove memory from a running VM with static memory.",
        arguments=("vm", "amount"),
        examples=("nilo do remove-memory web01 4GiB", 'nilo do remove-memory web01 512MB --reason "month end is over"'),
    ),
    "set-memory": CommandShape(
        purpose="Add or remove memory until a VM with static memory has a size.",
        arguments=("vm", "size"),
        examples=("nilo do set-memory web01 8GiB", "nilo do set-memory web01 4GiB --via powershell"),
    ),
    "grow": CommandShape(
        purpose="Add memory to a VM with Dynamic Memory, as the host would.",
        arguments=("vm", "amount"),
        examples=("nilo do grow db01 1GiB", "nilo do grow db01 512MiB --via balancer"),
    ),
    "reclaim": CommandShape(
        purpose="Remove memory from a VM with Dynamic Memory, as the host would.",
        arguments=("vm", "amount"),
        examples=("nilo do reclaim db01 1GiB", "nilo do reclaim db01 512MiB --via balancer"),
    ),
    "move-vm": CommandShape(
        purpose="Move a VM to another host.",
        arguments=("vm", "to"),
        examples=("nilo do move-vm web01 hv02", 'nilo do move-vm web01 hv02 --reason "maintenance of hv01"'),
    ),
    "remove-vm": CommandShape(
        purpose="Remove a VM that is off; its history stays.",
        arguments=("vm",),
        examples=("nilo do remove-vm web01", 'nilo do remove-vm web01 --reason "replaced by web02"'),
    ),
}
"""The arguments of each command of the model."""
