"""Which rules a wrong decision breaks, and which rules speak of which event.

The claims that are proved of a command are asked of what is recorded, one by one: the same sentences, run by Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from domain import events
from domain.aggregates import HistoryError
from domain.changes import HOST_CHANGES, VM_CHANGES
from domain.deciding.redecide import arguments_of, host_as_read, vm_as_read
from domain.events import VmDefined, VmEvent
from domain.evolve import book_change, vm_defined
from domain.guests import Guest
from domain.state import Host, Site
from rules.catalogue import rule_of
from rules.claims import Moment, claims_of, holds
from rules.judging.comparing import decision_of
from rules.judging.decided.tracks import vm_with
from rules.judging.descriptions import (
    EVENT_TELLS_ALL,
    EVENTS_WHERE_DUE,
    HALVES_AGREE,
    HISTORY_IS_WHOLE,
    TIME_GOES_FORWARD,
)
from rules.specification.invariants import INVARIANTS, host_is_real, host_never_overcommitted

OF_HOSTS: Final = (host_is_real, host_never_overcommitted)
"""The invariants of a host alone."""
OF_VMS: Final = tuple(each for each in INVARIANTS if each not in OF_HOSTS)
"""The invariants of a VM on its host."""
INVARIANT_NAMES: Final = frozenset(each.__name__ for each in INVARIANTS)

HOST_COMMANDS: Final[Mapping[str, str]] = {
    "register-host": "host.registered",
    "resize-host": "host.resized",
    "set-reserve": "host.reserve-set",
    "remove-host": "host.removed",
}
"""The event of each command on a host, by its stored name."""

_TELLING: Final = (
    "in_use_never_removed",
    "maximal",
    "no_effect_without_grant",
    "outcome_is_honest",
    "grant_is_applied",
    "conserved",
    "effects",
)
"""Rules in the order in which they say most of what went wrong; the others come after them."""

Kind = tuple[str, str]
"""A command, and on what: ``vm``, ``host``; or that it was ``refused``, ``host refused``."""


def kind_of(event: VmEvent, guest: Guest) -> Kind:
    """What kind of event a VM's is, for the account of what was asked of which rule."""
    if isinstance(event, events.VmCommandRefused):
        return event.command, "refused"
    paging = event.command == "reclaim" and guest is Guest.WINDOWS_LEGACY
    return event.command, "paging vm" if paging else "vm"


@cache
def rules_of(kind: Kind) -> tuple[str, ...]:
    """The rules that speak of a kind of event, each once."""
    command, what = kind
    if command == HISTORY_IS_WHOLE:
        return (HISTORY_IS_WHOLE,)
    refused, on_host = what.endswith("refused"), what.startswith("host")
    named = [EVENT_TELLS_ALL, EVENTS_WHERE_DUE, TIME_GOES_FORWARD, *([] if on_host or refused else [HALVES_AGREE])]
    named += [each.__name__ for each in (OF_HOSTS if on_host else INVARIANTS)]
    for claim in claims_of(command):
        rule = rule_of(claim)
        if rule is None or claim.accepted is refused or (refused and claim.kind not in ("reason", "honesty", "frame")):
            continue
        if not refused and claim.when is not None and claim.when.__name__ == "is_made_to_page" and what != "paging vm":
            continue
        if rule == "in_use_never_removed" and what == "paging vm":
            continue
        named.append(rule)
    return tuple(dict.fromkeys(named))


def broken(event: VmEvent) -> list[str]:
    """The rules that what an event records of its decision breaks, the most telling first.

    Raises ``HistoryError`` if the event does not carry what they ask for.
    """
    try:
        before, after, arguments = _moments(event)
        named = dict.fromkeys(
            rule_of(claim) or claim.rule
            for claim in claims_of(event.command)
            if holds(claim, before=before, after=after, decision=decision_of(event), arguments=arguments) is False
        )
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise HistoryError(f"a {event.KIND} event does not carry what its rules ask for: {error!r}") from None
    return sorted(named, key=lambda rule: _TELLING.index(rule) if rule in _TELLING else len(_TELLING))


def _moments(event: VmEvent) -> tuple[Moment, Moment, dict[str, object]]:
    """What was there before and after an event, as it says itself, and what was asked for."""
    host = host_as_read(event.evidence.host)
    if isinstance(event, VmDefined):
        vm = vm_defined(event.generation, event.guest, event.config_version, event.memory)
        arguments: dict[str, object] = {
            name: getattr(event, name) for name in ("generation", "guest", "config_version", "memory")
        }
        return host, Site(host, vm_with(vm, event.after), 0), arguments
    vm = vm_as_read(event)
    before = Site(host, vm, vm.held)
    after = vm_with(VM_CHANGES[type(event)].apply(vm, event), event.after)
    if event.command == "move-vm":
        there = host_as_read(event.evidence.destination)
        same = event.evidence.host == event.evidence.destination
        moved = isinstance(event, events.VmMoved)
        left = Site(_booked(host, -vm.held), vm, 0) if moved else before
        reached = Site(_booked(there, vm.held), after, vm.held) if moved else before
        return before, reached, {"destination": there, "same_host": same, "left": left}
    change = book_change(vm, after)
    return before, Site(_booked(host, change), after, vm.held + change), dict(arguments_of(event))


def _booked(host: Host, change: int) -> Host:
    kind = events.HostMemoryGranted if change > 0 else events.HostMemoryReturned
    return host if change == 0 else HOST_CHANGES[kind].rule(host, abs(change))
