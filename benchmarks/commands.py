"""What ``nilo`` costs as a program: its memory on long histories, and how long it takes to begin."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.processes import run
from benchmarks.workload import GiB, MiB

NILO: Final = "from nilometer.cli import main; main()"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a program: seconds of the clock and of the processors, and the most memory it had, in bytes."""

    seconds: float
    cpu: float
    peak: int


def in_memory(arguments: Sequence[str], url: str, folder: Path) -> Run:
    """Runs a command of ``nilo`` on a ledger, to the end."""
    peak = folder / "peak"
    command = [sys.executable, "-m", "benchmarks.child", str(peak), *arguments, "--ledger", url]
    cost = run(command)
    return Run(cost.wall, cost.cpu, int(peak.read_text()))


def whole_script(folder: Path, commands: int) -> float:
    """``nilo run``: how many seconds a script of so many resizes takes, from reading it to the last answer."""
    url, path = f"sqlite:///{folder / 'run.db'}", folder / "run.jsonl"
    script(path, resizes=commands)
    return _run([sys.executable, "-c", NILO, "run", str(path), "--ledger", url])


def script(path: Path, *, resizes: int) -> None:
    """Writes a script that makes a small fleet and then adds and removes memory."""
    host = {"command": "register-host", "host": "hv01", "version": "2022", "total": 512 * GiB, "reserve": 2 * GiB}
    lines: list[Mapping[str, object]] = [host]
    for number in range(20):
        vm = f"vm{number:02}"
        lines.append(
            {
                "command": "define-vm",
                "vm": vm,
                "host": "hv01",
                "generation": 2,
                "guest": "windows",
                "config_version": "10.0",
                "memory": {"static": {"size": "4GiB"}},
            }
        )
        lines.append({"command": "start", "vm": vm})
        lines.append({"command": "report-in-use", "vm": vm, "in_use": GiB})
    for number in range(resizes):
        command = "remove-memory" if number // 20 % 2 else "add-memory"
        lines.append({"command": command, "vm": f"vm{number % 20:02}", "amount": 64 * MiB})
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def _run(command: Sequence[str]) -> float:
    return run(command).wall
