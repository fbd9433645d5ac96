"""How much of everything the benchmarks do, and where."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fleet import A_DAY, Size
from benchmarks.histories import History, history


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything is done, and where."""

    folder: Path
    """Where the files are. It must be on a real disk: in memory a commit costs nothing."""
    histories: Path
    """Where the long histories are; those that are there are used again."""
    pieces: int = 30
    single: int = 100
    """Commands in a piece, one a commit."""
    grouped: int = 1000
    lengths: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    replayed: int = 2000
    """Events in a piece."""
    judged: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    """Events of histories that are judged while they are made."""
    shared: int = 2
    """How often a history is judged in shares."""
    sieved: int = 3
    """How often a history is sieved."""
    polled: Size = A_DAY
    """The fleet whose day is imported."""
    moments: int = 40
    resizes: int = 9
    watched: int = 100
    """VMs."""
    records: int = 10_000
    """Of evidence that a VM has already when it is resized."""
    every: float = 10
    """Seconds between two readings of a VM that is watched."""
    script: int = 5000
    starts: int = 15
    set_ups: int = 1
    """How often it is installed, which asks a registry."""
    proofs: int = 3
    """How often everything is proved."""
    turns: int | None = None
    """How many of the commands are the first once; ``None`` is all of them."""
    proved: int | None = None
    """How many obligations each solver is given; ``None`` is all of them."""
    proved_commands: tuple[str, ...] = ()
    """The commands about which all is proved; none is all of them."""
    fleets: tuple[tuple[int, int], ...] = ((2, 30), (40, 1200))
    """Hosts and VMs of the fleets in which a plan is looked for."""
    clusters: int = 300
    policies: int = 10
    decided: int = 1_000_000
    """Rows of decisions as columns."""
    spark: bool = True
    """Whether Spark is measured, where it is installed."""
    bounds: Mapping[str, Collection[str]] = field(default_factory=dict[str, Collection[str]])
    """Sets of the bounded world that is searched, by name, in place of its own: see ``tlc/memory.cfg``."""

    def history(self, number: int) -> History:
        """The history of one of the lengths."""
        return history(self.histories, self.lengths[number])
