"""What an event on a VM says was requested: a command, and its amount or size if it names one."""

from __future__ import annotations

from domain.recording.vms.records import Asked, VmCommandName
from domain.rule import rule


@rule
def ask(command: VmCommandName) -> Asked:
    """A command that names no amount."""
    return Asked(command, False, 0, False, 0)  # by position, as in ``outcomes.record``


@rule
def ask_amount(command: VmCommandName, amount: int) -> Asked:
    """A command that names an amount."""
    return Asked(command, True, amount, False, 0)  # by position, as in ``outcomes.record``


@rule
def ask_size(command: VmCommandName, size: int) -> Asked:
    """A size is requested, and comes to a command that names no amount."""
    return Asked(command=command, has_amount=False, amount=0, has_size=True, size=size)


@rule
def ask_size_as_amount(command: VmCommandName, amount: int, size: int) -> Asked:
    """A size is requested, and comes to a command that names an amount."""
    return Asked(command=command, has_amount=True, amount=amount, has_size=True, size=size)
