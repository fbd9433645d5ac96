"""Figures that are known by name: the performance counters of Dynamic Memory, and readings made of such figures.

Counters are sizes in MB. A path has the counter's name in the host's language; only the English names are known.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Final

from domain.identifiers import UtcTime
from domain.quantities import LARGEST, MiB
from nilometer.importers.hyperv.readings import HostReading, Reading, VmListing, VmReading
from nilometer.importers.hyperv.sources.counters.instances import Instances
from nilometer.importers.hyperv.sources.source import FileContext, host_name
from nilometer.importers.hyperv.sources.values import NO_FIGURES, BadValue, NoFigure, drop_too_small, note_impossible

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
MEASURED: Final = ("assigned", "visible")
"""The figures that no VM has less of than it must have."""
_TOTAL: Final = "_total"
"""The instance that is the sum of the others."""


Figures = dict[str, int]
"""Sizes in bytes by the names of figures."""
Subject = tuple[str | None, str | None]
"""A host and a VM of it; for a host's own figures the VM is ``None``."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One figure of a VM, or of a host."""

    figure: str
    host: str | None
    vm: str | None
    """The VM's name; ``None`` for a host's figure."""


def find_counter(path: str) -> Counter | None:
    """The figure that a counter is; ``None`` for any other counter."""
    match = _PATH.fullmatch(path.strip())
    if match is None:
        return None
    kind, instance = match["object"].lower(), match["instance"]
    figure = _FIGURES.get((kind, match["counter"].lower()))
    if figure is None or not instance.strip() or instance.lower() == _TOTAL:
        return None
    return Counter(figure, host_name(match["host"]), instance if kind == _VM else None)


def parse_megabytes(text: str) -> int | None:
    """A counter's size in bytes; ``None`` where it has none. The text is in MB, its decimal point may be a comma.

    typeperf writes -1 where there is no such instance any more. Raises ``NoFigure`` for another number that cannot be.
    """
    number = text.strip()
    if not number or number == "-1":
        return None
    try:
        count = float(number.replace(",", ".", 1) if "." not in number else number)
    except ValueError:
        raise BadValue(f"{number[:60]!r} is not a number") from None
    if not math.isfinite(count) or not 0 <= count * MiB <= LARGEST or count in NO_FIGURES:
        raise NoFigure(number[:60])
    return round(count * MiB)


@dataclass(slots=True)
class Samples:
    """What was sampled at one time: the figures of each VM and host."""

    context: FileContext
    instances: Instances
    figures: dict[Subject, Figures] = field(default_factory=dict[Subject, Figures])

    def read_size(self, counter: Counter, megabytes: str, place: str) -> int | None:
        """A figure; ``None`` if there is none, or one that cannot be, which is counted. Raises ``BadValue``."""
        try:
            size = parse_megabytes(megabytes)
        except NoFigure as none:
            note_impossible(self.context.counts, place, f"{counter.figure} {none}")
            return None
        if counter.figure not in MEASURED:
            return size
        return drop_too_small(size, counter.figure, place, self.context.counts)

    def add(self, counter: Counter, value: int | None) -> None:
        """Adds a figure, if there is one."""
        if value is not None:
            host = counter.host or host_name(self.context.host)
            if counter.vm is not None:
                self.instances.learn(host, counter.vm)
            self.figures.setdefault((host, counter.vm), {})[counter.figure] = value

    def make_readings(self, at: UtcTime, record: str) -> list[Reading]:
        """A reading of each host and VM, hosts first. A host without a name gives none, nor what is not one VM."""
        return [
            make_reading(at, record, subject, figures)
            for subject, figures in sorted(self.figures.items(), key=lambda item: item[0][1] is not None)
            if subject != (None, None) and (subject[1] is None or self.instances.is_vm(subject[0], subject[1], record))
        ]


def make_reading(at: UtcTime, record: str, subject: Subject, figures: Figures) -> Reading:
    """A reading of figures by their names: ``assigned``, ``visible``, ``guest_available``, ``added``, ``removed``;
    of a host ``available``.
    """
    host, vm = subject
    if vm is None:
        return HostReading(at=at, host=host or "", record=record, available=figures.get("available"))
    listing = VmListing(
        host=host,
        name=vm,
        assigned=figures.get("assigned") or None,  # 0 is not reported yet: a VM that is off has no figures
        visible=figures.get("visible") or None,
    )
    return VmReading(
        at=at,
        record=record,
        listing=listing,
        guest_available=figures.get("guest_available"),
        added=figures.get("added"),
        removed=figures.get("removed"),
    )
