"""The induction over a history: how hosts and VMs begin, and that every command keeps every invariant of every VM."""

from __future__ import annotations

from domain.state import Site
from rules.obligations.builder import ObligationBuilder, written
from rules.specification.invariants import INVARIANTS, host_is_real, host_never_overcommitted
from rules.symbolic import terms
from rules.symbolic.terms import ZERO, Term
from rules.symbolic.values import SymbolicRecord, Value, anything, choose
from rules.transitions.vm_commands import SITE, Transition, record, term


def initiation(builder: ObligationBuilder) -> None:
    """A host begins as it should, and a VM does on any host, however busy."""
    register = builder.host_commands["register-host"]
    begun = SymbolicRecord(Site, {**SITE.fields, "host": record(register.after), "entry": ZERO})
    granted = [register.accepted, *written(register.arguments)]
    for invariant in (host_is_real, host_never_overcommitted):
        goal = builder.says(invariant, site=begun)
        builder.prove("initiation", invariant, goal, command="register-host", assumes=granted)

    define = builder.host_commands["define-vm"]
    assumes = [*builder.real(SITE["host"]), define.accepted, *written(define.arguments)]
    for invariant in INVARIANTS:
        goal = builder.says(invariant, site=record(define.after))
        builder.prove("initiation", invariant, goal, command="define-vm", assumes=assumes)


def consecution(builder: ObligationBuilder) -> None:
    """Every command keeps every invariant of the VM that it is about."""
    for transition in builder.transitions.values():
        assumes = builder.moving(transition)
        for invariant in INVARIANTS:
            goal = builder.says(invariant, site=transition.after)
            builder.prove("keeps", invariant, goal, command=transition.command, assumes=assumes, transition=transition)


def bystanders(builder: ObligationBuilder) -> None:
    """No command on one VM breaks an invariant of another, on the same host or, of a move, on either."""
    for transition in builder.transitions.values():
        here = (SITE["host"], term(SITE["entry"]))
        if transition.left is None or transition.left_entry is None:
            after = (transition.after["host"], term(transition.after["entry"]))
            _beside(builder, transition, "", here, after)
            continue
        _beside(builder, transition, "source", here, (transition.left, transition.left_entry))
        there = transition.arguments["destination"]
        stays = terms.negation(transition.accepted)
        reached = record(choose(stays, there, transition.after["host"]))
        taken = terms.choose(transition.accepted, term(transition.after["entry"]), ZERO)
        _beside(builder, transition, "destination", (there, ZERO), (reached, taken))


def _beside(
    builder: ObligationBuilder,
    transition: Transition,
    where: str,
    before: tuple[Value, Term],
    after: tuple[Value, Term],
) -> None:
    """Any other VM on a host that a command changes: the host, and its entry for the VM of the command."""
    other = record(anything("other", Site))
    (host, entry), (host_after, entry_after) = before, after
    beside = SymbolicRecord(Site, {**other.fields, "host": host})
    still = SymbolicRecord(Site, {**other.fields, "host": host_after})
    room = terms.at_most(terms.add(entry, other.term("entry")), record(host).term("held"))
    assumes = [*builder.moving(transition), *builder.invariants(beside), room]
    command = transition.command if not where else f"{transition.command} ({where})"
    for invariant in INVARIANTS:
        goal = builder.says(invariant, site=still)
        builder.prove("bystander", invariant, goal, command=command, assumes=assumes, transition=transition)
    goal = terms.at_most(terms.add(entry_after, other.term("entry")), record(host_after).term("held"))
    builder.prove("bystander", "there_is_room_for_all", goal, command=command, assumes=assumes, transition=transition)


def accounts(builder: ObligationBuilder) -> None:
    """Resizing a host or setting its reserve keeps every invariant of every VM on it."""
    for name in ("resize-host", "set-reserve"):
        command = builder.host_commands[name]
        host = record(command.after)
        after = SymbolicRecord(Site, {**SITE.fields, "host": host})
        assumes = [*builder.invariants(SITE), *written(command.arguments), command.accepted]
        for invariant in INVARIANTS:
            goal = builder.says(invariant, site=after)
            builder.prove("keeps", invariant, goal, command=name, assumes=assumes)
        kept = terms.equal(host.term("held"), record(command.before).term("held"))
        builder.prove("frame", "book_is_kept", kept, command=name)
        # A host without any VM keeps what is said of hosts too.
        assumes = [*builder.real(SITE["host"]), *written(command.arguments), command.accepted]
        for invariant in (host_is_real, host_never_overcommitted):
            goal = builder.says(invariant, site=SymbolicRecord(Site, {**after.fields, "entry": ZERO}))
            builder.prove("keeps", invariant, goal, command=f"{name} (no VM)", assumes=assumes)


def hosts_left(builder: ObligationBuilder) -> None:
    """The host that a VM leaves keeps what is said of hosts, also if no VM stays behind."""
    move = builder.transitions["move-vm"]
    source = SymbolicRecord(Site, {**SITE.fields, "host": record(move.left), "entry": term(move.left_entry)})
    for invariant in (host_is_real, host_never_overcommitted):
        goal = builder.says(invariant, site=source)
        assumes = builder.moving(move)
        builder.prove("keeps", invariant, goal, command="move-vm (source)", assumes=assumes, transition=move)
