"""Makes wrong programs and reports whether any survives: ``python -m mutants``. See docs/mutation.md.

First the rules, where none may survive, then the glue around them, of which at least 98 % must be noticed. The exit
code is 1 if that is not so.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from mutants.clauses import Worth, clauses, worth
from mutants.glue.changes import WrongFile
from mutants.glue.judging import Judged, all_wrong_files
from mutants.glue.kept import keep, read_kept
from mutants.glue.noticed import Noticed
from mutants.glue.serving import PATIENCE
from mutants.glue.survivors import REASONS
from mutants.glue.turns import judge_in_turns
from mutants.judging import Fate, Judgement
from mutants.program import Mutant
from mutants.running import all_mutants, run, spread

NOTICED_AT_LEAST = 0.98
"""The least share of the mutants of the glue that must be noticed."""


def main(arguments: list[str] | None = None) -> int:
    """Judges all mutants, or a sample of them, and prints their fates."""
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="judge N of them, chosen at random")
    parser.add_argument("--seed", type=int, default=0, help="of the choice; default 0")
    parser.add_argument("--only", metavar="TEXT", help="judge those whose line has this text")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="processes; default all cores")
    parser.add_argument("--fates", action="store_true", help="print the fate of each")
    parser.add_argument("--rules", action="store_true", help="change only the rules")
    parser.add_argument("--glue", action="store_true", help="change only the glue around the rules")
    parser.add_argument("--kept", type=Path, metavar="FILE", help="keep there who noticed which mutant of the glue")
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE,
        metavar="SECONDS",
        help=f"of tests that a mutant of the glue is given; default {PATIENCE}, less to find quickly what may survive",
    )
    parser.add_argument("--specification", action="store_true", help="leave out clauses of the specification instead")
    options = parser.parse_args(arguments)

    begun = time.perf_counter()
    if options.specification:
        decoration = report_clauses(options.cores, options.only)
        print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)
        return 1 if decoration else 0
    survived = []
    if options.rules or not options.glue:
        known = all_mutants()
        indexes = _chosen([mutant.name for mutant in known], options)
        print(f"{len(indexes)} of {len(known)} mutants of the rules on {options.cores} cores", file=sys.stderr)
        survived = report(run(indexes, options.cores), len(indexes), fates=options.fates)
        _print_time(begun, len(indexes))
    begun, share = time.perf_counter(), 1.0
    if options.glue or not options.rules:
        files = all_wrong_files()
        chosen = [files[index] for index in _chosen([wrong.name for wrong in files], options)]
        print(f"{len(chosen)} of {len(files)} mutants of the glue on {options.cores} cores", file=sys.stderr)
        share = report_glue(_judge_or_kept(chosen, options), fates=options.fates)
        _print_time(begun, len(chosen))
    return 1 if survived or share < NOTICED_AT_LEAST else 0


def _chosen(names: list[str], options: argparse.Namespace) -> list[int]:
    """The indexes of the mutants that are to be judged. A sample begins with each smaller one of its seed."""
    indexes = [index for index, name in enumerate(names) if options.only is None or options.only in name]
    if options.sample is not None:
        random.Random(options.seed).shuffle(indexes)
    return indexes[: options.sample]


def _judge_or_kept(chosen: list[WrongFile], options: argparse.Namespace) -> Iterable[Judged]:
    """The mutants of the glue with who noticed them, as far as the file of ``--kept`` does not say it already."""
    if options.kept is None:
        return judge_in_turns(chosen, options.cores, patience=options.patience)
    known, left = read_kept(options.kept, chosen)
    print(f"{len(known)} were noticed before: {options.kept}", file=sys.stderr)
    return chain(known, keep(options.kept, judge_in_turns(left, options.cores, patience=options.patience)))


def _print_time(begun: float, count: int) -> None:
    seconds = time.perf_counter() - begun
    print(f"{seconds:.0f} s, {seconds / max(1, count):.2f} s a mutant", file=sys.stderr)


def report_glue(judged: Iterable[Judged], *, fates: bool = False) -> float:
    """Prints who noticed the mutants of the glue, by file, and those that nobody did. Returns the share noticed."""
    table: dict[str, Counter[Noticed]] = {}
    survivors: list[WrongFile] = []
    for number, (wrong, noticed, by) in enumerate(judged, start=1):
        table.setdefault(wrong.file, Counter())[noticed] += 1
        if noticed is Noticed.NOBODY:
            survivors.append(wrong)
        if fates:
            print(f"{noticed:<8} {wrong.name}  [{by}]", flush=True)
        if number % 10 == 0:
            print(f"{number} judged, {len(survivors)} survived", file=sys.stderr)
    total = sum(table.values(), Counter[Noticed]())
    print(f"{'':32}" + "".join(f"{noticed:>9}" for noticed in Noticed))
    for file, counts in [*sorted(table.items()), ("all", total)]:
        print(f"{file:32}" + "".join(f"{counts[noticed]:>9}" for noticed in Noticed))
    for wrong in sorted(survivors, key=lambda survivor: survivor.name):
        reason = REASONS.get(wrong.key)
        print(f"survived: {wrong.name}" + (f"\n          {reason}" if reason else ""))
    share = 1 - len(survivors) / max(1, total.total())
    print(f"noticed: {share:.1%}")
    return share


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
