"""Why a figure of a VM or host is not known at a moment, since when, and what would tell it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from shlex import quote
from typing import Final

from domain.aggregates import VmAggregate
from domain.identifiers import UtcTime
from domain.observed.devices import balloon_of
from domain.observed.host import HostAccount
from domain.observed.vm import ObservedVm
from domain.state import Power, Vm
from projections.tracked import TrackedHost, TrackedVm


class WhyUnknown(StrEnum):
    """Why a figure is not known."""

    BEFORE_THE_LAST_MOVE = "before-the-last-move"
    """It was measured, and since then memory moved."""
    NOT_REPORTED = "not-reported"
    """The guest has not reported it in this session."""
    NOT_MEASURED = "not-measured"
    """No source measured it."""


@dataclass(frozen=True, slots=True)
class UnknownFigure:
    """Why one figure is not known."""

    why: WhyUnknown
    since: UtcTime | None
    """Since when it is not known: the last move; ``None`` if it never was."""
    last: int | None
    """What it was when it was last measured, in bytes, if that is kept."""
    measured: UtcTime | None
    """When that was."""
    collect: str
    """What to do, so that it is known: a sentence."""


_COLLECT: Final = {
    "assigned": "Collect it with Get-VM, or with the collector.",
    "visible": "Collect the counter Guest Visible Physical Memory, or measure the guest again.",
    "ballooned": "Collect what the guest sees together with what it is assigned.",
    "in_use": "Collect the counter Guest Available Memory (Windows Server 2022 or later), or measure the guest again.",
    "memory": "Collect it with Get-VMMemory.",
    "total": "Collect the host's memory with the collector.",
    "reserve": "Hyper-V does not publish the root reserve: state it with nilo import-hyperv --reserve HOST=SIZE.",
    "free": "It follows from the host's total, its reserve and what each VM holds.",
}
_REPORT: Final = "Report it: nilo do report-in-use {} SIZE."


def unknown_figures(tracked: TrackedVm) -> dict[str, UnknownFigure]:
    """The figures of a VM that are not known, by their names. A VM that is off has nothing, and that is known."""
    vm = tracked.subject
    if isinstance(vm, VmAggregate):
        if known_in_use(vm.state) is not None:
            return {}
        return {"in_use": in_use_not_reported()}
    if vm.power in (Power.OFF, Power.SAVED) or vm.retired_since is not None:
        return {}
    found: dict[str, UnknownFigure] = {}
    if vm.assigned is None:
        found["assigned"] = _unknown("assigned", WhyUnknown.NOT_MEASURED)
    if is_stale(tracked, "visible"):
        found["visible"] = _before_the_last_move(tracked, vm, "visible", vm.visible)
    elif vm.visible is None:
        found["visible"] = _unknown("visible", WhyUnknown.NOT_MEASURED)
    if has_stale_balloon(tracked):
        found["ballooned"] = _before_the_last_move(tracked, vm, "ballooned", vm.told_ballooned)
    elif vm.ballooned is None:
        found["ballooned"] = _unknown("ballooned", WhyUnknown.NOT_MEASURED)
    if vm.in_use is None and vm.measured.get("in_use") is not None:
        found["in_use"] = _before_the_last_move(tracked, vm, "in_use", None)
    elif vm.in_use is None:
        found["in_use"] = _unknown("in_use", WhyUnknown.NOT_MEASURED)
    if vm.memory is None:
        found["memory"] = _unknown("memory", WhyUnknown.NOT_MEASURED)
    return found


def knows_setting(tracked: TrackedVm) -> bool:
    """Whether the memory setting of a VM is known: of an observed one, somebody has to collect it."""
    return tracked.subject.memory is not None if isinstance(tracked.subject, ObservedVm) else True


def in_use_not_reported() -> UnknownFigure:
    """That the guest of a decided VM has not said what it uses."""
    return _unknown("in_use", WhyUnknown.NOT_REPORTED, collect=_REPORT.format("VM"))


def how_to_know(unknown: UnknownFigure, vm: str) -> str:
    """What to do, so that a figure of this VM is known: a sentence with its id."""
    return _REPORT.format(quote(vm)) if unknown.why is WhyUnknown.NOT_REPORTED else unknown.collect


def in_use_before(moved: UtcTime, last: int, measured: UtcTime | None) -> UnknownFigure:
    """That what a guest uses was measured before a poll that has other sizes, and not what it uses."""
    return UnknownFigure(
        why=WhyUnknown.BEFORE_THE_LAST_MOVE, since=moved, last=last, measured=measured, collect=_COLLECT["in_use"]
    )


def unknown_host_figures(tracked: TrackedHost | None, account: HostAccount | None) -> dict[str, UnknownFigure]:
    """The figures of a host that are not known, by their names: all of a host that only its VMs name."""
    if tracked is None or account is None:
        return {name: _unknown(name, WhyUnknown.NOT_MEASURED) for name in ("total", "reserve", "free")}
    figures = {
        "total": account.total,
        "reserve": account.reserve,
        "free": account.known_free,
    }
    if account.budget is not None:  # what a budget backs needs no reserve
        del figures["reserve"]
    return {name: _unknown(name, WhyUnknown.NOT_MEASURED) for name, size in figures.items() if size is None}


def known_in_use(vm: Vm) -> int | None:
    """What processes in the guest of a decided VM hold: nothing while it is off, and unknown until it has reported."""
    return vm.in_use if vm.in_use_reported or vm.power is Power.OFF else None


def is_stale(tracked: TrackedVm, figure: str) -> bool:
    """Whether a figure of an observed VM was measured before what it is assigned last changed."""
    vm, change = tracked.subject, tracked.last_change
    if isinstance(vm, VmAggregate) or change is None or vm.power is Power.OFF:
        return False
    measured = vm.measured.get(figure)
    return measured is not None and measured < change.at and getattr(vm, figure) is not None


def has_stale_balloon(tracked: TrackedVm) -> bool:
    """Whether what was told of a VM's balloon is from before what it is assigned last changed."""
    vm = tracked.subject
    if isinstance(vm, VmAggregate) or vm.told_ballooned is None or balloon_of(vm.accounts) is not None:
        return False
    return is_stale(tracked, "visible")


def _before_the_last_move(tracked: TrackedVm, vm: ObservedVm, figure: str, last: int | None) -> UnknownFigure:
    change = tracked.last_change
    measured = vm.measured.get("visible" if figure == "ballooned" else figure)
    return UnknownFigure(
        why=WhyUnknown.BEFORE_THE_LAST_MOVE,
        since=None if change is None else change.at,
        last=last,
        measured=measured,
        collect=_COLLECT[figure],
    )


@cache
def _unknown(figure: str, why: WhyUnknown, *, collect: str | None = None) -> UnknownFigure:
    return UnknownFigure(why=why, since=None, last=None, measured=None, collect=collect or _COLLECT[figure])
