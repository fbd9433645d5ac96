"""Whether memory can be taken from an observed VM: what its guest does not use, and what the VM keeps whatever it uses.

Only a figure counts that was measured at most five minutes ago, and after the VM's memory last moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from domain.decision import Code
from domain.identifiers import UtcTime
from domain.observed.polls import PollFigures
from domain.observed.settings import known_parts
from domain.observed.vm import ObservedVm
from domain.quantities import QUANTUM, down
from nilometer.planning.asking import CanAnswer
from nilometer.planning.observed import find_last_heard, is_heard
from nilometer.planning.observed_use import (
    NO_POLLS,
    POWERED,
    find_floor,
    find_refusal,
    find_use,
    is_driven,
    is_fresh,
)
from projections.fleet import Fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class TakingAnswer:
    """The answer to whether so much can be taken from an observed VM. Sizes are bytes."""

    vm: str
    host: str | None
    amount: int
    answer: CanAnswer
    granted: int | None = None
    """What can be taken; ``None`` where that is unknown."""
    code: Code | None = None
    """Why it is not all of that."""
    assigned: int | None = None
    in_use: int | None = None
    """What its guest used when it was last measured."""
    measured: UtcTime | None = None
    """When that was; ``None`` if it was not since its memory last moved."""
    keeps: int
    """The least that the VM keeps."""
    heard: UtcTime | None = None
    """When the VM was last seen."""
    is_heard: bool = True
    """Whether that was within a day."""
    is_on: bool = True
    """Whether it is known to run, or to be paused."""
    is_driven: bool = False
    """Whether ``nilo drive`` can resize it."""
    minimum: int | None = None
    """The least that Dynamic Memory leaves the VM, where it sizes it."""


def ask_taking(
    fleet: Fleet, vm: ObservedVm, amount: int, now: UtcTime, *, polls: Mapping[str, PollFigures] = NO_POLLS
) -> TakingAnswer:
    """Asks whether so much memory can be taken from an observed VM that runs."""
    heard, use = find_last_heard(fleet, vm), find_use(fleet, vm, polls)
    about = TakingAnswer(
        vm=vm.id,
        host=vm.host,
        amount=amount,
        answer=CanAnswer.UNKNOWN,
        assigned=vm.assigned if use is None else use.assigned,
        in_use=None if use is None else use.in_use,
        measured=None if use is None else use.at,
        keeps=find_floor(vm),
        heard=heard,
        is_on=vm.power in POWERED,
        is_driven=is_driven(vm),
    )
    if not is_heard(heard, now):
        return replace(about, is_heard=False)
    if not about.is_on:
        return about
    refusal = find_refusal(vm)
    if refusal is not None:
        minimum = None if vm.memory is None else known_parts(vm.memory).get("minimum")
        known = minimum if isinstance(minimum, int) else None
        return replace(about, answer=CanAnswer.NOT_NOW, granted=0, code=refusal, minimum=known)
    if about.assigned is not None and (about.assigned - amount) % QUANTUM and not about.is_driven:
        return replace(about, answer=CanAnswer.NOT_NOW, granted=0, code=Code.INVALID_AMOUNT)  # an even number of MB
    above_least = None if about.assigned is None else max(0, about.assigned - about.keeps)
    if use is not None and is_fresh(use.at, now):
        if use.removable >= amount:
            return replace(about, answer=CanAnswer.YES, granted=amount)
        granted = down(use.removable)
        code = Code.MEMORY_IN_USE if use.in_use > use.floor else Code.MINIMUM_REACHED
        return replace(about, answer=CanAnswer.PARTLY if granted else CanAnswer.NOT_NOW, granted=granted, code=code)
    if above_least is not None and amount > above_least:  # whatever its guest uses
        return replace(about, answer=CanAnswer.NOT_NOW, code=Code.MINIMUM_REACHED)
    return about
