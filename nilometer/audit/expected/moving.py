"""What ``move-vm`` has that no other command on a VM has: it reads a second host, and a VM that moves changes both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from domain.commands import NAMES, MoveVm
from nilometer.audit.expected.parts import DESTINATION_READ, HOST_READ, Part, Path, id_in
from nilometer.audit.expected.writing import claims_of_host_read, host_read
from rules.symbolic import terms
from rules.symbolic.terms import FALSE, TRUE, Term
from rules.symbolic.values import SymbolicRecord, as_record, as_term, leaves, substitute
from rules.transitions.vm_commands import SITE, Transition

MOVE: Final = NAMES[MoveVm]
_DESTINATION: Final = "destination"
_SAME_HOST: Final = "same_host"


def ways_to_move(transition: Transition) -> Iterator[Transition]:
    """The transition, for a move to another host, and for one to the host that the VM is on, which is read once."""
    own = {f"{_DESTINATION}.{name}": term for name, term in leaves(as_record(SITE["host"]))}
    for known in ({_SAME_HOST: FALSE}, {_SAME_HOST: TRUE, **own}):
        yield replace(
            transition,
            arguments={
                _DESTINATION: substitute(destination_of(transition), known),
                _SAME_HOST: known[_SAME_HOST],
            },
            recorded=substitute(transition.recorded, known),
            accepted=terms.substitute_all([transition.accepted], known)[0],
        )


def destination_of(transition: Transition) -> SymbolicRecord:
    """The host that the VM is to move to, before the command."""
    return as_record(transition.arguments[_DESTINATION])


def place_of_destination(transition: Transition) -> Path:
    """Where an event says what was read of that host: in two places if it is the host that the VM is on."""
    same: Term = as_term(transition.arguments[_SAME_HOST])
    return HOST_READ if terms.value_of(same) is True else DESTINATION_READ


def destination_read(transition: Transition, recorded: SymbolicRecord) -> Mapping[str, Part]:
    """The evidence of that host."""
    return host_read(
        as_record(recorded["read_destination"]),
        recorded["destination_free"],
        recorded["destination_cap"],
        place_of_destination(transition),
    )


def claims_of_move(transition: Transition) -> dict[str, Path]:
    """Where the figures of that host stand in an event."""
    return claims_of_host_read(_DESTINATION, place_of_destination(transition))


def hosts_named(transition: Transition) -> Mapping[str, Part]:
    """The hosts that a VM left and reached, as the event of its move names them."""
    return {"source": id_in(HOST_READ), "destination": id_in(place_of_destination(transition))}
