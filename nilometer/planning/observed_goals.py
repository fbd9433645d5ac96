"""A goal about an observed VM: lines that reach it, which are recorded when they are run. The hypervisor decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any, Final

from domain.commands import AddMemory, Command, MoveVm, RemoveMemory, Stop
from domain.errors import InputError, InternalError
from domain.identifiers import UtcTime
from domain.observed.host import ObservedHost
from domain.observed.polls import PollFigures
from domain.observed.vm import ObservedVm
from domain.observed.words import Means
from nilometer.planning.asking import CanAnswer
from nilometer.planning.goals import Goal
from nilometer.planning.observed import DaysReader, ObservedAnswer, ask_observed
from nilometer.planning.observed_options import ObservedOptions, round_up
from nilometer.planning.observed_use import NO_POLLS, POWERED, is_driven
from projections.fleet import Fleet
from rules.wording import format_typed

HYPER_V: Final = "Hyper-V"
"""The hypervisor of a VM, as imports name it."""
_OF_VMS: Final = (RemoveMemory, Stop, MoveVm)
"""Steps that lines of PowerShell can do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSearch:
    """How far the search for what makes room goes, and which of its options is taken."""

    within: int = 2
    without: frozenset[str] = frozenset()
    option: int = 1


PLAN_SEARCH: Final = PlanSearch()


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
    events_of: DaysReader,
    polls: Mapping[str, PollFigures] = NO_POLLS,
    search: PlanSearch = PLAN_SEARCH,
) -> ObservedPlan:
    """Finds the lines after which an observed VM has so much memory. Raises ``InputError`` where that is not known."""
    if vm.assigned is None or vm.power not in POWERED:
        raise InputError(f"{vm.name} does not run, as far as is known", hint="a goal is about a VM that runs")
    driven = is_driven(vm)
    if not driven and vm.hypervisor not in (None, HYPER_V):
        raise InputError(f"{vm.name} runs on {vm.hypervisor}, not on Hyper-V", hint="resize it by its own tools")
    size = vm.assigned + round_up(max(0, goal.size - vm.assigned)) if driven else round_up(goal.size)
    amount = max(0, size - vm.assigned)
    if driven:
        _check_devices(vm, amount)
    answer = ask_observed(
        fleet, vm, AddMemory(vm.id, amount), now, events_of, polls=polls, within=search.within, without=search.without
    )
    read: dict[str, Any] = {f"{vm.id}.assigned": vm.assigned}
    steps: Sequence[Command] = ()
    is_found = answer.answer is CanAnswer.YES or (driven and answer.answer is CanAnswer.UNKNOWN)  # QEMU refuses itself
    if amount and not is_found and answer.options is not None:
        steps = _choose(answer.options, vm, search.option, driven=driven)
        is_found = bool(steps)
    if not amount or (not is_found and answer.maximum is None):
        return ObservedPlan(goal=goal, answer=answer, lines=(), reached=not amount, read=read)
    writer = _LineWriter(fleet, f"plan: {Goal(vm.name, goal.size)}", answer.options)
    if answer.maximum is not None:
        if size <= answer.maximum:  # its guest gets that by itself
            return ObservedPlan(goal=goal, answer=answer, lines=(), reached=False, read=read)
        read[f"{vm.id}.maximum"] = answer.maximum
        line = writer.set_memory(vm, f"-MaximumBytes {format_powershell(size)}")
        return ObservedPlan(goal=goal, answer=answer, lines=(line,), reached=True, read=read)
    if driven:
        sizes = [*(writer.size_after(step) for step in steps), DriveStep(vm.id, size)]
        read |= {f"{size.vm}.assigned": writer.assigned(size.vm) for size in sizes[:-1]}
        lines = tuple(writer.drive(size) for size in sizes)
        return ObservedPlan(goal=goal, answer=answer, lines=lines, reached=True, steps=tuple(sizes), read=read)
    read |= {f"{step.vm}.assigned": writer.assigned(step.vm) for step in steps if isinstance(step, _OF_VMS)}
    lines = (
        *map(writer.write_step, steps),
        writer.set_memory(vm, f"-StartupBytes {format_powershell(size)}"),
    )
    return ObservedPlan(goal=goal, answer=answer, lines=lines, reached=True, read=read)


def _check_devices(vm: ObservedVm, amount: int) -> None:
    """Raises ``InputError`` where the virtio-mem devices of a guest of QEMU cannot give it so much more."""
    most = (vm.assigned or 0) + sum(
        account.maximum - account.size
        for account in vm.accounts.values()
        if account.means is Means.VIRTIO_MEM and account.maximum is not None and account.size is not None
    )
    if (vm.assigned or 0) + amount > most:
        raise InputError(f"{vm.name} can have no more than {format_typed(most)}", hint="a goal up to there")


def _choose(options: ObservedOptions, vm: ObservedVm, number: int, *, driven: bool) -> Sequence[Command]:
    """The steps of the N-th option that lines on one host can do: the VM stays there, and QEMU is only resized."""
    kinds = (RemoveMemory,) if driven else _OF_VMS
    plans = [[step.command for step in option.steps] for option in options.plans.found]
    found = [
        commands
        for commands in plans
        if all(isinstance(command, kinds) for command in commands)
        and not any(isinstance(command, MoveVm) and command.vm == vm.id for command in commands)
    ]
    if number > 1 and number > len(found):
        raise InputError(f"there is no option {number}: {len(found)} were found", hint="nilo can … --all shows them")
    return found[number - 1] if found else ()


@dataclass(frozen=True, slots=True)
class _LineWriter:
    """Writes steps as lines that are typed where the hypervisor is."""

    fleet: Fleet
    reason: str
    options: ObservedOptions | None

    def write_step(self, step: Command) -> str:
        """A step as a line of PowerShell, wrapped so that the collector records it."""
        match step:
            case RemoveMemory():
                size = self.size_after(step).size
                return self.set_memory(self._vm(step.vm), f"-StartupBytes {format_powershell(size)}")
            case MoveVm(vm=id, to=to):
                host = self.fleet.hosts[to].subject
                assert isinstance(host, ObservedHost)
                return self._change(id, f"Move-VM {self._name(id)} {quote_powershell(host.name)}")
            case Stop(vm=id):
                return self._change(id, f"Stop-VM {self._name(id)}")
            case _:
                raise InternalError(f"{step} is not a step on an observed host")

    def drive(self, step: DriveStep) -> str:
        """A resize as a line of ``nilo drive``."""
        return f"nilo drive {quote(step.vm)} {format_typed(step.size)} --reason {quote(self.reason)}"

    def set_memory(self, vm: ObservedVm, size: str) -> str:
        """A resize as a line of PowerShell."""
        return f"Set-NiloVMMemory {quote_powershell(vm.name)} {size} -Reason {quote_powershell(self.reason)}"

    def size_after(self, step: Command) -> DriveStep:
        """What a VM has after memory was taken from it."""
        assert isinstance(step, RemoveMemory)
        return DriveStep(step.vm, self.assigned(step.vm) - step.amount)

    def assigned(self, id: str) -> int:
        """What a VM has, by the figure that says what it can give."""
        use = None if self.options is None else self.options.uses.get(id)
        return (self._vm(id).assigned or 0) if use is None else use.assigned

    def _change(self, id: str, block: str) -> str:
        return f"Invoke-NiloChange {self._name(id)} {{ {block} }} -Reason {quote_powershell(self.reason)}"

    def _name(self, id: str) -> str:
        return quote_powershell(self._vm(id).name)

    def _vm(self, id: str) -> ObservedVm:
        subject = self.fleet.vms[id].subject
        assert isinstance(subject, ObservedVm)
        return subject


def format_powershell(size: int) -> str:
    """A number of bytes as PowerShell reads it: ``48GB`` is what is written ``48GiB`` elsewhere."""
    return str(format_typed(size)).replace("iB", "B")


def quote_powershell(text: str) -> str:
    """A text as an argument of a PowerShell command."""
    is_plain = text.isascii() and text.replace("-", "").replace("_", "").isalnum() and not text.startswith("-")
    return text if is_plain else "'{}'".format(text.replace("'", "''"))
