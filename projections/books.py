"""Host books: who holds what of a host's memory at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import UnknownHost
from projections.fleet import Fleet


@dataclass(frozen=True, slots=True)
class BookEntry:
    """What one VM holds of its host."""

    vm: str
    name: str
    held: int
    """Bytes; 0 for a VM that is off or saved."""


@dataclass(frozen=True, slots=True)
class HostBook:
    """A host's memory and who holds it. Sizes are bytes; ``None`` is unknown."""

    host: str
    position: int
    total: int | None
    reserve: int | None
    held: int | None
    """The sum of the entries."""
    free: int | None
    """What is left: total less reserve less held."""
    entries: tuple[BookEntry, ...]
    """One for each VM on the host and for each that the book names, the largest first."""


def host_book(fleet: Fleet, host: str) -> HostBook:
    """The book of one host. Raises ``UnknownHost``."""
    tracked = fleet.hosts.get(host)
    if tracked is None:
        raise UnknownHost(host)
    state, book = tracked.subject.state, tracked.subject.book
    entries = [BookEntry(vm, _name(fleet, vm), book.get(vm, 0)) for vm in fleet.on(host) | book.keys()]
    entries.sort(key=lambda entry: (-entry.held, entry.vm))
    held = sum(book.values())
    free = state.total - state.reserve - held
    return HostBook(host, fleet.position, state.total, state.reserve, held, free, tuple(entries))


def host_books(fleet: Fleet) -> tuple[HostBook, ...]:
    """The books of all hosts, by id."""
    return tuple(host_book(fleet, host) for host in sorted(fleet.hosts))


def _name(fleet: Fleet, vm: str) -> str:
    tracked = fleet.vms.get(vm)
    return vm if tracked is None else tracked.subject.name
