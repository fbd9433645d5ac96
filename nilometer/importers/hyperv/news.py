"""What a reading of a VM shows, and what of it is news. Pure: nothing here adds an event or changes a VM."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from domain.observed.events import DeviceFigures, VmObserved
from domain.observed.polls import PollFigures
from domain.observed.settings import NOT_RECORDED, contradicts
from domain.observed.vm import ObservedVm
from domain.observed.words import BASE_MEMORY, Means
from domain.settings import ConfigVersion, MemorySetting, Mode
from domain.shapes import parse_config_version
from domain.state import Power
from nilometer.importers.hyperv.readings import VmListing, VmReading

SMART_SECONDS: Final = 600
"""For so long after a restart a host that is short of memory makes up for it on disk (Smart Paging)."""
_UNKNOWN_SETTING: Final = MemorySetting(Mode.DYNAMIC, *[NOT_RECORDED] * 5)
ON: Final = (Power.RUNNING, Power.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a reading shows that is not recorded."""

    identity: dict[str, Any]
    """Name, host, generation and configuration version, where they differ."""
    power: Power | None
    """The power state: as read, else as recorded."""
    turned: bool
    """It is another power state."""
    begins: bool
    """The guest has started anew."""
    assigned: int | None
    """The assigned memory; ``None`` for a VM that is not on, or has not reported it yet."""
    memory: MemorySetting | None
    """The memory setting, with what was known of it before; ``None`` if the reading shows nothing of it."""
    reconfigured: bool
    """It is another memory setting."""
    completes: bool
    """It has parts that were not known, and changes none that was."""

    is_request: bool
    """A running static VM was given another startup. One that has just started may have been given it before."""

    @property
    def interrupts_moves(self) -> bool:
        """Something other than the size changed: moves so far become an event of their own."""
        return self.begins or self.turned or self.reconfigured or bool(self.identity)


def compare(
    state: ObservedVm, reading: VmReading, host: str | None, *, uptime: int | None, setting_is_new: bool
) -> News:
    """A reading against the recorded state. ``uptime`` is that of the reading before, in seconds.

    ``setting_is_new``: the VM has just started and may have been configured before, so its setting proves no start.
    """
    listing = reading.listing
    power = listing.power or state.power
    memory = _setting(listing, state.memory)
    reconfigured = memory is not None and memory != state.memory
    return News(
        identity=_identity_news(state, listing, host),
        power=power,
        turned=power != state.power,
        begins=power in ON and _has_begun(state, uptime, reading, None if setting_is_new else memory, host),
        assigned=None if power not in (*ON, None) else listing.assigned or None,
        memory=memory,
        reconfigured=reconfigured,
        completes=memory is not None and state.memory is not None and not contradicts(memory, state.memory),
        is_request=reconfigured and not setting_is_new and _is_request(state, listing),
    )


def measure(reading: VmReading, assigned: int | None) -> VmObserved:
    """The figures of a reading. In use is known only if all of it was read in one moment.

    While the guest sees less than the VM has, what it has available shows nothing of the rest.
    """
    available = reading.guest_available
    at_once = assigned == (reading.listing.assigned if reading.physical is None else reading.physical)
    at_once = at_once and not starts_short(reading)
    in_use = visible = ballooned = None
    if assigned is not None:
        visible = reading.listing.visible or None  # counters show 0 for what is not measured, too
        if at_once and available and available <= assigned and not sees_less(reading):
            in_use = assigned - available
        if at_once and visible is not None and visible >= assigned:
            ballooned = visible - assigned  # a guest that lent memory still counts it; one that lost it does not
    return VmObserved(
        assigned=assigned,
        devices=(base_memory(assigned),),
        visible=visible,
        ballooned=ballooned,
        in_use=in_use,
        record=reading.record,
    )


def poll_figures(reading: VmReading) -> PollFigures | None:
    """The figures of a reading of a VM that has memory, for an event that records more than one poll."""
    assigned = reading.listing.assigned
    if not assigned:
        return None
    measured = measure(reading, assigned)
    return PollFigures(at=reading.at, assigned=assigned, visible=measured.visible, in_use=measured.in_use)


def starts_short(reading: VmReading) -> bool:
    """Whether a VM under Dynamic Memory has just restarted with less than its startup: Smart Paging makes up for it."""
    listing = reading.listing
    return bool(
        listing.dynamic
        and listing.assigned
        and listing.startup is not None
        and listing.assigned < listing.startup
        and reading.uptime is not None
        and reading.uptime < SMART_SECONDS
    )


def sees_less(reading: VmReading) -> bool:
    """Whether the guest sees less memory than the VM has."""
    visible, assigned = reading.listing.visible, reading.listing.assigned
    return bool(visible and assigned and visible < assigned)


def base_memory(size: int | None) -> DeviceFigures:
    """The memory that a VM boots with, as a device."""
    return DeviceFigures(device=BASE_MEMORY, means=Means.BOOT, size=size, backed=True)


def _is_request(state: ObservedVm, listing: VmListing) -> bool:
    """Whether a running static VM was given another startup."""
    return (
        state.memory is not None
        and state.memory.mode is Mode.STATIC
        and state.power in ON
        and listing.power in ON
        and listing.dynamic is False
        and listing.startup not in (None, state.memory.startup)
    )


def _has_begun(
    state: ObservedVm, uptime: int | None, reading: VmReading, memory: MemorySetting | None, host: str | None
) -> bool:
    """Whether the guest has started anew: only then does an uptime go back, and some settings need it."""
    if state.session is None or state.power is Power.OFF:
        return reading.listing.power is not None
    if state.power is Power.SAVED or (host is not None and state.host not in (None, host)):
        return False  # neither begins a session, and how uptime counts then is unknown
    if reading.uptime is not None and uptime is not None and reading.uptime < uptime:
        return True
    before = state.memory
    if memory is None or before is None or memory == before:
        return False
    if memory.mode is not before.mode:
        return True
    dynamic = memory.mode is Mode.DYNAMIC
    return dynamic and (
        before.startup not in (NOT_RECORDED, memory.startup)
        or memory.maximum < before.maximum
        or NOT_RECORDED < before.minimum < memory.minimum
    )


def _identity_news(state: ObservedVm, listing: VmListing, host: str | None) -> dict[str, Any]:
    values = {
        "name": listing.name,
        "host": host,
        "generation": listing.generation,
        "config_version": _config_version(listing.config_version),
    }
    return {key: value for key, value in values.items() if value is not None and value != getattr(state, key)}


@lru_cache(1000)
def _config_version(text: str | None) -> ConfigVersion | None:
    """A configuration version; ``None`` for a text that is none."""
    try:
        parsed = None if text is None else parse_config_version(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, ConfigVersion) else None


def _setting(listing: VmListing, before: MemorySetting | None) -> MemorySetting | None:
    """The memory setting of a listing; parts that it does not show are as before, or not recorded.

    ``None`` if it does not show the mode, or of a static VM the startup, which is all that it has.
    """
    if listing.dynamic is None or (not listing.dynamic and listing.startup is None):
        return None
    if not listing.dynamic and listing.startup is not None:
        return MemorySetting.static(listing.startup)
    known = before if before is not None and before.mode is Mode.DYNAMIC else _UNKNOWN_SETTING
    return MemorySetting(
        mode=Mode.DYNAMIC,
        startup=known.startup if listing.startup is None else listing.startup,
        minimum=known.minimum if listing.minimum is None else listing.minimum,
        maximum=known.maximum if listing.maximum is None else listing.maximum,
        buffer=known.buffer if listing.buffer is None else listing.buffer,
        weight=known.weight if listing.weight is None else listing.weight,
    )
