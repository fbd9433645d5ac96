"""Importing a day of a fleet's spools, and asking the ledger about it, beside ``json.loads`` over the same lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.commands import NILO, Run, in_memory
from benchmarks.fleet import Size, moment
from benchmarks.processes import Cost, run
from benchmarks.report import Line
from benchmarks.spools import spools
from benchmarks.timing import Piece, SideBySide, side_by_side
from nilometer import Ledger, import_hyperv
from nilometer.times import parse_time

MB: Final = 1_000_000
TOGETHER: Final = 2
"""Hosts that are imported together in a piece: VMs move between two that stand beside each other."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A fleet's day in a ledger."""

    url: str
    took: Run
    """What ``nilo import-hyperv`` of all files together took."""
    bytes: int
    events: int
    vm: str
    """One of the VMs that somebody resized."""


def lines(size: Size, folder: Path, histories: Path, *, times: int) -> Iterator[Line]:
    """What is measured of a fleet; each question ``times`` times."""
    both = beside_json(size, folder, histories)
    yield Line(
        f"import {size.observations:,} observations (json.loads)",
        f"{both.ours.rate:,.0f} observations/s",
        f"{both.other.rate:,.0f} observations/s",
        f"{both.rate:.2f}",
        "≥ 0.2",
        both.rate >= 0.2,
    )
    ours, other = both.ours.cpu_each, both.other.cpu_each
    yield Line("… processor", f"{ours * 1e6:.1f} µs", f"{other * 1e6:.1f} µs", f"{1 / both.cpu:.2f}")
    tenth, day = (whole(each, folder, histories) for each in (replace(size, minutes=size.minutes // 10), size))
    growth = day.took.peak / tenth.took.peak
    yield Line(
        "peak memory of nilo import-hyperv, a tenth of the day and all of it",
        f"{tenth.took.peak / MB:.0f}, {day.took.peak / MB:.0f} MB",
        f"{day.took.seconds:.1f} s the longest",
        f"{growth:.2f}",
        "< 1.2",
        growth < 1.2,
    )
    kept = f"{day.bytes / MB:.1f} MB"
    yield Line("the ledger of the day", kept, f"{day.events:,} events", "", "< 100 MB", day.bytes < 100 * MB)
    for what, arguments in questions(day, size):
        cost = answer(arguments, day.url, folder, times=times)
        seconds = f"{cost.cpu:.2f} CPU s, {cost.wall:.2f} s"
        yield Line(f"nilo {what}, of the day", seconds, target="< 2 CPU s", ok=cost.cpu < 2)


def beside_json(size: Size, folder: Path, histories: Path) -> SideBySide:
    """Spools into a ledger that is on disk, a few hosts at a time, on one processor."""
    files = spools(histories, size)
    url = f"sqlite:///{folder / 'hosts.db'}"

    def pieces() -> Iterator[Piece]:
        for first in range(0, len(files), TOGETHER):
            some = files[first : first + TOGETHER]
            observations = size.vms * size.minutes * len(some)
            yield Piece(observations, partial(_imported, some, url), partial(_only_parsed, some))

    (both,) = side_by_side(pieces())
    return both


def whole(size: Size, folder: Path, histories: Path) -> Imported:
    """``nilo import-hyperv`` of all files, as an operator runs it."""
    path = folder / f"day-{size.minutes}.db"
    url = f"sqlite:///{path}"
    took = in_memory(["import-hyperv", *map(str, spools(histories, size))], url, folder)
    with Ledger.open(url, read_only=True) as ledger:
        asked = (each.stream for each in ledger.events() if each.event.KIND == "vm.change-requested")
        vm = next(asked, None) or next(each.stream for each in ledger.events() if each.stream.startswith("vm/"))
        return Imported(url, took, path.stat().st_size, ledger.position, vm.removeprefix("vm/"))


def questions(imported: Imported, size: Size) -> Iterable[tuple[str, list[str]]]:
    """What is asked of the ledger, in words and as arguments."""
    noon, evening = parse_time(moment(size.minutes // 2, 0)), parse_time(moment(size.minutes * 5 // 6, 0))
    yield "log", ["log"]
    yield "log --asked", ["log", "--asked"]
    yield "log --vm", ["log", "--vm", imported.vm]
    yield "view", ["view"]
    yield "view --at noon", ["view", "--at", noon]
    yield "audit --since 20:00", ["audit", "--since", evening]


def answer(arguments: Sequence[str], url: str, folder: Path, *, times: int) -> Cost:
    """What a question costs, the medians of some runs of a program that is started for it, after a first one."""
    command = [sys.executable, "-c", NILO, *arguments, "--ledger", url]
    _, *costs = [run(command, folder) for _ in range(times + 1)]
    return Cost(median(cost.wall for cost in costs), median(cost.cpu for cost in costs))


def _imported(files: Sequence[Path], url: str) -> None:
    with Ledger.open(url, create=True) as ledger:
        import_hyperv(ledger, files, actor="benchmarks (synthetic)")


def _only_parsed(files: Sequence[Path]) -> list[partial[None]]:
    return [partial(_parsed, files)]


def _parsed(files: Sequence[Path]) -> None:
    for file in files:
        with file.open("rb") as stream:
            for line in stream:
                if not line.isspace():
                    json.loads(line)
