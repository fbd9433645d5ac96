"""Runs the benchmarks and prints a table: ``python -m benchmarks``. See docs/performance.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.report import Line, machine, table, write
from benchmarks.scale import Scale
from benchmarks.suite import SUITE


def main(arguments: list[str] | None = None) -> None:
    """Runs what was asked for, or all of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"which of {', '.join(SUITE)}; default all")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the long histories there and use them again")
    parser.add_argument("--judged", type=int, metavar="EVENTS", help="how long the longest history is that is judged")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.only if name not in SUITE]
    if unknown:
        parser.error(f"there is no {unknown[0]}: choose from {', '.join(SUITE)}")
    if asked.write and asked.only:
        parser.error("--write needs the whole table: name no benchmarks")

    with tempfile.TemporaryDirectory(prefix="nilometer-benchmarks-") as folder:
        if asked.keep is not None:
            asked.keep.mkdir(parents=True, exist_ok=True)
        scale = Scale(Path(folder), asked.keep or Path(folder))
        if asked.judged is not None:
            scale = replace(scale, judged=(*scale.judged[:-1], asked.judged))
        lines = run(asked.only or list(SUITE), scale)
    if asked.write:
        write(lines)


def run(names: list[str], scale: Scale) -> list[Line]:
    """Runs benchmarks, telling on stderr which one it is at, and prints the table."""
    lines: list[Line] = []
    for name in names:
        begun = time.perf_counter()
        lines += SUITE[name](scale)
        print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    print(f"Measured {machine()}. All data is synthetic.\n", *table(lines), sep="\n")
    return lines


if __name__ == "__main__":
    main()
