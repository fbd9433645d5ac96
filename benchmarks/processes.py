"""Programs that are started to be measured."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).parent.parent

UNSET: Final = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
"""The program starts from compiled modules, as it does once it is installed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a program cost: seconds of the clock, and of all processors together."""

    wall: float
    cpu: float
    output: str = ""
    """What it wrote to its output, if anybody listened."""


def run(command: Sequence[str], *, cwd: Path = ROOT, listen: bool = False, stdin: IO[bytes] | None = None) -> Cost:
    """Runs a program to its end. Raises ``AssertionError`` if it fails. Its output is dropped unless you ``listen``."""
    output = subprocess.PIPE if listen else subprocess.DEVNULL
    begun, before = time.perf_counter(), _children()
    done = subprocess.run(
        command, cwd=cwd, env=_environment(), stdin=stdin, stdout=output, stderr=subprocess.PIPE, check=False
    )
    cost = Cost(time.perf_counter() - begun, _children() - before, (done.stdout or b"").decode())
    if done.returncode:
        message = done.stderr.decode() or cost.output
        raise AssertionError(f"{command} ended with {done.returncode}: {message[-2000:]}")
    return cost


def _environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name not in UNSET and not name.startswith("NILO_")}


def _children() -> float:
    """Seconds of the processor that finished children of this process have spent, to the microsecond."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
