"""Any moment of a long history: the view at random positions and at random times."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.histories import History
from benchmarks.workload import moment
from domain.identifiers import seconds_between
from nilometer import Ledger
from nilometer.views.tables import Moment
from projections.view import view


@dataclass(frozen=True, slots=True)
class Waits:
    """How many seconds each of several questions took."""

    seconds: Sequence[float]

    @property
    def most(self) -> float:
        """The longest."""
        return max(self.seconds)

    @property
    def middle(self) -> float:
        """The median."""
        return median(self.seconds)


def at_positions(history: History, count: int) -> Waits:
    """The view at random positions, the last among them."""
    dice = random.Random(2026)
    positions = [history.events, *(dice.randint(0, history.events) for _ in range(count - 1))]
    return _ask(history, positions)


def at_times(history: History, count: int) -> Waits:
    """The view at random times between the first event and the last."""
    dice = random.Random(2026)
    with Ledger.open(history.url, read_only=True) as ledger:
        (last,) = ledger.events(history.events - 1)
        seconds = seconds_between(moment(0), last.metadata.happened)
    times = [moment(seconds), *(moment(dice.uniform(0, seconds)) for _ in range(count - 1))]
    return _ask(history, times)


def _ask(history: History, wanted: Sequence[Moment]) -> Waits:
    waits: list[float] = []
    with Ledger.open(history.url, read_only=True) as ledger:
        for moment in wanted:
            begun = time.perf_counter()
            view(ledger.views.fleet_of(moment))
            waits.append(time.perf_counter() - begun)
    return Waits(waits)
