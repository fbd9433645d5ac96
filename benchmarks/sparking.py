"""Judging a history on Spark, beside ``nilo audit``: the processor's time of the JVM and its workers, once all is warm.

``python -m benchmarks.sparking SMALL FILE`` runs in the environment that ``make scale`` makes, and prints the seconds.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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


def measure(small: Path, file: Path, events: int, more: int) -> SparkCosts:
    """Judges a file of so many events, which has so many more than a small one: that is the first job."""
    nilo = [sys.executable, "-c", "from nilometer.cli import main; main()", "audit"]
    audits = [run([*nilo, str(each)]).cpu for each in (small, file)]
    printed = run([str(_PYTHON), "-m", "benchmarks.sparking", str(small), str(file)], listen=True).output
    return SparkCosts(spark=float(printed.split()[-1]) / events, audit=(audits[1] - audits[0]) / more)


def main() -> None:
    """Judges both files in one Spark, and prints what the second one took."""
    from nilometer.audit.partitioning.shares import join_shares
    from nilometer.spark.judging import judge_history
    from nilometer.spark.session import open_session

    small, file = sys.argv[1:]
    session = open_session("local[2]")
    try:
        judge_history(session, small)
        before = _spent()
        shares, _ = judge_history(session, file)
        found = join_shares(shares, minor=True).findings
        spent = _spent() - before
    finally:
        session.stop()
    if found:
        raise AssertionError(f"a history that Nilometer wrote is found wrong: {found}")
    print(spent)


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
