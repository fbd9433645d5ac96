"""The account of a host: registered, resized, its reserve set, removed. No VM is touched by any of these."""

from __future__ import annotations

from domain.decision import Code, Decision, refused_or_done, rejected
from domain.rule import rule
from domain.state import Host


@rule
def register_host(total: int, reserve: int) -> Decision:
    """A host has some memory, and its root partition reserves no more than all of it."""
    return refused_or_done(Code.NONE if total > 0 and reserve <= total else Code.INVALID_SETTING)


@rule
def resize_host(host: Host, total: int) -> Decision:
    """A host cannot lose memory that its root partition or its VMs hold."""
    if total <= 0:
        return rejected(Code.INVALID_SETTING)
    fits = host.reserve + host.held <= total
    return refused_or_done(Code.NONE if fits else Code.HOST_WOULD_BE_OVERCOMMITTED)


@rule
def set_reserve(host: Host, reserve: int) -> Decision:
    """The root partition cannot reserve what VMs hold."""
    fits = reserve + host.held <= host.total
    return refused_or_done(Code.NONE if fits else Code.HOST_WOULD_BE_OVERCOMMITTED)


@rule
def remove_host(vms: int) -> Decision:
    """A host can be removed once no VM is on it, running or not."""
    return refused_or_done(Code.NONE if vms == 0 else Code.HOST_NOT_EMPTY)
