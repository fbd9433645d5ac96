"""VMs and hosts as people name them: by id, or a VM by its name if no other VM has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from shlex import quote
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.errors import InputError, UnknownHost, UnknownVm
from domain.identifiers import host_stream, vm_stream
from nilometer.errors import LedgerError
from nilometer.suggesting import did_you_mean
from projections.fleet import Fleet

if TYPE_CHECKING:
    from nilometer.ledger.reader import LedgerReader

EMPTY: Final = "The ledger is empty. Begin with: nilo do register-host --help, or nilo run SCRIPT.jsonl"
NO_VM_YET: Final = "the ledger has no VM yet: nilo do define-vm --help"
GONE: Final = "it did not exist at that time"
NO_HOST_YET: Final = "the ledger has no host yet: nilo do register-host --help"


def find_vm(word: str, names: Mapping[str, str]) -> str:
    """Finds the id of a VM by its id, or by its id or name in any case.

    Raises ``UnknownVm``, or ``InputError`` with the ids if several VMs have the name.
    """
    if word in names:
        return word
    folded = word.casefold()
    found = sorted(id for id, name in names.items() if folded in (id.casefold(), name.casefold()))
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{len(found)} VMs have the name {word!r}", hint=f"give an id: {', '.join(found)}")
    raise UnknownVm(word, hint=did_you_mean(word, {*names, *names.values()}, "nilo view lists them") or NO_VM_YET)


def find_host(word: str, hosts: Iterable[str]) -> str:
    """Finds a host by its id. Raises ``UnknownHost`` with a hint."""
    known = list(hosts)
    if word not in known:
        raise UnknownHost(word, hint=did_you_mean(word, known, "nilo view lists them") if known else NO_HOST_YET)
    return word


def match_host_case(word: str, fleet: Fleet) -> str:
    """Returns the host's id in its own case, if only one host has it in some case. Else the word itself."""
    there = {*fleet.hosts, *(tracked.subject.host for tracked in fleet.vms.values() if tracked.subject.host)}
    found = [id for id in there if id.casefold() == word.casefold()]
    return found[0] if word not in there and len(found) == 1 else word


class Named(NamedTuple):
    """What a word names: a VM or a host, by its id."""

    vm: str | None = None
    host: str | None = None


def find_named(word: str, find_vm: Callable[[str], str], find_host: Callable[[str], str]) -> Named:
    """Finds the VM or host that a word names, with the functions that find each.

    Raises ``InputError`` if a VM and a host have the name, or if nothing has.
    """
    vm = host = None
    hints: list[str] = []
    try:
        vm = find_vm(word)
    except UnknownVm as error:
        hints.append(error.hint or "")
    try:
        host = find_host(word)
    except UnknownHost as error:
        hints.append(error.hint or "")
    if vm is not None and host is not None:
        raise InputError(f"{word!r} is a VM and a host", hint=f"say which: --vm {quote(vm)} or --host {quote(host)}")
    if vm is None and host is None:
        near = [hint for hint in hints if hint.startswith(("did you mean", GONE))]
        raise InputError(f"there is no VM and no host {word!r}", hint=[*near, *hints][0])
    return Named(vm, host)


def has_history(ledger: LedgerReader, stream: str) -> bool:
    """Whether anything was ever recorded of a VM or host, also if it was removed."""
    return ledger.has_begun(stream)


def list_vm_names(fleet: Fleet) -> dict[str, str]:
    """Lists the names of a fleet's VMs, by id."""
    return {id: tracked.subject.name for id, tracked in fleet.vms.items()}


def add_hint(error: InputError, fleet: Callable[[], Fleet]) -> InputError:
    """Returns the same error; for an unknown name, with the nearest known name as its hint."""
    if error.hint or not isinstance(error, UnknownVm | UnknownHost):
        return error
    try:
        there = fleet()
    except LedgerError:  # the hint is not worth another error
        return error
    try:
        if isinstance(error, UnknownVm):
            find_vm(error.vm, list_vm_names(there))
        else:
            find_host(error.host, there.hosts)
    except InputError as better:
        return better
    return error


def resolve_vm(ledger: LedgerReader, word: str) -> str:
    """Finds the id of a VM, also of one that was removed. Raises as ``find_vm`` does."""
    names = list_vm_names(ledger.views.fleet())
    return word if word not in names and has_history(ledger, vm_stream(word)) else find_vm(word, names)


def resolve_named(ledger: LedgerReader, word: str) -> Named:
    """Finds the VM or host that a word names, also one that was removed. Raises as ``find_named`` does."""
    return find_named(word, lambda name: resolve_vm(ledger, name), lambda name: resolve_host(ledger, name))


def resolve_host(ledger: LedgerReader, word: str) -> str:
    """Finds the id of a host, also of one that was removed. Raises as ``find_host`` does."""
    fleet = ledger.views.fleet()
    word = word if has_history(ledger, host_stream(word)) else match_host_case(word, fleet)
    return word if fleet.on(word) or has_history(ledger, host_stream(word)) else find_host(word, fleet.hosts)


def resolve_actor(ledger: LedgerReader, word: str) -> str:
    """Finds a user by name, in any case. Raises ``InputError`` with the names if several differ in case alone."""
    known = ledger.views.actors()
    found = [actor for actor in known if actor.casefold() == word.casefold()]
    if word in known or not found:
        return word
    if len(found) > 1:
        raise InputError(f"{len(found)} users are called {word!r} in some case", hint=f"give one: {', '.join(found)}")
    return found[0]
