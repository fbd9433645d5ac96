"""Judging a history on Spark, beside ``nilo audit``: the processor's time of the JVM and its workers, once all is warm.

``python -m benchmarks.sparking FIRST FILE...`` runs in the environment that ``make scale`` makes, and prints the
seconds of each file behind the first.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.commands import NILO
from benchmarks.processes import ROOT, run

_PYTHON: Final = ROOT / ".spark" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class SparkCosts:
    """Seconds of the processor for an event."""

    spark: float
    audit: float

    @property
    def ratio(self) -> float:
        """What Spark takes as a multiple of ``nilo audit``."""
        return self.spark / self.audit


def is_there() -> bool:
    """Whether Spark can be measured here."""
    return _PYTHON.exists() and Path("/proc/self/stat").exists() and shutil.which("java") is not None


def measure(files: Sequence[tuple[Path, int]]) -> list[SparkCosts]:
    """Judges files of so many events in one session of Spark, and each with ``nilo audit``.

    The first one is short: what it takes is the start, of which the costs of the others are free.
    """
    nilo = [sys.executable, "-c", NILO, "audit"]
    audits = [run([*nilo, str(file)]).cpu for file, _ in files]
    command = [str(_PYTHON), "-m", "benchmarks.sparking", *(str(file) for file, _ in files)]
    spent = map(float, run(command, listen=True).output.split()[1 - len(files) :])
    return [
        SparkCosts(spark=cpu / events, audit=(audit - audits[0]) / (events - files[0][1]))
        for cpu, audit, (_, events) in zip(spent, audits[1:], files[1:], strict=True)
    ]


def main() -> None:
    """Judges all files in one Spark, and prints what each took behind the first one."""
    from nilometer.audit.shares import join_shares
    from nilometer.spark.judging import judge_history
    from nilometer.spark.session import open_session

    first, *files = sys.argv[1:]
    session = open_session("local[2]")
    try:
        judge_history(session, first)
        for file in files:
            before = _spent()
            shares, _ = judge_history(session, file)
            found = join_shares(shares, minor=True).findings
            print(_spent() - before, flush=True)
            if found:
                raise AssertionError(f"a history that Nilometer wrote is found wrong: {found}")
    finally:
        session.stop()


def _spent() -> float:
    """Seconds of the processor that this process and all below it have spent, ended ones too."""
    spent, children = dict[int, int](), defaultdict[int, list[int]](list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        process = int(stat.parent.name)
        children[int(fields[1])].append(process)
        spent[process] = sum(map(int, fields[11:15]))
    total, waiting = 0, [os.getpid()]
    while waiting:
        process = waiting.pop()
        total += spent[process]
        waiting += children[process]
    return total / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
