"""The configuration of a VM that the rules read: its memory setting, configuration version, and limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, get_args

from domain.guests import Guest, resizes_at_runtime
from domain.quantities import FLOOR, TiB, whole
from domain.record import fast_init
from domain.rule import rule

Generation = Literal[1, 2]
GENERATIONS: Final[tuple[Generation, ...]] = get_args(Generation)
"""The generations of Hyper-V's VMs, the first and the last."""
GENERATION_1_LIMIT: Final = TiB
LIMIT_BEFORE_2022: Final = 12 * TiB
LIMIT_SINCE_2022: Final = 240 * TiB

BUFFER_LEAST: Final = 5
BUFFER_MOST: Final = 2000
WEIGHT_MOST: Final = 100


class Mode(StrEnum):
    """Who sizes the running VM: an administrator (static), or Dynamic Memory."""

    STATIC = "static"
    DYNAMIC = "dynamic"


class HostVersion(StrEnum):
    """The Windows Server release on the host."""

    V2016 = "2016"
    V2019 = "2019"
    V2022 = "2022"
    V2025 = "2025"


@fast_init
@dataclass(frozen=True, slots=True)
class MemorySetting:
    """The memory setting of a VM, as in Hyper-V: of a static VM ``startup`` is its size and the other four are 0.

    ``startup``, ``minimum``, ``maximum`` are bytes; ``buffer`` is percent, ``weight`` 0 to 100.
    """

    mode: Mode
    startup: int
    minimum: int
    maximum: int
    buffer: int
    weight: int

    @classmethod
    def static(cls, size: int) -> MemorySetting:
        """The setting of a VM that an administrator sizes. ``size`` is bytes."""
        return cls(Mode.STATIC, size, 0, 0, 0, 0)


@fast_init
@dataclass(frozen=True, slots=True)
class ConfigVersion:
    """The VM's configuration version, such as 8.0: fixed by the release that made or upgraded the VM."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@rule
def at_least(version: ConfigVersion, least: ConfigVersion) -> bool:
    """A configuration version is no lower than another: major first, then minor."""
    return version.major > least.major or (version.major == least.major and version.minor >= least.minor)


@rule
def knows_runtime_resize(version: ConfigVersion) -> bool:
    """Runtime memory resize came with configuration version 6.2: a VM made before must be upgraded first."""
    return at_least(version, ConfigVersion(6, 2))


@rule
def cap(generation: int, host: HostVersion) -> int:
    """The most memory, in bytes, that a VM can have: by its generation and by the host's release."""
    if generation == 1:
        return GENERATION_1_LIMIT
    if host is HostVersion.V2016 or host is HostVersion.V2019:
        return LIMIT_BEFORE_2022
    return LIMIT_SINCE_2022


@rule
def valid_size(size: int, limit: int) -> bool:
    """A configured size is whole quanta, not under 32 MiB and not over what the VM can have."""
    return whole(size) and FLOOR <= size <= limit


@rule
def valid_setting(memory: MemorySetting, limit: int) -> bool:
    """A memory setting that Hyper-V accepts: valid sizes, minimum ≤ startup ≤ maximum, buffer and weight in range."""
    if memory.mode is Mode.STATIC:
        return valid_size(memory.startup, limit)
    return (
        valid_size(memory.startup, limit)
        and valid_size(memory.minimum, limit)
        and valid_size(memory.maximum, limit)
        and memory.minimum <= memory.startup <= memory.maximum
        and BUFFER_LEAST <= memory.buffer <= BUFFER_MOST
        and 0 <= memory.weight <= WEIGHT_MOST
    )


@rule
def loads_driver(guest: Guest, mode: Mode) -> bool:
    """The Dynamic Memory client starts with the guest: in old Windows only if the VM uses Dynamic Memory."""
    return resizes_at_runtime(guest) or (guest is Guest.WINDOWS_LEGACY and mode is Mode.DYNAMIC)
