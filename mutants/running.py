"""Running many judgements on all cores: each process makes the same list of mutants and is told places in it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from functools import cache

from mutants.judging import Judge, Judged
from mutants.program import Mutant, mutants

AT_ONCE = 8
"""Mutants that a process is given at a time."""
LIFE = 60
"""Portions after which a process ends and another begins: interned terms are never forgotten."""


@cache
def all_mutants() -> list[Mutant]:
    """All mutants, once a process."""
    return mutants()


@cache
def the_judge() -> Judge:
    """The judge of this process."""
    return Judge()


def _judged(place: int) -> tuple[int, Judged]:
    return place, the_judge().judge(all_mutants()[place])


def run(places: Sequence[int], cores: int) -> Iterator[tuple[Mutant, Judged]]:
    """The fates of the mutants at some places of the list, as they are reached."""
    known = all_mutants()
    if cores == 1:
        for place in places:
            yield known[place], _judged(place)[1]
        return
    with multiprocessing.get_context("spawn").Pool(cores, maxtasksperchild=LIFE) as pool:
        for place, fate in pool.imap_unordered(_judged, places, chunksize=AT_ONCE):
            yield known[place], fate
