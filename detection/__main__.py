"""``make detect``: corrupts random histories one thing at a time, and tells how much of it the judge notices."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

from detection.corruptions import KINDS
from detection.histories import history
from detection.judging import judged


def main() -> int:
    """Prints the share that is noticed, by kind; exit 1 if a changed figure of a granted change is not."""
    parser = argparse.ArgumentParser(prog="python -m detection", description=__doc__)
    parser.add_argument("--each", type=int, default=100, help="corruptions of each kind")
    parser.add_argument("--commands", type=int, default=400, help="commands of each history")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--missed", action="store_true", help="print what was not noticed")
    parser.add_argument("--only", default="", help="kinds that have this text")
    asked = parser.parse_args()
    random, tried, noticed, causes = Random(asked.seed), Counter[str](), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        histories = [history(Path(folder), asked.seed * 100 + number, asked.commands) for number in range(4)]
    for lines in histories:
        if judged(lines):
            sys.exit("a history that nobody touched is found wrong")
    for kind, corrupt in KINDS.items():
        if asked.only not in kind:
            continue
        for number in range(asked.each):
            lines, others = histories[number % 4], histories[(number + 1) % 4]
            corruption = corrupt(random, lines, others)
            if corruption is None:
                continue
            found = judged(corruption.lines)
            tried[kind] += 1
            noticed[kind] += bool(found)
            causes[kind] += sum(finding.follows is None for finding in found)
            if asked.missed and not found:
                print(f"missed: {kind}: {corruption.what}")
        of, seen = tried[kind], noticed[kind]
        mean = causes[kind] / seen if seen else 0
        print(f"{kind}: {seen} of {of} noticed, {mean:.1f} first causes told each", flush=True)
    wanted = "a figure of a granted change"
    return 0 if noticed[wanted] == tried[wanted] else 1


if __name__ == "__main__":
    sys.exit(main())
