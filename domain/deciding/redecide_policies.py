"""What policies refused or granted less of, decided again: from the evidence in the event, and from the policies.

What the rules alone decide is decided again without policies (``redecide``); here the guard itself is called once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain import events
from domain.aggregates import GroupAggregate, HistoryError, HostAggregate, VmAggregate
from domain.commands import COMMANDS, Command
from domain.deciding.answer import Answer
from domain.deciding.decider import decide
from domain.deciding.enforced import EnforcedPolicy
from domain.deciding.reads import Reads
from domain.deciding.redecide import host_as_read, vm_as_read
from domain.events import HostRead, VmEvent
from domain.guests import Guest
from domain.identifiers import subject_id
from domain.policy_events import BY_POLICY
from domain.replacing import replace
from domain.settings import HostVersion
from domain.shapes import parse_config_version, parse_memory
from domain.state import Host

_READERS: Final[Mapping[str, Any]] = {
    "memory": parse_memory,
    "guest": Guest,
    "config_version": parse_config_version,
}


def redecide_by_policies(
    stream: str,
    event: BY_POLICY,
    policies: Sequence[EnforcedPolicy],
    *,
    name: str,
    version: HostVersion,
    beside: Sequence[VmAggregate] = (),
    everyone: Sequence[VmAggregate] = (),
    groups: Sequence[GroupAggregate] = (),
) -> Answer:
    """The answer that the rules and some policies give to the request of an event, on what the event says was read.

    ``name`` is that of its VM, ``version`` the release of its host, ``beside`` the VMs on its hosts, ``everyone`` all
    VMs, ``groups`` the books of those that the VM is in: the event has none of them. Raises ``HistoryError`` if it
    lacks its evidence.
    """
    try:
        command = _command_of(stream, event)
        reads = _reads_of(stream, event, policies, name, version)
        return decide(command, replace(reads, beside=tuple(beside), everyone=tuple(everyone), groups=tuple(groups)))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise HistoryError(f"a {event.KIND} event does not carry what decided it: {error!r}") from None


def _command_of(stream: str, event: BY_POLICY) -> Command:
    """The command of an event, as it is recorded."""
    kind: Any = COMMANDS[event.command]
    target = "vm" if isinstance(event, VmEvent) else "host"
    given: Mapping[str, Any]
    if isinstance(event, events.VmCommandRefused | events.HostCommandRefused):
        given = event.arguments
    else:
        given = {"amount": event.requested}
    read: dict[str, Any] = {key: _READERS[key](value) if key in _READERS else value for key, value in given.items()}
    made: Command = kind(**{target: subject_id(stream), **read})
    return made


def _reads_of(
    stream: str,
    event: BY_POLICY,
    policies: Sequence[EnforcedPolicy],
    name: str,
    version: HostVersion,
) -> Reads:
    enforced = tuple(policies)
    if not isinstance(event, VmEvent):
        before = event.before
        if before is None:
            raise TypeError("it has no figures of the host before it")
        state = Host(total=before.total, reserve=before.reserve, version=version, held=before.held)
        host = HostAggregate(id=subject_id(stream), state=state)
        if event.evidence.host is not None:
            host = _host_of(event.evidence.host)
        return Reads(host=host, policies=enforced)
    vm, host = vm_as_read(event), _host_of(event.evidence.host)
    named = VmAggregate(id=subject_id(stream), name=name, host=host.id, state=vm)
    host.book[named.id] = vm.held
    there = None if event.evidence.destination is None else _host_of(event.evidence.destination)
    return Reads(vm=named, host=host, destination=there, policies=enforced)


def _host_of(read: HostRead | None) -> HostAggregate:
    state = host_as_read(read)
    assert read is not None
    return HostAggregate(id=read.id, state=state, version=read.stream_version)
