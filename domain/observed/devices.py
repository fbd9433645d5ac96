"""The memory devices of an observed VM, each with an account of its own, and their sums. Sizes are bytes.

The account of a balloon is what it leaves to the guest of boot memory and modules; virtio-mem has its own account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.guests import Mechanism
from domain.observed.words import BASE_MEMORY, Means


@dataclass(slots=True)
class DeviceAccount:
    """One memory device of a VM as last known. Sizes are bytes."""

    means: Means | None
    size: int | None
    maximum: int | None = None
    backed: bool | None = None
    """Whether the host's budget backs this memory."""
    mechanism: Mechanism | None = None
    """How the guest's own total follows this device."""


Accounts = Mapping[str, DeviceAccount]
_UNDER_THE_BALLOON = (Means.BOOT, Means.PC_DIMM)


def balloon_of(accounts: Accounts) -> DeviceAccount | None:
    """The balloon, if there is one."""
    for account in accounts.values():
        if account.means is Means.BALLOON:
            return account
    return None


def assigned_of(accounts: Accounts) -> int | None:
    """The physical memory that the VM has: ``None`` while the size of any device, or what it boots with, is unknown.

    A balloon's account has what the VM boots with, less what it lent.
    """
    balloon = balloon_of(accounts)
    if (
        balloon is None
        and BASE_MEMORY not in accounts
        and any(account.means is not None for account in accounts.values())
    ):
        return None
    return _sum(account for account in accounts.values() if balloon is None or account.means not in _UNDER_THE_BALLOON)


def lent_of(accounts: Accounts) -> int | None:
    """The memory that the guest gave back to the host through its balloon."""
    balloon = balloon_of(accounts)
    if balloon is None:
        return 0
    covered = _sum(_under_the_balloon(accounts)) if BASE_MEMORY in accounts else None
    return None if covered is None or balloon.size is None else covered - balloon.size


def held_of(accounts: Accounts) -> int | None:
    """What the VM holds of its host's budget: only the devices that the budget backs."""
    if BASE_MEMORY not in accounts and balloon_of(accounts) is not None:
        return None
    held = 0
    for account in accounts.values():
        if account.means is Means.BALLOON or account.backed is False or account.size == 0:
            continue
        if account.size is None or account.backed is None:
            return None
        held += account.size
    lent = lent_of(accounts)
    if lent == 0:
        return held
    backed = [account.backed for account in _under_the_balloon(accounts)]
    if not any(backed):
        return held
    return held - lent if lent is not None and all(backed) else None


def _under_the_balloon(accounts: Accounts) -> list[DeviceAccount]:
    return [account for account in accounts.values() if account.means in _UNDER_THE_BALLOON]


def _sum(accounts: Iterable[DeviceAccount]) -> int | None:
    total, any_at_all = 0, False
    for account in accounts:
        if account.size is None:
            return None
        total, any_at_all = total + account.size, True
    return total if any_at_all else None
