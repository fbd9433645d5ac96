"""VMs and hosts as people name them: by id, or a VM by a name that is its alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from domain.errors import InputError, UnknownHost, UnknownVm
from domain.identifiers import host_stream, vm_stream
from domain.observed.vm import ObservedVm
from nilometer.suggesting import did_you_mean
from projections.fleet import Fleet

if TYPE_CHECKING:
    from nilometer.ledger.ledger import Ledger

NONE_YET = "the ledger has none yet: nilo do define-vm --help"
NO_HOST_YET = "the ledger has none yet: nilo do register-host --help"


def find_vm(word: str, names: Mapping[str, str]) -> str:
    """The id of the VM that is meant, from names by id. Raises ``UnknownVm`` or ``InputError`` with a hint."""
    if word in names:
        return word
    called = sorted(id for id, name in names.items() if name == word)
    if len(called) == 1:
        return called[0]
    if called:
        raise InputError(f"{len(called)} VMs have the name {word!r}", hint=f"give an id: {', '.join(called)}")
    raise UnknownVm(word, hint=did_you_mean(word, {*names, *names.values()}, "nilo view lists them") or NONE_YET)


def called(word: str, fleet: Fleet) -> str | None:
    """The id of the one observed VM that is called so, in whatever case; ``None`` if none is.

    Raises ``InputError`` naming the ids if several are.
    """
    observed = ((id, tracked.subject) for id, tracked in fleet.vms.items())
    found = [id for id, vm in observed if isinstance(vm, ObservedVm) and vm.name.casefold() == word.casefold()]
    return find_vm(word, dict.fromkeys(found, word)) if found else None


def find_host(word: str, hosts: Iterable[str]) -> str:
    """The id of the host that is meant. Raises ``UnknownHost`` with a hint."""
    known = list(hosts)
    if word not in known:
        raise UnknownHost(word, hint=did_you_mean(word, known, "nilo view lists them") if known else NO_HOST_YET)
    return word


def in_its_case(word: str, fleet: Fleet) -> str:
    """A host's id, whatever the case it is typed in: that of an observed one is in lower case. Else the word itself."""
    there = {*fleet.hosts, *(tracked.subject.host for tracked in fleet.vms.values() if tracked.subject.host)}
    found = [id for id in there if id.casefold() == word.casefold()]
    return found[0] if word not in there and len(found) == 1 else word


def has_history(ledger: Ledger, stream: str) -> bool:
    """Whether anything was ever recorded of a VM or host, there or removed."""
    return next(iter(ledger.stream(stream)), None) is not None


def names_of(fleet: Fleet) -> dict[str, str]:
    """The names of a fleet's VMs, by id."""
    return {id: tracked.subject.name for id, tracked in fleet.vms.items()}


def with_hint(error: InputError, fleet: Callable[[], Fleet]) -> InputError:
    """The same error; of a name that is not there, with the nearest that is."""
    if error.hint or not isinstance(error, UnknownVm | UnknownHost):
        return error
    there = fleet()
    try:
        if isinstance(error, UnknownVm):
            find_vm(error.vm, names_of(there))
        else:
            find_host(error.host, there.hosts)
    except InputError as better:
        return better
    return error


def vm_of(ledger: Ledger, word: str) -> str:
    """The id of a VM that is there, or of one that was removed. Raises as ``find_vm`` does."""
    names = names_of(ledger.views.fleet())
    return word if word not in names and has_history(ledger, vm_stream(word)) else find_vm(word, names)


def host_of(ledger: Ledger, word: str) -> str:
    """The id of a host that is there, or of one that was removed. Raises as ``find_host`` does."""
    fleet = ledger.views.fleet()
    word = word if has_history(ledger, host_stream(word)) else in_its_case(word, fleet)
    return word if fleet.on(word) or has_history(ledger, host_stream(word)) else find_host(word, fleet.hosts)
