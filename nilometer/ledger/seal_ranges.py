"""Ranges of a sealed ledger, compared in several processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from multiprocessing import get_context

from nilometer.ledger.reader import open_store
from nilometer.seal.comparing import ComparedRange, TileRange, compare_range
from nilometer.seal.verifying import CompareRanges, compare_in_turn
from nilometer.storage.store import Store


def compare_in_processes(url: str, cores: int) -> CompareRanges:
    """Compares the ranges of a ledger in so many processes; what is too short for that, in this one."""

    def compare(
        store: Store, ranges: Sequence[TileRange], progress: Callable[[int], None] | None
    ) -> list[ComparedRange]:
        if cores < 2 or len(ranges) < 2:
            return compare_in_turn(store, ranges, progress)
        results: list[ComparedRange] = []
        with ProcessPoolExecutor(min(cores, len(ranges)), mp_context=get_context("spawn")) as pool:
            for result in pool.map(partial(_compare, url), ranges):
                results.append(result)
                if progress is not None:
                    progress(sum(part.events for part in results))
        return results

    return compare


def _compare(url: str, part: TileRange) -> ComparedRange:
    with closing(open_store(url)) as store:
        return compare_range(store, part)
