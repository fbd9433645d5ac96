"""Runs ``nilo`` in this process and writes its peak memory to a file.

``python -m benchmarks.child FILE ARGUMENTS…``
"""

from __future__ import annotations

import sys
from pathlib import Path


def peak() -> int:
    """The most memory that this process had in use, in bytes.

    From Linux itself: what ``getrusage`` reports begins with the peak of the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main() -> None:
    """Runs one command."""
    from nilometer.cli import main as nilo

    report = Path(sys.argv.pop(1))
    sys.argv[0] = "nilo"
    try:
        nilo()
    finally:
        report.write_text(str(peak()))


if __name__ == "__main__":
    main()
