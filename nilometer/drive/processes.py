"""Which process of QEMU a socket belongs to: a VM that was started again is run by another one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")


def name_process(threads: Iterable[int], proc: Path = PROC) -> str | None:
    """A name for the process that has these threads: of this boot of the machine, with its number and its start.

    Where the process cannot be seen from here, the numbers of the threads stand for it. ``None`` without threads.
    """
    numbers = sorted(threads)
    if not numbers:
        return None
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
        status = (proc / str(numbers[0]) / "status").read_text()
        process = next(line.split()[1] for line in status.splitlines() if line.startswith("Tgid:"))
        started = (proc / process / "stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, StopIteration, IndexError):
        return "threads " + ",".join(map(str, numbers))
    return f"{boot}/{process}/{started}"
