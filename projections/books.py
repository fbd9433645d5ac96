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
    held: int | None
    """Bytes; 0 for a VM that is off or saved."""


@dataclass(frozen=True, slots=True)
class HostBook:
    """A host's memory and who holds it. Sizes are bytes; ``None`` is unknown."""

    host: str
    position: int
    total: int | None
    reserve: int | None
    held: int | None
    """The sum of the entries; unknown if one of them is."""
    free: int | None
    """What is left: total less reserve less held; of an observed host with a budget, that less held."""
    entries: tuple[BookEntry, ...]
    """One for each VM on the host and for each that the book names, the unknown and the largest first."""


def host_book(fleet: Fleet, host: str) -> HostBook:
    """The book of one host. Raises ``UnknownHost``."""
    if host not in fleet.hosts:
        raise UnknownHost(host)
    account = fleet.account(host)
    entries = [BookEntry(vm, _name(fleet, vm), account.book.get(vm, 0)) for vm in fleet.on(host) | account.book.keys()]
    entries.sort(key=lambda entry: (entry.held is not None, -(entry.held or 0), entry.vm))
    return HostBook(
        host=host,
        position=fleet.position,
        total=account.total,
        reserve=account.reserve,
        held=account.held,
        free=account.free,
        entries=tuple(entries),
    )


def host_books(fleet: Fleet) -> tuple[HostBook, ...]:
    """The books of all hosts, by id."""
    return tuple(host_book(fleet, host) for host in sorted(fleet.hosts))


def _name(fleet: Fleet, vm: str) -> str:
    tracked = fleet.vms.get(vm)
    return vm if tracked is None else tracked.subject.name
