"""A goal about an observed VM: PowerShell lines that reach it, wrapped so that they are recorded. Hyper-V decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.envelope import Envelope
from domain.errors import InputError
from domain.event import Event
from domain.identifiers import UtcTime
from domain.observed.vm import ObservedVm
from domain.quantities import QUANTUM
from domain.state import Power
from nilometer.planning.asking import CanAnswer
from nilometer.planning.goals import Goal
from nilometer.planning.observed import ObservedAnswer, ask_observed
from projections.fleet import Fleet
from rules.wording import format_typed

HYPER_V: Final = "Hyper-V"
"""The hypervisor of a VM, as imports name it."""
_ON: Final = (Power.RUNNING, Power.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedPlan:
    """Lines of PowerShell, and the figures that they rest on."""

    goal: Goal
    answer: ObservedAnswer
    lines: tuple[str, ...]
    """None where it is reached already, or not at all."""
    reached: bool
    read: Mapping[str, Any]
    """Figures by name, as ``db02.assigned``; sizes are bytes."""


def plan_observed(
    fleet: Fleet, vm: ObservedVm, goal: Goal, now: UtcTime, day: Iterable[Envelope[Event]]
) -> ObservedPlan:
    """Finds the lines after which an observed VM has so much memory. Raises ``InputError`` where that is not known."""
    if vm.assigned is None or vm.power not in _ON:
        raise InputError(f"{vm.name} does not run, as far as is known", hint="a goal is about a VM that runs")
    if vm.hypervisor not in (None, HYPER_V):
        raise InputError(f"{vm.name} runs on {vm.hypervisor}, not on Hyper-V", hint="resize it by its own tools")
    named = Goal(vm.name, goal.size)
    amount = max(0, goal.size - vm.assigned)
    answer = ask_observed(fleet, vm, amount, now, day)
    lines: list[str] = []
    read: dict[str, Any] = {f"{vm.id}.assigned": vm.assigned}
    if amount and answer.maximum is not None:
        lines = [_set_memory(vm, f"-MaximumBytes {format_powershell(max(goal.size, answer.maximum))}", named)]
        read[f"{vm.id}.maximum"] = answer.maximum
    elif amount and answer.answer is CanAnswer.YES:
        lines = [_set_memory(vm, f"-StartupBytes {format_powershell(goal.size)}", named)]
    elif amount and answer.givers:
        giver = answer.givers[0]
        other = fleet.vms[giver.vm].subject
        assert isinstance(other, ObservedVm)
        lacks = -(-(amount - (answer.free or 0)) // QUANTUM) * QUANTUM
        read[f"{other.id}.assigned"] = other.assigned
        if giver.how == "stop":
            lines = [f"Invoke-NiloChange {quote_powershell(other.name)} {{ Stop-VM {quote_powershell(other.name)} }}"]
        else:
            size = format_powershell((other.assigned or 0) - lacks)
            lines = [_set_memory(other, f"-StartupBytes {size}", named)]
        lines.append(_set_memory(vm, f"-StartupBytes {format_powershell(goal.size)}", named))
    return ObservedPlan(goal=goal, answer=answer, lines=tuple(lines), reached=not amount or bool(lines), read=read)


def _set_memory(vm: ObservedVm, size: str, goal: Goal) -> str:
    return f"Set-NiloVMMemory {quote_powershell(vm.name)} {size} -Reason {quote_powershell(f'plan: {goal}')}"


def format_powershell(size: int) -> str:
    """A number of bytes as PowerShell reads it: ``48GB`` is what is written ``48GiB`` elsewhere."""
    return str(format_typed(size)).replace("iB", "B")


def quote_powershell(text: str) -> str:
    """A text as an argument of a PowerShell command."""
    is_plain = text.isascii() and text.replace("-", "").replace("_", "").isalnum() and not text.startswith("-")
    return text if is_plain else "'{}'".format(text.replace("'", "''"))
