"""A goal about an observed VM: lines that reach it, which are recorded when they are run. The hypervisor decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any, Final

from domain.envelope import Envelope
from domain.errors import InputError
from domain.event import Event
from domain.identifiers import UtcTime
from domain.observed.events import Means
from domain.observed.polls import PollFigures
from domain.observed.vm import ObservedVm
from domain.quantities import QUANTUM
from domain.state import Power
from nilometer.planning.asking import CanAnswer
from nilometer.planning.goals import Goal
from nilometer.planning.observed import NO_POLLS, ObservedAnswer, ask_observed, is_driven
from projections.fleet import Fleet
from rules.wording import format_typed

HYPER_V: Final = "Hyper-V"
"""The hypervisor of a VM, as imports name it."""
_ON: Final = (Power.RUNNING, Power.PAUSED)


@dataclass(frozen=True, slots=True)
class DriveStep:
    """One resize of a running guest: the size in bytes that the VM shall have."""

    vm: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedPlan:
    """Lines of PowerShell or of ``nilo drive``, and the figures that they rest on."""

    goal: Goal
    answer: ObservedAnswer
    lines: tuple[str, ...]
    """None where it is reached already, or not at all."""
    reached: bool
    steps: tuple[DriveStep, ...] = ()
    """The same lines as resizes of running guests, where they are ones that can be driven."""
    read: Mapping[str, Any]
    """Figures by name, as ``db02.assigned``; sizes are bytes."""


def plan_observed(
    fleet: Fleet,
    vm: ObservedVm,
    goal: Goal,
    now: UtcTime,
    day: Iterable[Envelope[Event]],
    polls: Mapping[str, PollFigures] = NO_POLLS,
) -> ObservedPlan:
    """Finds the lines after which an observed VM has so much memory. Raises ``InputError`` where that is not known."""
    if vm.assigned is None or vm.power not in _ON:
        raise InputError(f"{vm.name} does not run, as far as is known", hint="a goal is about a VM that runs")
    if is_driven(vm):
        return _plan_drives(fleet, vm, goal, now, day, polls)
    if vm.hypervisor not in (None, HYPER_V):
        raise InputError(f"{vm.name} runs on {vm.hypervisor}, not on Hyper-V", hint="resize it by its own tools")
    named = Goal(vm.name, goal.size)
    amount = max(0, goal.size - vm.assigned)
    answer = ask_observed(fleet, vm, amount, now, day, polls=polls)
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
            change = f"{quote_powershell(other.name)} {{ Stop-VM {quote_powershell(other.name)} }}"
            lines = [f"Invoke-NiloChange {change} -Reason {quote_powershell(f'plan: {named}')}"]
        else:
            size = format_powershell((other.assigned or 0) - lacks)
            lines = [_set_memory(other, f"-StartupBytes {size}", named)]
        lines.append(_set_memory(vm, f"-StartupBytes {format_powershell(goal.size)}", named))
    return ObservedPlan(goal=goal, answer=answer, lines=tuple(lines), reached=not amount or bool(lines), read=read)


def _plan_drives(
    fleet: Fleet,
    vm: ObservedVm,
    goal: Goal,
    now: UtcTime,
    day: Iterable[Envelope[Event]],
    polls: Mapping[str, PollFigures] = NO_POLLS,
) -> ObservedPlan:
    """Finds the resizes after which a guest of QEMU has so much memory. What its host has is rarely measured."""
    assert vm.assigned is not None
    amount = -(-max(0, goal.size - vm.assigned) // QUANTUM) * QUANTUM
    most = vm.assigned + sum(
        account.maximum - account.size
        for account in vm.accounts.values()
        if account.means is Means.VIRTIO_MEM and account.maximum is not None and account.size is not None
    )
    if vm.assigned + amount > most:
        raise InputError(f"{vm.name} can have no more than {format_typed(most)}", hint="a goal up to there")
    answer = ask_observed(fleet, vm, amount, now, day, polls=polls)
    read: dict[str, Any] = {f"{vm.id}.assigned": vm.assigned}
    steps: list[DriveStep] = []
    if amount and answer.answer in (CanAnswer.YES, CanAnswer.UNKNOWN):
        steps = [DriveStep(vm.id, vm.assigned + amount)]
    elif amount:
        giver = next((giver for giver in answer.givers if giver.how == "remove-memory"), None)
        other = None if giver is None else fleet.vms[giver.vm].subject
        if isinstance(other, ObservedVm) and other.assigned is not None:
            lacks = -(-(amount - (answer.free or 0)) // QUANTUM) * QUANTUM
            read[f"{other.id}.assigned"] = other.assigned
            steps = [DriveStep(other.id, other.assigned - lacks), DriveStep(vm.id, vm.assigned + amount)]
    reason = quote(f"plan: {Goal(vm.name, goal.size)}")
    lines = [f"nilo drive {quote(step.vm)} {format_typed(step.size)} --reason {reason}" for step in steps]
    return ObservedPlan(goal=goal, answer=answer, lines=tuple(lines), reached=not amount, steps=tuple(steps), read=read)


def _set_memory(vm: ObservedVm, size: str, goal: Goal) -> str:
    return f"Set-NiloVMMemory {quote_powershell(vm.name)} {size} -Reason {quote_powershell(f'plan: {goal}')}"


def format_powershell(size: int) -> str:
    """A number of bytes as PowerShell reads it: ``48GB`` is what is written ``48GiB`` elsewhere."""
    return str(format_typed(size)).replace("iB", "B")


def quote_powershell(text: str) -> str:
    """A text as an argument of a PowerShell command."""
    is_plain = text.isascii() and text.replace("-", "").replace("_", "").isalnum() and not text.startswith("-")
    return text if is_plain else "'{}'".format(text.replace("'", "''"))
