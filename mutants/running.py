"""Running many judgements on all cores: each process makes the same list of mutants and is told places in it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TypeVar

from mutants.judging import Judge, Judged
from mutants.program import Mutant, mutants

R = TypeVar("R")

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
    for place, fate in spread(_judged, places, cores):
        yield known[place], fate


def spread(
    work: Callable[[int], R], places: Sequence[int], cores: int, at_once: int = AT_ONCE, life: int | None = LIFE
) -> Iterator[R]:
    """What some work comes to for each of some places, as it is done."""
    if cores == 1:
        yield from map(work, places)
        return
    with multiprocessing.get_context("spawn").Pool(cores, maxtasksperchild=life) as pool:
        yield from pool.imap_unordered(work, places, chunksize=at_once)
