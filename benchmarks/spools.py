"""Spools of a synthetic fleet, a file a host: ``python -m benchmarks.spools FOLDER HOSTS VMS MINUTES``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.fleet import BEGINNING, Fleet, Size

NOTE: Final = {
    "schema": 1,
    "kind": "note",
    "text": "SYNTHETIC: made up after the documented types for the benchmarks of Nilometer. No host wrote it.",
}


def spools(folder: Path, size: Size) -> Sequence[Path]:
    """The files in a folder of their own, one a host; those that are there are used again.

    They are written line by line, as the collector does it: an end of line before each line and behind it.
    """
    whole = folder / f"spools-{size.hosts}x{size.vms}x{size.minutes}"
    if not whole.exists():
        unfinished = whole.with_suffix(".unfinished")
        unfinished.mkdir(parents=True, exist_ok=True)
        with ExitStack() as open_files:
            files = {
                host: open_files.enter_context((unfinished / f"{host}-{BEGINNING:%Y%m%d}.jsonl").open("wb"))
                for host in (f"HV{number + 1:02}" for number in range(size.hosts))
            }
            for file in files.values():
                file.write(_spelled(NOTE))
            for host, line in Fleet(size).lines():
                files[host].write(_spelled(line))
        unfinished.rename(whole)
    return sorted(whole.glob("*.jsonl"))


def _spelled(line: object) -> bytes:
    return b"\n" + json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


if __name__ == "__main__":
    spools(Path(sys.argv[1]), Size(*map(int, sys.argv[2:])))
