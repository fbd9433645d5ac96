"""The commands that an installed `nilo` must answer: data, to be extended with each new command.

They run in this order, in an empty folder, against one ledger made there (NILO_LEDGER is set).
"""

import tomllib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


class Smoke(NamedTuple):
    """One command line: `nilo ARGS < STDIN` exits with `code` and shows every text of `shows` on stdout."""

    args: tuple[str, ...]
    shows: tuple[str, ...] = ()
    code: int = 0
    stdin: str = ""


SMOKE = (
    Smoke(("--help",), shows=("Usage: nilo",)),
    Smoke(("--version",), shows=(PROJECT["version"],)),
)
