"""What is news in a reading of a VM, given what is known of it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from domain.observed.vm import ObservedVm
from domain.settings import ConfigVersion, MemorySetting, Mode
from domain.shapes import parse_config_version
from domain.state import Power
from nilometer.importers.hyperv.readings import VmReading


def began(fold: ObservedVm, uptime: int | None, r: VmReading, memory: MemorySetting | None, host: str | None) -> bool:
    """Whether the guest has started anew: an uptime goes back only then, and some settings need it."""
    if fold.session is None or fold.power is Power.OFF:
        return r.power is not None
    if fold.power is Power.SAVED or (host is not None and fold.host not in (None, host)):
        return False  # neither begins a session, and what counts as uptime then is not known
    if r.uptime is not None and uptime is not None and r.uptime < uptime:
        return True
    before = fold.memory
    if memory is None or before is None or memory == before:
        return False
    if memory.mode is not before.mode:
        return True
    dynamic = memory.mode is Mode.DYNAMIC
    return dynamic and (
        memory.startup != before.startup or memory.maximum < before.maximum or memory.minimum > before.minimum
    )


def news(fold: ObservedVm, r: VmReading, host: str | None) -> dict[str, Any]:
    """What a VM is called, where it is, and what it is, where that is not as it was."""
    told = {
        "name": r.name,
        "host": host,
        "generation": r.generation,
        "config_version": version(r.config_version),
    }
    return {key: value for key, value in told.items() if value is not None and value != getattr(fold, key)}


@lru_cache(1000)
def version(text: str | None) -> ConfigVersion | None:
    """A configuration version; ``None`` for what is none."""
    try:
        parsed = None if text is None else parse_config_version(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, ConfigVersion) else None


def setting(r: VmReading, before: MemorySetting | None) -> MemorySetting | None:
    """The memory setting that a reading tells; ``None`` if it does not tell all. A static VM's minimum is nothing."""
    if r.dynamic is None or r.startup is None:
        return None
    if not r.dynamic:
        return MemorySetting.static(r.startup)
    same = before if before is not None and before.mode is Mode.DYNAMIC else None
    buffer = r.buffer if r.buffer is not None else same.buffer if same else None
    weight = r.weight if r.weight is not None else same.weight if same else None
    if r.minimum is None or r.maximum is None or buffer is None or weight is None:
        return None
    return MemorySetting(Mode.DYNAMIC, r.startup, r.minimum, r.maximum, buffer, weight)
