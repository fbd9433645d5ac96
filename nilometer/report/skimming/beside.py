"""Stretches of a long ledger, skimmed in several processes, of which this one is the first."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized

from nilometer.ledger.reader import LedgerReader, open_reader
from nilometer.report.skimming.stretches import Progress, Skim, SkimmedStretch, Span, skim_one_by_one, skim_span


class NotNeededError(Exception):
    """Nobody waits for the result any more: a process sees that when it says how far it came."""


def count_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def skim_in_processes(url: str, cores: int) -> Skim:
    """Skims the stretches of the ledger at ``url`` in so many processes; a single stretch in this one.

    Each process starts by importing what is the main module: a program of one's own must expect that.
    """

    def skim_spans(
        ledger: LedgerReader, spans: Sequence[Span], count: int, on_progress: Progress
    ) -> Sequence[SkimmedStretch | None]:
        if cores < 2 or len(spans) < 2:
            return skim_one_by_one(ledger, spans, count, on_progress)
        context = get_context("spawn")
        read, is_needed = context.Value("Q", 0), context.Value("b", 1)
        with ProcessPoolExecutor(min(cores, len(spans)) - 1, context, _start, (read, is_needed)) as pool:
            others = [pool.submit(_skim_beside, url, span, count) for span in spans[1:]]
            try:
                return _skim_here(ledger, spans, count, others, read, on_progress)
            finally:
                is_needed.value = 0
                for other in others:
                    other.cancel()

    return skim_spans


def _skim_here(
    ledger: LedgerReader,
    spans: Sequence[Span],
    count: int,
    others: Sequence[Future[SkimmedStretch | None]],
    read: Synchronized[int],
    on_progress: Progress,
) -> list[SkimmedStretch | None]:
    """Skims the first stretch, then those that no other process has begun, from the last on; waits for the others."""
    here = 0

    def note(done: int) -> None:
        on_progress(here + done + read.value)

    found = {0: skim_span(ledger, spans[0], count, note)}
    here = spans[0].upto - spans[0].after
    for number in range(len(spans) - 1, 0, -1):
        if None not in found.values() and others[number - 1].cancel():
            found[number] = skim_span(ledger, spans[number], count, note)
            here += spans[number].upto - spans[number].after
    running = {other for other in others if not other.cancelled()}
    while running and None not in found.values():
        ended = wait(running, timeout=0.2)
        running = ended.not_done
        note(0)
    if None in found.values():
        return [None]
    return [found[number] if number in found else others[number - 1].result() for number in range(len(spans))]


# In each of the other processes

_SHARED: list[Synchronized[int]] = []
"""How many events all of them read, and whether their results are needed."""


def _start(read: Synchronized[int], is_needed: Synchronized[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process handles Ctrl-C
    _SHARED[:] = [read, is_needed]


def _skim_beside(url: str, span: Span, count: int) -> SkimmedStretch | None:
    read, is_needed = _SHARED
    noted = 0

    def note(done: int) -> None:
        nonlocal noted
        if not is_needed.value:
            raise NotNeededError
        with read.get_lock():
            read.value += done - noted
        noted = done

    with open_reader(url) as ledger:
        return skim_span(ledger, span, count, note)
