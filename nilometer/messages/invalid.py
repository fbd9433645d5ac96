"""What is wrong with a setting that was refused as ``invalid-setting``: in words, the first thing that is."""

from __future__ import annotations

from domain.quantities import FLOOR, QUANTUM, down, whole
from domain.settings import BUFFER_LEAST, BUFFER_MOST, WEIGHT_MOST, MemorySetting, Mode
from nilometer.messages.sizes import size, typed


def why_invalid(memory: MemorySetting, limit: int | None) -> tuple[str, str]:
    """The first thing wrong with a memory setting, and what to write instead; two empty texts if nothing is.

    ``limit`` is the most that the VM can have, in bytes.
    """
    named = {"size": memory.startup}
    if memory.mode is Mode.DYNAMIC:
        named = {"startup": memory.startup, "minimum": memory.minimum, "maximum": memory.maximum}
    for name, count in named.items():
        if not whole(count):
            return f"the {name} {size(count)} is no multiple of {size(QUANTUM)}", f"write {nearest_whole(count)}"
        if count < FLOOR:
            return f"the {name} {size(count)} is less than a VM's least, {size(FLOOR)}", f"write {typed(FLOOR)} or more"
        if limit is not None and count > limit:
            most = f"the {name} {size(count)} is more than such a VM can have there, {size(limit)}"
            return most, f"write {typed(limit)} or less"
    return ("", "") if memory.mode is Mode.STATIC else _why_dynamic(memory)


def nearest_whole(count: int) -> str:
    """The sizes that can be had nearest to one that cannot, as they can be typed."""
    below = down(count)
    return f"{typed(below)} or {typed(below + QUANTUM)}" if below else typed(QUANTUM)


def _why_dynamic(memory: MemorySetting) -> tuple[str, str]:
    order = "write minimum ≤ startup ≤ maximum"
    if memory.minimum > memory.startup:
        return f"the minimum {size(memory.minimum)} is more than the startup {size(memory.startup)}", order
    if memory.startup > memory.maximum:
        return f"the startup {size(memory.startup)} is more than the maximum {size(memory.maximum)}", order
    if not BUFFER_LEAST <= memory.buffer <= BUFFER_MOST:
        return f"the buffer is {memory.buffer} percent", f"write {BUFFER_LEAST} to {BUFFER_MOST}"
    if not 0 <= memory.weight <= WEIGHT_MOST:
        return f"the weight is {memory.weight}", f"write 0 to {WEIGHT_MOST}"
    return "", ""
