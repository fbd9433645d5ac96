"""What has to be proved of a policy: that each command keeps it, of each VM, host and group whose figures it changes.

Nothing is assumed but that the policy holds before, of the very VM, host, pair or group of which it is asked after it,
and what is proved of the rules. A policy over a change is no state: nothing of it is assumed before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from domain.evolve import book_change, group_changed
from domain.recording.vms.records import VmCommandName
from domain.state import Group, Site
from rules.obligations.builder import Obligation, ObligationBuilder, can_be_written
from rules.policies.arguments import GROUP
from rules.policies.policy import Policy
from rules.policies.window import any_minute
from rules.specification.figures import held_by
from rules.symbolic import terms
from rules.symbolic.terms import TRUE, ZERO, Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, as_term, choose, leaves, symbolic
from rules.transitions.vm_commands import SITE, Transition

KIND = "policy"
BESIDE: Final = cast("SymbolicRecord", symbolic("other", Site))
"""Another VM, and the host that it is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a policy is asked of at one moment, by its parameters; of two VMs, ``vm`` is the one."""

    vm: SymbolicRecord | None = None
    host: SymbolicRecord | None = None
    other: SymbolicRecord | None = None
    group: SymbolicRecord | None = None
    before: SymbolicRecord | None = None
    command: Term | None = None

    @property
    def values(self) -> dict[str, Value]:
        """What there is of it, by parameter."""
        found = {name: cast("Value | None", getattr(self, name)) for name in self.__slots__}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyObligation:
    """That a command keeps a policy."""

    policy: Policy
    command: str
    about: str
    """Of whom: ``the VM``, ``the host``, ``another VM on the host``, …"""
    obligation: Obligation
    accepted: Term
    before: Sight | None
    """``None`` where there was nothing before, or nothing that is asked."""
    after: Sight
    beside: SymbolicRecord | None = None
    """The site of the other VM that the policy is about, which the command does not change."""

    @property
    def is_of_own(self) -> bool:
        """Whether it is about the VM or host that the command names, or about a pair or group with that VM."""
        return self.about in ("the VM", "the one VM", "the other VM", "the group", "the host", "the new VM")


def policy_at(policy: Policy, sight: Sight) -> Term:
    """The policy, asked of a sight."""
    known: dict[str, Term] = {}
    for name, value in sight.values.items():
        known |= dict(leaves(value, f"site.{name}"))
    return terms.substitute(policy.term, known)


def policy_obligations(builder: ObligationBuilder, policy: Policy) -> Iterator[PolicyObligation]:
    """All obligations of a policy."""
    maker = _Maker(builder, policy)
    for transition in builder.transitions.values():
        yield from maker.of_transition(transition)
    if not policy.is_over_changes:
        yield from maker.of_beginnings()
        yield from maker.of_host_commands()


class _Maker:
    """Makes the obligations of one policy."""

    def __init__(self, builder: ObligationBuilder, policy: Policy) -> None:
        self._builder = builder
        self._policy = policy
        window = policy.scope.window
        self._when = [] if window is None else [*any_minute(), window.term]

    def of_transition(self, transition: Transition) -> Iterator[PolicyObligation]:
        """That a command on a VM keeps it."""
        policy, assumes = self._policy, self._builder.command_assumptions(transition)

        def make(
            about: str,
            before: Sight | None,
            after: Sight,
            more: Sequence[Term] = (),
            beside: SymbolicRecord | None = None,
        ) -> PolicyObligation:
            return self._make(
                transition.command, about, [*assumes, *more], transition.accepted, before, after, transition, beside
            )

        vm, host = as_record(SITE["vm"]), as_record(SITE["host"])
        after_vm, after_host = as_record(transition.after["vm"]), as_record(transition.after["host"])
        if policy.is_over_groups:
            yield make(
                "the group", Sight(group=GROUP), Sight(group=self._group_after(vm, after_vm)), self._in_group(vm)
            )
        if transition.command == "remove-vm":  # a VM that is gone keeps everything
            return
        if policy.is_over_changes:
            happened = Sight(vm=after_vm, host=after_host, before=vm, command=recorded_command(transition))
            yield make("the VM", None, happened)
        elif policy.is_over_pairs:
            for about, before, beyond in _pairs(vm, after_vm):
                yield make(about, before, beyond, self._builder.invariants(BESIDE), BESIDE)
        elif policy.is_over_vms:
            yield make("the VM", Sight(vm=vm, host=host), Sight(vm=after_vm, host=after_host))
        if policy.is_over_hosts and not policy.is_over_changes:
            for about, before, beyond, more in self._on_hosts(transition):
                yield make(about, before, beyond, more)

    def _on_hosts(self, transition: Transition) -> Iterator[tuple[str, Sight, Sight, list[Term]]]:
        """The hosts that a command changes, or any other VM on them."""
        host, entry = as_record(SITE["host"]), as_term(SITE["entry"])
        changed = [("", host, as_record(transition.after["host"]), entry)]
        if transition.left is not None:
            destination = as_record(transition.arguments["destination"])
            arrived = as_record(choose(transition.accepted, transition.after["host"], destination))
            changed = [("left ", host, transition.left, entry), ("new ", destination, arrived, ZERO)]
        for which, before, after, own in changed:
            if not self._policy.is_over_vms:
                yield f"the {which}host", Sight(host=before), Sight(host=after), []
                continue
            site = SymbolicRecord(Site, {**BESIDE.fields, "host": before})
            room = terms.at_most(terms.add(own, BESIDE.term("entry")), before.term("held"))
            vm = as_record(BESIDE["vm"])
            known = [*self._builder.invariants(site), room]
            yield f"another VM on the {which}host", Sight(vm=vm, host=before), Sight(vm=vm, host=after), known

    def of_beginnings(self) -> Iterator[PolicyObligation]:
        """That it holds of a new VM, of a new host, and of a group without VMs."""
        builder, policy, host = self._builder, self._policy, as_record(SITE["host"])
        define, register = builder.host_commands["define-vm"], builder.host_commands["register-host"]
        defined = as_record(define.after)
        known = [*builder.host_invariants(host), *can_be_written(define.arguments)]
        new = as_record(defined["vm"])
        if policy.is_over_groups:
            nobody = SymbolicRecord(Group, {"held": ZERO})
            yield self._make("define-vm", "the new group", known, define.accepted, None, Sight(group=nobody))
        elif policy.is_over_pairs:
            for about, _, after in _pairs(new, new):
                more = [*known, *builder.invariants(BESIDE)]
                yield self._make("define-vm", about, more, define.accepted, None, after, None, BESIDE)
        elif policy.is_over_vms:
            after = Sight(vm=new, host=as_record(defined["host"]))
            yield self._make("define-vm", "the new VM", known, define.accepted, None, after)
        else:
            after = Sight(host=as_record(register.after))
            known = can_be_written(register.arguments)
            yield self._make("register-host", "the new host", known, register.accepted, None, after)

    def of_host_commands(self) -> Iterator[PolicyObligation]:
        """That a command on a host keeps it, of the host or of any VM there."""
        if not self._policy.is_over_hosts:
            return
        host = as_record(SITE["host"])
        on_it = as_record(SITE["vm"]) if self._policy.is_over_vms else None
        known = self._builder.host_invariants(host) if on_it is None else self._builder.invariants(SITE)
        for name in ("resize-host", "set-reserve"):
            command = self._builder.host_commands[name]
            yield self._make(
                name,
                "the host" if on_it is None else "a VM on the host",
                [*known, *can_be_written(command.arguments)],
                command.accepted,
                Sight(vm=on_it, host=host),
                Sight(vm=on_it, host=as_record(command.after)),
            )

    # Groups

    def _held(self, vm: SymbolicRecord) -> Term:
        return self._builder.apply(held_by, vm=vm)

    def _in_group(self, vm: SymbolicRecord) -> list[Term]:
        """That a VM is in the group: it holds at most what all of them hold, as no VM holds less than nothing."""
        return [terms.at_most(self._held(vm), GROUP.term("held"))]

    def _group_after(self, vm: SymbolicRecord, after: SymbolicRecord) -> SymbolicRecord:
        """The group's running total after a change of one of its VMs, by the rules that write it in its book.

        No command changes another VM's figures.
        """
        program = self._builder.program
        return as_record(program.call(group_changed, [GROUP, program.call(book_change, [vm, after])]))

    def _make(
        self,
        command: str,
        about: str,
        assumes: Sequence[Term],
        accepted: Term,
        before: Sight | None,
        after: Sight,
        transition: Transition | None = None,
        beside: SymbolicRecord | None = None,
    ) -> PolicyObligation:
        held = TRUE if before is None else policy_at(self._policy, before)
        return PolicyObligation(
            policy=self._policy,
            command=command,
            about=about,
            obligation=Obligation(
                kind=KIND,
                rule=self._policy.name,
                command=command,
                assumes=(*self._when, *assumes, accepted, held),
                goal=policy_at(self._policy, after),
                transition=transition,
            ),
            accepted=accepted,
            before=before,
            after=after,
            beside=beside,
        )


def _pairs(vm: SymbolicRecord, after: SymbolicRecord) -> Iterator[tuple[str, Sight, Sight]]:
    """The VM that changes is the one or the other of two; the command changes nothing of the second."""
    second = as_record(BESIDE["vm"])
    yield "the one VM", Sight(vm=vm, other=second), Sight(vm=after, other=second)
    yield "the other VM", Sight(vm=second, other=vm), Sight(vm=second, other=after)


def recorded_command(transition: Transition) -> Term:
    """The command that is recorded: ``set-memory`` becomes another one."""
    if transition.command == VmCommandName.SET_MEMORY:
        return as_record(transition.recorded["asked"]).term("command")
    return terms.constant(VmCommandName(transition.command))
