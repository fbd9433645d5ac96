"""A memory setting in words, for those who describe events and for those who show what is."""

from __future__ import annotations

from domain.observed.settings import known_parts
from domain.settings import MemorySetting, Mode
from nilometer.messages.sizes import UNKNOWN, Unit, format_rounded, format_sizes


def describe_setting(memory: MemorySetting, unit: Unit | None = None) -> str:
    """A memory setting, as ``static, 8 GiB`` or ``dynamic, 512 MiB to 2048 MiB, startup 1024 MiB, …``.

    Of an observed VM a part may not be recorded: it is left out, or *unknown*.
    """
    if memory.mode is Mode.STATIC:
        return f"static, {format_rounded(memory.startup, unit)}"
    known = known_parts(memory)
    names = [name for name in ("minimum", "startup", "maximum") if name in known]
    sizes = dict(zip(names, format_sizes([getattr(memory, name) for name in names], unit), strict=True))
    parts = ["dynamic"]
    if "minimum" in sizes or "maximum" in sizes:
        parts.append(f"{sizes.get('minimum', UNKNOWN)} to {sizes.get('maximum', UNKNOWN)}")
    parts += [f"startup {sizes['startup']}"] if "startup" in sizes else []
    parts += [f"buffer {memory.buffer} percent"] if "buffer" in known else []
    parts += [f"weight {memory.weight}"] if "weight" in known else []
    return ", ".join(parts)
