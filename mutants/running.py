"""Judging many mutants on all cores: each process makes the same list of mutants, and gets indexes into it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TypeVar

from mutants.judging import Judge, Judgement
from mutants.program import Mutant, mutants

R = TypeVar("R")

AT_ONCE = 8
"""The number of mutants that a process gets at a time."""
LIFE = 60
"""The number of portions after which a process is replaced: interned terms are never freed."""


@cache
def all_mutants() -> list[Mutant]:
    """All mutants; made once in each process."""
    return mutants()


@cache
def the_judge() -> Judge:
    """The judge of this process; made once."""
    return Judge()


def _judge(index: int) -> tuple[int, Judgement]:
    return index, the_judge().judge(all_mutants()[index])


def run(indexes: Sequence[int], cores: int) -> Iterator[tuple[Mutant, Judgement]]:
    """Judges the mutants at these indexes of the list. Yields each with its judgement, as it is known."""
    known = all_mutants()
    for index, judgement in spread(_judge, indexes, cores):
        yield known[index], judgement


def spread(
    work: Callable[[int], R], indexes: Sequence[int], cores: int, at_once: int = AT_ONCE, life: int | None = LIFE
) -> Iterator[R]:
    """Does some work for each index, in several processes. Yields the results as they are known."""
    if cores == 1:
        yield from map(work, indexes)
        return
    with multiprocessing.get_context("spawn").Pool(cores, maxtasksperchild=life) as pool:
        yield from pool.imap_unordered(work, indexes, chunksize=at_once)
