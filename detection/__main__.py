"""``make detect``: corrupts random histories one thing at a time, and tells how much of it the judge notices."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from detection.corruptions import GRANTED, KINDS
from detection.histories import Line, history
from detection.judging import judged

HISTORIES: Final = 4


@dataclass(slots=True)
class Share:
    """How much of one kind of corruption was noticed."""

    tried: int = 0
    noticed: int = 0
    causes: int = 0
    """First causes found, in all that were noticed."""

    def __str__(self) -> str:
        causes = f", {self.causes / self.noticed:.1f} first causes per corruption" if self.noticed else ""
        return f"{self.noticed} of {self.tried} noticed{causes}"


def share(kind: str, histories: Sequence[list[Line]], times: int, random: Random, missed: list[str]) -> Share:
    """Corrupts histories so many times in one way. What nobody noticed is added to ``missed``."""
    found = Share()
    for number in range(times):
        lines, others = histories[number % len(histories)], histories[(number + 1) % len(histories)]
        corruption = KINDS[kind](random, lines, others)
        if corruption is None:
            continue
        findings = judged(corruption.lines)
        found.tried += 1
        found.noticed += bool(findings)
        found.causes += sum(finding.follows is None for finding in findings)
        if not findings:
            missed.append(f"{kind}: {corruption.what}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the share that is noticed, by kind; exit 1 if a changed figure of a granted change is not."""
    parser = argparse.ArgumentParser(prog="python -m detection", description=__doc__)
    parser.add_argument("--each", type=int, default=1000, help="corruptions of each kind; default 1000")
    parser.add_argument("--commands", type=int, default=300, help="commands of each history; default 300")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--missed", action="store_true", help="print what was not noticed")
    parser.add_argument("--only", default="", metavar="TEXT", help="kinds that have this text")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        seeds = range(asked.seed * 100, asked.seed * 100 + HISTORIES)
        histories = [history(Path(folder), seed, asked.commands) for seed in seeds]
    if any(judged(lines) for lines in histories):
        print("a history that nobody touched is found wrong")
        return 1
    print(f"{HISTORIES} histories of {', '.join(str(len(lines)) for lines in histories)} events: each holds")
    code = 0
    for kind in KINDS:
        if asked.only in kind:
            missed: list[str] = []
            found = share(kind, histories, asked.each, Random(f"{asked.seed} {kind}"), missed)
            print(f"{kind}: {found}", *(missed if asked.missed else ()), sep="\n    ", flush=True)
            if kind == GRANTED and found.noticed < found.tried:
                code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
