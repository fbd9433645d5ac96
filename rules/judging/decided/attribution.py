"""Attributes a wrong decision to the rules that it breaks, and lists the rules that apply to each kind of event.

The claims that are proved about a command are evaluated one by one on what is recorded: the same predicates, as Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Final

from domain import events
from domain.aggregates import HistoryError
from domain.changes import HOST_CHANGES, VM_CHANGES
from domain.deciding.redecide import arguments_of, host_as_read, same_host, vm_as_read
from domain.events import VmDefined, VmEvent
from domain.evolve import book_change, vm_defined
from domain.guests import Guest
from domain.policy_events import BY_POLICY
from domain.state import Host, Site
from rules.catalogue import rule_of
from rules.claims import CommandState, claims_of, holds
from rules.judging.comparing import decision_of
from rules.judging.decided.tracks import vm_with
from rules.judging.descriptions import (
    EVENT_TELLS_ALL,
    EVENTS_WHERE_DUE,
    HALVES_AGREE,
    HISTORY_IS_WHOLE,
    TIME_GOES_FORWARD,
)
from rules.specification.events import FOLLOWED_BY
from rules.specification.invariants import INVARIANTS, host_is_real, host_never_overcommitted

HOST_INVARIANTS: Final = (host_is_real, host_never_overcommitted)
"""The invariants that concern a host alone."""
VM_INVARIANTS: Final = tuple(rule for rule in INVARIANTS if rule not in HOST_INVARIANTS)
"""The invariants of a VM on its host."""
INVARIANT_NAMES: Final = frozenset(rule.__name__ for rule in INVARIANTS)

HOST_COMMANDS: Final[Mapping[str, str]] = {
    command: kind for command, kind in FOLLOWED_BY.items() if kind.startswith("host.")
}
"""The stored name of the event that each command on a host produces."""

_MOST_SPECIFIC: Final = (
    "in_use_never_removed",
    "maximal",
    "no_effect_without_grant",
    "outcome_is_honest",
    "grant_is_applied",
    "conserved",
    "effects",
)
"""The rules that explain a wrong decision best, the best first; the others come after them."""

RESTRICTED_BY_POLICIES: Final = ("maximal", "outcome_is_honest")
"""The rules that an adopted policy restricts: the grant is the most that rules and policies allow, or a refusal."""

Kind = tuple[str, str]
"""A command, and what it was applied to: ``vm``, ``paging vm`` or ``host``; ``refused`` or ``host refused``."""


def kind_of(event: VmEvent, guest: Guest) -> Kind:
    """The kind of a VM's event, by which the rules that apply to it are counted."""
    return kind_of_command(event.command, guest, refused=isinstance(event, events.VmCommandRefused))


def kind_of_command(command: str, guest: Guest, *, refused: bool) -> Kind:
    """The kind of the event that records a command on a VM."""
    if refused:
        return command, "refused"
    paging = command == "reclaim" and guest is Guest.WINDOWS_LEGACY
    return command, "paging vm" if paging else "vm"


@cache
def rules_for(kind: Kind) -> tuple[str, ...]:
    """The rules that apply to a kind of event, each once."""
    command, what = kind
    if command == HISTORY_IS_WHOLE:
        return (HISTORY_IS_WHOLE,)
    refused, on_host = what.endswith("refused"), what.startswith("host")
    named = [EVENT_TELLS_ALL, EVENTS_WHERE_DUE, TIME_GOES_FORWARD, *([] if on_host or refused else [HALVES_AGREE])]
    named += [rule.__name__ for rule in (HOST_INVARIANTS if on_host else INVARIANTS)]
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


def broken_rules(event: VmEvent) -> list[str]:
    """The rules that the recorded decision breaks, the most specific first.

    Raises ``HistoryError`` if the event lacks a figure that a rule needs.
    """
    try:
        before, after, arguments = _moments(event)
        named = dict.fromkeys(
            rule_of(claim) or claim.rule
            for claim in claims_of(event.command)
            if holds(claim, before=before, after=after, decision=decision_of(event), arguments=arguments) is False
        )
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise HistoryError(f"a {event.KIND} event lacks a figure that its rules need: {error!r}") from None
    if isinstance(event, BY_POLICY):
        for rule in RESTRICTED_BY_POLICIES:
            named.pop(rule, None)
    return sorted(named, key=lambda rule: _MOST_SPECIFIC.index(rule) if rule in _MOST_SPECIFIC else len(_MOST_SPECIFIC))


def rules_of_excess(event: VmEvent, rules: list[str]) -> list[str]:
    """The rules that explain a grant that is too large, the most specific first.

    The grant is executed on the recorded state: the invariants that it breaks explain it best, but for memory in use
    that was taken, which has a rule of its own. ``rules`` are those that the recorded decision breaks; that a grant is
    the largest possible explains only one that is too small.
    """
    broken: list[str] = []
    try:
        host, vm = host_as_read(event.evidence.host), vm_as_read(event)
        if isinstance(event, events.VmMemoryAdded):
            event = replace(event, hot_added=(event.granted or 0) - event.unballooned)
        after = VM_CHANGES[type(event)].apply(vm, event)
        change = book_change(vm, after)
        site = Site(_with_booked(host, change), after, vm.held + change)
        broken = [rule.__name__ for rule in INVARIANTS if not rule(site)]
    except (HistoryError, TypeError, ValueError, LookupError, AttributeError):
        pass  # the event lacks a figure
    taken = [rule for rule in rules if rule == "in_use_never_removed"]
    named = dict.fromkeys([*taken, *broken, *(rule for rule in rules if rule != "maximal"), EVENT_TELLS_ALL])
    if len(named) > 1:
        del named[EVENT_TELLS_ALL]
    return [*named, *(rule for rule in rules if rule == "maximal")]


def _moments(event: VmEvent) -> tuple[CommandState, CommandState, dict[str, object]]:
    """The state before and after an event as the event records it, and the arguments of its command."""
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
        moved = isinstance(event, events.VmMoved)
        left = Site(_with_booked(host, -vm.held), vm, 0) if moved else before
        reached = Site(_with_booked(there, vm.held), after, vm.held) if moved else before
        return before, reached, {"destination": there, "same_host": same_host(event.evidence), "left": left}
    change = book_change(vm, after)
    return before, Site(_with_booked(host, change), after, vm.held + change), dict(arguments_of(event))


def _with_booked(host: Host, change: int) -> Host:
    kind = events.HostMemoryGranted if change > 0 else events.HostMemoryReturned
    return host if change == 0 else HOST_CHANGES[kind].rule(host, abs(change))
