"""Programs that are started to be measured."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
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


def run(
    command: Sequence[str],
    *,
    cwd: Path = ROOT,
    listen: bool = False,
    stdin: IO[bytes] | None = None,
    codes: Collection[int] = (0,),
    cache: Path | None = None,
) -> Cost:
    """Runs a program to its end. Raises ``AssertionError`` if it ends with none of these ``codes``.

    Its output is dropped unless you ``listen``. What it keeps for later is in ``cache``, if that is given.
    """
    output = subprocess.PIPE if listen else subprocess.DEVNULL
    begun, before = time.perf_counter(), _children()
    done = subprocess.run(
        command, cwd=cwd, env=_environment(cache), stdin=stdin, stdout=output, stderr=subprocess.PIPE, check=False
    )
    cost = Cost(time.perf_counter() - begun, _children() - before, (done.stdout or b"").decode())
    if done.returncode not in codes:
        message = done.stderr.decode() or cost.output
        raise AssertionError(f"{command} ended with {done.returncode}: {message[-2000:]}")
    return cost


def _environment(cache: Path | None) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in UNSET and not name.startswith("NILO_")}
    kept["OPENBLAS_NUM_THREADS"] = "1"  # as nilo has it
    return kept if cache is None else kept | {"XDG_CACHE_HOME": str(cache)}


def _children() -> float:
    """Seconds of the processor that finished children of this process have spent, to the microsecond."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
