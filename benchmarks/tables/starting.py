"""The lines of starting and installing the program, and of driving guests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks import (
    driving,
    setting_up,
    starting,
)
from benchmarks.report import Line
from benchmarks.scale import Scale
from benchmarks.tables.figures import format_cpu

STARTS: Final = {"info": 2.0, "view": 2.0, "log": 3.3, "audit": 6.0, "do add-memory": 3.3}
"""How many times the processor's time of ``nilo --help`` each command may take."""


def start(scale: Scale) -> Iterator[Line]:
    """What it costs to start the program."""
    python = f"{starting.python_alone(times=scale.starts) * 1000:.0f} ms python alone"
    help, starts = starting.starts(scale.folder, times=scale.starts)
    yield Line("nilo --help", f"{help * 1000:.0f} ms CPU", python)
    beside = f"{help * 1000:.0f} ms nilo --help"
    for name, target in STARTS.items():
        taken = starts[name]
        yield Line(
            f"nilo {name}",
            f"{taken.cpu * 1000:.0f} ms CPU",
            beside,
            f"{taken.ratio:.2f}",
            f"≤ {target}",
            ok=taken.ratio <= target,
        )


def set_up(scale: Scale) -> Iterator[Line]:
    """What it costs to install the program."""
    pinned = f"{setting_up.pins('requirements.lock')} pins"
    yield Line("what make installs", pinned, f"{setting_up.pins('requirements-test.lock')} pins for make test")
    for _ in range(scale.set_ups):
        cost = setting_up.make(scale.folder)
        yield Line("make, in a fresh clone with cold caches", format_cpu(cost.cpu, cost.wall))


def drive(scale: Scale) -> Iterator[Line]:
    """A resize of a scripted guest, and a watch of many, beside plain sockets that ask the same."""
    cost = driving.measure(
        scale.folder, resizes=scale.resizes, records=scale.records, vms=scale.watched, every=scale.every
    )
    yield Line(
        "nilo drive, beyond its start and the guest's own time",
        f"{cost.resize * 1000:.0f} ms CPU",
        target="< 500 ms",
        ok=cost.resize < 0.5,
    )
    yield Line(
        f"the same, on {cost.records:,} records of evidence",
        f"{cost.long * 1000:.0f} ms CPU",
        f"{cost.resize * 1000:.0f} ms on few",
        f"{cost.long / cost.resize:.1f}",
        "< 500 ms",
        ok=cost.long < 0.5,
    )
    yield Line(
        f"nilo drive --watch, {cost.vms} VMs",
        f"{cost.watch:.2%} of a core",
        f"{cost.floor:.2%} plain sockets",
        f"{cost.watch / cost.floor:.1f}",
        "< 5 % of a core",
        ok=cost.watch < 0.05,
    )
