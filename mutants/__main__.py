"""Makes wrong programs and reports whether any survives: ``python -m mutants``. See docs/mutation.md.

The exit code is 1 if one survives.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable

from mutants.clauses import Worth, clauses, worth
from mutants.judging import Fate, Judgement
from mutants.program import Mutant
from mutants.running import all_mutants, run, spread


def main(arguments: list[str] | None = None) -> int:
    """Judges all mutants, or a sample of them, and prints their fates."""
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="judge N of them, chosen at random")
    parser.add_argument("--seed", type=int, default=0, help="of the choice; default 0")
    parser.add_argument("--only", metavar="TEXT", help="judge those whose line has this text")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="processes; default all cores")
    parser.add_argument("--fates", action="store_true", help="print the fate of each")
    parser.add_argument("--specification", action="store_true", help="leave out clauses of the specification instead")
    options = parser.parse_args(arguments)

    begun = time.perf_counter()
    if options.specification:
        decoration = report_clauses(options.cores, options.only)
        print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)
        return 1 if decoration else 0
    known = all_mutants()
    indexes = [index for index, mutant in enumerate(known) if options.only is None or options.only in mutant.name]
    if options.sample is not None:
        indexes = sorted(random.Random(options.seed).sample(indexes, min(options.sample, len(indexes))))
    print(f"{len(indexes)} of {len(known)} mutants on {options.cores} cores", file=sys.stderr)
    survived = report(run(indexes, options.cores), len(indexes), fates=options.fates)
    seconds = time.perf_counter() - begun
    print(f"{seconds:.0f} s, {seconds / max(1, len(indexes)):.2f} s a mutant", file=sys.stderr)
    return 1 if survived else 0


def report(judged: Iterable[tuple[Mutant, Judgement]], total: int, *, fates: bool = False) -> list[Mutant]:
    """Prints progress while mutants are judged, then the fates by kind and the survivors. Returns the survivors."""
    table: dict[str, Counter[Fate]] = {}
    survivors: list[tuple[Mutant, Judgement]] = []
    for number, (mutant, judgement) in enumerate(judged, start=1):
        table.setdefault(mutant.kind, Counter())[judgement.fate] += 1
        if judgement.fate is Fate.SURVIVED:
            survivors.append((mutant, judgement))
        if fates:
            print(f"{judgement.fate:<10} {mutant.name}  [{judgement.by}]")
        if sys.stderr.isatty() or number % 500 == 0:
            end = "\r" if sys.stderr.isatty() else "\n"
            print(f"{number}/{total} judged, {len(survivors)} survived", end=end, file=sys.stderr)
    print_table(table)
    for mutant, judgement in sorted(survivors, key=lambda survivor: survivor[0].name):
        print(f"survived: {mutant.name}\n          what differs: {judgement.by}")
    return [mutant for mutant, _ in survivors]


def report_clauses(cores: int, only: str | None) -> int:
    """Prints the clauses that are decoration, and the number of clauses of each worth. Returns the former number."""
    known = clauses()
    indexes = [index for index, clause in enumerate(known) if only is None or only in clause.name]
    print(f"{len(indexes)} of {len(known)} clauses on {cores} cores", file=sys.stderr)
    found: dict[Worth, list[str]] = {good_for: [] for good_for in Worth}
    for number, (index, good_for, _) in enumerate(spread(worth, indexes, cores, at_once=1, life=None), start=1):
        found[good_for].append(known[index].name)
        if good_for is Worth.DECORATION:
            print(f"{good_for}: {known[index].name}", flush=True)
        if number % 25 == 0:
            print(f"{number}/{len(indexes)} clauses", file=sys.stderr)
    print(", ".join(f"{len(names)} {good_for}" for good_for, names in found.items()))
    return len(found[Worth.DECORATION])


def print_table(table: dict[str, Counter[Fate]]) -> None:
    """Prints the number of mutants of each fate, by kind."""
    totals = Counter[Fate]()
    print(f"{'':24}" + "".join(f"{fate:>12}" for fate in Fate))
    for kind, fates in sorted(table.items()):
        totals += fates
        print(f"{kind:24}" + "".join(f"{fates[fate]:>12}" for fate in Fate))
    print(f"{'all':24}" + "".join(f"{totals[fate]:>12}" for fate in Fate))


if __name__ == "__main__":
    sys.exit(main())
