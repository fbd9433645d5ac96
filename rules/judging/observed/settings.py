"""Judges the memory setting of an observed VM, and whether the VM keeps within it."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial

from domain.observed.events import VmMemoryMoved, VmObserved
from domain.observed.settings import NOT_RECORDED, contradicts, known_parts
from domain.quantities import down
from domain.settings import HostVersion, MemorySetting, Mode
from domain.state import Power
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.comparing import figures_of
from rules.judging.findings import Question, Verdict, ask
from rules.judging.observed.state import ObservedVmState
from rules.judging.unknowns import KnownFigures, evaluate
from rules.specification.invariants import settings_valid, within_bounds

VALID = settings_valid.__name__
BOUNDS = within_bounds.__name__

UNKNOWN_PARTS = "a part of the VM's memory setting was not recorded"
UNKNOWN_LIMITS = "the generation of the VM or the release of its host was not recorded"


def judge_setting(collector: FindingCollector, ref: EventRef, event: VmObserved, vm: ObservedVmState) -> None:
    """Judges a recorded memory setting: Hyper-V must accept it. A size that is no multiple of 2 MiB is a remark."""
    if event.memory is None or not collector.in_scope:
        return
    rounded = _round_down(event.memory)
    figures = figures_of(known_parts(event.memory), path="memory.")
    known = _known_figures(vm, None, rounded)
    match evaluate(settings_valid, known):
        case Verdict.HOLDS:
            collector.count_holds(VALID)
        case Verdict.UNKNOWN:
            why = UNKNOWN_LIMITS if _is_whole(event.memory) else UNKNOWN_PARTS
            collector.report_unknown(VALID, ref, why, ask(settings_valid, known))
        case _:
            why, about = "Hyper-V does not accept this setting", ask(settings_valid, known)
            collector.report_violation(VALID, ref, why, ({}, figures), about=about)
    if rounded != event.memory:
        collector.report_remark(VALID, ref, "the setting is not a multiple of 2 MiB", ({}, figures))


def judge_bounds(collector: FindingCollector, ref: EventRef, vm: ObservedVmState, version: HostVersion | None) -> None:
    """Judges whether a running VM has at least its minimum and at most its maximum.

    The setting is certain only where it was recorded together with the memory: before, it may have been another.
    """
    fold, event = vm.fold, ref.envelope.event
    if fold.power in (Power.OFF, Power.SAVED) or fold.assigned == 0:  # just started, its memory is not recorded yet
        return
    if fold.memory is None:
        about = partial(_ask_of_other_setting, vm, version)
        collector.report_unknown(BOUNDS, ref, "the VM's memory setting was not recorded", about)
        return
    measured = isinstance(event, VmObserved) and (event.assigned is not None or bool(event.devices))
    has_setting = isinstance(event, VmObserved) and event.memory is not None
    if vm.setting is None or contradicts(vm.setting, fold.memory):  # what it was assigned, it had under another
        vm.most_under_setting = None
    vm.setting = fold.memory
    if measured or isinstance(event, VmMemoryMoved):
        vm.most_under_setting = None if fold.assigned is None else max(vm.most_under_setting or 0, fold.assigned)
    if vm.most_under_setting is None:
        vm.settings.add(ref)
        return
    vm.settings.clear()
    if not collector.in_scope:
        return
    known = _known_figures(vm, version, fold.memory)
    verdict = evaluate(within_bounds, known)
    if verdict is Verdict.HOLDS:
        collector.count_holds(BOUNDS)
        return
    current = {**known, "site.vm.high_watermark": fold.assigned}
    certain = measured and has_setting and evaluate(within_bounds, current) is Verdict.VIOLATED
    if verdict is Verdict.UNKNOWN:
        why = UNKNOWN_LIMITS if _is_whole(fold.memory) else UNKNOWN_PARTS
        collector.report_unknown(BOUNDS, ref, why, ask(within_bounds, known))
    elif not certain:
        why = "the VM's memory setting was not recorded when the VM had this much memory"
        collector.report_unknown(BOUNDS, ref, why, _ask_of_other_setting(vm, version))
    else:
        expected = figures_of(known_parts(fold.memory), "mode", "minimum", "maximum")
        found = {"assigned": fold.assigned, "high_watermark": vm.most_under_setting}
        why = "the VM has less than its minimum or more than its maximum"
        collector.report_violation(BOUNDS, ref, why, (expected, found), about=ask(within_bounds, current))


def _ask_of_other_setting(vm: ObservedVmState, version: HostVersion | None) -> Question:
    """Whether a VM keeps within a setting that was not recorded when it had its memory."""
    return ask(within_bounds, _known_figures(vm, version, None), "site.vm.high_watermark", "site.vm.assigned")


def _known_figures(vm: ObservedVmState, version: HostVersion | None, memory: MemorySetting | None) -> KnownFigures:
    if memory is not None and memory.mode is Mode.STATIC:  # a range that is shown beside it is not used
        memory = MemorySetting.static(memory.startup)
    fold, parts = vm.fold, {} if memory is None else known_parts(memory)
    return {
        "site.host.version": version,
        "site.vm.generation": fold.generation,
        "site.vm.power": fold.power,
        "site.vm.assigned": fold.assigned,
        "site.vm.high_watermark": vm.most_under_setting,
        **{f"site.vm.memory.{name}": value for name, value in parts.items()},
    }


def _round_down(memory: MemorySetting) -> MemorySetting:
    startup, minimum, maximum = (
        size if size == NOT_RECORDED else down(size) for size in (memory.startup, memory.minimum, memory.maximum)
    )
    return replace(memory, startup=startup, minimum=minimum, maximum=maximum)


def _is_whole(memory: MemorySetting) -> bool:
    return len(known_parts(memory)) == len(fields(MemorySetting))
