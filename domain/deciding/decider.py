"""The decider: takes a command and the state that it reads, and returns the answer and the events to record.

Which rule decides a command, and which event follows, is the table ``STEPS``; ``deciding_vms`` and ``deciding_hosts``
find what the rule reads, and write down what it read (``evidence``). None of them decides anything itself.
"""

from __future__ import annotations

from domain import commands
from domain.commands import Command
from domain.deciding.answer import Answer, World
from domain.deciding.hosts import define_vm, on_host, register_host
from domain.deciding.steps import STEPS, Step, step
from domain.deciding.vms import on_vm, set_memory


def decide(command: Command, world: World) -> Answer:
    """Decides a command by the rules, on the state that ``world`` shows.

    Raises ``InputError`` for a VM or host that is not there, or an id that was used before: nothing is recorded then.
    """
    match command:
        case commands.RegisterHost():
            return register_host(command, world)
        case commands.DefineVm():
            return define_vm(command, world)
        case commands.SetMemory():
            return set_memory(command, world)
        case commands.ResizeHost() | commands.SetReserve() | commands.RemoveHost():
            return on_host(command, world.host(command.host), world)
        case _:
            return on_vm(command, world)


__all__ = ["STEPS", "Answer", "Step", "World", "decide", "step"]
