"""Recording commands, beside an earlier commit of Nilometer: ``python -m benchmarks.earlier [COMMIT]``.

Each version is a process of its own with a ledger of its own. They take turns on the same commands; what is compared is
the processor's time, because the clock's depends on the disk.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from benchmarks.processes import ROOT

FIRST: Final = "4e669ca"
"""The commit that the targets name: the last one before requests and what is stored were checked."""

PIECES: Final = 60
COMMANDS: Final = 200
"""Commands in a piece."""


class Version:
    """A process that records commands with one version of Nilometer."""

    def __init__(self, source: Path, folder: Path) -> None:
        folder.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NILO_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.earlier", "--child", str(folder)],
            cwd=source,
            env=kept | {"PYTHONPATH": str(source)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def record(self, commands: int, together: int) -> float:
        """Records the next commands, so many in a commit, and returns the seconds of the processor for each."""
        assert self._process.stdin is not None
        print(commands, together, file=self._process.stdin, flush=True)
        return self._answer() / commands

    def _answer(self) -> float:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"a version of Nilometer ended with {self._process.wait()}")
        return float(line)

    def close(self) -> None:
        """Ends the process: it reads no more commands."""
        with self._process:
            pass


def serve(folder: Path) -> None:
    """Records as many commands as each line of stdin asks for; with whatever version of Nilometer is on the path."""
    import gc

    from benchmarks.workload import Size, prepare, recorded, requests, resizes
    from nilometer import Ledger

    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}", create=True)
    size = Size()
    prepare(ledger, size)
    work = resizes(size)
    recorded(ledger.execute_all(requests(work, 2 * size.vms)))  # a first round, unmeasured
    print(0.0, flush=True)
    for line in sys.stdin:
        commands, together = map(int, line.split())
        some = requests(work, commands)
        gc.collect()
        begun = time.process_time()
        if together == 1:
            for request in some:
                ledger.execute(request)
        else:
            for start in range(0, commands, together):
                ledger.execute_all(some[start : start + together])
        print(time.process_time() - begun, flush=True)
    ledger.close()


def compare(commit: str, pieces: int, commands: int) -> list[str]:
    """The processor's time of both versions, as lines to print."""
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="nilometer-benchmarks-") as name:
        folder = Path(name)
        source = folder / "source"
        unpack(commit, source)
        now, earlier = Version(ROOT, folder / "now"), Version(source, folder / "earlier")
        try:
            for together in (1, 50):
                pairs = [(now.record(commands, together), earlier.record(commands, together)) for _ in range(pieces)]
                lines.append(_line(commit, together, pairs))
        finally:
            now.close()
            earlier.close()
    return lines


def _line(commit: str, together: int, pairs: Sequence[tuple[float, float]]) -> str:
    ratios = [now / earlier for now, earlier in pairs]
    low, *_, high = quantiles(ratios, n=10)
    ours, theirs = (median(side) * 1e6 for side in zip(*pairs, strict=True))
    return (
        f"commands in a commit: {together}; {ours:.0f} µs of the processor a command, {theirs:.0f} µs at {commit}: "
        f"ratio {median(ratios):.2f} (four pairs of five: {low:.2f} to {high:.2f})"
    )


def unpack(commit: str, folder: Path) -> None:
    """Puts the files of a commit into a folder, and this benchmark beside them."""
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    for name in ("earlier.py", "processes.py"):
        (folder / "benchmarks" / name).write_bytes((ROOT / "benchmarks" / name).read_bytes())


def main() -> None:
    """Compares, or is one of the two processes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.earlier", description=__doc__)
    parser.add_argument("commit", nargs="?", default=FIRST, metavar="COMMIT", help=f"default {FIRST}")
    parser.add_argument("--pieces", type=int, default=PIECES)
    parser.add_argument("--commands", type=int, default=COMMANDS, help="in a piece")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child is not None:
        serve(asked.child)
    else:
        print(*compare(asked.commit, asked.pieces, asked.commands), sep="\n")


if __name__ == "__main__":
    main()
