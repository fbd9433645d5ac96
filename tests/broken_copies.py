"""Copies of the program with one line changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from tests.paths import ROOT


def copy_broken(layers: Iterable[str], folder: Path, file: str, line: str, instead: str) -> None:
    """Copies these packages into ``folder``, with ``instead`` in the place of the one ``line`` of a file.

    What Python has compiled comes along, but for that file: to compile all of it anew takes a third of a short run.
    """
    for layer in layers:
        # A name that goes on after .pyc is a file that is just being written.
        shutil.copytree(ROOT / layer, folder / layer, ignore=shutil.ignore_patterns("*.pyc.*"))
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(line) == 1, f"{file} has the line {line!r} {text.count(line)} times"
    path.write_text(text.replace(line, instead), encoding="utf-8")
    for compiled in path.with_name("__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()
