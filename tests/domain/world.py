"""A ledger without a store: the decided aggregates in memory, and every event that was recorded on them.

It is a ``domain.deciding.reads.Aggregates`` for the real ``decide``, and for the oracle a
``tests.oracle.driving.Decider``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from domain.aggregates import HostAggregate, VmAggregate
from domain.changes import host_figures, vm_figures
from domain.commands import COMMANDS, Command
from domain.deciding import decider
from domain.deciding import world as deciding
from domain.deciding.answer import Answer
from domain.deciding.reads import load
from domain.errors import InputError
from domain.events import Event, HostFigures, VmFigures
from domain.identifiers import StreamName, host_stream, vm_stream
from tests.oracle.shapes import Expected, HostState, Line, Setting, State, VmState


@cache
def _adapter(command: str) -> TypeAdapter[Any]:
    return TypeAdapter(COMMANDS[command])


def read(line: Line) -> Command:
    """The command that a script line asks for. Raises ``InputError`` if its shape is not one."""
    name = line.get("command")
    if not isinstance(name, str) or name not in COMMANDS:
        raise InputError(f"{name!r} is not a command")
    given = {key: value for key, value in line.items() if key not in ("command", "at")}
    if unknown := given.keys() - set(COMMANDS[name].__slots__):
        raise InputError(f"{name} does not take {sorted(unknown)}")
    try:
        command: Command = _adapter(name).validate_python(given)
    except ValidationError as error:
        raise InputError(error.errors()[0]["msg"]) from None
    return command


def told(answer: Answer) -> Expected:
    """An answer in the words of the oracle."""
    return Expected(
        outcome=answer.outcome.value,
        code=None if answer.code is None else answer.code.value,
        requested=answer.requested,
        granted=answer.granted,
        streams=tuple(stream for stream, _ in answer.events),
        events=tuple(event.KIND for _, event in answer.events),
    )


@dataclass(slots=True)
class World(deciding.World):
    """A world that keeps its history."""

    history: list[tuple[StreamName, Event]] = field(default_factory=list[tuple[StreamName, Event]])

    def ask(self, line: Line) -> Answer:
        """Decides a line and records what follows. Raises ``InputError``, and then nothing is recorded."""
        command = read(line)
        answer = decider.decide(command, load(command, self))
        self.record(answer.events)
        return answer

    def apply(self, line: Line) -> Expected:
        """Decides a line and records what follows, input errors told as the oracle tells them."""
        try:
            return told(self.ask(line))
        except InputError:
            return Expected("input-error")

    def record(self, events: Iterable[tuple[StreamName, Event]]) -> None:
        """Applies recorded events."""
        for stream, event in events:
            self.history.append((stream, event))
            self.apply_event(stream, event)

    # What stands

    def replayed(self) -> World:
        """Another world, rebuilt from the recorded events alone."""
        again = World()
        again.record(self.history)
        return again

    def figures(self) -> dict[str, VmFigures | HostFigures]:
        """The figures of every stream, as its events tell them."""
        found: dict[str, VmFigures | HostFigures] = {}
        found |= {vm_stream(id): vm_figures(vm.state) for id, vm in self.vms.items()}
        found |= {host_stream(id): host_figures(host.state) for id, host in self.hosts.items()}
        return found

    def versions(self) -> dict[StreamName, int]:
        """How many events each stream has, by name."""
        return {host_stream(id): host.version for id, host in self.hosts.items()} | {
            vm_stream(id): vm.version for id, vm in self.vms.items()
        }

    def snapshot(self) -> State:
        """Everything that stands, as the oracle tells it."""
        return State(
            hosts={id: _host_state(host) for id, host in self.hosts.items()},
            vms={id: _vm_state(vm) for id, vm in self.vms.items()},
        )


def _host_state(host: HostAggregate) -> HostState:
    state = host.state
    return HostState(total=state.total, reserve=state.reserve, version=state.version.value, book=dict(host.book))


def _vm_state(vm: VmAggregate) -> VmState:
    state, memory = vm.state, vm.state.memory
    return VmState(
        host=vm.host,
        generation=state.generation,
        guest=state.guest.value,
        config_version=str(state.config_version),
        power=state.power.value,
        session=state.session,
        memory=Setting(
            mode=memory.mode.value,
            startup=memory.startup,
            minimum=memory.minimum,
            maximum=memory.maximum,
            buffer=memory.buffer,
            weight=memory.weight,
        ),
        assigned=state.assigned,
        ballooned=state.ballooned,
        in_use=state.in_use,
        in_use_reported=state.in_use_reported,
        paged_out=state.paged_out,
        high_watermark=state.high_watermark,
        vsc=state.vsc,
        hot_pluggable=state.hot_pluggable,
        visible=state.visible,
        held=state.held,
    )
