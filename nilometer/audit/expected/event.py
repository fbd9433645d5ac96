"""An expected event: one form in which a command is recorded, and what it says of the states before and after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain import events
from domain.guests import Guest
from nilometer.audit.expected.parts import Part, Path, terms_of
from nilometer.storage.bodies import topic_of
from rules.symbolic import terms
from rules.symbolic.terms import Term, constant
from rules.symbolic.values import SymbolicRecord, leaves


@dataclass(frozen=True, slots=True)
class BookChange:
    """The event on a host's stream that follows directly."""

    gives: Term
    """Whether it says that memory was granted."""
    gets_back: Term
    """Whether it says that memory was returned; if neither, there is none."""
    data: Mapping[str, Part]
    """The data of both."""


@dataclass(frozen=True, slots=True)
class HostChange:
    """A host that is read or changed."""

    before: SymbolicRecord | None
    """``None`` if the host begins."""
    after: SymbolicRecord
    read: Path | None = None
    """Where the event says what was read of it; ``None`` if the event stands on the host's own stream."""
    book: BookChange | None = None
    vms: int = 0
    """How many VMs more are on it afterwards."""
    ends: bool = False
    """Whether it is removed."""


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedEvent:
    """One form in which a command is recorded."""

    topic: str
    command: str
    sized: bool | None
    """Whether it was asked for by a size, with ``set-memory``; ``None`` where an event does not say."""
    claims: Mapping[str, Path]
    """Where the variables of the terms stand in the event itself, by their names."""
    data: Mapping[str, Part]
    holds: Term
    """What else has to hold: that it is recorded in this form, and the invariants after it."""
    vm_before: SymbolicRecord | None
    """``None`` if the VM begins, or the event is about a host."""
    vm_after: SymbolicRecord | None
    hosts: Sequence[HostChange]
    """The host; if a VM moves or would move to another one, this one after it."""
    vms: Term | None = None
    """How many VMs are on the host before it, if the decision depends on that."""

    @property
    def is_refusal(self) -> bool:
        """Whether the command was refused."""
        return self.topic in _REFUSALS

    @property
    def moves(self) -> bool:
        """Whether the VM is on the second host afterwards."""
        return self.topic == topic_of(events.VmMoved)

    @property
    def is_removal(self) -> bool:
        """Whether nothing can follow on its stream."""
        return self.topic in _REMOVALS

    @property
    def guest(self) -> Term:
        """The guest after it, by which it is counted."""
        return constant(Guest.WINDOWS) if self.vm_after is None else self.vm_after.term("guest")

    @property
    def variables(self) -> Mapping[str, Term]:
        """The variables of all its terms."""
        books = [host.book for host in self.hosts if host.book is not None]
        booked = [term for book in books for term in (book.gives, book.gets_back, *terms_of(book.data))]
        states = [self.vm_before, self.vm_after, *(state for host in self.hosts for state in (host.before, host.after))]
        known = [term for state in states if state is not None for _, term in leaves(state)]
        read = [] if self.vms is None else [self.vms]
        return terms.variables(self.holds, self.guest, *terms_of(self.data), *booked, *known, *read)


_REMOVALS: Final = (topic_of(events.VmRemoved), topic_of(events.HostRemoved))
_REFUSALS: Final = (topic_of(events.VmCommandRefused), topic_of(events.HostCommandRefused))
