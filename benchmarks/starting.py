"""What it costs to start ``nilo``: some commands beside ``nilo --help``, which loads nothing but the command line.

Seconds of the processor, user and system: on a shared machine the clock shows what others do. The commands take turns,
and each is compared with the ``--help`` of its own turn; the median of these ratios counts.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.commands import NILO, script
from benchmarks.processes import run

COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    "info": ("info",),
    "view": ("view",),
    "log": ("log",),
    "audit": ("audit",),
    "do add-memory": ("do", "add-memory", "vm00", "2MiB"),
}
"""What is started, on a ledger of 20 VMs whose stored views are up to date."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a command takes to start and end: seconds of the processor, and how many times ``nilo --help`` that is."""

    cpu: float
    ratio: float


def python_alone(*, times: int) -> float:
    """How many seconds of the processor Python takes to do nothing."""
    return median(run([sys.executable, "-c", "pass"]).cpu for _ in range(times))


def starts(folder: Path, *, times: int) -> tuple[float, dict[str, Start]]:
    """What ``nilo --help`` takes, and each command beside it: the medians of some turns after a first one, or one."""
    url = f"sqlite:///{folder / 'starting.db'}"
    script(folder / "starting.jsonl", resizes=0)
    _nilo(["run", str(folder / "starting.jsonl"), "--ledger", url])
    helps: list[float] = []
    costs: dict[str, list[float]] = {name: [] for name in COMMANDS}
    unmeasured = int(times > 1)  # the first turn compiles the modules
    for turn in range(unmeasured + times):
        spent = {name: _nilo([*arguments, "--ledger", url]) for name, arguments in COMMANDS.items()}
        help = _nilo(["--help"])
        if turn >= unmeasured:
            helps.append(help)
            for name, cpu in spent.items():
                costs[name].append(cpu)
    return median(helps), {
        name: Start(median(cpus), median(cpu / help for cpu, help in zip(cpus, helps, strict=True)))
        for name, cpus in costs.items()
    }


def _nilo(arguments: Sequence[str]) -> float:
    return run([sys.executable, "-c", NILO, *arguments]).cpu
