"""The induction over a history: hosts and VMs begin with all invariants, and every command keeps them for every VM."""

from __future__ import annotations

from domain.state import Site
from rules.obligations.builder import ObligationBuilder, can_be_written
from rules.specification.invariants import INVARIANTS, host_is_real, host_never_overcommitted
from rules.symbolic import terms
from rules.symbolic.terms import ZERO, Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, as_term, choose, symbolic
from rules.transitions.vm_commands import SITE, Transition


def initiation(builder: ObligationBuilder) -> None:
    """The invariants hold for a new host, and for a new VM on any host."""
    register = builder.host_commands["register-host"]
    new_host = SymbolicRecord(Site, {**SITE.fields, "host": as_record(register.after), "entry": ZERO})
    assumes = [register.accepted, *can_be_written(register.arguments)]
    for invariant in (host_is_real, host_never_overcommitted):
        goal = builder.apply(invariant, site=new_host)
        builder.add("initiation", invariant, goal, command="register-host", assumes=assumes)
    goal = terms.equal(as_record(register.after).term("held"), ZERO)  # the sum of no entries
    builder.add("initiation", "new_book_is_empty", goal, command="register-host", assumes=assumes)

    define = builder.host_commands["define-vm"]
    assumes = [*builder.host_invariants(SITE["host"]), define.accepted, *can_be_written(define.arguments)]
    for invariant in INVARIANTS:
        goal = builder.apply(invariant, site=as_record(define.after))
        builder.add("initiation", invariant, goal, command="define-vm", assumes=assumes)


def consecution(builder: ObligationBuilder) -> None:
    """Every command on a VM keeps every invariant of that VM."""
    for transition in builder.transitions.values():
        assumes = builder.command_assumptions(transition)
        for invariant in INVARIANTS:
            goal = builder.apply(invariant, site=transition.after)
            builder.add("keeps", invariant, goal, command=transition.command, assumes=assumes, transition=transition)


def bystanders(builder: ObligationBuilder) -> None:
    """No command on a VM breaks an invariant of another VM, on the same host or, for ``move-vm``, on either host."""
    for transition in builder.transitions.values():
        here = (SITE["host"], as_term(SITE["entry"]))
        if transition.left is None or transition.left_entry is None:
            after = (transition.after["host"], as_term(transition.after["entry"]))
            _add_bystander(builder, transition, "", here, after)
            continue
        _add_bystander(builder, transition, "source", here, (transition.left, transition.left_entry))
        destination = transition.arguments["destination"]
        refused = terms.negation(transition.accepted)
        host_after = as_record(choose(refused, destination, transition.after["host"]))
        entry_after = terms.choose(transition.accepted, as_term(transition.after["entry"]), ZERO)
        _add_bystander(builder, transition, "destination", (destination, ZERO), (host_after, entry_after))


def _add_bystander(
    builder: ObligationBuilder,
    transition: Transition,
    role: str,
    before: tuple[Value, Term],
    after: tuple[Value, Term],
) -> None:
    """Obligations for any other VM on a host that a command changes.

    ``before`` and ``after`` are that host and its book entry for the command's own VM.
    """
    other = as_record(symbolic("other", Site))
    (host, entry), (host_after, entry_after) = before, after
    other_before = SymbolicRecord(Site, {**other.fields, "host": host})
    other_after = SymbolicRecord(Site, {**other.fields, "host": host_after})
    room = terms.at_most(terms.add(entry, other.term("entry")), as_record(host).term("held"))
    assumes = [*builder.command_assumptions(transition), *builder.invariants(other_before), room]
    command = transition.command if not role else f"{transition.command} ({role})"
    for invariant in INVARIANTS:
        goal = builder.apply(invariant, site=other_after)
        builder.add("bystander", invariant, goal, command=command, assumes=assumes, transition=transition)
    goal = terms.at_most(terms.add(entry_after, other.term("entry")), as_record(host_after).term("held"))
    builder.add("bystander", "there_is_room_for_all", goal, command=command, assumes=assumes, transition=transition)


def accounts(builder: ObligationBuilder) -> None:
    """``resize-host`` and ``set-reserve`` keep every invariant of every VM on the host."""
    for name in ("resize-host", "set-reserve"):
        command = builder.host_commands[name]
        host = as_record(command.after)
        after = SymbolicRecord(Site, {**SITE.fields, "host": host})
        assumes = [*builder.invariants(SITE), *can_be_written(command.arguments), command.accepted]
        for invariant in INVARIANTS:
            goal = builder.apply(invariant, site=after)
            builder.add("keeps", invariant, goal, command=name, assumes=assumes)
        kept = terms.equal(host.term("held"), as_record(command.before).term("held"))
        builder.add("frame", "book_is_kept", kept, command=name)
        # The invariants of a host must also hold where it has no VM.
        assumes = [*builder.host_invariants(SITE["host"]), *can_be_written(command.arguments), command.accepted]
        for invariant in (host_is_real, host_never_overcommitted):
            goal = builder.apply(invariant, site=SymbolicRecord(Site, {**after.fields, "entry": ZERO}))
            builder.add("keeps", invariant, goal, command=f"{name} (no VM)", assumes=assumes)


def hosts_left(builder: ObligationBuilder) -> None:
    """``move-vm`` keeps the invariants of the host that the VM leaves, even where no VM stays behind."""
    move = builder.transitions["move-vm"]
    source = SymbolicRecord(Site, {**SITE.fields, "host": as_record(move.left), "entry": as_term(move.left_entry)})
    assumes = builder.command_assumptions(move)
    for invariant in (host_is_real, host_never_overcommitted):
        goal = builder.apply(invariant, site=source)
        builder.add("keeps", invariant, goal, command="move-vm (source)", assumes=assumes, transition=move)
