"""The performance counters of Dynamic Memory, by their paths: which figure of which VM or host one is.

Their sizes are MB. A path has the counter's name in the host's language; only the English ones are known.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Final

from domain.quantities import LARGEST, MiB
from nilometer.importers.hyperv.readings import HostReading, Reading, VmReading
from nilometer.importers.hyperv.sources.context import Context, host_name
from nilometer.importers.hyperv.sources.values import BadValue

IN_ENGLISH: Final = (
    r"put the English names in the first line (the same numbers in HKLM\SOFTWARE\Microsoft\Windows NT"
    r"\CurrentVersion\Perflib, 009 beside CurrentLanguage), or collect with: nilo collector"
)
"""What to do about counters in another language."""
KNOWN: Final = r"\Hyper-V Dynamic Memory VM(*)\Physical Memory"
"""The counter that matters most."""

_PATH: Final = re.compile(
    r"(?:\\\\(?P<host>[^\\]+))?\\(?P<object>[^\\(]+)\((?P<instance>.*)\)\\(?P<counter>[^\\]+)", re.DOTALL
)
_VM: Final = "hyper-v dynamic memory vm"
_BALANCER: Final = "hyper-v dynamic memory balancer"
_FIGURES: Final = {
    (_VM, "physical memory"): "assigned",
    (_VM, "guest visible physical memory"): "visible",
    (_VM, "guest available memory"): "guest_available",
    (_VM, "added memory"): "added",
    (_VM, "removed memory"): "removed",
    (_BALANCER, "available memory"): "available",
}
_TOTAL: Final = "_total"
"""The instance that adds the others up."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One figure of a VM, or of a host."""

    figure: str
    host: str | None
    vm: str | None
    """The VM's name; ``None`` for a host's figure."""


def counter(path: str) -> Counter | None:
    """The figure that a counter is of; ``None`` for any other counter."""
    match = _PATH.fullmatch(path.strip())
    if match is None:
        return None
    kind, instance = match["object"].lower(), match["instance"]
    figure = _FIGURES.get((kind, match["counter"].lower()))
    if figure is None or not instance.strip() or instance.lower() == _TOTAL:
        return None
    return Counter(figure, host_name(match["host"]), instance if kind == _VM else None)


def megabytes(text: str) -> int | None:
    """A size in MB as a counter tells it, in bytes; ``None`` where it tells none. A comma may stand for the point.

    typeperf writes -1 where there is no such instance any more.
    """
    told = text.strip()
    if not told or told == "-1":
        return None
    try:
        count = float(told.replace(",", ".", 1) if "." not in told else told)
    except ValueError:
        raise BadValue(f"{told[:60]!r} is no number") from None
    if not math.isfinite(count) or not 0 <= count * MiB <= LARGEST:
        raise BadValue(f"{told[:60]!r} is no size in MB")
    return round(count * MiB)


@dataclass(slots=True)
class Sampled:
    """What was sampled at one time: the figures of each VM and host."""

    context: Context
    figures: dict[tuple[str | None, str | None], dict[str, int]] = field(
        default_factory=dict[tuple[str | None, str | None], dict[str, int]]
    )

    def add(self, of: Counter, value: int | None) -> None:
        """Takes a figure, if there is one."""
        if value is not None:
            host = of.host or host_name(self.context.host)
            self.figures.setdefault((host, of.vm), {})[of.figure] = value

    def readings(self, at: str, record: str) -> list[Reading]:
        """All that was told, hosts first."""
        return [
            reading
            for (host, vm), told in sorted(self.figures.items(), key=lambda item: item[0][1] is not None)
            if (reading := self._reading(at, record, host, vm, told)) is not None
        ]

    def _reading(self, at: str, record: str, host: str | None, vm: str | None, told: dict[str, int]) -> Reading | None:
        if vm is None:
            if host is None:
                return None  # available memory of a host that nobody named
            return HostReading(at=at, host=host, record=record, available=told.get("available"))
        return VmReading(
            at=at,
            record=record,
            host=host,
            name=vm,
            assigned=told.get("assigned") or None,  # 0 is not reported yet: a VM that is off has no counters
            visible=told.get("visible") or None,
            guest_available=told.get("guest_available"),
            added=told.get("added"),
            removed=told.get("removed"),
        )
