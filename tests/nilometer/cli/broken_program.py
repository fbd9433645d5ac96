"""A copy of the program with one line changed, to see a rule refuted by a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.broken_copies import copy_broken
from tests.nilometer.cli.calling import CallResult

LAYERS: Final = ("domain", "rules", "projections", "nilometer")


@dataclass(frozen=True)
class BrokenProgram:
    """Where the copy is."""

    folder: Path

    @classmethod
    def copied(cls, folder: Path, file: str, line: str, instead: str) -> BrokenProgram:
        """The program with ``instead`` in the place of one ``line``."""
        copy_broken(LAYERS, folder, file, line, instead)
        return cls(folder)

    def nilo(self, *args: str) -> CallResult:
        """Calls its ``nilo``."""
        return self.python("-c", "from nilometer.cli import main; main()", *args)

    def python(self, *args: str) -> CallResult:
        """Calls Python with the copy in the place of the program."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NILO_")}
        ran = subprocess.run(
            [sys.executable, *args],
            cwd=self.folder,
            env={**clean, "PYTHONPATH": str(self.folder), "NILO_ACTOR": "ann", "TZ": "UTC"},
            capture_output=True,
            timeout=120,
            check=False,
        )
        return CallResult(ran.returncode, ran.stdout.decode(), ran.stderr.decode())
