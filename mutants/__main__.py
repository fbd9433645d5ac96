"""Makes wrong programs and shows that none goes unnoticed: ``python -m mutants``. See docs/mutation.md.

Ends with 1 if one survives.
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
from mutants.judging import Fate, Judged
from mutants.program import Mutant
from mutants.running import all_mutants, run, spread


def main(arguments: list[str] | None = None) -> int:
    """Judges all mutants, or a sample of them, and prints what became of them."""
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="judge N of them, chosen at random")
    parser.add_argument("--seed", type=int, default=0, help="of the choice; default 0")
    parser.add_argument("--only", metavar="TEXT", help="judge those whose line has this text")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="processes; default all cores")
    parser.add_argument("--fates", action="store_true", help="print the fate of each")
    parser.add_argument("--specification", action="store_true", help="leave out clauses of the specification instead")
    asked = parser.parse_args(arguments)

    begun = time.perf_counter()
    if asked.specification:
        decoration = told_of_clauses(asked.cores, asked.only)
        print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)
        return 1 if decoration else 0
    known = all_mutants()
    places = [place for place, mutant in enumerate(known) if asked.only is None or asked.only in mutant.name]
    if asked.sample is not None:
        places = sorted(random.Random(asked.seed).sample(places, min(asked.sample, len(places))))
    print(f"{len(places)} of {len(known)} mutants on {asked.cores} cores", file=sys.stderr)
    survived = told(run(places, asked.cores), len(places), fates=asked.fates)
    seconds = time.perf_counter() - begun
    print(f"{seconds:.0f} s, {seconds / max(1, len(places)):.2f} s a mutant", file=sys.stderr)
    return 1 if survived else 0


def told(judged: Iterable[tuple[Mutant, Judged]], total: int, *, fates: bool = False) -> list[Mutant]:
    """Prints progress while mutants are judged, then fates by kind and the survivors, which it returns."""
    table: dict[str, Counter[Fate]] = {}
    survivors: list[tuple[Mutant, Judged]] = []
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
    for mutant, judgement in sorted(survivors, key=lambda each: each[0].name):
        print(f"survived: {mutant.name}\n          what is otherwise: {judgement.by}")
    return [mutant for mutant, _ in survivors]


def told_of_clauses(cores: int, only: str | None) -> int:
    """Prints the clauses that are decoration, and how many are good for what; how many are decoration."""
    known = clauses()
    places = [place for place, clause in enumerate(known) if only is None or only in clause.name]
    print(f"{len(places)} of {len(known)} clauses on {cores} cores", file=sys.stderr)
    found: dict[Worth, list[str]] = {each: [] for each in Worth}
    for number, (place, good_for, _) in enumerate(spread(worth, places, cores, at_once=1, life=None), start=1):
        found[good_for].append(known[place].name)
        if good_for is Worth.DECORATION:
            print(f"{good_for}: {known[place].name}", flush=True)
        if number % 25 == 0:
            print(f"{number}/{len(places)} clauses", file=sys.stderr)
    print(", ".join(f"{len(names)} {good_for}" for good_for, names in found.items()))
    return len(found[Worth.DECORATION])


def print_table(table: dict[str, Counter[Fate]]) -> None:
    """Fates by kind."""
    everything = Counter[Fate]()
    print(f"{'':24}" + "".join(f"{fate:>12}" for fate in Fate))
    for kind, fates in sorted(table.items()):
        everything += fates
        print(f"{kind:24}" + "".join(f"{fates[fate]:>12}" for fate in Fate))
    print(f"{'all':24}" + "".join(f"{everything[fate]:>12}" for fate in Fate))


if __name__ == "__main__":
    sys.exit(main())
