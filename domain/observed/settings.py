"""Memory settings of observed VMs. A source may report a part of one: Get-VM has no buffer and no weight."""

from __future__ import annotations

from typing import Final

from domain.settings import MemorySetting, Mode

NOT_RECORDED: Final = -1
"""A part of an observed setting that no source reported. No rule accepts it in a command."""


def known_parts(memory: MemorySetting) -> dict[str, int | Mode]:
    """The parts of a setting that were reported, by their names."""
    parts = {name: getattr(memory, name) for name in MemorySetting.__slots__}
    return {name: value for name, value in parts.items() if value != NOT_RECORDED}


def contradicts(memory: MemorySetting, other: MemorySetting) -> bool:
    """Whether two settings differ in a part that both have: else one only completes the other."""
    parts, others = known_parts(memory), known_parts(other)
    return any(parts[name] != others[name] for name in parts.keys() & others.keys())
