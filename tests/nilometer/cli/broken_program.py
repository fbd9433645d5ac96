"""A copy of the program with one line changed, to see a rule refuted by a real process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.nilometer.cli.calling import CallResult
from tests.paths import ROOT

LAYERS: Final = ("domain", "rules", "projections", "nilometer")


@dataclass(frozen=True)
class BrokenProgram:
    """Where the copy is."""

    folder: Path

    @classmethod
    def copied(cls, folder: Path, file: str, line: str, instead: str) -> BrokenProgram:
        """The program with ``instead`` in the place of one ``line``."""
        for layer in LAYERS:
            shutil.copytree(ROOT / layer, folder / layer, ignore=shutil.ignore_patterns("__pycache__"))
        text = (folder / file).read_text(encoding="utf-8")
        assert text.count(line) == 1, f"{file} has no single {line!r}"
        (folder / file).write_text(text.replace(line, instead), encoding="utf-8")
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
