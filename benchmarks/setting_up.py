"""What ``make`` takes in a fresh clone with cold caches, from nothing but Python, pip, make and git to the main job."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from benchmarks.processes import ROOT, UNSET, Cost, run


def make(folder: Path) -> Cost:
    """Clones what is committed here into an empty folder, and runs ``make`` there with empty caches of pip and uv.

    It asks the registry that pip and uv are set up for. Raises ``AssertionError`` if it fails.
    """
    with tempfile.TemporaryDirectory(dir=folder) as place:
        clone = Path(place) / "clone"
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True)
        caches = {"UV_CACHE_DIR": f"{place}/uv", "PIP_NO_CACHE_DIR": "1"}
        unset = [part for name in UNSET if name in os.environ for part in ("-u", name)]
        command = ["env", *unset, *[f"{name}={value}" for name, value in caches.items()], "make"]
        return run(command, cwd=clone)


def pins(lock: str) -> int:
    """How many packages a lock pins."""
    return sum("==" in line for line in (ROOT / lock).read_text(encoding="utf-8").splitlines())
