"""A memory setting in words, for those who describe events and for those who show what is."""

from __future__ import annotations

from domain.settings import MemorySetting, Mode
from nilometer.messages.sizes import Unit, format_rounded, format_sizes


def describe_setting(memory: MemorySetting, unit: Unit | None = None) -> str:
    """A memory setting, as ``static, 8 GiB`` or ``dynamic, 512 MiB to 2048 MiB, startup 1024 MiB, …``."""
    if memory.mode is Mode.STATIC:
        return f"static, {format_rounded(memory.startup, unit)}"
    minimum, startup, maximum = format_sizes([memory.minimum, memory.startup, memory.maximum], unit)
    return f"dynamic, {minimum} to {maximum}, startup {startup}, buffer {memory.buffer} percent, weight {memory.weight}"
