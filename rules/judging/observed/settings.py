"""The memory setting of an observed VM, and whether the VM keeps within it."""

from __future__ import annotations

from dataclasses import replace

from domain.observed.events import VmMemoryMoved, VmObserved
from domain.quantities import down
from domain.settings import HostVersion, MemorySetting
from domain.state import Power
from rules.judging.collector import Docket, Where
from rules.judging.comparing import told
from rules.judging.findings import Verdict
from rules.judging.observed.state import SeenVm
from rules.judging.observed.unknowns import ask
from rules.specification.invariants import settings_valid, within_bounds
from rules.symbolic.terms import Literal

VALID = settings_valid.__name__
BOUNDS = within_bounds.__name__


def configured(docket: Docket, where: Where, event: VmObserved, seen: SeenVm) -> None:
    """A memory setting was told: it is one that Hyper-V takes. That sizes are even is asked of our own alone."""
    if event.memory is None or not docket.asked:
        return
    known = _known(seen, None, _even(event.memory))
    verdict = ask(settings_valid, known)
    if verdict is Verdict.HOLDS:
        docket.holds(VALID)
    elif verdict is Verdict.UNKNOWN:
        docket.unknown(VALID, where, "nobody told the generation of the VM, or the release of its host")
    else:
        docket.violated(VALID, where, "Hyper-V takes no such setting", ({}, told(event.memory, path="memory.")))
    if _even(event.memory) != event.memory:
        docket.remark(
            VALID, where, "the setting is not in whole steps of 2 MiB", ({}, told(event.memory, path="memory."))
        )


def in_bounds(docket: Docket, where: Where, seen: SeenVm, version: HostVersion | None) -> None:
    """The VM has no less than its least and no more than its most, if it runs and its setting is known.

    A setting is known for sure only where it was told with the memory: before, it may have been another.
    """
    fold, event = seen.fold, where[0].event
    if fold.power in (Power.OFF, Power.SAVED) or fold.assigned == 0:  # just started, its memory is not told yet
        return
    if fold.memory is None:
        docket.unknown(BOUNDS, where, "nobody told the memory setting of the VM")
        return
    measured = isinstance(event, VmObserved) and (event.assigned is not None or bool(event.devices))
    told_of = isinstance(event, VmObserved) and event.memory is not None
    if fold.memory != seen.bounded:  # what it was assigned before, it had under another setting
        seen.bounded, seen.most = fold.memory, None
    if measured or isinstance(event, VmMemoryMoved):
        seen.most = None if fold.assigned is None else max(seen.most or 0, fold.assigned)
    if seen.most is None:
        seen.settings.add(where)
        return
    seen.settings.clear()
    if not docket.asked:
        return
    known = _known(seen, version, fold.memory)
    verdict = ask(within_bounds, known)
    if verdict is Verdict.HOLDS:
        docket.holds(BOUNDS)
        return
    only_now = known | {"site.vm.high_watermark": fold.assigned}
    sure = measured and told_of and ask(within_bounds, only_now) is Verdict.VIOLATED
    if verdict is Verdict.UNKNOWN:
        docket.unknown(BOUNDS, where, "nobody told the generation of the VM, or the release of its host")
    elif not sure:
        docket.unknown(BOUNDS, where, "nobody told the memory setting of the VM when it had so much, or so little")
    else:
        found = {"assigned": fold.assigned, "high_watermark": seen.most}
        why = "the VM has less than its least, or more than its most"
        docket.violated(BOUNDS, where, why, (told(fold.memory, "mode", "minimum", "maximum"), found))


def _known(seen: SeenVm, version: HostVersion | None, memory: MemorySetting) -> dict[str, Literal | None]:
    fold = seen.fold
    return {
        "site.host.version": version,
        "site.vm.generation": fold.generation,
        "site.vm.power": fold.power,
        "site.vm.assigned": fold.assigned,
        "site.vm.high_watermark": seen.most,
        **{f"site.vm.memory.{name}": getattr(memory, name) for name in MemorySetting.__slots__},
    }


def _even(memory: MemorySetting) -> MemorySetting:
    return replace(memory, startup=down(memory.startup), minimum=down(memory.minimum), maximum=down(memory.maximum))
