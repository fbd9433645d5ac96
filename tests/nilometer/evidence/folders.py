"""What is in a folder of evidence, and what its own program says of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def check(folder: Path) -> tuple[int, str]:
    """The exit code of verify.py, and what it says; with nothing of Nilometer to import."""
    ran = subprocess.run(
        [sys.executable, "-I", "-S", folder / "verify.py"], capture_output=True, text=True, cwd=folder, check=False
    )
    return ran.returncode, ran.stdout + ran.stderr


def says(folder: Path) -> Any:
    """What evidence.json says."""
    return json.loads((folder / "evidence.json").read_text("utf-8"))
